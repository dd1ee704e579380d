"""What the page offers to ask: the prompts of the model that answers, from its preset."""

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from vlm.loading.presets import PRESETS, Preset

CUSTOM = "Custom"
OTHERS = Preset("any other model")  # has the prompts of models without a preset
# label -> prompt, for every model with a preset, and under "" for the others
TABLE = json.dumps(
    {name: dict(preset.prompts) for name, preset in (PRESETS | {"": OTHERS}).items()}
)
# the model's name is the last argument of both
SET_PROMPT = f"(label, old, model) => (({TABLE})[model] ?? ({TABLE})[''])[label] ?? old"
NAME_PROMPT = f"""(text, model) =>
  Object.entries(({TABLE})[model] ?? ({TABLE})['']).find(([, prompt]) => prompt === text)?.[0]
    ?? '{CUSTOM}'"""


def of(model: str) -> Mapping[str, str]:
    """Return label -> prompt of a model."""
    return PRESETS.get(model, OTHERS).prompts


def first(model: str) -> tuple[str, str]:
    """Return the label and prompt that are chosen at first."""
    label = PRESETS.get(model, OTHERS).first_prompt
    return label, of(model)[label]


def name(prompt: str, model: str) -> str:
    """Return the label of a prompt of this model."""
    return next((label for label, text in of(model).items() if text == prompt), CUSTOM)


def build(model: str) -> tuple[gr.Radio, gr.Textbox]:
    """Build the choice of prompts and the prompt itself."""
    label, text = first(model)
    preset = gr.Radio([*of(model), CUSTOM], value=label, label="Ask for", elem_id="preset")
    prompt = gr.Textbox(text, label="Prompt", lines=2, elem_id="prompt", max_length=2000)
    return preset, prompt


def switch(old: str, model: str) -> list[Any]:
    """Return updates of both for another model; a prompt of the visitor's own stays.

    Args:
        old: the prompt on the page.
    """
    known = {text for preset in PRESETS.values() for text in preset.prompts.values()}
    label, text = first(model) if old in known else (CUSTOM, old)
    if old in of(model).values():
        label, text = name(old, model), old
    return [gr.Radio(choices=[*of(model), CUSTOM], value=label), text]
