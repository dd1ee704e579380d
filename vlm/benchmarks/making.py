"""Makes a quiz out of metadata: a question for each known fact, with plausible wrong options."""

import math
import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from PIL import Image

from vlm import runs
from vlm.benchmarks.question import QUESTIONS
from vlm.errors import UserError
from vlm.metrics.lexicon import SHADES
from vlm.types import Record

REPORT, PICTURES = "quiz.json", "pictures"
UNIQUE = 0.5  # a column with more different values than this share of its rows is no category
LONG = 60  # characters; longer values are texts, not labels
NEAR = 2  # wrong options are drawn from this many times as many values of like frequency
SIGNATURES = {b"\x89PNG": ".png", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"}


@dataclass
class Quiz:
    """The rows of questions.jsonl without file names, and what became of each column."""

    rows: list[dict] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Questions for each column."""
        return dict(Counter(row["category"] for row in self.rows).most_common())

    def report(self) -> str:
        """How many questions each column gave, and why others gave none."""
        pictures = {row["picture"] for row in self.rows}
        lines = [f"{len(self.rows)} questions about {len(pictures)} pictures"]
        lines += [f"  {count:6}  {name}" for name, count in self.counts().items()]
        lines += [f"  {'-':>6}  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


def make(records: Sequence[Record], per_picture: int = 2, options: int = 4, seed: int = 0) -> Quiz:
    """Questions about every column that tells pictures apart; the same seed makes the same ones.

    Wrong options are other values of the column, about as frequent as the right one, and never one
    that could be meant by the same word. Columns are asked about equally often where they can be,
    and the right answer stands equally often in each place.

    Raises:
        UserError: when no column can be asked about.
    """
    draw, quiz = Random(seed), Quiz()
    values = _columns(records, quiz.skipped)
    used = dict.fromkeys(values, 0)
    for number, record in enumerate(records):
        open_columns = [name for name in values if _value(record.facts, name, values)]
        draw.shuffle(open_columns)
        asked = 0
        for name in sorted(open_columns, key=lambda column: used[column]):
            right = _value(record.facts, name, values)
            wrong = _distractors(right, values[name], options - 1, draw)
            if wrong and asked < per_picture:
                used[name], asked = used[name] + 1, asked + 1
                quiz.rows.append(_row(record.id, number, name, right, wrong))
    quiz.skipped |= {name: "no two values differ enough" for name in values if not used[name]}
    if not quiz.rows:
        why = "; ".join(f"{name}: {reason}" for name, reason in quiz.skipped.items())
        raise UserError(f"No column can be asked about ({why or 'there are none'}).")
    _place(quiz.rows, draw)
    return quiz


def _row(id: str, number: int, column: str, right: str, wrong: Sequence[str]) -> dict:
    text = f"What is the {readable(column)} of this item?"
    row = {"id": f"{id}/{column}", "picture": number, "question": text}
    return row | {"options": list(wrong), "answer": right, "category": column}


def readable(column: str) -> str:
    """baseColour, base_colour and BASE-COLOUR are "base colour"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return " ".join(re.sub(r"[_\-.]+", " ", apart).lower().split())


def _columns(records: Sequence[Record], skipped: dict[str, str]) -> dict[str, Counter]:
    """Column -> how often it has each value, most usual spelling; the others go to `skipped`."""
    found = {}
    for name in dict.fromkeys(key for record in records for key in record.facts):
        spellings = Counter(r.facts[name] for r in records if r.facts.get(name))
        values: Counter = Counter()
        usual: dict[str, str] = {}
        for value, times in spellings.most_common():
            values[usual.setdefault(value.casefold(), value)] += times
        reason = _unfit(values)
        if reason:
            skipped[name] = reason
        else:
            found[name] = values
    return found


def _unfit(values: Counter) -> str:
    """Why a column cannot be asked about, empty when it can."""
    if len(values) < 2:
        return "one value only"
    if len(values) > UNIQUE * values.total():
        return "nearly every picture has a value of its own"
    if max(map(len, values)) > LONG:
        return f"has texts of more than {LONG} characters"
    return ""


def _value(facts: Mapping[str, str], column: str, values: Mapping[str, Counter]) -> str:
    """A record's value in its most usual spelling."""
    own = facts.get(column, "")
    if not own or own in values[column]:
        return own
    return next(value for value in values[column] if value.casefold() == own.casefold())


def _distractors(right: str, values: Counter, count: int, draw: Random) -> list[str]:
    """Other values of like frequency, none of which could be meant by the same word."""
    others = [value for value in values if not too_close(right, value)]
    ratio = {value: abs(math.log(values[value] / values[right])) for value in others}
    near = sorted(others, key=lambda value: (ratio[value], value))[: NEAR * count]
    return draw.sample(near, min(count, len(near)))


def too_close(first: str, second: str) -> bool:
    """Whether two values may be said of the same thing.

    They differ in case, marks or plural only, one holds all words of the other ("Blue" and "Navy
    Blue"), or one is a shade of the other.
    """
    ours, theirs = _words(first), _words(second)
    if "".join(ours) == "".join(theirs) or set(ours) <= set(theirs) or set(theirs) <= set(ours):
        return True
    family = {name.casefold(): {s.casefold() for s in shades} for name, shades in SHADES.items()}
    one, other = first.casefold(), second.casefold()
    return other in family.get(one, ()) or one in family.get(other, ())


def _words(text: str) -> list[str]:
    words = re.findall(r"[^\W_]+", text.casefold())
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words] or [text]


def _place(rows: Sequence[dict], draw: Random) -> None:
    """Put the right answers among the wrong ones, in each place equally often."""
    groups: dict[int, list[dict]] = {}
    for row in rows:
        groups.setdefault(len(row["options"]), []).append(row)
    for wrong, group in groups.items():
        places = [number % (wrong + 1) for number in range(len(group))]
        draw.shuffle(places)
        for row, place in zip(group, places, strict=True):
            row["options"].insert(place, row["answer"])


def write(out: Path, quiz: Quiz, records: Sequence[Record], about: Mapping[str, object]) -> None:
    """The quiz as a folder, whole or not at all: questions.jsonl, pictures/, quiz.json.

    Raises:
        UserError: when the folder holds something already, or the disk is full.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} already holds something; choose another --out.")
    scratch = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with runs.room(out):
            (scratch / PICTURES).mkdir(parents=True)
            names = {n: _copy(records[n], n, scratch) for n in {r["picture"] for r in quiz.rows}}
            rows = [{**row, "file_name": names[row["picture"]]} for row in quiz.rows]
            for row in rows:
                del row["picture"]
            text = "".join(runs.line(row) for row in rows)
            runs.write_text(scratch / QUESTIONS, text)
            report = {"questions": quiz.counts(), "skipped": quiz.skipped}
            runs.write_json(scratch / REPORT, {**about, **report})
            if out.exists():
                out.rmdir()
            os.replace(scratch, out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _copy(record: Record, number: int, folder: Path) -> str:
    """Copy a picture as it is; its name in the folder."""
    image = record.image
    if isinstance(image, Image.Image):
        image.save(folder / PICTURES / f"{number:06}.png")
        return f"{PICTURES}/{number:06}.png"
    data = image if isinstance(image, bytes) else Path(image).read_bytes()
    end = next((end for mark, end in SIGNATURES.items() if data.startswith(mark)), ".jpg")
    (folder / PICTURES / f"{number:06}{end}").write_bytes(data)
    return f"{PICTURES}/{number:06}{end}"
