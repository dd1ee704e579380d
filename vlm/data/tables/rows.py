"""A row of a table, the text of its cells, and the text of a file."""

from pathlib import Path
from typing import NamedTuple

from vlm.errors import UserError

NO_VALUE = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>"})


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        number: counted from 0; for JSON lines it is the line, blank ones included.
        cells: the values by column, empty if the row could not be parsed.
        problem: the reason the row could not be parsed, or an empty string.
    """

    number: int
    cells: dict
    problem: str = ""


def cell_text(cell: object) -> str:
    """Return a cell as text, 2012.0 as "2012"; empty for missing values and for lists."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if not isinstance(cell, str | int | float | bool):
        return ""
    text = " ".join(str(cell).split())
    return "" if text.lower() in NO_VALUE else text


def file_text(file: Path) -> str:
    """Return the text of a UTF-8 file, without a byte-order mark.

    Raises:
        UserError: when it is in another encoding.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file.name} is not UTF-8 text; save it as UTF-8.") from error
