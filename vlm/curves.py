"""Runs and evaluations found in their folders; a metric over tokens seen as a chart.

Training runs are read as they are written (`vlm.runs`): a file that is absent, cut short or no JSON
gives no points, never an error.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlm import plots
from vlm.errors import UserError, lookup
from vlm.metrics import rubric
from vlm.presets import SHIPPED
from vlm.runs import read_jsonl

DEPTH = 3  # levels below the folder of runs
MAX_BYTES = 64_000_000  # of a file of rows; ours have kilobytes
BIGGEST = 1e15  # no count of tokens and no score comes near
METRICS_FILE, SCORES_FILE, SAMPLES_FILE = "metrics.jsonl", "scores.jsonl", "samples.jsonl"
RUN_FILES = {METRICS_FILE, SCORES_FILE, SAMPLES_FILE}
EVALUATION_FILES = {"scores.json", "predictions.jsonl"}


@dataclass(frozen=True)
class Run:
    """A training run; the name is unique among those found."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Evaluation:
    """An evaluation; the name is unique among those found."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Metric:
    """Where a metric stands and how it is called; `ceiling` is the most it can be."""

    label: str
    file: str
    key: str
    ceiling: float | None = rubric.BEST

    @property
    def title(self) -> str:
        """The label with its unit and direction."""
        scale = "lower" if self.ceiling is None else f"0 to {self.ceiling:g}, higher"
        return f"{self.label} ({scale} is better)"


METRICS = {
    "overall": Metric("Overall grade", SCORES_FILE, rubric.OVERALL),
    "colour": Metric("Colour", SCORES_FILE, "colour"),
    "style": Metric("Style", SCORES_FILE, "style"),
    "category": Metric("Category", SCORES_FILE, "category"),
    "gender": Metric("Gender", SCORES_FILE, "gender"),
    "factual": Metric("Factual consistency", SCORES_FILE, "factual"),
    "loss": Metric("Held-out loss", METRICS_FILE, "eval_loss", None),
}


def root() -> Path:
    """The folder that holds runs and evaluations: $VLM_RUNS, else `runs` where we stand."""
    return Path(os.environ.get("VLM_RUNS") or "runs")


def find_runs() -> list[Run]:
    """The shipped run first, then the folders of runs under `root()`, by name."""
    shipped = {"moda-mini": SHIPPED} if RUN_FILES & _files(SHIPPED) else {}
    return [Run(*pair) for pair in _found(RUN_FILES, shipped).items()]


def find_evaluations() -> list[Evaluation]:
    """The shipped model's evaluation first, then those under `root()`, by name."""
    inside = SHIPPED / "evaluation"
    shipped = {"moda-mini": inside} if EVALUATION_FILES & _files(inside) else {}
    return [Evaluation(*pair) for pair in _found(EVALUATION_FILES, shipped).items()]


def open_run(name: str) -> Run:
    """A run by the path of its folder, or by the name it is found under.

    Raises:
        UserError: when it is neither.
    """
    if RUN_FILES & _files(Path(name)):
        return Run(_clean(name.rstrip("/") or name), Path(name))
    known = {run.name: run for run in find_runs()}
    if name not in known:
        raise UserError(
            f"{name!r} is no run: give a folder that holds {METRICS_FILE} or {SCORES_FILE}, "
            f"or one of: {', '.join(known) or '(none found)'}."
        )
    return known[name]


def _files(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder) if entry.is_file()}
    except (OSError, ValueError):
        return set()


def _found(wanted: set[str], found: dict[str, Path]) -> dict[str, Path]:
    """Name -> folder, after the known ones; a name that is taken gets the root's before it."""
    top, shipped = root(), SHIPPED.resolve()
    for place, folders, files in os.walk(top):
        folder = Path(place)
        parts = folder.relative_to(top).parts
        deeper = sorted(f for f in folders if not f.startswith((".", "checkpoint-")))
        folders[:] = deeper if len(parts) < DEPTH else []
        if not wanted & set(files) or folder.resolve().is_relative_to(shipped):
            continue
        inner = parts[:-1] if len(parts) > 1 and parts[-1] == "evaluation" else parts
        name = _clean("/".join(inner) or top.resolve().name)
        while name in found:
            name = f"{_clean(top.resolve().name)}/{name}"
        found[name] = folder
    return found


def _clean(name: str) -> str:
    """A folder's name with a question mark for what cannot be shown."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file that are objects; none when it cannot be read."""
    try:
        found = read_jsonl(path) if path.stat().st_size <= MAX_BYTES else []
    except (OSError, RecursionError):  # not ours to read; brackets without end
        return []
    return [row for row in found if isinstance(row, dict)]


def is_number(value: object) -> bool:
    """True for a finite number of a bearable size."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and -BIGGEST < value < BIGGEST  # not a number is never between


def points(run: Run, metric: str) -> list[tuple[int, float]]:
    """(tokens seen, value), by tokens; of two rows at the same place the later one counts.

    Raises:
        UserError: when the metric is unknown.
    """
    wanted, found = lookup(METRICS, metric, "metric"), {}
    for row in rows(run.folder / wanted.file):
        tokens, value = row.get("tokens_seen"), row.get(wanted.key)
        if is_number(tokens) and tokens >= 0 and is_number(value):
            found[int(tokens)] = float(value)
    return sorted(found.items())


def chart(
    runs: Sequence[Run], metric: str, out: Path | None = None, size: tuple[int, int] = plots.WIDE
) -> str:
    """Draw a metric over millions of tokens seen (log axis), a line for each run.

    Args:
        out: where to write a PNG; without it nothing is written.
        size: width and height of the plot in points.

    Returns:
        The SVG for a page, with real text, in the colour of the text around it; "" with `out`.

    Raises:
        UserError: when no run has the metric, or `out` cannot be written.
    """
    wanted = lookup(METRICS, metric, "metric")
    lines = [plots.Line(run.name, tuple(points(run, metric))) for run in runs]
    if not any(line.points for line in lines):
        raise UserError(lacking(runs, metric))
    if out is None:
        return plots.svg(lines, wanted.title, size, wanted.ceiling)
    plots.png(lines, wanted.title, out, size, wanted.ceiling)
    return ""


def chart_all(run: Run, out: Path) -> None:
    """Draw every metric of one run over millions of tokens seen into a PNG, a line for each.

    Raises:
        UserError: when the run has no such figure, or `out` cannot be written.
    """
    marks = {name: metric for name, metric in METRICS.items() if metric.ceiling == rubric.BEST}
    lines = [plots.Line(metric.label, tuple(points(run, name))) for name, metric in marks.items()]
    if not any(line.points for line in lines):
        raise UserError(lacking([run], rubric.OVERALL))
    title = f"{run.name}: MODA's metrics (0 to {rubric.BEST:g}, higher is better)"
    plots.png(lines, title, out, ceiling=rubric.BEST)


def lacking(runs: Sequence[Run], metric: str) -> str:
    """The sentence for runs that have no such figure, and what they have instead."""
    others = [name for name in METRICS if any(points(run, name) for run in runs)]
    what = f"try {' or '.join(others)}" if others else "nothing was measured there yet"
    names = ", ".join(run.name for run in runs) or "no run"
    return f"There is no {METRICS[metric].label.lower()} in {names}; {what}."
