"""Cells with pictures: bytes, the Hub's struct, a file's name, a `data:` URL, a list of one."""

import base64
import binascii
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePath

IMPOSSIBLE = "file_name is not a possible file name"
_KEYS = ("bytes", "path", "file_name", "url", "image")  # of a struct, the first that is filled
_DATA_URL = re.compile(r"data:[\w/+.;=-]*;base64,")
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def unpack(cell: object) -> bytes | str:
    """Return the encoded picture in a cell, else the name of its file; empty if there is neither.

    What `problem` names is returned as empty.
    """
    value = _value(cell)
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or _ADDRESS.match(value):
        return b""
    text = value.strip()
    return _decoded(text) if _DATA_URL.match(text) else text


def problem(cell: object) -> str:
    """Return the reason a picture cell of any kind is unusable, or an empty string."""
    if isinstance(cell, list | tuple) and len(cell) > 1:
        return f"it has {len(cell)} pictures, and the models take one"
    value = _value(cell)
    if isinstance(value, str) and _ADDRESS.match(value):
        return "the picture is an address on the web; download it and give the file's name"
    if not isinstance(value, bytes | str | None):
        return f"the picture is {type(value).__name__}, not bytes or the name of a file"
    return "" if unpack(cell) else "the picture is empty"


def find_file(folder: Path, name: str) -> Path | str:
    """Return a picture's file, or the reason it cannot be used.

    The name may have backslashes, and accents as one character or as two. Links are followed.
    """
    if "\0" in name:
        return IMPOSSIBLE
    spellings = dict.fromkeys((name, name.replace("\\", "/")))
    forms = [unicodedata.normalize(f, n) for n in spellings for f in ("NFC", "NFD")]
    try:
        for form in dict.fromkeys((name, *forms)):
            if not _is_inside(form):
                return f"the file is outside the folder: {name}"
            if (folder / form).is_file():
                return folder / form
    except OSError:  # too long
        return IMPOSSIBLE
    return f"the file does not exist: {name}"


def _is_inside(name: str) -> bool:
    path = PurePath(os.path.normpath(name))
    return not path.is_absolute() and path.parts[:1] != ("..",) and name[1:3] != ":\\"


def _value(cell: object) -> object:
    """Return what a list of one or a struct contains, else the cell itself."""
    if isinstance(cell, list | tuple):
        return _value(cell[0]) if len(cell) == 1 else None
    if isinstance(cell, Mapping):
        return _value(next((cell[key] for key in _KEYS if cell.get(key)), None))
    return cell


def picture_problem(cell: object) -> str:
    """Return the reason a picture cell in the Hub's layout is unusable, or an empty string."""
    return "" if isinstance(cell, dict) and cell.get("bytes") else "the picture is empty"


def _decoded(url: str) -> bytes:
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        return b""
