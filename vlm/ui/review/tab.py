"""The Review tab: approve, edit, reject, skip or undo captions, by button or by key.

Decisions are appended to a file in the data set's folder; the data set itself is not changed. The
page sends the picture's id and text together, because keys may be pressed faster than the server
responds; the server checks the id.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from vlm.captioning.review import reviews
from vlm.captioning.review.reviews import Review
from vlm.data import images
from vlm.errors import UserError
from vlm.reporting.values import as_text
from vlm.ui.model_holder import Models
from vlm.ui.results.parts import note, table
from vlm.ui.review import desk as review_desk
from vlm.ui.review.desk import FILTERS, LEFT, Desk

PRIVATE = {"api_visibility": "private", "show_progress": "hidden", "preprocess": False}
PRIVATE |= {"concurrency_id": "review", "concurrency_limit": 1}  # one event at a time, in order
NOTHING = "There is no data set to review; start the app with loupe app --review DIR."
FINISHED = "No pictures are left; choose another filter, or apply the reviews: {}"
USE = "loupe caption … --reviews reviews.jsonl"
KEYS = (
    "Keys: A approve, E edit, R reject, S skip, U undo; Ctrl+Enter approves while you are typing."
)
SIDE = 480  # longer side of the picture, in pixels


@dataclass(frozen=True)
class Widgets:
    """The parts of the tab that handlers read or change."""

    reviewer: gr.Textbox
    which: gr.Dropdown
    id: gr.Textbox
    picture: gr.HTML
    text: gr.Textbox
    doubts: gr.HTML
    reason: gr.Dropdown
    progress: gr.HTML


def build(models: Models, chip: gr.HTML) -> dict[str, Any]:
    """Lay out the tab; return the event that fills it when it is opened."""
    with gr.Row():
        reviewer = gr.Textbox("me", label="Your name", max_lines=1, min_width=160, scale=1)
        choices = [(label, name) for name, label in FILTERS.items()]
        which = gr.Dropdown(
            choices, value=LEFT, label="Show", min_width=220, scale=2, elem_id="which"
        )
    progress = gr.HTML(elem_id="review-progress", elem_classes="plain")
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            id = gr.Textbox(visible="hidden", elem_id="reviewed-id")
            picture = gr.HTML(elem_id="reviewed", elem_classes="plain")
        with gr.Column(scale=3, min_width=320):
            text = gr.Textbox(label="Caption", lines=4, elem_id="caption")
            with gr.Row(elem_id="review-buttons"):
                names = (reviews.APPROVE, reviews.REJECT, reviews.SKIP, reviews.UNDO)
                buttons = {name: _build_button(name) for name in names}
            gr.HTML(str(note(KEYS)), elem_classes="plain")
            reason = gr.Dropdown(
                list(reviews.REASONS),
                value=reviews.REASONS[0],
                label="Reason for rejection",
                elem_id="reason",
            )
            doubts = gr.HTML(elem_id="doubts", elem_classes="plain")
    widgets = Widgets(reviewer, which, id, picture, text, doubts, reason, progress)
    return _wire(widgets, buttons)


def _build_button(name: str) -> gr.Button:
    variant = "primary" if name == reviews.APPROVE else "secondary"
    return gr.Button(name.capitalize(), variant=variant, elem_id=name, size="md")


def _wire(w: Widgets, buttons: dict[str, gr.Button]) -> dict[str, Any]:
    outputs = [w.id, w.picture, w.text, w.doubts, w.progress]
    inputs = [w.reviewer, w.which, w.id]
    open_event = {"fn": refresh, "inputs": inputs, "outputs": outputs, **PRIVATE}
    gr.on([w.which.input, w.reviewer.blur], **open_event)
    first_picture = open_event | {"inputs": [w.reviewer, w.which, gr.State("")]}
    w.reviewer.submit(**first_picture)  # another reviewer starts at the first picture
    for name, button in buttons.items():
        button.click(_make_handler(name), [*inputs, w.text, w.reason], outputs, **PRIVATE)
    return open_event


def _make_handler(name: str) -> Callable[..., list[Any]]:
    """Return the handler of a button."""

    def decide(reviewer: Any, which: Any, id: Any, text: Any, reason: Any) -> list[Any]:
        desk = review_desk.get_desk()
        if desk is None:
            return _render_empty(NOTHING)
        reviewer = str(reviewer).strip()
        try:
            review = _make_review(desk, name, str(id), reviewer, str(text), str(reason))
            decided = desk.decide(review)
        except UserError as error:
            gr.Warning(str(Markup.escape(str(error))), title="Sorry")
            return [gr.skip() for _ in range(5)]
        if name == reviews.UNDO and decided in desk.items:  # its picture may be gone meanwhile
            return _render(desk, decided, reviewer)
        return _render(desk, desk.find_next_id(str(which), reviewer, decided), reviewer)

    return decide


def _make_review(desk: Desk, name: str, id: str, reviewer: str, text: str, reason: str) -> Review:
    """Return the decision of a button; approving a changed text is an edit.

    Raises:
        UserError: when no picture is shown.
    """
    if name == reviews.UNDO:
        return Review(id or "-", reviewer, name)
    if id not in desk.items:
        raise UserError("No picture is shown; choose another filter.")
    if name == reviews.APPROVE and text.strip() != desk.items[id].text:
        return Review(id, reviewer, reviews.EDIT, text.strip())
    return Review(id, reviewer, name, reason=reason if name == reviews.REJECT else "")


def refresh(reviewer: Any, which: Any, id: Any) -> list[Any]:
    """Return the page for the current picture if the filter keeps it, else for the first one."""
    try:
        desk = review_desk.get_desk()
    except UserError as error:
        return _render_empty(str(error))
    if desk is None:
        return _render_empty(NOTHING)
    reviewer, which = str(reviewer).strip(), str(which)
    is_kept = id in desk.list_ids(which, reviewer)
    return _render(desk, str(id) if is_kept else desk.find_next_id(which, reviewer), reviewer)


def _render(desk: Desk, id: str, reviewer: str) -> list[Any]:
    """Return [id, picture, text, doubts, progress] for a picture."""
    progress = str(note(desk.summarize_progress(reviewer)))
    if not id:
        return _render_empty(FINISHED.format(USE), progress)
    item = desk.items[id]
    picture = Markup('<img src="{}" alt="Picture {}">').format(
        images.thumbnail(item.record.image, SIDE), as_text(id)
    )
    return [id, str(picture), desk.get_text(id, reviewer), str(_render_doubts(item)), progress]


def _render_doubts(item: review_desk.Item) -> Markup:
    """Return the doubts about the caption, then the metadata."""
    doubts = [(flag.code, as_text(flag.why)) for flag in item.flags]
    facts = [(as_text(key), as_text(value)) for key, value in item.record.facts.items()]
    html = table("Doubts", ("Check", "Reason"), doubts) if doubts else note("No doubts.")
    return html + (table("Metadata", ("Column", "Value"), facts) if facts else Markup(""))


def _render_empty(sentence: str, progress: str = "") -> list[Any]:
    return ["", "", "", str(note(sentence)), progress]
