"""Tables of text: comma-, semicolon-, tab- or bar-separated, with a header."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from vlm.data.tables.rows import Row, file_text
from vlm.errors import UserError

DELIMITERS = (",", ";", "\t", "|")
_EXTRA = "(rest)"  # the key of the cells beyond the header
_EXCEL = re.compile(r"sep=(.)\r?\n")  # Excel's own first line names the delimiter


def read(file: Path, default: str) -> Iterator[Row]:
    """Yield the rows; one with more cells than the header has a problem.

    Args:
        default: the delimiter if the header does not show another.

    Raises:
        UserError: when the file is not UTF-8, or a quotation mark is not closed.
    """
    text = file_text(file)
    excel = _EXCEL.match(text)
    text = text[excel.end() :] if excel else text
    delimiter = excel[1] if excel else _delimiter(text, default)
    source = io.StringIO(text, newline="")
    reader = csv.DictReader(source, restkey=_EXTRA, delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader):
            yield _row(number, cells, delimiter)
    except csv.Error as error:
        raise UserError(
            f"{file.name} cannot be read at line {reader.line_num} ({error}); look for a quotation "
            "mark that is not closed."
        ) from error


def _row(number: int, cells: dict, delimiter: str) -> Row:
    extra = cells.pop(_EXTRA, [])
    if not any(cell.strip() for cell in extra):  # a delimiter at the end of the line
        return Row(number, cells)
    mark = {",": "a comma", ";": "a semicolon", "\t": "a tab"}.get(delimiter, repr(delimiter))
    problem = f"{len(cells) + len(extra)} cells, but the header has {len(cells)}"
    return Row(number, {}, f"{problem}; put text with {mark} in quotation marks")


def _delimiter(text: str, default: str) -> str:
    """Return the delimiter that divides the header into most cells."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    sizes = {mark: _cells(header, mark) for mark in (default, *DELIMITERS)}
    return max(sizes, key=sizes.__getitem__)  # the first of equals


def _cells(line: str, delimiter: str) -> int:
    return len(next(csv.reader([line], delimiter=delimiter), []))
