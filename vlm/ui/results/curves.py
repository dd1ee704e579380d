"""The Results tab's chart: a metric of the chosen runs over tokens seen, also as a table."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from vlm.reporting import curves, plots
from vlm.reporting.catalog import Run
from vlm.reporting.curves import METRICS
from vlm.ui.results.parts import details, join, note, table

DEFAULT_RUNS = 6  # runs shown when the tab opens
NOTHING = (
    "No runs found: train one with --out runs/NAME, or set VLM_RUNS to the folder with your runs, "
    "then press Refresh."
)


def select_runs(names: object, runs: Sequence[Run]) -> list[Run]:
    """Return the runs with these names; unknown names from a client are ignored."""
    chosen = {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
    return [run for run in runs if run.name in chosen]


def select_default_runs(runs: Sequence[Run], metric: str) -> list[Run]:
    """Return the first runs that have the metric; if none has it, the first runs."""
    with_metric = [run for run in runs if curves.points(run, metric)]
    return (with_metric or list(runs))[:DEFAULT_RUNS]


def select_metric(metric: object, runs: Sequence[Run]) -> str:
    """Return the chosen metric; without a valid choice, the first one that any of the runs has."""
    if isinstance(metric, str) and metric in METRICS:
        return metric
    return next((name for name in METRICS if any(curves.points(run, name) for run in runs)), "loss")


def render(runs: Sequence[Run], metric: str, any_run: bool = True) -> str:
    """Return the chart (for wide and for narrow screens) with its table, or a hint as HTML.

    `any_run` is False when the catalog is empty.
    """
    if not runs:
        return note("Choose a run." if any_run else NOTHING)
    if not any(curves.points(run, metric) for run in runs):
        return note(curves.not_measured(runs, metric))
    charts = join(
        Markup('<div class="{}">{}</div>').format(
            name, Markup(curves.chart(runs, metric, size=size))
        )
        for name, size in (("wide", plots.WIDE), ("narrow", plots.NARROW))
    )
    points = details("Data as a table", _render_table(runs, metric))
    return join([charts, _render_missing(runs, metric), points])


def _render_missing(runs: Sequence[Run], metric: str) -> Markup:
    without = [run for run in runs if not curves.points(run, metric)]
    return note(curves.not_measured(without, metric)) if without else Markup("")


def _render_table(runs: Sequence[Run], metric: str) -> Markup:
    head = ("Run", "Million tokens seen", METRICS[metric].label)
    return table(METRICS[metric].title, head, _list_points(runs, metric))


def _list_points(runs: Iterable[Run], metric: str) -> Iterable[tuple[str, str, str]]:
    for run in runs:
        for tokens, value in curves.points(run, metric):
            yield run.name, plots.millions(tokens), f"{value:.4g}"
