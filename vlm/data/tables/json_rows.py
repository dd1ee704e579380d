"""Tables in JSON: an object a line, an array of objects, or an object with such an array."""

import json
from collections.abc import Iterator
from pathlib import Path

from vlm.data.tables.rows import Row, file_text
from vlm.errors import UserError


def read(file: Path) -> Iterator[Row]:
    """Yield the rows, whichever of the three layouts the file has.

    Raises:
        UserError: when the file is not UTF-8, or neither lines nor an array can be parsed.
    """
    text = file_text(file)
    is_whole = text.lstrip()[:1] == "[" or file.suffix.lower() == ".json"
    rows = _array(text) if is_whole else None
    if rows is not None:
        return iter([_row(number, cells) for number, cells in enumerate(rows)])
    if file.suffix.lower() == ".json" and not _has_lines(text):
        raise UserError(
            f"{file.name} is not a table; write an array of objects, or one object a line."
        )
    return _lines(text)


def _array(text: str) -> list | None:
    """Return the rows of an array, or of the only array of objects in an object; else None."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        arrays = [v for v in value.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
        value = arrays[0] if len(arrays) == 1 else None
    return value if isinstance(value, list) else None


def _has_lines(text: str) -> bool:
    """Return True if the first line that is not blank is a JSON object."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    return bool(_line(0, first).cells)


def _lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n")):  # splitlines also splits at U+2028
        if line.strip():
            yield _line(number, line)


def _line(number: int, line: str) -> Row:
    try:
        return _row(number, json.loads(line))
    except (ValueError, RecursionError):
        return Row(number, {}, "not valid JSON")


def _row(number: int, cells: object) -> Row:
    try:
        json.dumps(cells, ensure_ascii=False).encode()  # fails for half of a surrogate pair
    except (ValueError, RecursionError):
        return Row(number, {}, "not valid JSON")
    return Row(number, cells) if isinstance(cells, dict) else Row(number, {}, "not a JSON object")
