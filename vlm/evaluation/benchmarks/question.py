"""The parts of a benchmark: questions, prompts, rotations of options, pictures and tables.

The prompt has the form of LLaVA 1.5 (arXiv 2310.03744), which lmms-eval uses too.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from vlm.data import source
from vlm.data.grammar.boxes import Region
from vlm.data.images import open_image
from vlm.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

LETTERS = string.ascii_uppercase
ANSWER_BY_LETTER = "Answer with the option's letter from the given choices directly."
ANSWER_BRIEFLY = "Answer the question using a single word or phrase."
YES_NO = ("yes", "no")
GAP = 8  # pixels between pictures placed side by side


@dataclass(frozen=True)
class Question:
    """A question with its correct answer, in one rotation of its options.

    Attributes:
        id: unique within its benchmark; all rotations share it.
        images: encoded bytes, paths or PIL images; several are placed side by side.
        answer: index of the correct option; "yes" or "no"; a place; or the accepted free-text
            answers.
        category: the topic; each category gets its own scores.
        hint: text placed before the question.
        rotation: number of places by which the options were rotated.
        show_options: False if the answer must name an option without seeing the list.
        synonyms: other words for each option, accepted when the options are not shown.
        instructed: True if the prompt says how to answer; otherwise it is the text alone.
    """

    id: str
    images: tuple[bytes | Path | Image.Image, ...]
    text: str
    answer: int | str | Region | tuple[str, ...]
    options: tuple[str, ...] = ()
    category: str = ""
    hint: str = ""
    rotation: int = 0
    show_options: bool = True
    synonyms: tuple[tuple[str, ...], ...] = ()
    instructed: bool = True

    @property
    def prompt(self) -> str:
        """The text that the model sees."""
        if not self.instructed:
            return self.text
        return format_prompt(self.text, self.options if self.show_options else (), self.hint)


@dataclass(frozen=True)
class Answer:
    """A model's answer to one rotation of a question, or the reason it could not be asked."""

    question: Question
    text: str = ""
    error: str = ""


class Scoring(Protocol):
    """Scores the answers of a benchmark; the module `benchmarks.scoring` is one."""

    def score(self, answers: Sequence[Answer], last_letter: bool = False) -> dict[str, Any]:
        """Return the contents of scores.json."""

    def format_table(self, result: Mapping[str, Any]) -> str:
        """Format the result of `score` as a text table."""


@dataclass(frozen=True)
class Benchmark:
    """The usable questions of a benchmark.

    Attributes:
        problems: one line for each question that was skipped, with the reason.
        circular: True if results are published with CircularEval.
        last_letter: if an answer names several letters, take the last one (MMMU) instead of none.
        notes: what a reader of the scores must know.
        labels: the labels that compete when no options are shown, each followed by its synonyms.
        scoring: how answers are scored if not as in `benchmarks.scoring`.
    """

    name: str
    questions: tuple[Question, ...]
    problems: tuple[str, ...] = ()
    circular: bool = True
    last_letter: bool = False
    notes: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()
    scoring: "Scoring | None" = None

    def report(self) -> str:
        """Return the number of questions, the notes, then the skipped questions."""
        summary = f"{self.name}: {len(self.questions)} questions, {len(self.problems)} skipped"
        return "\n  ".join([summary, *self.notes, *self.problems])

    def without_options(self) -> "Benchmark":
        """Return the benchmark with its options hidden: an answer must name the correct one.

        Raises:
            UserError: when no question has options.
        """
        questions = [_hide_options(q, self.labels) for q in self.questions if q.options]
        if not questions:
            raise UserError(f"{self.name} has no questions with options; omit --free.")
        return replace(self, questions=tuple(questions), circular=False)


def _hide_options(question: Question, labels: Sequence[Sequence[str]]) -> Question:
    """Hide a question's options and, if there are labels, let all of them compete."""
    if not labels:
        return replace(question, show_options=False)
    options = tuple(label for label, *_ in labels)
    return replace(
        question,
        options=options,
        answer=options.index(question.options[question.answer]),
        synonyms=tuple(tuple(synonyms) for _, *synonyms in labels),
        show_options=False,
    )


def format_prompt(text: str, options: Sequence[str] = (), hint: str = "") -> str:
    """Return hint, question, options as "A. ..." and how to answer, each on its own line.

    Raises:
        ValueError: when there are more options than letters.
    """
    if len(options) > len(LETTERS):
        raise ValueError(f"{len(options)} options, but there are only {len(LETTERS)} letters")
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False)]
    instruction = ANSWER_BY_LETTER if options else ANSWER_BRIEFLY
    return "\n".join(filter(None, [hint.strip(), text.strip(), *lines, instruction]))


def rotations(question: Question) -> tuple[Question, ...]:
    """Return every rotation of a question's options, the original first.

    A question without visible options is returned alone.
    """
    if not question.options or not question.show_options:
        return (question,)
    rotated = []
    for shift in range(len(question.options)):
        options, answer = rotate(question.options, question.answer, shift)
        rotated.append(replace(question, options=options, answer=answer, rotation=shift))
    return tuple(rotated)


def rotate(options: Sequence[str], answer: int, shift: int) -> tuple[tuple[str, ...], int]:
    """Return the options rotated left by `shift` places, and the new index of the answer."""
    shift %= len(options)
    return (*options[shift:], *options[:shift]), (answer - shift) % len(options)


def open_picture(question: Question) -> Image.Image:
    """Return the question's picture as RGB; several pictures become one, see `side_by_side`.

    Raises:
        BadImage: when one of them cannot be opened.
    """
    return side_by_side([open_image(image) for image in question.images])


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Place RGB pictures next to each other on white, scaled to the height of the tallest.

    Raises:
        BadImage: when the result is too large or too elongated.
    """
    if len(pictures) == 1:
        return pictures[0]
    height = max(p.height for p in pictures)
    scaled = [p.resize((max(1, round(p.width * height / p.height)), height)) for p in pictures]
    width = sum(p.width for p in scaled) + GAP * (len(scaled) - 1)
    sheet, left = Image.new("RGB", (width, height), "white"), 0
    for picture in scaled:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    return open_image(sheet)  # which checks its size


def spread(count: int, limit: int) -> list[int]:
    """Return `limit` indices below `count`, evenly spaced so that all categories are sampled.

    Without a limit (0), or with a higher one than `count`, all indices are returned.
    """
    return [n * count // limit for n in range(limit)] if 0 < limit < count else list(range(count))


def table(
    name: str,
    hub_id: str,
    split: str,
    path: str | Path | None,
    columns: Sequence[str],
    config: str | None = None,
) -> "pa.Table":
    """Return the rows of a split, as `source.table`.

    Raises:
        UserError: also when the table is empty.
    """
    rows = source.table(name, hub_id, split, path, columns, config)
    if not rows.num_rows:
        raise UserError(f"The {split} table of {name!r} has no rows; choose another --split.")
    return rows
