"""The controls of generation, made from the fields of GenerateConfig: bounds stand only there."""

from dataclasses import Field, fields, replace
from typing import Any

import gradio as gr

from vlm.config import GenerateConfig

HIDDEN = ("deadline",)  # not a visitor's choice
MOST_STOPS = 5000  # a slider with more positions cannot be set by hand
SHOWN = tuple(f for f in fields(GenerateConfig) if f.name not in HIDDEN)
NAMES = tuple(f.name for f in SHOWN)
DEFAULTS = tuple(f.default for f in SHOWN)


def label(field: Field) -> str:
    """`max_new_tokens` as people say it; top_p and top_k keep their hyphen."""
    words = field.name.replace("top_", "top-").replace("num_", "").replace("_", " ")
    return words[0].upper() + words[1:]


def control(field: Field) -> gr.Slider | gr.Number:
    """A slider, or a number box where a slider would be too fine."""
    meta = field.metadata
    ident = field.name.replace("_", "-")
    shared = {"label": label(field), "info": meta["help"], "value": field.default}
    shared |= {"step": meta["step"], "elem_id": ident, "minimum": meta["low"]}
    if (meta["high"] - meta["low"]) / meta["step"] > MOST_STOPS:
        return gr.Number(maximum=meta["high"], precision=0, **shared)
    return gr.Slider(maximum=meta["high"], buttons=[], **shared)


def build() -> list[gr.Slider | gr.Number]:
    """All controls, in the order of NAMES, and the button that resets them."""
    controls = [control(f) for f in SHOWN]
    reset = gr.Button("Reset to defaults", elem_id="reset", size="sm")
    reset.click(lambda: list(DEFAULTS), None, controls, queue=False, api_visibility="private")
    return controls


def config(values: dict[str, Any]) -> GenerateConfig:
    """Settings from what a client sent.

    Raises:
        UserError: naming everything that is out of bounds or no number.
    """
    checked = GenerateConfig(**values)
    whole = {f.name: int(values[f.name]) for f in SHOWN if f.type is int and f.name in values}
    return replace(checked, **whole)  # JSON has 5.0 for 5
