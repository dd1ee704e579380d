"""Random pictures of the data sets, from this machine or from the Hub."""

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
from vlm.ui.describe import picture
from vlm.ui.sentences import as_client_errors, explain, note

COUNT = 12  # pictures shown
_rng = random.Random()  # seeding a model resets the global generator
ROWS = 1000  # held-out rows to choose from, few enough to read quickly
SPLIT = "validation"
SIDE = 224  # pixels; CIFAR-10's 32-pixel pictures are enlarged to this


class PictureSet(NamedTuple):
    """A data set to show pictures of.

    Attributes:
        dataset: its key in DATASETS.
        folder: its folder on this machine.
        splits: splits whose files show that it is on this machine.
        fact: the fact that becomes the caption.
    """

    dataset: str
    folder: str
    splits: tuple[str, ...]
    fact: str


PICTURE_SETS = {
    "Fashion": PictureSet("fashion", fashion.NAME, ("train", SPLIT), "articleType"),
    "CIFAR-10": PictureSet("cifar10", cifar10.NAME, ("train",), "kind"),
}


def is_local(name: str) -> bool:
    """Return True when the data set is on this machine."""
    chosen = PICTURE_SETS[name]
    return any(source.find_files(chosen.folder, split) for split in chosen.splits)


def is_offline() -> bool:
    """Return True when Hub access is disabled."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


@functools.lru_cache(maxsize=4)
def load_records(name: str) -> tuple[Record, ...]:
    """Load the first held-out rows of a data set; failures are not cached.

    Raises:
        UserError: when it is neither on this machine nor on the Hub.
    """
    return DATASETS[PICTURE_SETS[name].dataset](SPLIT, limit=ROWS).records


def sample(name: str) -> list[tuple[Image.Image, str]]:
    """Return random pictures with captions; skip pictures that do not open."""
    fact, records = PICTURE_SETS[name].fact, load_records(name)
    captioned = []
    for record in _rng.sample(records, min(COUNT, len(records))):
        try:
            captioned.append((enlarge(open_image(record.image)), record.facts.get(fact, "")))
        except UserError:
            continue
    return captioned


def enlarge(picture: Image.Image) -> Image.Image:
    """Scale a tiny picture up by an integer factor, without smoothing."""
    factor = max(SIDE // max(picture.size), 1)
    size = (picture.width * factor, picture.height * factor)
    return picture.resize(size, Image.Resampling.NEAREST) if factor > 1 else picture


def build_gallery(pictures: Sequence[tuple[str, str]] | None = None, **options: Any) -> gr.Gallery:
    """Build a gallery to choose a picture from; the style sheet sets how many fit in a row."""
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
    """Build the controls inside the accordion `parent`, which loads pictures when it is opened."""
    name = gr.Radio([*PICTURE_SETS], value="Fashion", label="Data set", elem_id="data-set")
    with gr.Row(elem_id="shelf-bar"):
        state = gr.HTML(note("Loading…", "busy"), elem_id="more-status")
        small: dict[str, Any] = {"size": "sm", "scale": 0}
        shuffle = gr.Button("Shuffle", min_width=110, elem_id="shuffle", **small)
        fetch = gr.Button(
            "Fetch from the Hub", min_width=160, visible=False, elem_id="fetch", **small
        )
    gallery = build_gallery(label="Pictures", elem_id="more-pictures")
    events: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    outputs = [gallery, state, fetch]
    gr.on([parent.expand, name.change, shuffle.click], show, name, outputs, **events)
    fetch.click(lambda: note("Fetching…", "busy"), None, state, queue=False, **events).then(
        download, name, outputs, **events
    )
    gallery.select(choose, gallery, [image, answer, status], queue=False, **events)


def show(name: str) -> list[Any]:
    """Return [pictures, status, fetch button]; when nothing is here, say that it can be fetched."""
    if not is_local(name) and not is_offline():
        text = f"{name} is not on this machine; it can be fetched from the Hub."
        return [None, note(text), gr.update(visible=True)]
    return download(name)


def download(name: str) -> list[Any]:
    """Return [pictures, status, fetch button], fetching the data set from the Hub if needed."""
    try:
        return [
            sample(name),
            note("Held-out pictures, with their labels."),
            gr.update(visible=False),
        ]
    except Exception as error:
        return [None, note(explain(error), "failed"), gr.skip()]


def get_chosen_path(cached: Sequence[tuple[str, str]], index: int) -> str:
    """Return the file of a clicked picture; `cached` comes from the browser, so check it."""
    with as_client_errors():
        return picture.check_uploaded(cached[index][0])


def choose(cached: list[tuple[str, str]], picked: gr.SelectData) -> list[Any]:
    """Put the clicked picture into the picture input."""
    return [get_chosen_path(cached, picked.index), "", note("Press Describe for an answer.")]
