"""The public endpoint /describe, for gradio's clients, plain HTTP and MCP."""

import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.components.api_component import Api

from vlm.config import GenerateConfig
from vlm.ui.describe import answers, prompts, settings
from vlm.ui.model_holder import Models
from vlm.ui.sentences import as_client_errors

SUMMARY = "Answer a question about a picture, or describe it; the text so far is streamed."


def make_docstring() -> str:
    """Return the docstring that MCP shows to its clients."""
    lines = ["image: the picture, as an uploaded file or a data: URL"]
    lines.append("prompt: a question or an instruction, up to 2,000 characters")
    lines += [
        f"{f.name}: {f.metadata['help']}, {f.metadata['low']} to {f.metadata['high']}"
        for f in settings.FIELDS
    ]
    return f"{SUMMARY}\n\nArgs:\n    " + "\n    ".join(lines)


def make_schema(kind: type) -> dict[str, str]:
    """Return the JSON schema of an argument of this type."""
    return {"type": {int: "integer", float: "number", str: "string"}[kind]}


def add(image: gr.Image, models: Models) -> None:
    """Add the endpoint; its argument names are public and must stay."""
    question = prompts.first(models.first)[1]

    def describe(
        image: dict,
        prompt: str = question,
        max_new_tokens: int = GenerateConfig.max_new_tokens,
        temperature: float = GenerateConfig.temperature,
        top_p: float = GenerateConfig.top_p,
        top_k: int = GenerateConfig.top_k,
        repetition_penalty: float = GenerateConfig.repetition_penalty,
        num_beams: int = GenerateConfig.num_beams,
        seed: int = GenerateConfig.seed,
    ) -> Iterator[str]:
        arguments: dict[str, Any] = locals()
        values = {name: arguments[name] for name in settings.NAMES}
        with as_client_errors():
            stop = threading.Event()
            yield from answers.stream_answer(models.get_model(), image, prompt, values, stop)

    describe.__doc__ = make_docstring()
    numbers = [Api(f.default, make_schema(f.type), settings.make_label(f)) for f in settings.FIELDS]
    inputs = [image, Api(question, make_schema(str), "Prompt"), *numbers]
    trigger = gr.Button(visible=False)
    trigger.click(
        describe,
        inputs,
        Api(None, make_schema(str), "Answer"),
        api_name="describe",
        preprocess=False,
        concurrency_id=answers.QUEUE,
        concurrency_limit=1,
    )
