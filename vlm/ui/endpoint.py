"""The public endpoint /describe, for gradio's clients, plain HTTP and MCP."""

import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.components.api_component import Api

from vlm.config import GenerateConfig
from vlm.data.captions import PROMPTS
from vlm.ui import answers, settings
from vlm.ui.models import Models
from vlm.ui.sentences import refusals

PROMPT = PROMPTS["detailed"][1]
SUMMARY = "Answer a question about a picture, or describe it; the text so far is streamed."


def help_text() -> str:
    """The docstring that MCP shows to its clients; the settings speak for themselves."""
    lines = ["image: the picture, as an uploaded file or a data: URL"]
    lines.append("prompt: a question or an instruction, up to 2,000 characters")
    lines += [
        f"{f.name}: {f.metadata['help']}, {f.metadata['low']} to {f.metadata['high']}"
        for f in settings.SHOWN
    ]
    return f"{SUMMARY}\n\nArgs:\n    " + "\n    ".join(lines)


def schema(kind: type) -> dict[str, str]:
    """The JSON schema of an argument."""
    return {"type": {int: "integer", float: "number", str: "string"}[kind]}


def add(image: gr.Image, models: Models) -> None:
    """Add the endpoint; its argument names are a public promise."""

    def describe(
        image: dict,
        prompt: str = PROMPT,
        max_new_tokens: int = GenerateConfig.max_new_tokens,
        temperature: float = GenerateConfig.temperature,
        top_p: float = GenerateConfig.top_p,
        top_k: int = GenerateConfig.top_k,
        repetition_penalty: float = GenerateConfig.repetition_penalty,
        num_beams: int = GenerateConfig.num_beams,
        seed: int = GenerateConfig.seed,
    ) -> Iterator[str]:
        given: dict[str, Any] = locals()
        values = {name: given[name] for name in settings.NAMES}
        with refusals():
            stop = threading.Event()
            yield from answers.growing(models.current(), image, prompt, values, stop)

    describe.__doc__ = help_text()
    numbers = [Api(f.default, schema(f.type), settings.label(f)) for f in settings.SHOWN]
    inputs = [image, Api(PROMPT, schema(str), "Prompt"), *numbers]
    trigger = gr.Button(visible=False)
    trigger.click(
        describe,
        inputs,
        Api(None, schema(str), "Answer"),
        api_name="describe",
        preprocess=False,
        concurrency_id=answers.QUEUE,
        concurrency_limit=1,
    )
