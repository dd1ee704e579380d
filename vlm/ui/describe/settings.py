"""Generation controls, built from the fields of GenerateConfig, which define their ranges."""

from dataclasses import Field, fields, replace
from typing import Any

import gradio as gr

from vlm.config import GenerateConfig

HIDDEN = ("deadline",)  # not shown on the page
MAX_STOPS = 5000  # positions that a slider can be set to by hand
FIELDS = tuple(f for f in fields(GenerateConfig) if f.name not in HIDDEN)
NAMES = tuple(f.name for f in FIELDS)
DEFAULTS = tuple(f.default for f in FIELDS)


def make_label(field: Field) -> str:
    """Return `max_new_tokens` as "Max new tokens"; top_p and top_k get a hyphen."""
    words = field.name.replace("top_", "top-").replace("num_", "").replace("_", " ")
    return words[0].upper() + words[1:]


def build_control(field: Field) -> gr.Slider | gr.Number:
    """Return a slider, or a number box where a slider would have too many positions."""
    meta = field.metadata
    ident = field.name.replace("_", "-")
    shared = {"label": make_label(field), "info": meta["help"], "value": field.default}
    shared |= {"step": meta["step"], "elem_id": ident, "minimum": meta["low"]}
    if (meta["high"] - meta["low"]) / meta["step"] > MAX_STOPS:
        return gr.Number(maximum=meta["high"], precision=0, **shared)
    return gr.Slider(maximum=meta["high"], buttons=[], **shared)


def build() -> list[gr.Slider | gr.Number]:
    """Build the controls in the order of NAMES, and the button that resets them."""
    controls = [build_control(f) for f in FIELDS]
    reset = gr.Button("Reset to defaults", elem_id="reset", size="sm")
    reset.click(lambda: list(DEFAULTS), None, controls, queue=False, api_visibility="private")
    return controls


def to_config(values: dict[str, Any]) -> GenerateConfig:
    """Return the generation settings in a request.

    Raises:
        UserError: when values are out of range or not numbers; it names all of them.
    """
    checked = GenerateConfig(**values)
    integers = {f.name: int(values[f.name]) for f in FIELDS if f.type is int and f.name in values}
    return replace(checked, **integers)  # JSON clients may send 5.0 for 5
