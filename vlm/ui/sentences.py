"""Errors as one sentence for the user; details go to the server's log."""

import html
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from vlm.errors import UserError

LONGEST = 400  # characters; a message may quote user input of any length
log = logging.getLogger(__name__)


def client_error(sentence: str) -> gr.Error:
    """Return an exception whose text gradio sends to the client."""
    return gr.Error(escape(sentence), print_exception=False, title="Sorry")


def toast(sentence: str) -> None:
    """Show a toast; an exception would cover the answer with a red "Error"."""
    gr.Warning(escape(sentence), title="Sorry")


def escape(sentence: str) -> str:
    """Return the sentence cut to LONGEST characters and escaped: gradio shows it as HTML."""
    text = sentence if len(sentence) <= LONGEST else sentence[: LONGEST - 1] + "…"
    return html.escape(text, quote=False)


def explain(error: Exception) -> str:
    """Return the sentence for an exception; log one that is not a UserError."""
    if isinstance(error, UserError):
        return str(error)
    log.error("a request failed", exc_info=error)
    if type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError):
        return "The model ran out of memory; shorten the answer or choose a smaller model."
    return "The model failed on this request; see the server's log."


@contextmanager
def as_client_errors() -> Iterator[None]:
    """Turn every exception in a handler into a one-sentence client error."""
    try:
        yield
    except gr.Error:
        raise
    except Exception as error:
        raise client_error(explain(error)) from None


def note(text: str, state: str = "idle") -> str:
    """Return a status line as HTML; `state` is idle, busy, done, stored or failed."""
    return f'<p class="note" data-state="{state}">{html.escape(text)}</p>'
