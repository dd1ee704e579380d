"""Cells with pictures: bytes, the Hub's struct, a file's name, a `data:` URL, a list of one."""

import base64
import binascii
import re
from collections.abc import Mapping

_KEYS = ("bytes", "path", "file_name", "url", "image")  # of a struct, the first that is filled
_DATA_URL = re.compile(r"data:[\w/+.;=-]*;base64,")
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def unpack(cell: object) -> bytes | str:
    """Return the encoded picture in a cell, else the name of its file; empty if there is neither.

    What `problem` names is returned as empty.
    """
    if isinstance(cell, list | tuple):
        return unpack(cell[0]) if len(cell) == 1 else b""
    if isinstance(cell, Mapping):
        return unpack(next((cell[key] for key in _KEYS if cell.get(key)), b""))
    if isinstance(cell, bytes):
        return cell
    if not isinstance(cell, str) or _ADDRESS.match(cell):
        return b""
    text = cell.strip()
    return _decoded(text) if _DATA_URL.match(text) else text


def problem(cell: object) -> str:
    """Return the reason a picture cell of any kind is unusable, or an empty string."""
    if isinstance(cell, list | tuple) and len(cell) > 1:
        return f"it has {len(cell)} pictures, and the models take one"
    inner = cell[0] if isinstance(cell, list | tuple) and cell else cell
    if isinstance(inner, Mapping):
        inner = next((inner[key] for key in _KEYS if inner.get(key)), b"")
    if isinstance(inner, str) and _ADDRESS.match(inner):
        return "the picture is an address on the web; download it and give the file's name"
    if inner is not None and not isinstance(inner, bytes | str | list | tuple):
        return f"the picture is {type(inner).__name__}, not bytes or the name of a file"
    return "" if unpack(cell) else "the picture is empty"


def picture_problem(cell: object) -> str:
    """Return the reason a picture cell in the Hub's layout is unusable, or an empty string."""
    return "" if isinstance(cell, dict) and cell.get("bytes") else "the picture is empty"


def _decoded(url: str) -> bytes:
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        return b""
