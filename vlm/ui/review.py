"""The Review tab: picture, caption, doubts; approve, edit, reject, skip or undo, by keyboard too.

Decisions are appended beside the data set, which itself stays as it is. The page sends a picture's
id and its text as they stood together when a key was pressed, for keys may come faster than
answers. The id is looked up in what the server has.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from vlm import report
from vlm.errors import UserError
from vlm.teach import reviews
from vlm.teach.reviews import Review
from vlm.ui import review_desk
from vlm.ui.models import Models
from vlm.ui.results_parts import note, said, table
from vlm.ui.review_desk import FILTERS, LEFT, Desk

PRIVATE = {"api_visibility": "private", "show_progress": "hidden", "preprocess": False}
PRIVATE |= {"concurrency_id": "review", "concurrency_limit": 1}  # answers come as asked, never late
NOTHING = "There is nothing to review here; start the app with python app.py --review DIR."
FINISHED = "No picture is left here; choose another filter, or put the reviews to use: {}"
USE = "python -m vlm caption … --reviews reviews.jsonl"
KEYS = "Keys: A approve, E edit, R reject, S skip, U undo; Ctrl+Enter approves while you type."
SIDE = 480  # pixels of the picture


@dataclass(frozen=True)
class Widgets:
    """The parts of the tab that handlers read or change."""

    reviewer: gr.Textbox
    which: gr.Dropdown
    id: gr.Textbox
    picture: gr.HTML
    text: gr.Textbox
    known: gr.HTML
    reason: gr.Dropdown
    progress: gr.HTML


def build(models: Models, chip: gr.HTML) -> dict[str, Any]:
    """Lay the tab out; what comes back is the event that fills it when it is opened."""
    with gr.Row():
        reviewer = gr.Textbox("me", label="Your name", max_lines=1, min_width=160, scale=1)
        choices = [(label, name) for name, label in FILTERS.items()]
        which = gr.Dropdown(choices, value=LEFT, label="Show", min_width=220, scale=2,
                            elem_id="which")  # fmt: skip
    progress = gr.HTML(elem_id="review-progress", elem_classes="plain")
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            shown = gr.Textbox(visible="hidden", elem_id="reviewed-id")
            picture = gr.HTML(elem_id="reviewed", elem_classes="plain")
        with gr.Column(scale=3, min_width=320):
            text = gr.Textbox(label="Caption", lines=4, elem_id="caption")
            with gr.Row(elem_id="review-buttons"):
                names = (reviews.APPROVE, reviews.REJECT, reviews.SKIP, reviews.UNDO)
                buttons = {name: _button(name) for name in names}
            gr.HTML(str(note(KEYS)), elem_classes="plain")
            reason = gr.Dropdown(list(reviews.REASONS), value=reviews.REASONS[0],
                                 label="Reason of a rejection", elem_id="reason")  # fmt: skip
            known = gr.HTML(elem_id="doubts", elem_classes="plain")
    widgets = Widgets(reviewer, which, shown, picture, text, known, reason, progress)
    return _wire(widgets, buttons)


def _button(name: str) -> gr.Button:
    variant = "primary" if name == reviews.APPROVE else "secondary"
    return gr.Button(name.capitalize(), variant=variant, elem_id=name, size="md")


def _wire(w: Widgets, buttons: dict[str, gr.Button]) -> dict[str, Any]:
    shown = [w.id, w.picture, w.text, w.known, w.progress]
    asked = [w.reviewer, w.which, w.id]
    opening = {"fn": refresh, "inputs": asked, "outputs": shown, **PRIVATE}
    gr.on([w.which.input, w.reviewer.blur], **opening)
    anew = opening | {"inputs": [w.reviewer, w.which, gr.State("")]}
    w.reviewer.submit(**anew)  # another reviewer begins with the first picture
    for name, button in buttons.items():
        button.click(_decider(name), [*asked, w.text, w.reason], shown, **PRIVATE)
    return opening


def _decider(name: str):
    """The handler of a button."""

    def decide(reviewer: Any, which: Any, id: Any, text: Any, reason: Any) -> list[Any]:
        desk = review_desk.desk()
        if desk is None:
            return _empty(NOTHING)
        who = str(reviewer).strip()
        try:
            about = desk.decide(_review(desk, name, str(id), who, str(text), str(reason)))
        except UserError as error:
            gr.Warning(str(Markup.escape(str(error))), title="Sorry")
            return [gr.skip() for _ in range(5)]
        back = name == reviews.UNDO
        stays = back and about in desk.items  # not, when reviews left it out since
        return _shown(desk, about if stays else desk.after(str(which), who, about), who)

    return decide


def _review(desk: Desk, name: str, id: str, who: str, text: str, reason: str) -> Review:
    """The decision behind a button; a text that was changed and approved is an edit."""
    if name == reviews.UNDO:
        return Review(id or "-", who, name)
    if id not in desk.items:
        raise UserError("No picture is shown; choose another filter.")
    if name == reviews.APPROVE and text.strip() != desk.items[id].text:
        return Review(id, who, reviews.EDIT, text.strip())
    return Review(id, who, name, reason=reason if name == reviews.REJECT else "")


def refresh(reviewer: Any, which: Any, id: Any) -> list[Any]:
    """The picture that is shown, or the first of the filter."""
    try:
        desk = review_desk.desk()
    except UserError as error:
        return _empty(str(error))
    if desk is None:
        return _empty(NOTHING)
    who, wanted = str(reviewer).strip(), desk.ids(str(which), str(reviewer).strip())
    return _shown(desk, str(id) if id in wanted else desk.after(str(which), who), who)


def _shown(desk: Desk, id: str, who: str) -> list[Any]:
    progress = str(note(desk.progress(who)))
    if not id:
        return _empty(FINISHED.format(USE), progress)
    item = desk.items[id]
    picture = Markup('<img src="{}" alt="Picture {}">').format(
        report.thumbnail(item.record.image, SIDE), said(id)
    )
    return [id, str(picture), desk.text(id, who), str(_known(item)), progress]


def _known(item: review_desk.Item) -> Markup:
    """The doubts about the caption, then the metadata."""
    doubts = [(flag.code, said(flag.why)) for flag in item.flags]
    facts = [(said(key), said(value)) for key, value in item.record.facts.items()]
    found = table("Doubts", ("check", "what it saw"), doubts) if doubts else note("No doubts.")
    return found + (table("Metadata", ("column", "value"), facts) if facts else Markup(""))


def _empty(sentence: str, progress: str = "") -> list[Any]:
    return ["", "", "", str(note(sentence)), progress]
