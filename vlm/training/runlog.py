"""A training callback that writes status, losses, scores and samples, each to its own file.

Scores are measured after 1, 2, 5, 10, ... x 10,000 tokens, which are evenly spaced on a logarithmic
axis, and at the end.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainerState

from vlm.system import files
from vlm.training import runs

HEARTBEAT_SECONDS = 1.0
OMITTED = ("train_", "num_input_tokens_seen")  # prefixes of the Trainer's log keys not written
FIRST_MILESTONE = 10_000  # tokens


def next_milestone(tokens: int) -> int:
    """Return the first of 10,000, 20,000, 50,000, 100,000, ... greater than `tokens`."""
    decade = FIRST_MILESTONE
    while True:
        for factor in (1, 2, 5):
            if decade * factor > tokens:
                return decade * factor
        decade *= 10


class CurrentSteps(TrainerCallback):
    """Logs, evaluates and saves at the steps of this start; a checkpoint has those of the first."""

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        """Replace the steps that a checkpoint brought."""
        state.compute_steps(args, state.max_steps)


class RunLog(TrainerCallback):
    """A callback that writes a run's status and logs into its folder.

    Args:
        epochs: epochs of the training, which the Trainer sees as one.
        describe: returns rows about a fixed panel of pictures; at evaluations and milestones.
        measure: returns scores of the current model; at milestones.
    """

    def __init__(
        self,
        run: Path,
        epochs: float,
        describe: Callable[[], Iterable[dict]] | None = None,
        measure: Callable[[], dict[str, float]] | None = None,
    ):
        self.run, self.epochs, self.describe, self.measure = run, epochs, describe, measure
        self.milestone = next_milestone(0)
        self.started, self.last_heartbeat, self.first_step = time.time(), 0.0, 0

    def write_status(self, state: str, step: int = 0, total: int = 0, **more: Any) -> None:
        """Replace status.json: state, process, step, seconds left, time of this heartbeat."""
        now = time.time()
        rate = (step - self.first_step) / max(now - self.started, 1e-9)
        left = round((total - step) / rate) if rate > 0 else None
        row = {"state": state, "pid": os.getpid(), "step": step, "total_steps": total}
        row |= {"seconds_left": left, "started": self.started, "heartbeat": now, **more}
        files.write_json(self.run / runs.STATUS, row)
        self.last_heartbeat = now

    def write_failure(self, error: BaseException, state) -> None:
        """Write to status.json why the run failed."""
        reason = "disk full" if files.is_disk_full(error) else str(error) or type(error).__name__
        with contextlib.suppress(OSError):  # a full disk has no room for this either
            self.write_status("failed", state.global_step, state.max_steps, error=reason)

    def on_train_begin(self, args, state, control, **kwargs):
        self.started, self.first_step = time.time(), state.global_step
        self.milestone = next_milestone(int(state.num_input_tokens_seen))
        self.write_status("running", state.global_step, state.max_steps)

    def on_step_end(self, args, state, control, **kwargs):
        tokens = int(state.num_input_tokens_seen)
        if tokens >= self.milestone:
            self.milestone = next_milestone(tokens)
            self._write_scores_and_samples(state, kwargs["model"])
        self._write_heartbeat(state)

    def _write_heartbeat(self, state: TrainerState) -> None:
        if time.time() - self.last_heartbeat >= HEARTBEAT_SECONDS:
            self.write_status("running", state.global_step, state.max_steps)

    def on_prediction_step(self, args, state, control, **kwargs):
        self._write_heartbeat(state)  # evaluation takes time too

    def on_log(self, args, state, control, logs=None, **kwargs):
        row = {"step": state.global_step, "tokens_seen": int(state.num_input_tokens_seen)}
        epoch = round((state.epoch or 0) * self.epochs, 4)
        row |= {key: value for key, value in (logs or {}).items() if not key.startswith(OMITTED)}
        row |= {"epoch": epoch, "time": round(time.time(), 2)}
        if "loss" in row or "eval_loss" in row:  # the last log is a summary
            files.append_jsonl(self.run / runs.METRICS, row)

    def on_evaluate(self, args, state, control, **kwargs):
        self._write_once(runs.SAMPLES, state, self.describe)

    def _write_scores_and_samples(self, state: TrainerState, model: nn.Module) -> None:
        """Write scores and samples of the current model in eval mode, then restore its mode."""
        was_training = model.training
        model.eval()
        self._write_once(runs.SCORES, state, self._measure_rows)
        self._write_once(runs.SAMPLES, state, self.describe)
        model.train(was_training)

    def _measure_rows(self) -> Iterable[dict]:
        scores = self.measure() if self.measure else {}
        return [scores] if scores else []

    def _write_once(
        self, name: str, state: TrainerState, rows: Callable[[], Iterable[dict]] | None
    ) -> None:
        """Append this step's rows in one write, unless the file already has rows of this step."""
        path = self.run / name
        old_rows = files.read_jsonl(path)
        done = bool(old_rows) and old_rows[-1].get("step") == state.global_step
        if rows is None or done or not state.is_world_process_zero:
            return
        position = {"step": state.global_step, "tokens_seen": int(state.num_input_tokens_seen)}
        files.append_jsonl(path, *(position | row for row in rows()))

    def on_save(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            runs.seal(self.run / f"checkpoint-{state.global_step}")

    def on_train_end(self, args, state, control, **kwargs):
        self._write_scores_and_samples(state, kwargs["model"])
        self.write_status("finished", state.global_step, state.max_steps)
