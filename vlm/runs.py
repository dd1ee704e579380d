"""A training run is a folder: metrics.jsonl, status.json, samples.jsonl and sealed checkpoints.

A checkpoint counts only once its manifest.json is there. The manifest is written last, after every
other file has reached the disk, and names each file with size and SHA-256, so a run killed at any
moment resumes from a checkpoint that is whole.
"""

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from vlm.errors import UserError

MANIFEST = "manifest.json"
HEARTBEAT_SECONDS = 1.0


def write_json(path: Path, data: Any) -> None:
    """Write JSON so that a reader sees either the old file or the whole new one."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with open(scratch, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)


def read_jsonl(path: Path) -> list[dict]:
    """The complete rows of a JSON-lines file; a line torn by a kill is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def append_jsonl(path: Path, row: dict) -> None:
    """Add one row with a single write."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


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
        return all(
            (checkpoint / name).stat().st_size == entry["size"]
            and digest(checkpoint / name) == entry["sha256"]
            for name, entry in entries.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def checkpoints(run: Path) -> list[Path]:
    """The checkpoint folders of a run, oldest first, sealed or not."""
    found = [path for path in run.glob("checkpoint-*") if path.name[11:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[11:]))


def newest_checkpoint(run: Path) -> Path | None:
    """The newest whole checkpoint; incomplete ones that came after it are removed."""
    for checkpoint in reversed(checkpoints(run)):
        if is_sealed(checkpoint):
            return checkpoint
        shutil.rmtree(checkpoint)
    return None


def prepare(run: Path, resume: bool) -> Path | None:
    """Make the run folder ready and return the checkpoint to go on from, if any.

    Raises:
        UserError: when the folder already holds a run and `resume` was not asked for.
    """
    if not resume and (run / "status.json").exists():
        raise UserError(f"{run} already holds a run; add --resume, or choose another --out.")
    run.mkdir(parents=True, exist_ok=True)
    checkpoint = newest_checkpoint(run) if resume else None
    step = int(checkpoint.name[11:]) if checkpoint else 0
    for name in ("metrics.jsonl", "samples.jsonl"):
        _keep_until(run / name, step)
    return checkpoint


def _keep_until(path: Path, step: int) -> None:
    """Drop the rows that a killed run wrote after the checkpoint it resumes from."""
    if path.exists():
        rows = [row for row in read_jsonl(path) if row["step"] <= step]
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


class RunLog(TrainerCallback):
    """Writes everything a run has to say into its folder.

    Args:
        epochs: passes over the pictures, which the Trainer sees as one.
        describe: answers the fixed panel of pictures at every evaluation.
    """

    def __init__(self, run: Path, epochs: float, describe=None):
        self.run, self.epochs, self.describe = run, epochs, describe
        self.started, self.beat, self.first_step = time.time(), 0.0, 0

    def status(self, state: str, step: int = 0, total: int = 0, **more: Any) -> None:
        """Replace status.json: state, process, step, seconds left, time of this heartbeat."""
        now = time.time()
        rate = (step - self.first_step) / max(now - self.started, 1e-9)
        left = round((total - step) / rate) if rate > 0 else None
        row = {"state": state, "pid": os.getpid(), "step": step, "total_steps": total}
        row |= {"seconds_left": left, "started": self.started, "heartbeat": now, **more}
        write_json(self.run / "status.json", row)
        self.beat = now

    def on_train_begin(self, args, state, control, **kwargs):
        self.started, self.first_step = time.time(), state.global_step
        self.status("running", state.global_step, state.max_steps)

    def on_step_end(self, args, state, control, **kwargs):
        if time.time() - self.beat >= HEARTBEAT_SECONDS:
            self.status("running", state.global_step, state.max_steps)

    def on_log(self, args, state, control, logs=None, **kwargs):
        row = {"step": state.global_step, "tokens_seen": int(state.num_input_tokens_seen)}
        epoch = round((state.epoch or 0) * self.epochs, 4)
        row |= (logs or {}) | {"epoch": epoch, "time": round(time.time(), 2)}
        if "train_runtime" not in row:
            append_jsonl(self.run / "metrics.jsonl", row)

    def on_evaluate(self, args, state, control, **kwargs):
        for sample in self.describe() if self.describe else ():
            append_jsonl(self.run / "samples.jsonl", {"step": state.global_step, **sample})

    def on_save(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            seal(self.run / f"checkpoint-{state.global_step}")

    def on_train_end(self, args, state, control, **kwargs):
        self.status("finished", state.global_step, state.max_steps)
