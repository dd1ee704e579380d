"""Streamed answers for the page and for the public endpoint."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.inference.encoding import History, check_length
from vlm.types import Bundle
from vlm.ui.describe import picture, settings
from vlm.ui.model_holder import Models, get_device_name
from vlm.ui.sentences import explain, note, toast

QUEUE = "model"  # gradio runs one event with this id at a time in the whole app
INTERVAL = 0.1  # seconds between updates of the page
MAX_HISTORY = 2  # earlier questions sent with a follow-up
CUT_SHORT = {"stop": "stopped by you", "deadline": "stopped at the time limit"}


class StopEvents:
    """The stop events of running answers, one per visitor."""

    def __init__(self) -> None:
        self._events: dict[str, threading.Event] = {}

    def begin(self, visitor: str) -> None:
        """Register a new answer and stop the visitor's previous one."""
        self.stop(visitor)
        self._events[visitor] = threading.Event()

    def get(self, visitor: str) -> threading.Event:
        """Return the event that stops this visitor's answer."""
        return self._events.setdefault(visitor, threading.Event())

    def stop(self, visitor: str) -> None:
        """Stop this visitor's answer, if any."""
        if visitor in self._events:
            self._events[visitor].set()

    def end(self, visitor: str, event: threading.Event) -> None:
        """Forget a finished answer's event; keep that of a newer one."""
        if self._events.get(visitor) is event:
            del self._events[visitor]


def check_prompt(prompt: Any) -> str:
    """Return the prompt if it is valid.

    Raises:
        UserError: when it is empty, too long or not text.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise UserError("There is no prompt; write what you want to know about the picture.")
    check_length(prompt)
    return prompt


def stream_answer(
    bundle: Bundle,
    image: Mapping[str, Any] | None,
    prompt: Any,
    values: dict[str, Any],
    stop: threading.Event,
    stats: Any = None,
    history: History = (),
) -> Iterator[str]:
    """Yield the answer so far, at most ten times a second, and finally the whole answer.

    Closing the iterator stops the generation. `history` has earlier questions about the picture
    with their answers.

    Raises:
        UserError: for a missing or damaged picture, a bad prompt or settings out of range.
    """
    from vlm.inference import generate  # imports transformers, which takes seconds

    prompt, config = check_prompt(prompt), settings.to_config(values)
    opened_image = open_image(picture.read_source(image))
    pieces = generate.stream(
        bundle, opened_image, prompt, config, history=history, stop=stop, stats=stats
    )
    text, updated = "", 0.0
    with closing(pieces):
        for piece in pieces:
            text += piece
            if time.monotonic() - updated >= INTERVAL:
                updated = time.monotonic()
                yield text
    yield text


def probability_right(
    bundle: Bundle, prompt: str, values: dict[str, Any], stats: Any, history: History = ()
) -> float | None:
    """Return the probability that the answer is right, None where it was never measured.

    Raises:
        UserError: when the model's calibration is damaged.
    """
    from vlm.inference import calibration  # imports transformers

    if history:
        return None
    config = settings.to_config(values)
    found = calibration.find(bundle)
    return next(iter(calibration.probabilities_right(found, prompt, config, stats)), None)


def summarize(bundle: Bundle, text: str, stats: Any, probability: float | None = None) -> str:
    """Return one line with the model's name, its device and the cost of the answer.

    Args:
        probability: that the answer is right, None if it was not measured: then no number at all
            is shown, as the model's token probabilities say nothing of truth.
    """
    parts = [
        bundle.name,
        f"on {get_device_name(bundle)}",
        f"first token after {stats.first_token:.2f} s",
        f"{stats.tokens} tokens",
        f"{stats.tokens_per_second:.1f} tokens/s",
    ]
    if probability is not None:
        parts.append(f"right with a probability of {probability:.0%}")
    if stats.stopped:
        parts.append(CUT_SHORT[stats.stopped])
    if not text.strip():
        parts.append("the answer is empty")
    return " · ".join(parts)


def get_history(conversation: Any, image: Any) -> History:
    """Return the last questions about this picture, with their answers."""
    picture = _get_source(image)
    is_same = isinstance(conversation, dict) and picture and conversation.get("picture") == picture
    return tuple(conversation["pairs"][-MAX_HISTORY:]) if is_same else ()


def make_conversation(history: History, image: Any, prompt: Any, text: str) -> dict[str, Any]:
    """Return the history with this question added, unless its answer is empty."""
    pairs = [*history, (prompt, text)] if text else [*history]
    return {"picture": _get_source(image), "pairs": pairs}


def _get_source(image: Any) -> str:
    """Return the picture's path or URL, which differs for each upload."""
    return (image.get("path") or image.get("url") or "") if isinstance(image, dict) else ""


def stream_page(
    models: Models,
    image: Any,
    prompt: Any,
    values: tuple,
    stop: threading.Event,
    history: History = (),
) -> Iterator[list[Any]]:
    """Yield [answer, status line] for the page; an error becomes the status line and a toast."""
    from vlm.inference.generate import Stats

    stats, text = Stats(), ""
    try:
        bundle = models.get_model()
        named = dict(zip(settings.NAMES, values, strict=True))
        for text in stream_answer(bundle, image, prompt, named, stop, stats, history):
            yield [text, note(f"{bundle.name} answers… {stats.tokens} tokens", "busy")]
        chance = probability_right(bundle, prompt, named, stats, history)
        yield [text, note(summarize(bundle, text, stats, chance), "done")]
    except Exception as error:
        sentence = explain(error)
        toast(sentence)
        yield [text, note(sentence, "failed")]
