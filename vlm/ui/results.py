"""The Results tab: curves of runs, evaluations, and the answers stored along a training run.

Everything is read from the folders at each request, and a name or an index that a client sends is
looked up in what the server finds there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlm import curves
from vlm.curves import Evaluation
from vlm.ui import more_pictures, results_curves, results_scores, results_steps
from vlm.ui.models import Models
from vlm.ui.results_parts import note
from vlm.ui.results_steps import Panel

PRIVATE = {"api_visibility": "private", "show_progress": "hidden", "preprocess": False}
READING = str(note("Reading the folders…"))
ALONE = ("Nothing", "")  # the choice of no second evaluation


@dataclass(frozen=True)
class Widgets:
    """The parts of the tab that handlers read or change."""

    runs: gr.CheckboxGroup
    metric: gr.Radio
    chart: gr.HTML
    evaluation: gr.Dropdown
    against: gr.Dropdown
    scores: gr.HTML
    compared: gr.HTML
    run: gr.Dropdown
    opened: gr.State  # the name of the run that is shown
    shelf: gr.Gallery
    picture: gr.Number
    position: gr.Slider
    told: gr.HTML


def build(models: Models, chip: gr.HTML) -> dict[str, Any]:
    """Lay the tab out; what comes back is the event that fills it when it is opened."""
    with gr.Row(elem_id="results-bar"):
        gr.HTML('<h2 class="heading">How training went</h2>', elem_classes="plain")
        again = gr.Button("Refresh", size="sm", scale=0, min_width=110, elem_id="refresh")
    widgets = Widgets(*_curves(), *_evaluations(), *_steps())
    _wire(widgets)
    asked = [getattr(widgets, name) for name in ASKED]
    shown = [getattr(widgets, name) for name in SHOWN]
    opening = {"fn": refresh, "inputs": asked, "outputs": shown, **PRIVATE}
    again.click(**opening)
    return opening


def _curves() -> tuple[gr.CheckboxGroup, gr.Radio, gr.HTML]:
    with gr.Row(elem_id="curves"):
        with gr.Column(scale=1, min_width=260):
            runs = gr.CheckboxGroup([], label="Runs", elem_id="runs")
            labels = [(metric.label, name) for name, metric in curves.METRICS.items()]
            metric = gr.Radio(labels, label="Metric", elem_id="metric")
        with gr.Column(scale=3, min_width=320):
            chart = gr.HTML(READING, elem_id="chart")
    return runs, metric, chart


def _evaluations() -> tuple[gr.Dropdown, gr.Dropdown, gr.HTML, gr.HTML]:
    gr.HTML('<h2 class="heading">Evaluations</h2>', elem_classes="plain")
    with gr.Row():
        evaluation = gr.Dropdown([], label="Evaluation", min_width=260, elem_id="evaluation")
        against = gr.Dropdown(
            [ALONE], value="", label="Compare with", min_width=260, elem_id="against"
        )
    compared = gr.HTML(elem_id="compared", elem_classes="plain")
    scores = gr.HTML(READING, elem_id="scores", elem_classes="plain")
    return evaluation, against, scores, compared


def _steps() -> tuple[gr.Dropdown, gr.State, gr.Gallery, gr.Number, gr.Slider, gr.HTML]:
    gr.HTML('<h2 class="heading">One picture through training</h2>', elem_classes="plain")
    with gr.Row():
        run = gr.Dropdown([], label="Run", min_width=260, elem_id="panel-run")
        position = gr.Slider(
            1,
            2,
            1,
            step=1,
            label="Checkpoint",
            buttons=[],
            min_width=260,
            visible=False,
            elem_id="checkpoint",
        )
    shelf = more_pictures.shelf(label="Pictures of the panel", elem_id="panel")
    picture = gr.Number(0, visible=False)
    told = gr.HTML(READING, elem_id="told", elem_classes="plain")
    return run, gr.State(""), shelf, picture, position, told


ASKED = ("runs", "metric", "evaluation", "against", "run")
SHOWN = tuple(Widgets.__dataclass_fields__)


def _wire(w: Widgets) -> None:
    """A choice changes its own part of the page only (a dropdown's `input` may come twice)."""
    gr.on([w.runs.input, w.metric.input], draw, [w.runs, w.metric], w.chart, **PRIVATE)
    pair = [w.evaluation, w.against]
    w.evaluation.input(show, pair, [w.scores, w.compared], **PRIVATE)
    w.against.input(compare, pair, w.compared, **PRIVATE)
    walk = [w.run, w.picture, w.position]
    opened = [w.shelf, w.picture, w.position, w.told, w.opened]
    w.run.input(open_panel, [w.run, w.opened], opened, **PRIVATE)
    w.position.change(tell, walk, w.told, queue=False, **PRIVATE)
    w.shelf.select(turn, [w.run, w.position], [w.picture, w.told], queue=False, **PRIVATE)


def refresh(runs: Any, metric: Any, evaluation: Any, against: Any, run: Any) -> list[Any]:
    """Read everything again; what was chosen stays chosen where it is still there."""
    found = curves.find_runs()
    metric = results_curves.pick(metric, found)
    chosen = results_curves.chosen(runs, found) or results_curves.first(found, metric)
    names = [item.name for item in found]
    upper = [
        gr.CheckboxGroup(choices=names, value=[item.name for item in chosen]),
        gr.Radio(value=metric),
        str(results_curves.view(chosen, metric, bool(found))),
    ]
    return [*upper, *_read_evaluations(evaluation, against), *_read_panels(run)]


def _read_evaluations(evaluation: Any, against: Any) -> list[Any]:
    found = curves.find_evaluations()
    names = [item.name for item in found]
    first = _named(evaluation, found) or next(iter(found), None)
    second = _named(against, found)
    return [
        gr.Dropdown(choices=names, value=first.name if first else None),
        gr.Dropdown(choices=[ALONE, *names], value=second.name if second else ""),
        str(results_scores.view(first)),
        str(results_scores.comparison(first, second)),
    ]


def _named(name: Any, found: Sequence[Evaluation]) -> Evaluation | None:
    return next((item for item in found if item.name == name), None)


def _read_panels(run: Any) -> list[Any]:
    panels = results_steps.panels(curves.find_runs())
    panel = next((panel for panel in panels if panel.run.name == run), next(iter(panels), None))
    names = [panel.run.name for panel in panels]
    return [
        gr.Dropdown(choices=names, value=panel.run.name if panel else None),
        panel.run.name if panel else "",
        *_opened(panel),
    ]


def _opened(panel: Panel | None) -> list[Any]:
    """The pictures, the first of them, the slider at the last step, and the answer there."""
    if panel is None:
        return [None, 0, gr.Slider(visible=False), results_steps.view(None, 0, 1)]
    last = len(panel.steps)
    slider = gr.Slider(1, max(last, 2), last, visible=last > 1)
    shown = gr.Gallery(results_steps.gallery(panel), selected_index=0)
    return [shown, 0, slider, results_steps.view(panel, 0, last)]


def draw(runs: Any, metric: Any) -> str:
    """The chart of the chosen runs."""
    found = curves.find_runs()
    chosen = results_curves.chosen(runs, found)
    return str(results_curves.view(chosen, results_curves.pick(metric, chosen), bool(found)))


def show(evaluation: Any, against: Any) -> list[str]:
    """One evaluation, and how it compares."""
    first = _named(evaluation, curves.find_evaluations())
    return [str(results_scores.view(first)), compare(evaluation, against)]


def compare(evaluation: Any, against: Any) -> str:
    """The differences of two evaluations."""
    found = curves.find_evaluations()
    return str(results_scores.comparison(_named(evaluation, found), _named(against, found)))


def _panel(name: Any) -> Panel | None:
    run = next((run for run in curves.find_runs() if run.name == name), None)
    panel = results_steps.read(run) if run else None
    return panel if panel and panel.samples else None


def open_panel(run: Any, opened: Any = "") -> list[Any]:
    """The panel of another run; the one that is shown already stays as it is."""
    if run == opened:
        return [gr.skip() for _ in range(5)]
    return [*_opened(_panel(run)), run]


def tell(run: Any, picture: Any, position: Any) -> str:
    """The stored answer at another step."""
    return results_steps.view(_panel(run), picture, position)


def turn(run: Any, position: Any, picked: gr.SelectData) -> list[Any]:
    """The stored answer for another picture."""
    index = results_steps.place(picked.index, results_steps.MOST)
    return [index, results_steps.view(_panel(run), index, position)]
