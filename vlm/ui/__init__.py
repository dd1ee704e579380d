"""The app: a header and the table of tabs."""

import gradio as gr

from vlm.ui import describe, results, review
from vlm.ui.models import Models

TABS = {"Describe": describe.build, "Results": results.build, "Review": review.build}
HEADER = """<h1>Loupe</h1>
<p>A workshop for small vision-language models: give one a picture, read what it sees.</p>"""
POLL = 0.5  # seconds between looks at a model that is being opened


def build_app(models: Models | None = None) -> gr.Blocks:
    """The whole page over one holder of models, which begins to open its first one."""
    models = models or Models()
    with gr.Blocks(title="Loupe", analytics_enabled=False, delete_cache=(3600, 7200)) as app:
        with gr.Row(elem_id="top"):
            gr.HTML(HEADER, elem_id="title")
            chip = gr.HTML(describe.chips(models), elem_id="chip")
        _tabs(app, models, chip)
        _watch(app, models, chip)
    models.start()
    return app


def _tabs(app: gr.Blocks, models: Models, chip: gr.HTML) -> None:
    """The tabs; what a builder gives back runs each time its tab is opened."""
    with gr.Tabs(elem_id="tabs") as tabs:
        for name, build in TABS.items():
            with gr.Tab(name, id=name.lower(), elem_id=f"{name.lower()}-tab") as tab:
                if opening := build(models, chip):
                    tab.select(**opening)
    app.load(_asked_for, None, tabs, **describe.AT_ONCE)


def _asked_for(request: gr.Request) -> gr.Tabs:
    """The tab that the address names, as in ?tab=results."""
    name = str(request.query_params.get("tab", "")).lower()
    return gr.Tabs(selected=name) if name in map(str.lower, TABS) else gr.skip()


def _watch(app: gr.Blocks, models: Models, chip: gr.HTML) -> None:
    """Keep the header's line true while the first model is being opened."""

    def look() -> tuple[str, gr.Timer]:
        return describe.chips(models), gr.Timer(active=not models.settled())

    timer = gr.Timer(POLL)
    gr.on([app.load, timer.tick], look, None, [chip, timer], **describe.AT_ONCE)
