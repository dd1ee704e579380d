"""The Results tab: training curves, evaluations, and answers stored at each checkpoint.

Each request reads the folders again and looks up names and indices from the client there, so a
client cannot open other files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlm.reporting import catalog
from vlm.reporting.catalog import Evaluation
from vlm.reporting.curves import METRICS
from vlm.ui.describe import more_pictures
from vlm.ui.model_holder import Models
from vlm.ui.results import curves, scores, steps
from vlm.ui.results.parts import note
from vlm.ui.results.steps import Panel

PRIVATE = {"api_visibility": "private", "show_progress": "hidden", "preprocess": False}
READING = str(note("Reading the folders…"))
NO_SECOND = ("None", "")  # the option to compare with no evaluation


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
    open_run: gr.State  # name of the run shown
    panel: gr.Gallery
    picture: gr.Number
    position: gr.Slider
    stored: gr.HTML


INPUTS = ("runs", "metric", "evaluation", "against", "run")  # of `refresh`
OUTPUTS = tuple(Widgets.__dataclass_fields__)  # of `refresh`


def build(models: Models, chip: gr.HTML) -> dict[str, Any]:
    """Lay out the tab; return the event that fills it when it is opened."""
    with gr.Row(elem_id="results-bar"):
        gr.HTML('<h2 class="heading">Training curves</h2>', elem_classes="plain")
        refresh_button = gr.Button("Refresh", size="sm", scale=0, min_width=110, elem_id="refresh")
    widgets = Widgets(*_lay_out_curves(), *_lay_out_evaluations(), *_lay_out_steps())
    _wire(widgets)
    open_event = {
        "fn": refresh,
        "inputs": [getattr(widgets, name) for name in INPUTS],
        "outputs": [getattr(widgets, name) for name in OUTPUTS],
        **PRIVATE,
    }
    refresh_button.click(**open_event)
    return open_event


def _lay_out_curves() -> tuple[gr.CheckboxGroup, gr.Radio, gr.HTML]:
    with gr.Row(elem_id="curves"):
        with gr.Column(scale=1, min_width=260):
            runs = gr.CheckboxGroup([], label="Runs", elem_id="runs")
            labels = [(metric.label, name) for name, metric in METRICS.items()]
            metric = gr.Radio(labels, label="Metric", elem_id="metric")
        with gr.Column(scale=3, min_width=320):
            chart = gr.HTML(READING, elem_id="chart")
    return runs, metric, chart


def _lay_out_evaluations() -> tuple[gr.Dropdown, gr.Dropdown, gr.HTML, gr.HTML]:
    gr.HTML('<h2 class="heading">Evaluations</h2>', elem_classes="plain")
    with gr.Row():
        evaluation = gr.Dropdown([], label="Evaluation", min_width=260, elem_id="evaluation")
        against = gr.Dropdown(
            [NO_SECOND], value="", label="Compare with", min_width=260, elem_id="against"
        )
    compared = gr.HTML(elem_id="compared", elem_classes="plain")
    page = gr.HTML(READING, elem_id="scores", elem_classes="plain")
    return evaluation, against, page, compared


def _lay_out_steps() -> tuple[gr.Dropdown, gr.State, gr.Gallery, gr.Number, gr.Slider, gr.HTML]:
    gr.HTML('<h2 class="heading">One picture across checkpoints</h2>', elem_classes="plain")
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
    panel = more_pictures.build_gallery(label="Pictures of the panel", elem_id="panel")
    picture = gr.Number(0, visible=False)
    stored = gr.HTML(READING, elem_id="stored-answer", elem_classes="plain")
    return run, gr.State(""), panel, picture, position, stored


def _wire(w: Widgets) -> None:
    """Wire up the controls; each updates only its own part of the page."""
    gr.on([w.runs.input, w.metric.input], draw, [w.runs, w.metric], w.chart, **PRIVATE)
    pair = [w.evaluation, w.against]
    w.evaluation.input(show_evaluation, pair, [w.scores, w.compared], **PRIVATE)
    w.against.input(compare, pair, w.compared, **PRIVATE)
    outputs = [w.panel, w.picture, w.position, w.stored, w.open_run]
    w.run.input(open_panel, [w.run, w.open_run], outputs, **PRIVATE)
    selection = [w.run, w.picture, w.position]
    w.position.change(show_step, selection, w.stored, queue=False, **PRIVATE)
    outputs = [w.picture, w.stored]
    w.panel.select(show_picture, [w.run, w.position], outputs, queue=False, **PRIVATE)


def refresh(runs: Any, metric: Any, evaluation: Any, against: Any, run: Any) -> list[Any]:
    """Read all folders again; keep choices that still exist."""
    all_runs = catalog.find_runs()
    metric = curves.select_metric(metric, all_runs)
    chosen = curves.select_runs(runs, all_runs) or curves.select_default_runs(all_runs, metric)
    names = [item.name for item in all_runs]
    curve_values = [
        gr.CheckboxGroup(choices=names, value=[item.name for item in chosen]),
        gr.Radio(value=metric),
        str(curves.render(chosen, metric, bool(all_runs))),
    ]
    return [*curve_values, *_read_evaluations(evaluation, against), *_read_panels(run)]


def _read_evaluations(evaluation: Any, against: Any) -> list[Any]:
    evaluations = catalog.find_evaluations()
    names = [item.name for item in evaluations]
    first = _find(evaluation, evaluations) or next(iter(evaluations), None)
    second = _find(against, evaluations)
    return [
        gr.Dropdown(choices=names, value=first.name if first else None),
        gr.Dropdown(choices=[NO_SECOND, *names], value=second.name if second else ""),
        str(scores.render(first)),
        str(scores.render_comparison(first, second)),
    ]


def _find(name: Any, evaluations: Sequence[Evaluation]) -> Evaluation | None:
    return next((item for item in evaluations if item.name == name), None)


def _read_panels(run: Any) -> list[Any]:
    panels = steps.read_panels(catalog.find_runs())
    panel = next((panel for panel in panels if panel.run.name == run), next(iter(panels), None))
    names = [panel.run.name for panel in panels]
    return [
        gr.Dropdown(choices=names, value=panel.run.name if panel else None),
        panel.run.name if panel else "",
        *_render_panel(panel),
    ]


def _render_panel(panel: Panel | None) -> list[Any]:
    """Return [gallery, picture index, slider, answer] for the first picture at the last step."""
    if panel is None:
        return [None, 0, gr.Slider(visible=False), steps.render(None, 0, 1)]
    last = len(panel.steps)
    slider = gr.Slider(1, max(last, 2), last, visible=last > 1)
    pictures = gr.Gallery(steps.list_pictures(panel), selected_index=0)
    return [pictures, 0, slider, steps.render(panel, 0, last)]


def draw(runs: Any, metric: Any) -> str:
    """Return the chart of the chosen runs."""
    all_runs = catalog.find_runs()
    chosen = curves.select_runs(runs, all_runs)
    return str(curves.render(chosen, curves.select_metric(metric, chosen), bool(all_runs)))


def show_evaluation(evaluation: Any, against: Any) -> list[str]:
    """Return one evaluation and its comparison."""
    first = _find(evaluation, catalog.find_evaluations())
    return [str(scores.render(first)), compare(evaluation, against)]


def compare(evaluation: Any, against: Any) -> str:
    """Return the differences between two evaluations."""
    evaluations = catalog.find_evaluations()
    first, second = _find(evaluation, evaluations), _find(against, evaluations)
    return str(scores.render_comparison(first, second))


def open_panel(run: Any, open_run: Any = "") -> list[Any]:
    """Open another run's panel; skip the open one (a dropdown may fire its event twice)."""
    if run == open_run:
        return [gr.skip() for _ in range(5)]
    return [*_render_panel(_read_panel(run)), run]


def show_step(run: Any, picture: Any, position: Any) -> str:
    """Return the stored answer of one picture at one step."""
    return steps.render(_read_panel(run), picture, position)


def show_picture(run: Any, position: Any, picked: gr.SelectData) -> list[Any]:
    """Return the clicked picture's index and its stored answer."""
    index = steps.to_index(picked.index, steps.MAX_SAMPLES)
    return [index, steps.render(_read_panel(run), index, position)]


def _read_panel(name: Any) -> Panel | None:
    run = next((run for run in catalog.find_runs() if run.name == name), None)
    panel = steps.read_panel(run) if run else None
    return panel if panel and panel.samples else None
