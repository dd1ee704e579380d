"""The Describe tab: a picture, a prompt, a streamed answer; and the public endpoint /describe."""

import html
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlm.data.captions import PROMPTS
from vlm.encoding import History
from vlm.ui import answers, endpoint, examples, more_pictures, picture, settings
from vlm.ui.models import Models, choices
from vlm.ui.sentences import explain, note, toast

CUSTOM = "Custom"
PRESETS = {
    "Short": PROMPTS["brief"][0],
    "Detailed": PROMPTS["detailed"][1],
    "Attributes as JSON": PROMPTS["json"][4],
    "What is it?": PROMPTS["kind"][0],
    "Which colour?": PROMPTS["colour"][0],
    "Who is it for?": PROMPTS["gender"][0],
}
FIRST = "Detailed"
REMEMBERED = 2  # earlier questions that a follow-up comes with
BUSY = {"concurrency_id": answers.QUEUE, "concurrency_limit": 1}
PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
AT_ONCE = {"queue": False, **PRIVATE}
TABLE = json.dumps(PRESETS)
SET_PROMPT = f"(name, old) => ({TABLE})[name] ?? old"
NAME_PROMPT = f"""(text) =>
  Object.entries({TABLE}).find(([, prompt]) => prompt === text)?.[0] ?? '{CUSTOM}'"""
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
    status: gr.HTML
    copy: gr.Button
    model: gr.Dropdown
    controls: list[Any]


def build(models: Models, chip: gr.HTML) -> None:
    """Lay the tab out and wire it up; `chip` is the header's line about the model."""
    widgets = _layout(models)
    _wire_answer(widgets, models)
    _wire_model(widgets, models, chip)
    _examples(widgets)
    with gr.Accordion("More pictures: fashion and CIFAR-10", open=False, elem_id="more") as more:
        more_pictures.build(more, widgets.image, widgets.answer, widgets.status)
    endpoint.add(widgets.image, models)


def _layout(models: Models) -> Widgets:
    """Two columns that stack on a phone: picture, prompt, button, answer, model, settings."""
    with gr.Row(elem_id="bench"):
        with gr.Column(min_width=320):
            image = picture.build(label="Picture", height=300, elem_id="picture")
            names = [*PRESETS, CUSTOM]
            preset = gr.Radio(names, value=FIRST, label="Ask for", elem_id="preset")
            prompt = gr.Textbox(
                PRESETS[FIRST], label="Prompt", lines=2, elem_id="prompt", max_length=2000
            )
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
            with gr.Row(elem_id="below-answer"):
                status = gr.HTML(note("Give a picture, then press Describe."), elem_id="status")
                copy = gr.Button("Copy", size="sm", scale=0, min_width=90, elem_id="copy")
            model = gr.Dropdown(
                choices(),
                value=models.first,
                allow_custom_value=True,
                label="Model",
                info="Choose one, or type any Hub id and press Enter",
                elem_id="model",
            )
            with gr.Accordion("Settings", open=False, elem_id="settings"):
                controls = settings.build()
    return Widgets(image, preset, prompt, follow, go, stop, answer, status, copy, model, controls)


def _wire_answer(w: Widgets, models: Models) -> None:
    """Prompt presets, Describe, Stop and Copy."""
    runs = answers.Runs()

    def begin(request: gr.Request) -> list[Any]:
        runs.begin(request.session_hash)
        text = "Waiting for the model…" if models.settled() else "Opening the model…"
        return ["", note(text, "busy"), gr.update(visible=False), gr.update(visible=True)]

    def halt(request: gr.Request) -> None:
        runs.stop(request.session_hash)

    def idle() -> list[Any]:
        return [gr.update(visible=True), gr.update(visible=False)]

    def lost() -> list[Any]:
        return [note("There was no answer; press Describe again.", "failed"), *idle()]

    buttons, talk = [w.go, w.stop], gr.State({})  # what this visitor asked last
    w.preset.input(None, [w.preset, w.prompt], w.prompt, js=SET_PROMPT)
    w.prompt.change(None, w.prompt, w.preset, js=NAME_PROMPT)
    w.copy.click(None, w.answer, None, js=COPY)
    started = w.go.click(begin, None, [w.answer, w.status, *buttons], **AT_ONCE)
    inputs = [talk, w.follow, w.image, w.prompt, *w.controls]
    outputs = [w.answer, w.status, talk]
    run = _answering(models, runs)
    ended = started.then(run, inputs, outputs, preprocess=False, **BUSY, **PRIVATE)
    ended.then(idle, None, buttons, **AT_ONCE)
    ended.failure(lost, None, [w.status, *buttons], **AT_ONCE)  # the queue was full
    w.stop.click(halt, None, None, **AT_ONCE)


def _answering(models: Models, runs: answers.Runs) -> Callable[..., Iterator[list[Any]]]:
    """The handler that answers one visitor, with the conversation so far when they ask on."""

    def run(
        request: gr.Request, talk: Any, follow: Any, image: Any, prompt: Any, *values: Any
    ) -> Iterator[list[Any]]:
        visitor = request.session_hash
        event = runs.event(visitor)
        before = earlier(talk, image) if follow else ()
        try:
            for text, line in page_answer(models, image, prompt, values, event, before):
                yield [text, line, remember(before, image, prompt, text)]
        finally:
            event.set()
            runs.end(visitor, event)

    return run


def earlier(talk: Any, image: Any) -> History:
    """The last questions about this very picture, with their answers."""
    picture = _source(image)
    same = isinstance(talk, dict) and picture and talk.get("picture") == picture
    return tuple(talk["pairs"][-REMEMBERED:]) if same else ()


def remember(before: History, image: Any, prompt: Any, text: str) -> dict[str, Any]:
    """The conversation with this question in it; one without an answer leaves it as it was."""
    pairs = [*before, (prompt, text)] if text else [*before]
    return {"picture": _source(image), "pairs": pairs}


def _source(image: Any) -> str:
    """Where the picture came from: another upload has another path."""
    return (image.get("path") or image.get("url") or "") if isinstance(image, dict) else ""


def page_answer(
    models: Models,
    image: Any,
    prompt: Any,
    values: tuple,
    stop: threading.Event,
    history: History = (),
) -> Iterator[list[Any]]:
    """Yield [answer, status line] as the page shows them; a failure stays on the page as well."""
    from vlm.generate import Stats

    stats, text = Stats(), ""
    try:
        bundle = models.current()
        named = dict(zip(settings.NAMES, values, strict=True))
        for text in answers.growing(bundle, image, prompt, named, stop, stats, history):
            yield [text, note(f"{bundle.name} answers… {stats.tokens} tokens", "busy")]
        yield [text, note(answers.summary(bundle, text, stats), "done")]
    except Exception as error:
        sentence = explain(error)
        toast(sentence)
        yield [text, note(sentence, "failed")]


def _wire_model(w: Widgets, models: Models, chip: gr.HTML) -> None:
    """The model picker: a failed switch says why and shows the old model again."""

    def switch(name: str) -> list[Any]:
        try:
            bundle = models.switch(name)
        except Exception as error:
            kept = models.facts()[0]
            sentence = (
                f"{explain(error)} {kept} goes on answering." if models.ready() else explain(error)
            )
            return [kept, note(sentence, "failed"), chips(models)]
        return [bundle.name, note(f"{bundle.name} is open.", "idle"), chips(models)]

    opening = w.model.input(
        lambda name: note(f"Opening {name}…", "busy"), w.model, w.status, **AT_ONCE
    )
    opening.then(switch, w.model, [w.model, w.status, chip], **PRIVATE)


def chips(models: Models) -> str:
    """The header's line: model, size, device."""
    spans = "".join(f"<span>{html.escape(fact)}</span>" for fact in models.facts())
    return f'<p class="chips">{spans}</p>'


def _examples(w: Widgets) -> None:
    """The gallery of shipped pictures; a click shows picture, prompt and stored answer at once."""
    shelf = examples.read()
    if not shelf:
        return
    pictures = [(str(item.path), item.title) for item in shelf]
    gr.HTML('<h2 class="heading">Examples</h2>', elem_classes="plain")
    shown = more_pictures.shelf(pictures, label="Examples", elem_id="examples")

    def choose(cached: list[tuple[str, str]], picked: gr.SelectData) -> list[Any]:
        item = shelf[picked.index]
        line = note(item.mark(), "stored" if item.answer else "idle")
        preset = next((name for name, text in PRESETS.items() if text == item.prompt), CUSTOM)
        prompt = [item.prompt, preset] if item.prompt else [gr.skip(), gr.skip()]
        return [more_pictures.chosen(cached, picked.index), *prompt, item.answer, line]

    shown.select(choose, shown, [w.image, w.prompt, w.preset, w.answer, w.status], **AT_ONCE)
