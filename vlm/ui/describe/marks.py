"""The picture with the places that an answer names drawn on it."""

from typing import Any

import gradio as gr

from vlm.data.grammar.boxes import read_regions, to_pixels
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.ui.describe import picture


def build() -> gr.AnnotatedImage:
    """Build the picture, which is hidden until an answer names a place."""
    return gr.AnnotatedImage(
        label="Where it is", height=300, visible=False, elem_id="marked", buttons=[]
    )


def hide() -> dict[str, Any]:
    """Return the update that hides it."""
    return gr.update(value=None, visible=False)


def show(conversation: Any, image: Any) -> dict[str, Any]:
    """Return the update that shows the boxes of a conversation's last answer, if it has any."""
    pairs = conversation.get("pairs", ()) if isinstance(conversation, dict) else ()
    regions = read_regions(pairs[-1][1]) if pairs else ()
    if not regions:
        return hide()
    try:
        opened = open_image(picture.read_source(image))
    except UserError:  # the picture was taken away meanwhile
        return hide()
    marks = [(to_pixels(region.box, *opened.size), region.label or "here") for region in regions]
    return gr.update(value=(opened, marks), visible=True)
