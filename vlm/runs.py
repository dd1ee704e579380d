"""A training run is a folder: status.json, metrics.jsonl, scores.jsonl, samples.jsonl, checkpoints.

A checkpoint counts only once its manifest.json is there. The manifest is written last, after every
other file has reached the disk, and names each file with size and SHA-256, so a run killed at any
moment resumes from a checkpoint that is whole.
"""

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

from vlm import runtime
from vlm.errors import UserError

MANIFEST = "manifest.json"
LOGS = ("metrics.jsonl", "scores.jsonl", "samples.jsonl")


def write_json(path: Path, data: Any) -> None:
    """Write JSON so that a reader sees either the old file or the whole new one."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False))


def write_text(path: Path, text: str) -> None:
    """Write text so that a reader sees either the old file or the whole new one."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(scratch, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def read_jsonl(path: Path) -> list[dict]:
    """The complete rows of a JSON-lines file; a line torn by a kill is left out."""
    rows = []
    for line in path.read_bytes().split(b"\n") if path.is_file() else ():
        with contextlib.suppress(ValueError):  # no JSON, or a letter cut in two
            rows.append(json.loads(line))
    return rows


def append_jsonl(path: Path, *rows: dict) -> None:
    """Add rows with a single write."""
    with open(path, "a", encoding="utf-8") as file:
        file.write("".join(map(line, rows)))


def end_torn_line(path: Path) -> None:
    """Before rows are added: a line that a kill tore is ended, or the next would join it."""
    if path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n"):
        with open(path, "a") as file:
            file.write("\n")


def now() -> str:
    """The time as rows keep it: UTC, ISO 8601, seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def line(row: dict) -> str:
    """A row as one line of a JSON-lines file."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def digest(path: Path) -> str:
    """SHA-256 of a file, after making sure that it is on the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(checkpoint: Path) -> None:
    """Write the manifest that makes a checkpoint count."""
    (checkpoint / "training_args.bin").unlink(missing_ok=True)  # a pickle nobody needs to resume
    files = [path for path in sorted(checkpoint.rglob("*")) if path.is_file()]
    entries = {
        str(path.relative_to(checkpoint)): {"size": path.stat().st_size, "sha256": digest(path)}
        for path in files
        if path.name != MANIFEST
    }
    write_json(checkpoint / MANIFEST, entries)


def is_sealed(checkpoint: Path) -> bool:
    """True when every file that the manifest names is there, unchanged."""
    try:
        entries = json.loads((checkpoint / MANIFEST).read_text())
        return bool(entries) and all(
            (checkpoint / name).stat().st_size == entry["size"]
            and digest(checkpoint / name) == entry["sha256"]
            for name, entry in entries.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def checkpoints(run: Path) -> list[Path]:
    """The checkpoint folders of a run, oldest first, sealed or not."""
    found = [path for path in run.glob("checkpoint-*") if path.name[11:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[11:]))


def newest_checkpoint(run: Path) -> Path | None:
    """The newest whole checkpoint; the main process removes incomplete ones that came after it."""
    for checkpoint in reversed(checkpoints(run)):
        if is_sealed(checkpoint):
            return checkpoint
        if runtime.is_main():
            shutil.rmtree(checkpoint)
    return None


def best_checkpoint(run: Path) -> Path:
    """The checkpoint of the least held-out loss where that was looked for, else the newest."""
    newest = checkpoints(run)[-1]
    best = json.loads((newest / "trainer_state.json").read_text()).get("best_model_checkpoint")
    return run / Path(best).name if best else newest


def check_free(run: Path, resume: bool) -> None:
    """Raise a `UserError` when the folder already holds a run and `resume` was not asked for."""
    if not resume and runtime.is_main() and (run / "status.json").exists():
        raise UserError(f"{run} already holds a run; add --resume, or choose another --out.")


def check_new(folder: Path) -> None:
    """Raise a `UserError` for a place where something lies already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there already and not empty; name a new folder.")


def prepare(run: Path, resume: bool) -> Path | None:
    """Make the run folder ready and return the checkpoint to go on from, if any.

    Raises:
        UserError: when the folder already holds a run and `resume` was not asked for.
    """
    check_free(run, resume)
    run.mkdir(parents=True, exist_ok=True)
    checkpoint = newest_checkpoint(run) if resume else None
    if runtime.is_main():
        _sweep(run)
        step = int(checkpoint.name[11:]) if checkpoint else 0
        for name in LOGS:
            _keep_until(run / name, step)
    return checkpoint


def _sweep(run: Path) -> None:
    """Remove what `write_text` had not yet put in its place when its process was killed."""
    for path in run.glob(".*.*"):
        if path.is_file() and path.suffix[1:].isdigit():
            path.unlink(missing_ok=True)


def _keep_until(path: Path, step: int) -> None:
    """Drop the rows that a killed run wrote after the checkpoint it resumes from."""
    if path.exists():
        rows = [row for row in read_jsonl(path) if row["step"] <= step]
        write_text(path, "".join(line(row) for row in rows))


@contextlib.contextmanager
def room(folder: Path) -> Iterator[None]:
    """Around whatever writes into `folder`: a full disk ends it with a `UserError`."""
    try:
        yield
    except Exception as error:
        if not disk_full(error):
            raise
        raise UserError(
            f"The disk is full, {folder} could not be written; what was there before is intact: "
            "make room, then go on with --resume."
        ) from error


def disk_full(error: BaseException) -> bool:
    """The system says so with a number, safetensors in words, torch by the place it got stuck."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or "No space left on device" in str(error) or "inline_container.cc" in str(error)
