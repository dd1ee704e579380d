"""What the rows of a table say about each picture: turns, facts, encoded pictures, problems."""

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from vlm.data.folder import columns as roles
from vlm.data.folder import turns
from vlm.data.folder.layouts import ALONE, Source
from vlm.data.folder.turns import Said
from vlm.data.grammar.choose import make_turns
from vlm.data.tables import pictures
from vlm.data.tables.rows import Row
from vlm.types import Record, Turn


@dataclass
class Contents:
    """What is known about each picture, by its name.

    Attributes:
        images: the encoded pictures, or their files.
        problems: one line for each unusable row.
    """

    turns: dict[str, list[Turn]] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    images: dict[str, bytes | Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def record(self, name: str) -> Record:
        """Return one picture as a record; without turns of its own, the grammar makes them."""
        facts = self.facts[name]
        return Record(
            name, self.images[name], tuple(self.turns[name]) or make_turns(facts, name), facts
        )

    def add(self, source: Source, columns: Mapping[str, str], part: str) -> None:
        """Add the rows of a source.

        Args:
            part: put before the numbers of rows, and before names that are only numbers.
        """
        for row in source.rows:
            problem = row.problem or self._add(row, source, columns, part)
            if problem:
                self.problems.append(f"row {part}{row.number}: {problem}")

    def _add(self, row: Row, source: Source, columns: Mapping[str, str], part: str) -> str:
        """Add one row, or return the reason it is unusable."""
        said = Said() if source.layout == ALONE else turns.read(row, columns)
        cell, name = roles.picture(row.cells, columns)
        if cell is None and said.images:
            cell = list(said.images)
        if said.problem:
            return said.problem
        if problem := _picture_problem(cell, row.cells):
            return problem
        image = pictures.unpack(cell)
        if isinstance(image, str):
            image = pictures.find_file(source.folder, image)
            if isinstance(image, str):
                return image
        name = _clean(name) or str(row.cells.get("id") or f"{part}{row.number}")
        differs = self.images.get(name, image) != image  # a struct's path may be any row's
        if differs and isinstance(image, bytes):
            name = f"{name} ({part}{row.number})"
        self.turns.setdefault(name, []).extend(said.turns)
        self.facts[name] = self.facts.get(name, {}) | said.facts
        self.images[name] = image
        return ""


def _picture_problem(cell: object, cells: Mapping) -> str:
    if cell is None:
        return f"no file_name and no picture; the columns are {', '.join(map(str, cells))}"
    return pictures.problem(cell)


def _clean(name: str) -> str:
    """Return one spelling of a path: ./a.png is a.png, and sub\\a.png is sub/a.png."""
    if not name:
        return ""
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    name = name.encode("utf-8", "replace").decode()  # file names need not be UTF-8
    return PurePath(os.path.normpath(name)).as_posix()
