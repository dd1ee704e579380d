"""What goes wrong, as one sentence for the visitor; everything else goes to the server's log."""

import html
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from vlm.errors import UserError

LONGEST = 400  # characters; a sentence may quote what was sent, which has no bound
log = logging.getLogger(__name__)


def refusal(sentence: str) -> gr.Error:
    """The exception whose text reaches the client."""
    return gr.Error(safe(sentence), print_exception=False, title="Sorry")


def toast(sentence: str) -> None:
    """Show the sentence over the page; an exception would cover the answer with a red "Error"."""
    gr.Warning(safe(sentence), title="Sorry")


def safe(sentence: str) -> str:
    """Cut to a bearable length, and escaped: gradio shows messages as HTML."""
    text = sentence if len(sentence) <= LONGEST else sentence[: LONGEST - 1] + "…"
    return html.escape(text, quote=False)


def explain(error: Exception) -> str:
    """The sentence for an exception."""
    if isinstance(error, UserError):
        return str(error)
    log.error("a request failed", exc_info=error)
    if type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError):
        return "The model ran out of memory; shorten the answer or choose a smaller model."
    return "The model failed on this request; the server's log says why."


@contextmanager
def refusals() -> Iterator[None]:
    """Around a handler: every exception becomes one sentence."""
    try:
        yield
    except gr.Error:
        raise
    except Exception as error:
        raise refusal(explain(error)) from None


def note(text: str, state: str = "idle") -> str:
    """The page's status line; `state` is idle, busy, done, stored or failed."""
    return f'<p class="note" data-state="{state}">{html.escape(text)}</p>'
