"""Files that survive a killed process and a full disk: JSON, JSON lines, atomic writes."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vlm.errors import UserError


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically; see `write_text`."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False))


def write_text(path: Path, text: str) -> None:
    """Write text atomically: a reader sees either the old file or the complete new one."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically, as `write_text`."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(scratch, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def read_jsonl(path: Path) -> list[dict]:
    """Return the rows of one of our own JSON-lines files, without lines torn by a kill.

    A missing file has no rows. Tables written by users are read by `data.tables`.
    """
    rows = []
    for line in path.read_bytes().split(b"\n") if path.is_file() else ():
        with contextlib.suppress(ValueError):  # not JSON, or cut within a character
            rows.append(json.loads(line))
    return rows


def append_jsonl(path: Path, *rows: dict) -> None:
    """Append rows in a single write."""
    with open(path, "a", encoding="utf-8", newline="\n") as file:
        file.write("".join(map(json_line, rows)))


def end_torn_line(path: Path) -> None:
    """End the last line if a kill tore it, so that the next row starts on a new one."""
    if path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n"):
        with open(path, "ab") as file:
            file.write(b"\n")


def json_line(row: dict) -> str:
    """Return a row as one line of a JSON-lines file."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def now() -> str:
    """Return the current time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    """Wait until a file has reached the disk."""
    with open(path, "rb+") as file:  # Windows flushes only what is open for writing
        os.fsync(file.fileno())


def create_cache_folder(name: str) -> Path:
    """Create and return a folder in $VLM_CACHE or ~/.cache/loupe.

    Raises:
        UserError: when it cannot be created.
    """
    path = Path(os.environ.get("VLM_CACHE") or Path.home() / ".cache" / "loupe") / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{path} cannot be created ({error.strerror}); set VLM_CACHE to a writable folder."
        ) from error
    return path


def check_empty(folder: Path) -> None:
    """Raise a `UserError` unless the folder is new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} already exists and is not empty; choose a new folder.")


@contextlib.contextmanager
def new_folder(folder: Path, scratch: Path) -> Iterator[None]:
    """Wrap code that fills `scratch`, which becomes `folder` when it is complete, or is removed.

    `folder` must not exist, or be empty; a full disk is a `UserError`.
    """
    try:
        with writing(folder):
            scratch.mkdir(parents=True)
            yield
            if folder.exists():  # Windows does not rename over a folder, even an empty one
                folder.rmdir()
            os.replace(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Wrap code that writes into a folder: turn a full disk into a `UserError`."""
    try:
        yield
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise UserError(
            f"The disk is full, so {folder} could not be written; earlier files are intact: free "
            "some space, then run it again, or continue with --resume."
        ) from error


def is_disk_full(error: BaseException) -> bool:
    """Return True for a full disk: the system has an error number, safetensors and torch a text."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or "No space left on device" in str(error) or "inline_container.cc" in str(error)
