"""The metrics of a run over tokens seen: as points, and as charts of several runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlm.errors import UserError, lookup
from vlm.evaluation.metrics import rubric
from vlm.reporting import plots
from vlm.reporting.catalog import Run, read_rows
from vlm.reporting.values import is_number
from vlm.training.runs import METRICS as METRICS_LOG
from vlm.training.runs import SCORES


@dataclass(frozen=True)
class Metric:
    """A metric's label, its file and key, its largest possible value, if any, and its direction."""

    label: str
    file: str
    key: str
    ceiling: float | None = rubric.BEST
    better: str = "higher"

    @property
    def title(self) -> str:
        """The label with its scale and direction."""
        scale = "" if self.ceiling is None else f"0 to {self.ceiling:g}, "
        return f"{self.label} ({scale}{self.better} is better)"


METRICS = {
    "overall": Metric("Overall grade", SCORES, rubric.OVERALL),
    "colour": Metric("Colour", SCORES, "colour"),
    "style": Metric("Style", SCORES, "style"),
    "category": Metric("Category", SCORES, "category"),
    "gender": Metric("Gender", SCORES, "gender"),
    "factual": Metric("Factual consistency", SCORES, "factual"),
    "cider_d": Metric("CIDEr-D", SCORES, "cider_d", None),
    "bleu_4": Metric("BLEU-4", SCORES, "bleu_4", 100),
    "loss": Metric("Held-out loss", METRICS_LOG, "eval_loss", None, "lower"),
}


def points(run: Run, metric: str) -> list[tuple[int, float]]:
    """Return (tokens seen, value) in order of tokens; the last row for a position counts.

    Raises:
        UserError: when the metric is unknown.
    """
    wanted, values = lookup(METRICS, metric, "metric"), {}
    for row in read_rows(run.folder / wanted.file):
        tokens, value = row.get("tokens_seen"), row.get(wanted.key)
        if is_number(tokens) and tokens >= 0 and is_number(value):
            values[int(tokens)] = float(value)
    return sorted(values.items())


def chart(
    runs: Sequence[Run], metric: str, out: Path | None = None, size: tuple[int, int] = plots.WIDE
) -> str:
    """Draw a metric over millions of tokens seen (log axis), a line for each run.

    Args:
        out: where to write a PNG (default: write nothing).
        size: width and height of the plot in points.

    Returns:
        The SVG for a page, with real text in the surrounding text's colour; "" with `out`.

    Raises:
        UserError: when no run has the metric, or `out` cannot be written.
    """
    wanted = lookup(METRICS, metric, "metric")
    lines = [plots.Line(run.name, tuple(points(run, metric))) for run in runs]
    if not any(line.points for line in lines):
        raise UserError(not_measured(runs, metric))
    if out is None:
        return plots.svg(lines, wanted.title, size, wanted.ceiling)
    plots.png(lines, wanted.title, out, size, wanted.ceiling)
    return ""


def chart_all(run: Run, out: Path) -> None:
    """Draw MODA's metrics of one run over millions of tokens seen into a PNG, a line for each.

    Raises:
        UserError: when the run has none of them, or `out` cannot be written.
    """
    marks = {name: metric for name, metric in METRICS.items() if metric.ceiling == rubric.BEST}
    lines = [plots.Line(metric.label, tuple(points(run, name))) for name, metric in marks.items()]
    if not any(line.points for line in lines):
        raise UserError(not_measured([run], rubric.OVERALL))
    title = f"{run.name}: MODA's metrics (0 to {rubric.BEST:g}, higher is better)"
    plots.png(lines, title, out, ceiling=rubric.BEST)


def not_measured(runs: Sequence[Run], metric: str) -> str:
    """Return the sentence for runs without this metric, with the metrics that they do have."""
    others = [name for name in METRICS if any(points(run, name) for run in runs)]
    what = f"try {' or '.join(others)}" if others else "nothing has been measured yet"
    names = ", ".join(run.name for run in runs) or "no run"
    return f"There is no {METRICS[metric].label.lower()} in {names}; {what}."
