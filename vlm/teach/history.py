"""history.jsonl: what each step made of each picture, a line each, appended as it comes.

A kill loses no complete line, and a step that is done is not done again. A row names its picture's
id, its step, who wrote it (`by`, `revision`, `prompt`: the hash of the question), when, and in how
many requests; then what was said.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vlm import runs
from vlm.errors import UserError

FILE = "history.jsonl"
ROW = ("id", "step", "by")  # what every row has


class History:
    """The rows of one data set by step and id; of two with the same, the first counts.

    Args:
        resume: go on with the rows that are there.

    Raises:
        UserError: when there are rows and `resume` was not asked for.
    """

    def __init__(self, path: Path, resume: bool = False):
        self.path: Path = path
        self._rows: dict[str, dict[str, dict[str, Any]]] = {}  # id -> step -> row
        if path.exists() and not resume:
            raise UserError(f"{path.parent} was begun before; add --resume, or name a new folder.")
        for row in runs.read_jsonl(path):
            if isinstance(row, dict) and all(isinstance(row.get(key), str) for key in ROW):
                self._rows.setdefault(row["id"], {}).setdefault(row["step"], row)
        path.parent.mkdir(parents=True, exist_ok=True)
        runs.end_torn_line(path)

    def begin(self) -> None:
        """Make the file, so that a run is gone on with though nothing could be used."""
        self.path.touch()

    def get(self, step: str, id: str) -> dict[str, Any] | None:
        """The row of a picture's step."""
        return self._rows.get(id, {}).get(step)

    def add(self, step: str, id: str, said: Mapping[str, Any]) -> None:
        """Append a row; one that is there already stays."""
        if not self.get(step, id):
            row = {"id": id, "step": step, "time": runs.now(), **said}
            runs.append_jsonl(self.path, row)
            self._rows.setdefault(id, {})[step] = row

    def of(self, id: str) -> list[dict[str, Any]]:
        """All rows of a picture, in the order they were made."""
        return list(self._rows.get(id, {}).values())

    def places(self) -> dict[str, int]:
        """Id -> its number, in the order in which pictures were first written about."""
        return {id: number for number, id in enumerate(self._rows)}

    def check_writer(self, step: str, by: str, prompt: str) -> None:
        """Raise a `UserError` when another writer, or another question, began this step."""
        for rows in self._rows.values():
            row = rows.get(step)
            if row and (row["by"], row.get("prompt", "")) != (by, prompt):
                other = "another prompt" if row["by"] == by else row["by"]
                raise UserError(
                    f"{self.path.parent} was begun with {other} for the step {step!r}, now {by} "
                    "came; go on as it was begun, or name a new folder."
                )
