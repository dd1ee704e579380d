"""What a benchmark is made of, and where its tables are found."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from vlm.data import source
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.metrics import choices

if TYPE_CHECKING:
    import pyarrow as pa

QUESTIONS = "questions.jsonl"  # of a quiz folder
GAP = 8  # pixels between pictures that are laid side by side
EVERY = "*"  # all configurations of a data set of the Hub
YES_NO = ("yes", "no")


@dataclass(frozen=True)
class Question:
    """One question with its right answer, perhaps one rotation of its options.

    Attributes:
        id: unique within its benchmark; all rotations share it.
        images: encoded bytes, paths or PIL pictures; more than one is laid side by side.
        answer: index of the right option; "yes" or "no"; or the right answers in free words.
        category: what it is about; scores are given for each.
        hint: said before the question.
        rotation: how many places the options were moved up in a circle.
        lettered: whether the options are shown; if not, the answer names one of them by itself.
        also: other words for each option, where options are not shown.
    """

    id: str
    images: tuple[bytes | Path | Image.Image, ...]
    text: str
    answer: int | str | tuple[str, ...]
    options: tuple[str, ...] = ()
    category: str = ""
    hint: str = ""
    rotation: int = 0
    lettered: bool = True
    also: tuple[tuple[str, ...], ...] = ()

    @property
    def prompt(self) -> str:
        """As it is put to a model."""
        return choices.prompt(self.text, self.options if self.lettered else (), self.hint)


@dataclass(frozen=True)
class Answer:
    """What was answered to one rotation of a question, or why it could not be asked."""

    question: Question
    text: str = ""
    error: str = ""


@dataclass(frozen=True)
class Benchmark:
    """The usable questions of a benchmark, and one line for each that was left out.

    Attributes:
        circular: whether it is published with CircularEval.
        takes_last: of several letters in an answer the last counts (MMMU), not none.
        notes: what a reader of the scores must know.
        names: the names to choose from when no options are shown, with other words for each.
    """

    name: str
    questions: tuple[Question, ...]
    problems: tuple[str, ...] = ()
    circular: bool = True
    takes_last: bool = False
    notes: tuple[str, ...] = ()
    names: tuple[tuple[str, ...], ...] = ()

    def report(self) -> str:
        """What was found, and every question that was left out with its reason."""
        head = f"{self.name}: {len(self.questions)} questions, {len(self.problems)} left out"
        return "\n  ".join([head, *self.notes, *self.problems])

    def free(self) -> "Benchmark":
        """The questions without their options: the answer must name the right one by itself.

        Raises:
            UserError: when none of the questions has options.
        """
        asked = [_freed(q, self.names) for q in self.questions if q.options]
        if not asked:
            raise UserError(f"{self.name} has no questions with options; leave --free away.")
        return replace(self, questions=tuple(asked), circular=False)


def _freed(question: Question, names: Sequence[Sequence[str]]) -> Question:
    if not names:
        return replace(question, lettered=False)
    options, right = tuple(name[0] for name in names), question.options[question.answer]
    also = tuple(tuple(name[1:]) for name in names)
    answer = options.index(right)
    return replace(question, options=options, answer=answer, also=also, lettered=False)


def rotations(question: Question) -> tuple[Question, ...]:
    """Every rotation of a question's options, unmoved first; the question alone without options."""
    if not question.options or not question.lettered:
        return (question,)
    turned = []
    for number in range(len(question.options)):
        options, answer = choices.rotated(question.options, question.answer, number)
        turned.append(replace(question, options=options, answer=answer, rotation=number))
    return tuple(turned)


def picture(question: Question) -> Image.Image:
    """The question's picture as RGB; several side by side on white, as high as the highest.

    Raises:
        BadImage: when one of them cannot be opened.
    """
    opened = [open_image(image) for image in question.images]
    if len(opened) == 1:
        return opened[0]
    height = max(image.height for image in opened)
    scaled = [i.resize((max(1, round(i.width * height / i.height)), height)) for i in opened]
    width = sum(image.width for image in scaled) + GAP * (len(scaled) - 1)
    sheet, left = Image.new("RGB", (width, height), "white"), 0
    for image in scaled:
        sheet.paste(image, (left, 0))
        left += image.width + GAP
    return open_image(sheet)  # the door's limits hold for the sheet too


def spread(count: int, limit: int) -> list[int]:
    """`limit` of `count` places, evenly spread, so that no category at the end is left out."""
    return [n * count // limit for n in range(limit)] if 0 < limit < count else list(range(count))


def table(
    name: str,
    hub_id: str,
    split: str,
    path: str | Path | None,
    columns: Sequence[str],
    config: str | None = None,
) -> "pa.Table":
    """The rows of a split with pictures still encoded: `path`, `$VLM_DATA/<name>`, or the Hub.

    A folder may be a copy of the Hub's: `<split>.parquet` or `<split>-00000-of-00002.parquet`, in
    itself, in data/ or in a folder named after the configuration.

    Raises:
        UserError: when it is nowhere, cannot be read, is empty or lacks one of the columns.
    """
    files = find(name, split, path, config)
    if not files and path is not None:
        raise UserError(
            f"{path} has no table of the split {split!r}; give a folder that holds "
            f"{split}.parquet, or another --split."
        )
    try:
        rows = _joined(files) if files else _from_hub(hub_id, split, config)
    except (OSError, ConnectionError, ValueError) as error:
        raise UserError(source.missing(name, hub_id, split)) from error
    lacking = [column for column in columns if column not in rows.column_names]
    if lacking:
        has = ", ".join(rows.column_names)
        raise UserError(f"The {split} table of {name!r} lacks {', '.join(lacking)}; it has {has}.")
    if not rows.num_rows:
        raise UserError(f"The {split} table of {name!r} has no rows; choose another --split.")
    return rows


def find(
    name: str, split: str, path: str | Path | None, config: str | None = None, end: str = "parquet"
) -> list[Path]:
    """The files of a split on this machine, in order; empty when there are none."""
    root = os.environ.get("VLM_DATA")
    place = Path(path) if path is not None else Path(root, name) if root else None
    if place is None or place.is_file():
        return [place] if place and place.suffix == f".{end}" else []
    # MMBench_DEV_EN_V11.tsv, dev.parquet, dev-00000-of-00002.parquet
    own = f"(?:_{re.escape(config)})?" if config and config != EVERY else ""
    named = re.compile(
        rf"(?:{name}_)?{re.escape(split)}{own}(?:_v?\d+)?(?:-\d+-of-\d+)?\.{end}", re.I
    )
    found = sorted(file for file in place.rglob(f"*.{end}") if named.fullmatch(file.name))
    if config == EVERY:
        return found
    folders = {file: file.relative_to(place).parent.parts for file in found}
    chosen = [file for file in found if config in folders[file]]
    return chosen or [file for file in found if folders[file] in ((), ("data",), (split,))]


def _joined(files: Sequence[Path]) -> "pa.Table":
    import pyarrow as pa

    parts = [source.read_parquet(file) for file in files]
    try:
        return pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException as error:
        names = ", ".join(file.name for file in files)
        raise UserError(f"The tables {names} do not have the same columns; give one.") from error


def _from_hub(hub_id: str, split: str, config: str | None) -> "pa.Table":
    """The Hub's table; with EVERY, those of all configurations below each other."""
    import datasets
    import pyarrow as pa

    configs = datasets.get_dataset_config_names(hub_id) if config == EVERY else [config]
    parts = []
    for name in configs:
        loaded = datasets.load_dataset(hub_id, name, split=split)
        for column, feature in loaded.features.items():
            if isinstance(feature, datasets.Image):
                loaded = loaded.cast_column(column, datasets.Image(decode=False))
        parts.append(loaded.with_format("arrow")[:])
    return pa.concat_tables(parts, promote_options="permissive")
