"""What a run says while it lasts: heartbeat, losses, scores and samples, each into its own file.

Scores are measured at given counts of tokens seen (1, 2, 5, 10, ... x 10,000), which are evenly
spaced on a logarithmic axis, and at the end.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainerState

from vlm import runs

HEARTBEAT_SECONDS = 1.0
REPEATED = ("train_", "num_input_tokens_seen")  # what the Trainer adds to each row of its log
FIRST_MILESTONE = 10_000  # tokens


def next_milestone(tokens: int) -> int:
    """The first of 10,000, 20,000, 50,000, 100,000, ... above a count of tokens."""
    decade = FIRST_MILESTONE
    while True:
        for factor in (1, 2, 5):
            if decade * factor > tokens:
                return decade * factor
        decade *= 10


class RunLog(TrainerCallback):
    """Writes everything a run has to say into its folder.

    Args:
        epochs: passes over the pictures, which the Trainer sees as one.
        describe: answers the fixed panel of pictures, at evaluations and milestones.
        measure: scores of the model as it is, at milestones.
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
        self.started, self.beat, self.first_step = time.time(), 0.0, 0

    def status(self, state: str, step: int = 0, total: int = 0, **more: Any) -> None:
        """Replace status.json: state, process, step, seconds left, time of this heartbeat."""
        now = time.time()
        rate = (step - self.first_step) / max(now - self.started, 1e-9)
        left = round((total - step) / rate) if rate > 0 else None
        row = {"state": state, "pid": os.getpid(), "step": step, "total_steps": total}
        row |= {"seconds_left": left, "started": self.started, "heartbeat": now, **more}
        runs.write_json(self.run / "status.json", row)
        self.beat = now

    def failed(self, error: BaseException, state) -> None:
        """Say in status.json why the run ended."""
        reason = "disk full" if runs.disk_full(error) else str(error) or type(error).__name__
        with contextlib.suppress(OSError):  # a full disk has no room for this either
            self.status("failed", state.global_step, state.max_steps, error=reason)

    def on_train_begin(self, args, state, control, **kwargs):
        self.started, self.first_step = time.time(), state.global_step
        self.milestone = next_milestone(int(state.num_input_tokens_seen))
        self.status("running", state.global_step, state.max_steps)

    def on_step_end(self, args, state, control, **kwargs):
        tokens = int(state.num_input_tokens_seen)
        if tokens >= self.milestone:
            self.milestone = next_milestone(tokens)
            self._look_back(state, kwargs["model"])
        self._beat(state)

    def _beat(self, state: TrainerState) -> None:
        if time.time() - self.beat >= HEARTBEAT_SECONDS:
            self.status("running", state.global_step, state.max_steps)

    def on_prediction_step(self, args, state, control, **kwargs):
        self._beat(state)  # measuring takes time too

    def on_log(self, args, state, control, logs=None, **kwargs):
        row = {"step": state.global_step, "tokens_seen": int(state.num_input_tokens_seen)}
        epoch = round((state.epoch or 0) * self.epochs, 4)
        row |= {key: value for key, value in (logs or {}).items() if not key.startswith(REPEATED)}
        row |= {"epoch": epoch, "time": round(time.time(), 2)}
        if "loss" in row or "eval_loss" in row:  # the last log is a summary of the others
            runs.append_jsonl(self.run / "metrics.jsonl", row)

    def on_evaluate(self, args, state, control, **kwargs):
        self._write_once("samples.jsonl", state, self.describe)

    def _look_back(self, state: TrainerState, model: nn.Module) -> None:
        """Scores and samples of the model as it is; then it goes on learning as before."""
        learning = model.training
        model.eval()
        self._write_once("scores.jsonl", state, self._measured)
        self._write_once("samples.jsonl", state, self.describe)
        model.train(learning)

    def _measured(self) -> Iterable[dict]:
        found = self.measure() if self.measure else {}
        return [found] if found else []

    def _write_once(
        self, name: str, state: TrainerState, rows: Callable[[], Iterable[dict]] | None
    ) -> None:
        """Append rows of this step in one write, unless the file has some."""
        path = self.run / name
        before = runs.read_jsonl(path)
        done = bool(before) and before[-1].get("step") == state.global_step
        if rows is None or done or not state.is_world_process_zero:
            return
        place = {"step": state.global_step, "tokens_seen": int(state.num_input_tokens_seen)}
        runs.append_jsonl(path, *(place | row for row in rows()))

    def on_save(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            runs.seal(self.run / f"checkpoint-{state.global_step}")

    def on_train_end(self, args, state, control, **kwargs):
        self._look_back(state, kwargs["model"])
        self.status("finished", state.global_step, state.max_steps)
