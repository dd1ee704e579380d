"""Random pictures of the data sets, where they are on this machine or can be had from the Hub."""

import functools
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from vlm.data import DATASETS, cifar10, fashion, source
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.types import Record
from vlm.ui import picture
from vlm.ui.sentences import explain, note, refusals

SHOWN = 12
_chance = random.Random()  # models' seeds reset the global one
ROWS = 1000  # the first held-out ones, which are read in a moment
SPLIT = "validation"
SIDE = 224  # pixels; CIFAR-10's 32 are enlarged so that they can be seen


class Shelf(NamedTuple):
    """A data set to look into, and the file that shows it is on this machine."""

    dataset: str
    folder: str
    splits: tuple[str, ...]
    fact: str  # the caption


SHELVES = {
    "Fashion": Shelf("fashion", fashion.NAME, ("train", SPLIT), "articleType"),
    "CIFAR-10": Shelf("cifar10", cifar10.NAME, ("train",), "kind"),
}


def is_local(name: str) -> bool:
    """True when the data set is on this machine."""
    shelf = SHELVES[name]
    return any(source.local_file(shelf.folder, split) for split in shelf.splits)


def is_offline() -> bool:
    """True when the Hub must not be asked."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


@functools.lru_cache(maxsize=4)
def records(name: str) -> tuple[Record, ...]:
    """The first held-out rows of a data set; not found = the next call looks again.

    Raises:
        UserError: when it is neither here nor on the Hub.
    """
    return DATASETS[SHELVES[name].dataset](SPLIT, limit=ROWS).records


def sample(name: str) -> list[tuple[Image.Image, str]]:
    """Some pictures with what they show; one that does not open is left out."""
    shelf, everything = SHELVES[name], records(name)
    found = []
    for record in _chance.sample(everything, min(SHOWN, len(everything))):
        try:
            found.append((enlarged(open_image(record.image)), record.facts.get(shelf.fact, "")))
        except UserError:
            continue
    return found


def enlarged(picture: Image.Image) -> Image.Image:
    """A tiny picture made larger, pixel by pixel."""
    factor = max(SIDE // max(picture.size), 1)
    size = (picture.width * factor, picture.height * factor)
    return picture.resize(size, Image.Resampling.NEAREST) if factor > 1 else picture


def shelf(pictures: Sequence[tuple[str, str]] | None = None, **options: Any) -> gr.Gallery:
    """A gallery of pictures to choose from; how many stand in a row is the style sheet's matter."""
    return gr.Gallery(
        pictures,
        show_label=False,
        container=False,
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_classes="shelf",
        **options,
    )


def build(parent: gr.Accordion, image: gr.Image, answer: gr.Textbox, status: gr.HTML) -> None:
    """The controls inside the accordion `parent`; pictures are loaded when it is opened."""
    name = gr.Radio([*SHELVES], value="Fashion", label="Data set", elem_id="data-set")
    with gr.Row(elem_id="shelf-bar"):
        said = gr.HTML(note("Loading…", "busy"), elem_id="more-status")
        small: dict[str, Any] = {"size": "sm", "scale": 0}
        shuffle = gr.Button("Shuffle", min_width=110, elem_id="shuffle", **small)
        fetch = gr.Button(
            "Fetch from the Hub", min_width=160, visible=False, elem_id="fetch", **small
        )
    shown = shelf(label="Pictures", elem_id="more-pictures")
    events: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    outputs = [shown, said, fetch]
    gr.on([parent.expand, name.change, shuffle.click], show, name, outputs, **events)
    fetch.click(lambda: note("Fetching…", "busy"), None, said, queue=False, **events).then(
        download, name, outputs, **events
    )
    shown.select(choose, shown, [image, answer, status], queue=False, **events)


def show(name: str) -> list[Any]:
    """Random pictures of a data set that is here; else what can be done about it."""
    if not is_local(name) and not is_offline():
        text = f"{name} is not on this machine; it can be fetched from the Hub."
        return [None, note(text), gr.update(visible=True)]
    return download(name)


def download(name: str) -> list[Any]:
    """Random pictures of a data set, from the Hub if need be; a failure is one sentence."""
    try:
        return [
            sample(name),
            note("Held-out pictures, with their labels."),
            gr.update(visible=False),
        ]
    except Exception as error:
        return [None, note(explain(error), "failed"), gr.skip()]


def chosen(cached: Sequence[tuple[str, str]], index: int) -> str:
    """The file behind a clicked picture; `cached` comes from the browser, so it is not trusted."""
    with refusals():
        return picture.kept(cached[index][0])


def choose(cached: list[tuple[str, str]], picked: gr.SelectData) -> list[Any]:
    """The clicked picture becomes the one to describe."""
    return [chosen(cached, picked.index), "", note("Press Describe for an answer.")]
