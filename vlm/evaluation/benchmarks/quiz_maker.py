"""Turn metadata into a quiz: one question per known fact, with plausible wrong options."""

import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from PIL import Image

from vlm.errors import UserError
from vlm.evaluation.benchmarks.quiz import QUESTIONS
from vlm.evaluation.metrics.lexicon import SHADES
from vlm.system import files
from vlm.types import Record

REPORT, PICTURES = "quiz.json", "pictures"
MAX_DISTINCT = 0.5  # a column with a larger share of distinct values is not a category
MAX_LABEL = 60  # characters; longer values are texts, not labels
CANDIDATES = 2  # values of similar frequency per wrong option, from which they are drawn
SIGNATURES = {b"\x89PNG": ".png", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"}


@dataclass
class Quiz:
    """The rows of questions.jsonl, with the index of the record in place of the file name.

    Attributes:
        skipped: for each column without questions, the reason.
    """

    rows: list[dict] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Return the number of questions per column."""
        return dict(Counter(row["category"] for row in self.rows).most_common())

    def report(self) -> str:
        """Return the number of questions per column, and why other columns have none."""
        pictures = {row["picture"] for row in self.rows}
        lines = [f"{len(self.rows)} questions about {len(pictures)} pictures"]
        lines += [f"  {count:6}  {name}" for name, count in self.counts().items()]
        lines += [f"  {'-':>6}  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


def make(records: Sequence[Record], per_picture: int = 2, options: int = 4, seed: int = 0) -> Quiz:
    """Make questions about every column that distinguishes pictures; repeatable with the same seed.

    Wrong options are other values of the column, about as frequent as the correct one and never a
    possible name for the same thing. Columns are used equally often where possible, and the
    correct answer is equally often in each position.

    Raises:
        UserError: when no column is usable.
    """
    draw, quiz = Random(seed), Quiz()
    values = _usable_columns(records, quiz.skipped)
    used = dict.fromkeys(values, 0)
    for number, record in enumerate(records):
        columns = [column for column in values if _value(record.facts, column, values)]
        draw.shuffle(columns)
        count = 0
        for column in sorted(columns, key=lambda name: used[name]):
            answer = _value(record.facts, column, values)
            wrong = _wrong_options(answer, values[column], options - 1, draw)
            if wrong and count < per_picture:
                used[column], count = used[column] + 1, count + 1
                quiz.rows.append(_row(record.id, number, column, answer, wrong))
    quiz.skipped |= {name: "no two values differ enough" for name in values if not used[name]}
    if not quiz.rows:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in quiz.skipped.items())
        raise UserError(
            f"No column is usable for a quiz ({reasons or 'there are none'}); give a table with a "
            "column of labels."
        )
    _insert_answers(quiz.rows, draw)
    return quiz


def _row(id: str, number: int, column: str, answer: str, wrong: Sequence[str]) -> dict:
    text = f"What is the {readable(column)} of this item?"
    row = {"id": f"{id}/{column}", "picture": number, "question": text}
    return row | {"options": list(wrong), "answer": answer, "category": column}


def readable(column: str) -> str:
    """Return "base colour" for baseColour, base_colour and BASE-COLOUR."""
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return " ".join(re.sub(r"[_\-.]+", " ", separated).lower().split())


def _usable_columns(records: Sequence[Record], skipped: dict[str, str]) -> dict[str, Counter]:
    """Count each column's values under their commonest spelling; add the rest to `skipped`."""
    columns = {}
    for name in dict.fromkeys(key for record in records for key in record.facts):
        spellings = Counter(r.facts[name] for r in records if r.facts.get(name))
        values: Counter = Counter()
        commonest: dict[str, str] = {}
        for spelling, count in spellings.most_common():
            values[commonest.setdefault(spelling.casefold(), spelling)] += count
        reason = _column_problem(values)
        if reason:
            skipped[name] = reason
        else:
            columns[name] = values
    return columns


def _column_problem(values: Counter) -> str:
    """Return the reason a column is unusable, or an empty string."""
    if len(values) < 2:
        return "only one value"
    if len(values) > MAX_DISTINCT * values.total():
        return "nearly every picture has a different value"
    if max(map(len, values)) > MAX_LABEL:
        return f"has texts of more than {MAX_LABEL} characters"
    return ""


def _value(facts: Mapping[str, str], column: str, values: Mapping[str, Counter]) -> str:
    """Return a record's value in its commonest spelling, an empty string if it has none."""
    value = facts.get(column, "")
    if not value or value in values[column]:
        return value
    return next(other for other in values[column] if other.casefold() == value.casefold())


def _wrong_options(answer: str, values: Counter, count: int, draw: Random) -> list[str]:
    """Draw other values of similar frequency that cannot mean the same as the answer."""
    others = [value for value in values if not may_mean_the_same(answer, value)]
    distance = {value: abs(math.log(values[value] / values[answer])) for value in others}
    nearest = sorted(others, key=lambda value: (distance[value], value))[: CANDIDATES * count]
    return draw.sample(nearest, min(count, len(nearest)))


def may_mean_the_same(first: str, second: str) -> bool:
    """Return True if two values could describe the same thing.

    They differ only in case, punctuation or plural, one contains all words of the other ("Blue" and
    "Navy Blue"), or one is a shade of the other.
    """
    words, others = _words(first), _words(second)
    if "".join(words) == "".join(others) or set(words) <= set(others) or set(others) <= set(words):
        return True
    shades = {name.casefold(): {s.casefold() for s in names} for name, names in SHADES.items()}
    first, second = first.casefold(), second.casefold()
    return second in shades.get(first, ()) or first in shades.get(second, ())


def _words(text: str) -> list[str]:
    words = re.findall(r"[^\W_]+", text.casefold())
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words] or [text]


def _insert_answers(rows: Sequence[dict], draw: Random) -> None:
    """Insert the answers among the wrong options, in each position equally often."""
    groups: dict[int, list[dict]] = {}
    for row in rows:
        groups.setdefault(len(row["options"]), []).append(row)
    for count, group in groups.items():
        positions = [number % (count + 1) for number in range(len(group))]
        draw.shuffle(positions)
        for row, position in zip(group, positions, strict=True):
            row["options"].insert(position, row["answer"])


def write(out: Path, quiz: Quiz, records: Sequence[Record], about: Mapping[str, object]) -> None:
    """Write questions.jsonl, pictures/ and quiz.json into a new folder, all or nothing.

    Raises:
        UserError: when the folder is not empty, or the disk is full.
    """
    files.check_empty(out)
    scratch = out.with_name(f".{out.name}.{os.getpid()}")
    with files.new_folder(out, scratch):
        (scratch / PICTURES).mkdir()
        names = {n: _copy(records[n], n, scratch) for n in {r["picture"] for r in quiz.rows}}
        rows = [{**row, "file_name": names[row["picture"]]} for row in quiz.rows]
        for row in rows:
            del row["picture"]
        files.write_text(scratch / QUESTIONS, "".join(map(files.json_line, rows)))
        report = {"questions": quiz.counts(), "skipped": quiz.skipped}
        files.write_json(scratch / REPORT, {**about, **report})


def _copy(record: Record, number: int, folder: Path) -> str:
    """Copy a picture unchanged and return its name in the folder."""
    image = record.image
    if isinstance(image, Image.Image):
        image.save(folder / PICTURES / f"{number:06}.png")
        return f"{PICTURES}/{number:06}.png"
    data = image if isinstance(image, bytes) else Path(image).read_bytes()
    suffixes = (suffix for signature, suffix in SIGNATURES.items() if data.startswith(signature))
    name = f"{PICTURES}/{number:06}{next(suffixes, '.jpg')}"
    (folder / name).write_bytes(data)
    return name
