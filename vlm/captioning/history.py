"""history.jsonl: the result of each step for each image, one line each, appended as it arrives.

A kill loses no complete line, and a finished step is not repeated. A row contains the image's id,
the step, the writer (`by`, `revision`, `prompt`: a hash of its prompt), the time, the number of
requests and the result.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vlm.errors import UserError
from vlm.system import files

FILE = "history.jsonl"
REQUIRED = ("id", "step", "by")  # keys of every row


class CaptionHistory:
    """The rows of one data set by step and id; the first of two rows with the same ones counts.

    Args:
        resume: continue with the existing rows.

    Raises:
        UserError: when there are rows and `resume` is False.
    """

    def __init__(self, path: Path, resume: bool = False):
        self.path: Path = path
        self._rows: dict[str, dict[str, dict[str, Any]]] = {}  # id -> step -> row
        if path.exists() and not resume:
            raise UserError(
                f"{path.parent} already contains a run; add --resume to continue it, or choose a "
                "new folder."
            )
        for row in files.read_jsonl(path):
            if isinstance(row, dict) and all(isinstance(row.get(key), str) for key in REQUIRED):
                self._rows.setdefault(row["id"], {}).setdefault(row["step"], row)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.end_torn_line(path)

    def create(self) -> None:
        """Create the file, so that even a run without any result can be resumed."""
        self.path.touch()

    def get(self, step: str, id: str) -> dict[str, Any] | None:
        """The row of one step of an image, None when there is none."""
        return self._rows.get(id, {}).get(step)

    def add(self, step: str, id: str, result: Mapping[str, Any]) -> None:
        """Append a row, unless the step already has one."""
        if not self.get(step, id):
            row = {"id": id, "step": step, "time": files.now(), **result}
            files.append_jsonl(self.path, row)
            self._rows.setdefault(id, {})[step] = row

    def rows(self, id: str) -> list[dict[str, Any]]:
        """All rows of an image, in the order in which they were added."""
        return list(self._rows.get(id, {}).values())

    def numbers(self) -> dict[str, int]:
        """Number the images by id, in the order of their first rows."""
        return {id: number for number, id in enumerate(self._rows)}

    def check_writer(self, step: str, by: str, prompt: str) -> None:
        """Raise a `UserError` when this step was started with another writer or prompt."""
        for rows in self._rows.values():
            row = rows.get(step)
            if row and (row["by"], row.get("prompt", "")) != (by, prompt):
                other = "another prompt" if row["by"] == by else row["by"]
                raise UserError(
                    f"{self.path.parent} was started with {other} as {step}, not with {by}; use "
                    "the same writers and prompts, or choose a new folder."
                )
