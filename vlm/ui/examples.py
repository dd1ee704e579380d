"""The shipped example pictures and their stored answers: examples/examples.json beside the app."""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples"
TABLE = "examples.json"


@dataclass(frozen=True)
class Example:
    """One picture; without an answer there is nothing but the picture."""

    path: Path
    title: str
    prompt: str = ""
    answer: str = ""
    model: str = ""

    def mark(self) -> str:
        """The line under the answer, which says where the answer comes from."""
        if not self.answer:
            return "Press Describe for an answer."
        return f"Stored answer of {self.model}; press Describe to run it live."


def read(folder: Path = FOLDER) -> list[Example]:
    """The examples of the table; without a usable table the folder's pictures alone."""
    try:
        rows = json.loads((folder / TABLE).read_text(encoding="utf-8"))
        found = [_example(folder, row) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        found = []
    found = [example for example in found if example.path.is_file()]
    return found or [_bare(path) for path in sorted(folder.glob("*.jpg"))]


def _example(folder: Path, row: dict[str, str]) -> Example:
    keys = ("title", "prompt", "answer", "model")
    return Example(folder / Path(row["file"]).name, *(str(row.get(key, "")) for key in keys))


def _bare(path: Path) -> Example:
    return Example(path, path.stem.replace("_", " ").capitalize())
