"""The shipped example pictures and their stored answers, as examples.json lists them.

They are in examples/ of the repository, and in the package's own folder when it is installed.
"""

import json
from dataclasses import dataclass
from pathlib import Path

INSTALLED = Path(__file__).parents[2] / "examples"
FOLDER = INSTALLED if INSTALLED.is_dir() else Path(__file__).parents[3] / "examples"
TABLE = "examples.json"


@dataclass(frozen=True)
class Example:
    """An example picture; prompt, answer and model are empty when no answer is stored."""

    path: Path
    title: str
    prompt: str = ""
    answer: str = ""
    model: str = ""

    def format_status(self) -> str:
        """Return the status line, which says where the answer comes from."""
        if not self.answer:
            return "Press Describe for an answer."
        return f"Stored answer of {self.model}; press Describe to ask the chosen model."


def read(folder: Path = FOLDER) -> list[Example]:
    """Read the examples in the table; without a valid table return the pictures alone."""
    try:
        rows = json.loads((folder / TABLE).read_text(encoding="utf-8"))
        examples = [_make_example(folder, row) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        examples = []
    examples = [example for example in examples if example.path.is_file()]
    return examples or [_make_from_picture(path) for path in sorted(folder.glob("*.jpg"))]


def _make_example(folder: Path, row: dict[str, str]) -> Example:
    keys = ("title", "prompt", "answer", "model")
    return Example(folder / Path(row["file"]).name, *(str(row.get(key, "")) for key in keys))


def _make_from_picture(path: Path) -> Example:
    return Example(path, path.stem.replace("_", " ").capitalize())
