"""A training run is a folder: status.json, metrics.jsonl, scores.jsonl, samples.jsonl, checkpoints.

A checkpoint is complete only when it has a manifest.json. The manifest is written last, after every
other file has reached the disk, and lists each file with its size and SHA-256, so a run killed at
any time resumes from a complete checkpoint.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vlm.config import TrainConfig
from vlm.data.images import image_bytes
from vlm.data.mixture import Mixture
from vlm.errors import UserError
from vlm.system import files, runtime
from vlm.system.files import digest, json_line, read_jsonl, write_json, write_text
from vlm.types import Record

# The files of a run folder.
METRICS, SCORES, SAMPLES = LOGS = ("metrics.jsonl", "scores.jsonl", "samples.jsonl")
STATUS, DATA = "status.json", "data.json"  # data.json: the training data and settings
MODEL, ADAPTER, TOWER, PANEL = "model", "adapter", "tower", "panel"  # folders
MANIFEST = "manifest.json"  # in a checkpoint
FIXED = ("batch_size", "accumulation", "learning_rate")  # a checkpoint has the place and the rate


def seal(checkpoint: Path) -> None:
    """Write the manifest that marks a checkpoint as complete."""
    (checkpoint / "training_args.bin").unlink(missing_ok=True)  # a pickle, not needed to resume
    entries = {}
    for path in sorted(checkpoint.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            files.flush(path)
            entry = {"size": path.stat().st_size, "sha256": digest(path)}
            entries[path.relative_to(checkpoint).as_posix()] = entry
    write_json(checkpoint / MANIFEST, entries)


def is_sealed(checkpoint: Path) -> bool:
    """Return True if every file in the manifest exists and is unchanged."""
    try:
        entries = json.loads((checkpoint / MANIFEST).read_text("utf-8"))
        return bool(entries) and all(
            (checkpoint / name).stat().st_size == entry["size"]
            and digest(checkpoint / name) == entry["sha256"]
            for name, entry in entries.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def checkpoints(run: Path) -> list[Path]:
    """Return the checkpoint folders of a run, oldest first, complete or not."""
    folders = [path for path in run.glob("checkpoint-*") if path.name[11:].isdigit()]
    return sorted(folders, key=lambda path: int(path.name[11:]))


def newest_checkpoint(run: Path) -> Path | None:
    """Return the newest complete checkpoint; the main process removes incomplete ones after it."""
    for checkpoint in reversed(checkpoints(run)):
        if is_sealed(checkpoint):
            return checkpoint
        if runtime.is_main():
            shutil.rmtree(checkpoint)
    return None


def best_checkpoint(run: Path) -> Path:
    """Return the checkpoint with the lowest held-out loss if it was tracked, else the newest."""
    newest = checkpoints(run)[-1]
    best = json.loads((newest / "trainer_state.json").read_text("utf-8")).get(
        "best_model_checkpoint"
    )
    return run / Path(best).name if best else newest


def check_free(run: Path, resume: bool) -> None:
    """Raise a `UserError` if the folder already contains a run and `resume` is False."""
    if not resume and runtime.is_main() and (run / STATUS).exists():
        raise UserError(f"{run} already contains a run; add --resume, or choose another --out.")


def prepare(run: Path, resume: bool) -> Path | None:
    """Prepare the run folder and return the checkpoint to resume from, if any.

    Raises:
        UserError: if the folder already contains a run and `resume` is False.
    """
    check_free(run, resume)
    run.mkdir(parents=True, exist_ok=True)
    checkpoint = newest_checkpoint(run) if resume else None
    if runtime.is_main():
        _remove_temporary_files(run)
        step = int(checkpoint.name[11:]) if checkpoint else 0
        for name in LOGS:
            _truncate_log(run / name, step)
    return checkpoint


def _remove_temporary_files(run: Path) -> None:
    """Remove the temporary files of `write_text` that a killed process left behind."""
    for path in run.glob(".*.*"):
        if path.is_file() and path.suffix[1:].isdigit():
            path.unlink(missing_ok=True)


def _truncate_log(path: Path, step: int) -> None:
    """Remove the rows that a killed run wrote after the checkpoint it resumes from."""
    if path.exists():
        rows = [row for row in read_jsonl(path) if row["step"] <= step]
        write_text(path, "".join(json_line(row) for row in rows))


def sign(
    parts: Mixture, run: Path, config: TrainConfig, resume: bool = False, **flags: Any
) -> None:
    """Write data.json into the run folder, or check it on resume: each part's name, size, SHA-256.

    Args:
        config: its `FIXED` settings must not change on resume.
        flags: more settings that must not change, by name.

    Raises:
        UserError: if a resumed run was started with different data or settings.
    """
    if not (resume or runtime.is_main()):
        return
    rows = [
        {
            "name": part.name,
            "times": part.times,
            "pictures": len(part.records),
            "questions": sum(len(record.turns) for record in part.records),
            "sha256": records_hash(part.records),
        }
        for part in parts
    ]
    flags |= {name: getattr(config, name) for name in FIXED}
    signed = {"flags": {name: str(value) for name, value in flags.items()}, "parts": rows}
    if resume and (run / DATA).exists():
        _check_unchanged(_read_signed(run), signed, run)
    elif runtime.is_main():
        with files.writing(run):
            run.mkdir(parents=True, exist_ok=True)
            files.write_json(run / DATA, signed)


def predates(run: Path, name: str) -> bool:
    """Return True if the run was started before the setting `name` existed."""
    return (run / DATA).exists() and name not in _read_signed(run)["flags"]


def _read_signed(run: Path) -> dict:
    signed = json.loads((run / DATA).read_text("utf-8"))
    # older runs did not save flags
    return {"flags": {}, "parts": signed} if isinstance(signed, list) else signed


def _check_unchanged(before: dict, now: dict, run: Path) -> None:
    """Raise a `UserError` if the run was started with different data or settings."""
    if before["parts"] != now["parts"]:
        old, new = (
            " ".join(f"{row['times']}x{row['name']} ({row['pictures']:,} pictures)" for row in rows)
            for rows in (before["parts"], now["parts"])
        )
        raise UserError(
            f"{run} was started with different data, {old}, now {new}; "
            "give the same with --resume, or another --out."
        )
    changed = [
        f"{name} {before['flags'][name]} (now {value})"
        for name, value in now["flags"].items()
        if before["flags"].get(name, value) != value  # older runs lack newer flags
    ]
    if changed:
        raise UserError(
            f"{run} was started with {', '.join(changed)}; give the same with --resume, or "
            "another --out."
        )


def records_hash(records: Sequence[Record]) -> str:
    """Return the SHA-256 of ids, questions, answers, metadata and image bytes, in order."""
    sha256 = hashlib.sha256()
    for record in records:
        turns = [[turn.prompt, turn.answer, turn.task, turn.history] for turn in record.turns]
        fields = [record.id, turns, sorted(record.facts.items())]
        sha256.update(json.dumps(fields).encode())
        sha256.update(image_bytes(record.image))
    return sha256.hexdigest()
