"""The columns of a table under their usual names: what each cell is for."""

import re
from collections.abc import Mapping

from vlm.data.tables import pictures
from vlm.errors import UserError

FILE_NAMES = ("file_name", "filename", "file", "image_path", "img_path", "image_file", "filepath")
# role -> the usual names of its column, the first one that is filled is used
USUAL: dict[str, tuple[str, ...]] = {
    "image": ("image", "images", "img", *FILE_NAMES, "path", "photo", "picture", "jpg", "png"),
    "text": ("text", "caption", "captions", "description", "sentences", "txt"),
    "question": ("question", "prompt", "query", "instruction"),
    "answer": ("answer", "completion", "chosen", "response", "output", "answers"),
    "rejected": ("rejected",),
    "label": ("label", "class", "category", "cls"),
    "messages": ("messages", "conversations", "conversation"),
}
_NUMBERED = re.compile(r"(?:text|caption|sentence)_?\d+")  # further texts of the same picture


def parse(text: str) -> dict[str, str]:
    """Parse `image=photo,text=beschreibung`: role -> column.

    Raises:
        UserError: for anything else.
    """
    columns = {}
    for pair in filter(None, text.split(",")):
        role, equals, column = pair.strip().partition("=")
        if role not in USUAL or not equals or not column:
            raise UserError(
                f"--columns has {pair.strip()!r}; write ROLE=COLUMN, with one of the roles "
                f"{', '.join(USUAL)}."
            )
        columns[role] = column
    return columns


def cell(cells: Mapping, role: str, columns: Mapping[str, str]) -> object:
    """Return the filled cell with this role, None if there is none."""
    if role in columns:
        return _filled(cells, columns[role])
    values = (_filled(cells, name) for name in USUAL[role])
    return next((value for value in values if value is not None and value != []), None)


def _filled(cells: Mapping, column: str) -> object:
    value = cells.get(column)
    is_empty = value is None or value != value  # NaN
    return None if is_empty or (isinstance(value, str) and not value.strip()) else value


def texts(cells: Mapping, columns: Mapping[str, str]) -> list[object]:
    """Return a row's texts: those of its text column, which may be a list, and numbered ones."""
    first = cell(cells, "text", columns)
    several = list(first) if isinstance(first, list | tuple) else [first]
    numbered = (
        [] if "text" in columns else [c for key, c in cells.items() if _NUMBERED.fullmatch(key)]
    )
    return [text for text in (*several, *numbered) if text is not None]


def picture(cells: Mapping, columns: Mapping[str, str]) -> tuple[object, str]:
    """Return a row's picture cell, None if it has none, and the name of its file, maybe empty.

    A table may have both: encoded pictures, and the names of the files they come from.
    """
    if "image" in columns:
        value = _filled(cells, columns["image"])
        name = pictures.unpack(value)
        return value, name if isinstance(name, str) else ""
    values = [value for name in USUAL["image"] if (value := _filled(cells, name)) is not None]
    names = [cells[name].strip() for name in FILE_NAMES if isinstance(_filled(cells, name), str)]
    encoded = next((v for v in values if isinstance(pictures.unpack(v), bytes)), None)
    first = encoded if encoded is not None else next(iter(values), None)
    named = first["path"] if isinstance(first, Mapping) and first.get("path") else ""
    unpacked = pictures.unpack(first)
    return first, next(iter(names), "") or (unpacked if isinstance(unpacked, str) else named)
