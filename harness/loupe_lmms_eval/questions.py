"""From lmms-eval's words to ours: one picture, one prompt, and how the answer is decoded.

Knows the shapes of lmms-eval 0.7.3's requests and imports nothing of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from PIL import Image

from vlm import encoding
from vlm.benchmarks import question
from vlm.config import GenerateConfig
from vlm.data.images import open_image
from vlm.errors import UserError, lookup

DEFAULT_TOKENS = 256  # a task that names no max_new_tokens gets as many
CEILING = {field.name: field.metadata["high"] for field in fields(GenerateConfig)}
SAMPLING = ("temperature", "top_p", "top_k")
DECODING = ("num_beams", "repetition_penalty")
UNDERSTOOD = {"max_new_tokens", "do_sample", "until", *SAMPLING, *DECODING}


@dataclass(frozen=True)
class Question:
    """One picture, RGB, and the text that goes with it."""

    picture: Image.Image
    prompt: str


# --- pictures ------------------------------------------------------------------------------------


def only_picture(pictures: Sequence[Image.Image]) -> Image.Image:
    """The one picture of a question.

    Raises:
        UserError: when there are several.
    """
    if len(pictures) > 1:
        raise UserError(
            f"This question has {len(pictures)} pictures and the model takes one; choose another "
            "task, or add several_pictures=beside to --model_args to lay them side by side."
        )
    return pictures[0]


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """All pictures in one, as `python -m vlm benchmark` lays them."""
    return question.picture(question.Question("", tuple(pictures), "", ""))


SEVERAL: dict[str, Callable[[Sequence[Image.Image]], Image.Image]] = {
    "error": only_picture,
    "beside": side_by_side,
}


def one_picture(visuals: Iterable[Any], several: str = "error") -> Image.Image:
    """What a task shows, as one RGB picture.

    Args:
        visuals: PIL pictures or paths; None counts as nothing shown.
        several: what to do with more than one, a name in `SEVERAL`.

    Raises:
        UserError: when nothing is shown, or something that is no picture, or several.
    """
    shown = [visual for visual in visuals if visual is not None]
    if not shown:
        raise UserError("This question comes without a picture; choose a task that shows one.")
    for visual in shown:
        if not isinstance(visual, Image.Image | str | Path):
            raise UserError(
                f"This question shows {_kind(visual)}, the model takes one picture; choose a task "
                "with pictures."
            )
    return lookup(SEVERAL, several, "several_pictures")([open_image(visual) for visual in shown])


def _kind(visual: Any) -> str:
    kind = visual.get("type") if isinstance(visual, Mapping) else None
    return f"{kind or type(visual).__name__} data"


# --- the two interfaces --------------------------------------------------------------------------


def from_simple(context: str, visuals: Iterable[Any] | None, several: str = "error") -> Question:
    """A question of the simple interface: text and what `doc_to_visual` gives."""
    return _question(context, visuals or (), several)


def _question(prompt: str, visuals: Iterable[Any], several: str) -> Question:
    encoding.check_length(prompt)  # here, where a fault can still be told by its number
    return Question(one_picture(visuals, several), prompt)


def from_messages(messages: Sequence[Mapping[str, Any]], several: str = "error") -> Question:
    """A question of the chat interface.

    Our models take one picture and then one text, so the pieces of text (a system message first)
    are joined by line ends, wherever the picture stood among them.

    Raises:
        UserError: for examples answered in the messages, a text that is too long, sound, video,
            several pictures or none.
    """
    texts, visuals = [], []
    for message in messages:
        if message["role"] == "assistant":
            raise UserError(
                "This task answers examples in its messages and the model takes one question; "
                "run it with --num_fewshot 0, or choose another task."
            )
        for part in message["content"]:
            if part["type"] == "text":
                texts.append(part["text"])
            else:
                visuals.append(part["url"] if part["type"] == "image" else part)
    return _question("\n".join(text for text in texts if text), visuals, several)


# --- decoding ------------------------------------------------------------------------------------


def settings(wanted: Mapping[str, Any], seed: int = 0) -> GenerateConfig:
    """The task's generation_kwargs as ours; the time limit is the longest that is allowed.

    A temperature without `do_sample` samples, as in transformers `do_sample: false` never does.
    More tokens than `GenerateConfig` allows are cut to that many; see `ignored`.

    Raises:
        UserError: for values out of bounds.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    tokens = min(int(given.get("max_new_tokens", DEFAULT_TOKENS)), CEILING["max_new_tokens"])
    chosen = {name: given[name] for name in DECODING if name in given}
    if samples(given):
        chosen |= {"temperature": 1.0} | {name: given[name] for name in SAMPLING if name in given}
    return GenerateConfig(max_new_tokens=tokens, seed=seed, deadline=CEILING["deadline"], **chosen)


def samples(wanted: Mapping[str, Any]) -> bool:
    """True when the answers are drawn and not the likeliest."""
    hot = wanted.get("temperature")
    if wanted.get("do_sample") is None:
        return bool(hot)
    return bool(wanted["do_sample"]) and hot != 0


def ignored(wanted: Mapping[str, Any]) -> list[str]:
    """One clause for each setting of a task that is not followed to the letter."""
    found = [f"{name} is not known" for name in wanted if name not in UNDERSTOOD]
    tokens = wanted.get("max_new_tokens") or 0
    if tokens > CEILING["max_new_tokens"]:
        found.append(f"max_new_tokens {tokens} is cut to {CEILING['max_new_tokens']}")
    return found


def cut(text: str, until: str | Sequence[str] | None) -> str:
    """The text up to the first of the ends that a task names."""
    ends = [until] if isinstance(until, str) else until or ()
    found = [at for end in ends if end and (at := text.find(end)) >= 0]
    return text[: min(found)] if found else text
