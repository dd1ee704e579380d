"""Conversations in the layouts of other tools, as pairs of question and answer.

OpenAI and TRL: `role` and `content`, a text or parts; ShareGPT and LLaVA: `from` and `value`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}
_ROLES |= {"model": "assistant", "bot": "assistant", "chatgpt": "assistant"}
_MARK = re.compile(r"^\s*<image>\s*|\s*<image>\s*$")  # where the picture is; Loupe puts it first
_PICTURES = ("image", "image_url", "input_image")


class Conversation(NamedTuple):
    """What a list of messages says.

    Attributes:
        pairs: the questions with their answers, in order.
        images: the picture cells inside the messages.
        problem: the reason it is unusable, or an empty string.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    images: tuple[object, ...] = ()
    problem: str = ""


def is_list(cell: object) -> bool:
    """Return True for a list of messages."""
    return isinstance(cell, list | tuple) and bool(cell) and isinstance(cell[0], Mapping)


def read(messages: Sequence[object]) -> Conversation:
    """Return the conversation; messages of a system are left out, and a last question too."""
    pairs: list[tuple[str, str]] = []
    question: list[str] = []
    images: list[object] = []
    for message in messages:
        role, content = _message(message)
        images += _images(content)
        text = "\n".join(filter(None, map(_unmarked, _texts(content))))
        if role == "user":
            question.append(text)
        elif role == "assistant" and text:
            pairs.append(("\n".join(filter(None, question)), text))
            question = []
        elif not role:
            return Conversation(problem="a message has neither role and content nor from and value")
    if not pairs:
        return Conversation(problem="the conversation has no answer of an assistant")
    return Conversation(tuple(pairs), tuple(images))


def _message(message: object) -> tuple[str, object]:
    """Return a message's role, empty if there is none, and its content."""
    if not isinstance(message, Mapping):
        return "", None
    role = str(message.get("role") or message.get("from") or "").lower()
    content = message.get("content") if message.get("content") is not None else message.get("value")
    return _ROLES.get(role, role), content


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list | tuple):
        parts = (part for part in content if isinstance(part, Mapping | str))
        yield from (p if isinstance(p, str) else str(p.get("text") or "") for p in parts)
    elif isinstance(content, bool | int | float):
        yield str(content)


def _images(content: object) -> list[object]:
    parts = content if isinstance(content, list | tuple) else ()
    parts = [part for part in parts if isinstance(part, Mapping)]
    filled = (next((part[key] for key in _PICTURES if part.get(key)), None) for part in parts)
    return [image for image in filled if image is not None]


def _unmarked(text: str) -> str:
    return _MARK.sub("", text).strip()
