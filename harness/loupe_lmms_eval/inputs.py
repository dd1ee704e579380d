"""Convert lmms-eval's requests into one picture, one prompt and generation settings.

The code knows the format of lmms-eval 0.7.3's requests but imports nothing from it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from PIL import Image

from vlm.config import GenerateConfig
from vlm.data.images import open_image
from vlm.errors import UserError, lookup
from vlm.evaluation.benchmarks.question import side_by_side
from vlm.inference import encoding

DEFAULT_TOKENS = 256  # for a task that sets no max_new_tokens
MAXIMUM = {field.name: field.metadata["high"] for field in fields(GenerateConfig)}
SAMPLING = ("temperature", "top_p", "top_k")
DECODING = ("num_beams", "repetition_penalty")
SUPPORTED = {"max_new_tokens", "do_sample", "until", *SAMPLING, *DECODING}


@dataclass(frozen=True)
class ModelInput:
    """One RGB picture and the prompt that goes with it."""

    picture: Image.Image
    prompt: str


# --- pictures ------------------------------------------------------------------------------------


def only_picture(pictures: Sequence[Image.Image]) -> Image.Image:
    """Return the single picture of a question.

    Raises:
        UserError: when there are several.
    """
    if len(pictures) > 1:
        raise UserError(
            f"This question has {len(pictures)} pictures and the model takes one; choose another "
            "task, or add several_pictures=beside to --model_args to place them side by side."
        )
    return pictures[0]


SEVERAL_PICTURES: dict[str, Callable[[Sequence[Image.Image]], Image.Image]] = {
    "error": only_picture,
    "beside": side_by_side,
}


def one_picture(visuals: Iterable[Any], several: str = "error") -> Image.Image:
    """Return what a task shows as one RGB picture.

    Args:
        visuals: PIL images or paths; None is ignored.
        several: how to handle more than one picture, a name in `SEVERAL_PICTURES`.

    Raises:
        UserError: when there is no picture, something other than pictures, or several of them.
    """
    visuals = [visual for visual in visuals if visual is not None]
    if not visuals:
        raise UserError("This question comes without a picture; choose a task that shows one.")
    for visual in visuals:
        if not isinstance(visual, Image.Image | str | Path):
            raise UserError(
                f"This question shows {_kind(visual)}, but the model takes one picture; choose a "
                "task with pictures."
            )
    combine = lookup(SEVERAL_PICTURES, several, "several_pictures")
    return combine([open_image(visual) for visual in visuals])


def _kind(visual: Any) -> str:
    kind = visual.get("type") if isinstance(visual, Mapping) else None
    return f"{kind or type(visual).__name__} data"


# --- the two interfaces --------------------------------------------------------------------------


def from_simple(context: str, visuals: Iterable[Any] | None, several: str = "error") -> ModelInput:
    """Convert a request of the simple interface: its text and the result of `doc_to_visual`."""
    return _model_input(context, visuals or (), several)


def _model_input(prompt: str, visuals: Iterable[Any], several: str) -> ModelInput:
    encoding.check_length(prompt)  # here, where the error can still name the question
    return ModelInput(one_picture(visuals, several), prompt)


def from_messages(messages: Sequence[Mapping[str, Any]], several: str = "error") -> ModelInput:
    """Convert a request of the chat interface.

    Our models take one picture, then one text. The texts of all messages, including a system
    message, are therefore joined by line breaks, wherever the picture was between them.

    Raises:
        UserError: for messages with answered examples, a text that is too long, audio, video,
            several pictures or none.
    """
    texts, visuals = [], []
    for message in messages:
        if message["role"] == "assistant":
            raise UserError(
                "This task puts answered examples into its messages, but the model takes a single "
                "question; run it with --num_fewshot 0, or choose another task."
            )
        for part in message["content"]:
            if part["type"] == "text":
                texts.append(part["text"])
            else:
                visuals.append(part["url"] if part["type"] == "image" else part)
    return _model_input("\n".join(text for text in texts if text), visuals, several)


# --- generation ----------------------------------------------------------------------------------


def generation_config(kwargs: Mapping[str, Any], seed: int = 0) -> GenerateConfig:
    """Convert a task's generation_kwargs; the deadline is the longest one allowed.

    A temperature without `do_sample` enables sampling; as in transformers, `do_sample: false`
    disables it. `max_new_tokens` is limited to the maximum of `GenerateConfig`, see `warnings`.

    Raises:
        UserError: for values out of bounds.
    """
    kwargs = {name: value for name, value in kwargs.items() if value is not None}
    tokens = min(int(kwargs.get("max_new_tokens", DEFAULT_TOKENS)), MAXIMUM["max_new_tokens"])
    chosen = {name: kwargs[name] for name in DECODING if name in kwargs}
    if is_sampling(kwargs):
        chosen |= {"temperature": 1.0} | {name: kwargs[name] for name in SAMPLING if name in kwargs}
    return GenerateConfig(max_new_tokens=tokens, seed=seed, deadline=MAXIMUM["deadline"], **chosen)


def is_sampling(kwargs: Mapping[str, Any]) -> bool:
    """Return True if the generation_kwargs ask for sampling, False for greedy decoding."""
    temperature = kwargs.get("temperature")
    if kwargs.get("do_sample") is None:
        return bool(temperature)
    return bool(kwargs["do_sample"]) and temperature != 0


def warnings(kwargs: Mapping[str, Any]) -> list[str]:
    """Return one clause for each of the generation_kwargs that is not followed exactly."""
    clauses = [f"{name} is not supported" for name in kwargs if name not in SUPPORTED]
    tokens = kwargs.get("max_new_tokens") or 0
    if tokens > MAXIMUM["max_new_tokens"]:
        clauses.append(f"max_new_tokens {tokens} is reduced to {MAXIMUM['max_new_tokens']}")
    return clauses


def truncate(text: str, until: str | Sequence[str] | None) -> str:
    """Return the text up to the first of a task's stop strings."""
    stops = [until] if isinstance(until, str) else until or ()
    positions = [position for stop in stops if stop and (position := text.find(stop)) >= 0]
    return text[: min(positions)] if positions else text
