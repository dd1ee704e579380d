"""The nouns that all other files share: Turn, Record, Dataset, Bundle.

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


EXAMPLES = 3  # rows listed for each reason
IGNORE_INDEX = -100  # label of a token that does not count in the loss (torch's default)


@dataclass(frozen=True)
class Turn:
    """One question about a picture and its correct answer.

    Attributes:
        task: the kind of question, such as "describe", "colour" or "yesno".
        history: earlier questions about the same picture, each with its answer.
        rejected: a worse answer, kept for preference training; empty if there is none.
    """

    prompt: str
    answer: str
    task: str = "describe"
    history: tuple[tuple[str, str], ...] = ()
    rejected: str = ""

    @property
    def characters(self) -> int:
        """Number of characters in the question, the answer and the history."""
        earlier = sum(len(text) for pair in self.history for text in pair)
        return earlier + len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class Record:
    """One picture and everything known about it.

    Attributes:
        id: unique within its data set.
        image: encoded bytes, a path or a PIL image; decoded only by `data.images.open_image`.
        turns: the questions and answers that a model is trained on.
        facts: the row's metadata (fashion: articleType, baseColour, ...); empty if there is none.
    """

    id: str
    image: "bytes | Path | Image"
    turns: tuple[Turn, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """The usable records of a data set.

    Attributes:
        problems: one line for each row that was skipped, with the reason.
        notes: how it was read, where that is not obvious.
    """

    name: str
    records: tuple[Record, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def report(self) -> str:
        """Return the number of records and how they were read, then the skipped rows.

        Rows with the same reason are listed up to `EXAMPLES`, the others are counted.
        """
        summary = f"{self.name}: {len(self.records)} pictures, {len(self.problems)} bad rows"
        summary += f" ({'; '.join(self.notes)})" if self.notes else ""
        groups: dict[str, list[str]] = {}
        for line in self.problems:
            groups.setdefault(_reason(line), []).append(line)
        lines = [line for group in groups.values() for line in _examples(group)]
        return "\n  ".join([summary, *lines])


def _reason(problem: str) -> str:
    """Return what "row 7: the file does not exist: a.png" shares with other lines."""
    return problem.partition(": ")[2].partition(": ")[0]


def _examples(problems: list[str]) -> list[str]:
    more = len(problems) - EXAMPLES
    return [*problems[:EXAMPLES], *([f"... and {more} more like these"] if more > 0 else [])]


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model together with its processor.

    Attributes:
        lock: held while the model answers, so that it answers one request at a time.
    """

    model: "PreTrainedModel"
    processor: "ProcessorMixin"
    name: str
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
