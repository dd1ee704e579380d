"""The Describe tab: a picture, a prompt and a streamed answer."""

import html
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlm.data.grammar import boxes
from vlm.loading.presets import default_model, explain_default
from vlm.ui.describe import (
    answers,
    api,
    examples,
    marks,
    more_pictures,
    photographs,
    picture,
    prompts,
    settings,
)
from vlm.ui.model_holder import Models, list_choices
from vlm.ui.sentences import explain, note

BUSY = {"concurrency_id": answers.QUEUE, "concurrency_limit": 1}
PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
AT_ONCE = {"queue": False, **PRIVATE}
COPY = "(text) => window.loupe.copy(text)"


@dataclass(frozen=True)
class Widgets:
    """The parts of the tab that handlers read or change."""

    image: gr.Image
    preset: gr.Radio
    prompt: gr.Textbox
    follow: gr.Checkbox
    go: gr.Button
    stop: gr.Button
    answer: gr.Textbox
    marked: gr.AnnotatedImage
    status: gr.HTML
    copy: gr.Button
    model: gr.Dropdown
    controls: list[Any]


def build(models: Models, chip: gr.HTML) -> None:
    """Build the tab and the endpoint /describe; `chip` is the header's line about the model."""
    widgets = _lay_out(models)
    _wire_answer(widgets, models)
    gr.HTML('<h2 class="heading">Examples</h2>', elem_classes="plain")
    photos = _build_examples(widgets, models, photographs.read(), "photographs")
    _build_examples(widgets, models, examples.read(), "examples")
    _wire_model(widgets, models, chip, photos)
    with gr.Accordion("More pictures: fashion and CIFAR-10", open=False, elem_id="more") as more:
        more_pictures.build(more, widgets.image, widgets.answer, widgets.status)
    api.add(widgets.image, models)


def _lay_out(models: Models) -> Widgets:
    """Lay out two columns, which stack on a phone: question on the left, answer on the right."""
    with gr.Row(elem_id="bench"):
        with gr.Column(min_width=320):
            image = picture.build(label="Picture", height=300, elem_id="picture")
            preset, prompt = prompts.build(models.first)
            follow = gr.Checkbox(
                label="Follow-up: remember my last two questions about this picture",
                elem_id="follow",
            )
            go = gr.Button("Describe", variant="primary", size="lg", elem_id="describe")
            stop = gr.Button("Stop", variant="stop", size="lg", elem_id="stop", visible=False)
        with gr.Column(min_width=320):
            answer = gr.Textbox(
                label="Answer", lines=5, max_lines=16, interactive=False, elem_id="answer"
            )
            marked = marks.build()
            with gr.Row(elem_id="below-answer"):
                status = gr.HTML(note(_welcome(models.first)), elem_id="status")
                copy = gr.Button("Copy", size="sm", scale=0, min_width=90, elem_id="copy")
            model = gr.Dropdown(
                list_choices(),
                value=models.first,
                allow_custom_value=True,
                label="Model",
                info="Choose one, or type any Hub id and press Enter",
                elem_id="model",
            )
            with gr.Accordion("Settings", open=False, elem_id="settings"):
                controls = settings.build()
    asking = (image, preset, prompt, follow, go, stop)
    return Widgets(*asking, answer, marked, status, copy, model, controls)


def _welcome(model: str) -> str:
    """Return the first status line; a Space's visitors cannot fetch another model."""
    is_told = model == default_model() and not os.environ.get("SPACE_ID")
    return f"Give a picture, then press Describe. {explain_default() if is_told else ''}".strip()


def _wire_answer(w: Widgets, models: Models) -> None:
    """Wire up the prompt presets, Describe, Stop and Copy; another picture has no marks."""
    events = answers.StopEvents()

    def begin(request: gr.Request) -> list[Any]:
        events.begin(request.session_hash)
        text = "Waiting for the model…" if models.is_settled() else "Loading the model…"
        return ["", note(text, "busy"), *restore_buttons()[::-1], marks.hide()]

    def stop(request: gr.Request) -> None:
        events.stop(request.session_hash)

    def restore_buttons() -> list[Any]:
        return [gr.update(visible=True), gr.update(visible=False)]

    def report_failure() -> list[Any]:
        return [note("There was no answer; press Describe again.", "failed"), *restore_buttons()]

    buttons, conversation = [w.go, w.stop], gr.State({})  # one conversation per visitor
    w.preset.input(None, [w.preset, w.prompt, w.model], w.prompt, js=prompts.SET_PROMPT)
    w.prompt.change(None, [w.prompt, w.model], w.preset, js=prompts.NAME_PROMPT)
    w.copy.click(None, w.answer, None, js=COPY)
    started = w.go.click(begin, None, [w.answer, w.status, *buttons, w.marked], **AT_ONCE)
    inputs = [conversation, w.follow, w.image, w.prompt, *w.controls]
    outputs = [w.answer, w.status, conversation]
    run = _make_handler(models, events)
    ended = started.then(run, inputs, outputs, preprocess=False, **BUSY, **PRIVATE)
    ended.then(restore_buttons, None, buttons, **AT_ONCE)
    ended.then(marks.show, [conversation, w.image], w.marked, preprocess=False, **PRIVATE)
    w.image.change(marks.hide, None, w.marked, **AT_ONCE)
    ended.failure(report_failure, None, [w.status, *buttons], **AT_ONCE)  # the queue was full
    w.stop.click(stop, None, None, **AT_ONCE)


def _make_handler(models: Models, events: answers.StopEvents) -> Callable[..., Iterator[list[Any]]]:
    """Return the handler that answers a question, with the history if it is a follow-up."""

    def run(
        request: gr.Request, conversation: Any, follow: Any, image: Any, prompt: Any, *values: Any
    ) -> Iterator[list[Any]]:
        visitor = request.session_hash
        event = events.get(visitor)
        history = answers.get_history(conversation, image) if follow else ()
        try:
            shown = answers.stream_page(models, image, prompt, values, event, history)
            for text, line in shown:
                conversation = answers.make_conversation(history, image, prompt, text)
                yield [boxes.in_words(text), line, conversation]
        finally:
            event.set()
            events.end(visitor, event)

    return run


def _wire_model(w: Widgets, models: Models, chip: gr.HTML, photos: gr.Gallery) -> None:
    """Wire up the model picker: a failed switch shows the error and keeps the old model.

    Prompts and example photographs follow the model.
    """

    def follow(prompt: str) -> list[Any]:
        name = models.get_name()
        return [*prompts.switch(prompt, name), gr.Gallery(visible=photographs.are_shown(name))]

    def switch(name: str) -> list[Any]:
        try:
            bundle = models.switch(name)
        except Exception as error:
            current = models.summarize()[0]
            sentence = explain(error)
            if models.is_ready():
                sentence += f" {current} is still in use."
            return [current, note(sentence, "failed"), format_chips(models)]
        return [bundle.name, note(f"{bundle.name} is loaded.", "idle"), format_chips(models)]

    loading = w.model.input(
        lambda name: note(f"Loading {name}…", "busy"), w.model, w.status, **AT_ONCE
    )
    switched = loading.then(switch, w.model, [w.model, w.status, chip], **PRIVATE)
    switched.then(follow, w.prompt, [w.preset, w.prompt, photos], **AT_ONCE)


def format_chips(models: Models) -> str:
    """Return the header's line as HTML: model, size, device."""
    spans = "".join(f"<span>{html.escape(text)}</span>" for text in models.summarize())
    return f'<p class="chips">{spans}</p>'


def _build_examples(
    w: Widgets, models: Models, items: list[examples.Example], name: str
) -> gr.Gallery:
    """Build a gallery; a click shows picture, prompt and stored answer at once."""
    pictures = [(str(item.path), item.title) for item in items]
    shown = photographs.are_shown(models.first) if name == "photographs" else bool(items)
    gallery = more_pictures.build_gallery(
        pictures, label=name.capitalize(), elem_id=name, visible=shown
    )

    def choose(cached: list[tuple[str, str]], picked: gr.SelectData) -> list[Any]:
        item = items[picked.index]
        line = note(item.format_status(), "stored" if item.answer else "idle")
        label = prompts.name(item.prompt, models.get_name())
        prompt = [item.prompt, label] if item.prompt else [gr.skip(), gr.skip()]
        return [more_pictures.get_chosen_path(cached, picked.index), *prompt, item.answer, line]

    gallery.select(choose, gallery, [w.image, w.prompt, w.preset, w.answer, w.status], **AT_ONCE)
    return gallery
