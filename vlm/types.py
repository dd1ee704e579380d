"""The nouns that every other file shares.

Shape legend, used in all docstrings and comments:
    B batch, T text tokens, N image tokens, D width, V vocabulary, H height, W width.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import PreTrainedModel, ProcessorMixin

IGNORE_INDEX = -100  # label of a token that carries no loss (torch's cross entropy default)


@dataclass(frozen=True)
class Turn:
    """One question about a picture and its right answer; `task` says which kind of question.

    `history` holds the questions asked before about the same picture, each with its answer.
    """

    prompt: str
    answer: str
    task: str = "describe"
    history: tuple[tuple[str, str], ...] = ()

    @property
    def characters(self) -> int:
        """Of question, answer and history together."""
        earlier = sum(len(text) for pair in self.history for text in pair)
        return earlier + len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class Record:
    """One picture with everything known about it.

    Attributes:
        id: unique within its data set.
        image: encoded bytes, a path, or a PIL picture; decoded only by `data.images.open_image`.
        turns: the questions and answers that train a model on this picture.
        facts: the row's metadata (fashion: articleType, baseColour, ...), empty when there is none.
    """

    id: str
    image: "bytes | Path | Image"
    turns: tuple[Turn, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model and its processor, which travel together; `lock` lets one request run at a time."""

    model: "PreTrainedModel"
    processor: "ProcessorMixin"
    name: str
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


@dataclass(frozen=True)
class Dataset:
    """The usable records of a data set, and one line for each row that was left out."""

    name: str
    records: tuple[Record, ...]
    problems: tuple[str, ...] = ()

    def report(self) -> str:
        """What was found, and every row that was left out with its reason."""
        head = f"{self.name}: {len(self.records)} pictures, {len(self.problems)} bad rows"
        return "\n  ".join([head, *self.problems])
