"""The app: a header and the table of tabs."""

import gradio as gr

from vlm.ui.describe import tab as describe
from vlm.ui.model_holder import Models
from vlm.ui.results import tab as results
from vlm.ui.review import tab as review

TABS = {"Describe": describe.build, "Results": results.build, "Review": review.build}
HEADER = """<h1>Loupe</h1>
<p>A workshop for small vision-language models: give one a picture, read what it sees.</p>"""
POLL = 0.5  # seconds between checks while the first model loads


def build_app(models: Models | None = None) -> gr.Blocks:
    """Build the page for one `Models` holder and start loading its first model."""
    models = models or Models()
    with gr.Blocks(title="Loupe", analytics_enabled=False, delete_cache=(3600, 7200)) as app:
        with gr.Row(elem_id="top"):
            gr.HTML(HEADER, elem_id="title")
            chip = gr.HTML(describe.format_chips(models), elem_id="chip")
        _build_tabs(app, models, chip)
        _refresh_chip(app, models, chip)
    models.start()
    return app


def _build_tabs(app: gr.Blocks, models: Models, chip: gr.HTML) -> None:
    """Build the tabs; an event returned by a builder runs each time its tab is opened."""
    with gr.Tabs(elem_id="tabs") as tabs:
        for name, build in TABS.items():
            with gr.Tab(name, id=name.lower(), elem_id=f"{name.lower()}-tab") as tab:
                if open_event := build(models, chip):
                    tab.select(**open_event)
    app.load(_select_tab, None, tabs, **describe.AT_ONCE)


def _select_tab(request: gr.Request) -> gr.Tabs:
    """Select the tab named in the URL, as in ?tab=results."""
    name = str(request.query_params.get("tab", "")).lower()
    return gr.Tabs(selected=name) if name in map(str.lower, TABS) else gr.skip()


def _refresh_chip(app: gr.Blocks, models: Models, chip: gr.HTML) -> None:
    """Update the header while the first model loads."""

    def update() -> tuple[str, gr.Timer]:
        return describe.format_chips(models), gr.Timer(active=not models.is_settled())

    timer = gr.Timer(POLL)
    gr.on([app.load, timer.tick], update, None, [chip, timer], **describe.AT_ONCE)
