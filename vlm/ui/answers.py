"""From a picture and a prompt to a growing answer, for the page and for the public endpoint."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from vlm.data.images import open_image
from vlm.encoding import History, check_length
from vlm.errors import UserError
from vlm.types import Bundle
from vlm.ui import picture, settings
from vlm.ui.models import device

QUEUE = "model"  # gradio runs one event of this id at a time, in all the app
INTERVAL = 0.1  # seconds between updates: more often is only work for the browser
CUT_SHORT = {"stop": "stopped by you", "deadline": "stopped at the time limit"}


class Runs:
    """The stop events of the answers being made, one for each visitor."""

    def __init__(self) -> None:
        self._events: dict[str, threading.Event] = {}

    def begin(self, visitor: str) -> None:
        """A visitor asks; what they asked before, if it still runs, ends."""
        self.stop(visitor)
        self._events[visitor] = threading.Event()

    def event(self, visitor: str) -> threading.Event:
        """The event that ends this visitor's answer."""
        return self._events.setdefault(visitor, threading.Event())

    def stop(self, visitor: str) -> None:
        """End this visitor's answer; harmless when there is none."""
        if visitor in self._events:
            self._events[visitor].set()

    def end(self, visitor: str, event: threading.Event) -> None:
        """The answer of this event is over; a newer one stays."""
        if self._events.get(visitor) is event:
            del self._events[visitor]


def check_prompt(prompt: Any) -> str:
    """The prompt as text.

    Raises:
        UserError: when it is empty, too long or no text.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise UserError("There is no prompt; write what you want to know about the picture.")
    check_length(prompt)
    return prompt


def growing(
    bundle: Bundle,
    image: Mapping[str, Any] | None,
    prompt: Any,
    values: dict[str, Any],
    stop: threading.Event,
    stats: Any = None,
    history: History = (),
) -> Iterator[str]:
    """Yield the answer so far, at most ten times a second, and at last the whole of it.

    Cheap checks come first, the model last. Closing the iterator ends the generation. `history`
    holds earlier questions about the picture, each with its answer.

    Raises:
        UserError: for a missing or bad picture, a bad prompt, settings out of bounds.
    """
    from vlm import generate  # transformers, which takes seconds to import

    prompt, config = check_prompt(prompt), settings.config(values)
    opened = open_image(picture.content(image))
    pieces = generate.stream(
        bundle, opened, prompt, config, history=history, stop=stop, stats=stats
    )
    text, shown = "", 0.0
    with closing(pieces):
        for piece in pieces:
            text += piece
            if time.monotonic() - shown >= INTERVAL:
                shown = time.monotonic()
                yield text
    yield text


def summary(bundle: Bundle, text: str, stats: Any) -> str:
    """What an answer took, in one line, with the name of the model that made it."""
    parts = [
        bundle.name,
        f"on {device(bundle)}",
        f"first token after {stats.first_token:.2f} s",
        f"{stats.tokens} tokens",
        f"{stats.tokens_per_second:.1f} tokens/s",
    ]
    if stats.probability:
        parts.append(f"mean token probability {stats.probability:.0%}")
    if stats.stopped:
        parts.append(CUT_SHORT[stats.stopped])
    if not text.strip():
        parts.append("the answer is empty")
    return " · ".join(parts)
