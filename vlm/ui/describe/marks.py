"""The picture with the places that an answer names drawn on it."""

from typing import Any

import gradio as gr
import numpy as np

from vlm.data.grammar.boxes import Box, read_regions, to_pixels
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.ui.describe import picture

LARGEST = 1024  # longer side of the drawn picture, in pixels
EDGES = 200  # a box's edge is the picture's longer side divided by this
FILL = 0.15  # opacity inside a box, so that what is marked stays visible


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
        drawn = open_image(picture.read_source(image)).copy()
    except UserError:  # the picture was taken away meanwhile
        return hide()
    drawn.thumbnail((LARGEST, LARGEST))
    marks = [(draw(region.box, *drawn.size), region.label or "here") for region in regions]
    return gr.update(value=(drawn, marks), visible=True)


def draw(box: Box, width: int, height: int) -> np.ndarray:
    """Return the box as opacities from 0 to 1 (height, width): its edges are opaque."""
    x1, y1, x2, y2 = to_pixels(box, width, height)
    x1, y1 = min(x1, width - 1), min(y1, height - 1)  # a tiny picture has fewer pixels than SIDE
    edge = max(width, height) // EDGES + 1
    opacity = np.zeros((height, width))
    opacity[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)] = 1
    opacity[y1 + edge : max(y2 - edge, 0), x1 + edge : max(x2 - edge, 0)] = FILL
    return opacity
