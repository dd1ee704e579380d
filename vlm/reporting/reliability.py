"""The reliability diagram of a calibrated model, from the part `calibration` of scores.json.

Each point is a group of answers: the probability given to them, and the share that was right. On
the diagonal the probability keeps its promise (DeGroot and Fienberg, 1983).
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vlm.reporting import plots
from vlm.reporting.values import as_dict, as_list, as_text, is_estimate, is_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (380, 330)  # points of an SVG are a page's pixels
TITLE = "Probability and truth, %"
GIVEN, RIGHT = "probability given, %", "answers that are right, %"
MOST = 40  # points of a curve, and data sets
NAMES = {"before": "mean token probability", "after": "calibrated probability"}
STATISTICS = {  # key -> label, factor, decimal places
    "ece": ("Calibration error, %", 100, 1),
    "brier": ("Brier score (0 is best)", 1, 3),
    "auroc": ("Right ones ranked above wrong ones, %", 100, 1),
}


@dataclass(frozen=True)
class Point:
    """A group of n answers: the mean probability, the share that is right and its interval."""

    probability: float
    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Reliability:
    """What was measured of a calibration, on answers that it was not fitted to.

    Attributes:
        curves: "before" and "after" -> points.
        figures: rows of a label, the figure before and the figure after, as text.
        by_chance: calibration error of perfect probabilities on so few answers, percent.
        data: rows of data set, mean probability in percent, right answers in percent, answers.
    """

    answers: int
    curves: dict[str, tuple[Point, ...]]
    figures: tuple[tuple[str, str, str], ...]
    by_chance: float
    data: tuple[tuple[str, str, str, int], ...]


def read(value: object) -> Reliability | None:
    """Read what `loupe calibrate` measured; None if it is missing or incomplete."""
    table = as_dict(value)
    parts = {name: as_dict(table.get(name)) for name in NAMES}
    curves = {name: _points(part.get("reliability")) for name, part in parts.items()}
    figures = tuple(
        (label, *(_interval(parts[name][key], scale, digits) for name in NAMES))
        for key, (label, scale, digits) in STATISTICS.items()
        if all(is_estimate(part.get(key)) for part in parts.values())
    )
    numbers = (table.get("answers"), table.get("by_chance"))
    if not all(curves.values()) or not figures or not all(map(is_number, numbers)):
        return None
    return Reliability(int(numbers[0]), curves, figures, 100 * numbers[1], _data(table.get("data")))


def _points(value: object) -> tuple[Point, ...]:
    rows = [as_dict(row) for row in as_list(value)[:MOST]]
    numbers = ("probability", "n")
    rows = [row for row in rows if is_estimate(row) and all(is_number(row.get(k)) for k in numbers)]
    ends = ("probability", "mean", "low", "high")
    return tuple(Point(*(100 * row[key] for key in ends), int(row["n"])) for row in rows)


def _interval(row: dict[str, float], scale: float, digits: int) -> str:
    mean, low, high = (f"{scale * row[key]:.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})"


def _data(value: object) -> tuple[tuple[str, str, str, int], ...]:
    rows = [(as_text(name), as_dict(row)) for name, row in [*as_dict(value).items()][:MOST]]
    keys = ("probability", "right", "n")
    return tuple(
        (name, f"{100 * row['probability']:.1f}", f"{100 * row['right']:.1f}", int(row["n"]))
        for name, row in rows
        if all(is_number(row.get(key)) for key in keys)
    )


def svg(shown: Reliability, size: tuple[int, int] = SIZE) -> str:
    """Return the diagram as an `<svg>` element in the page's colours."""
    from matplotlib.figure import Figure

    file = io.StringIO()
    with plots.quiet():
        inches = (size[0] / plots.INCH, (size[1] + plots.ROW * len(NAMES)) / plots.INCH)
        figure = Figure(figsize=inches, layout="constrained")
        axes = figure.subplots()
        _plot(axes, shown)
        plots.style(axes, TITLE, GIVEN, plots.INK, plots.FAINT)
        axes.set_ylabel(RIGHT, color=plots.INK)
        lines = [plots.Line(name, ((1.0, 1.0),)) for name in NAMES.values()]
        plots.legend(figure, axes.lines[-len(NAMES) :], lines, 1, plots.INK)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return plots.for_page(file.getvalue(), TITLE, describe(shown), f"reliability{size[0]}")


def _plot(axes: "Axes", shown: Reliability) -> None:
    """Plot the diagonal, then both curves with the interval of each point."""
    axes.plot((0, 100), (0, 100), color=plots.INK, linewidth=1, linestyle=plots.DASHES[2])
    for number, name in enumerate(NAMES):
        colour, points = plots.COLOURS[number], shown.curves[name]
        x, y = [p.probability for p in points], [p.mean for p in points]
        axes.vlines(x, [p.low for p in points], [p.high for p in points], colors=colour)
        style = {"marker": plots.MARKERS[number], "linestyle": plots.DASHES[number]}
        axes.plot(x, y, color=colour, linewidth=2, markersize=6.5, **style)
    axes.set_xlim(-3, 103)
    axes.set_ylim(-3, 103)


def describe(shown: Reliability) -> str:
    """Describe the diagram in words, for screen readers."""
    return " ".join(f"{NAMES[name]}: {_sentence(points)}." for name, points in shown.curves.items())


def _sentence(points: Sequence[Point]) -> str:
    ends = [f"{p.mean:.0f} % right where {p.probability:.0f} % is given" for p in points]
    return f"from {ends[0]} to {ends[-1]}" if len(ends) > 1 else ends[0]
