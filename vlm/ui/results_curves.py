"""The Results tab's chart: the chosen runs over tokens seen, and the points as a table."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from vlm import curves, plots
from vlm.curves import METRICS, Run
from vlm.ui.results_parts import folded, note, table

FIRST = 6  # runs that are chosen when nobody has chosen yet
NOTHING = (
    "No run was found: train one with --out runs/NAME, or set VLM_RUNS to the folder that holds "
    "your runs, then press Refresh."
)


def chosen(names: object, runs: Sequence[Run]) -> list[Run]:
    """The runs of these names; what a client sends counts only where the server found it."""
    wanted = {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
    return [run for run in runs if run.name in wanted]


def first(runs: Sequence[Run], metric: str) -> list[Run]:
    """The runs to begin with: those that have the metric."""
    measured = [run for run in runs if curves.points(run, metric)]
    return (measured or list(runs))[:FIRST]


def pick(metric: object, runs: Sequence[Run]) -> str:
    """The metric asked for; before anyone asked, the first that one of these runs has."""
    if isinstance(metric, str) and metric in METRICS:
        return metric
    return next((name for name in METRICS if any(curves.points(run, name) for run in runs)), "loss")


def view(runs: Sequence[Run], metric: str, found: bool = True) -> str:
    """The chart for a page and for a phone, and the table; a sentence when there is none."""
    if not runs:
        return note("Choose a run." if found else NOTHING)
    if not any(curves.points(run, metric) for run in runs):
        return note(curves.lacking(runs, metric))
    drawn = Markup("").join(
        Markup('<div class="{}">{}</div>').format(
            name, Markup(curves.chart(runs, metric, size=size))
        )
        for name, size in (("wide", plots.WIDE), ("narrow", plots.NARROW))
    )
    return Markup("{}{}{}").format(
        drawn, _unmeasured(runs, metric), folded("The points as a table", _table(runs, metric))
    )


def _unmeasured(runs: Sequence[Run], metric: str) -> Markup:
    without = [run for run in runs if not curves.points(run, metric)]
    return note(curves.lacking(without, metric)) if without else Markup("")


def _table(runs: Sequence[Run], metric: str) -> Markup:
    head = ("Run", "Million tokens seen", METRICS[metric].label)
    return table(METRICS[metric].title, head, _rows(runs, metric))


def _rows(runs: Iterable[Run], metric: str) -> Iterable[tuple[str, str, str]]:
    for run in runs:
        for tokens, value in curves.points(run, metric):
            yield run.name, plots.millions(tokens), f"{value:.4g}"
