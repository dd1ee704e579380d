"""The checks over a whole data set: which captions are doubtful, and a page that shows them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from vlm import report, runs
from vlm.data.images import open_image
from vlm.teach import duplicates
from vlm.teach.checks import CODES, Flag, flags, outliers
from vlm.types import Record

FLAGS, PAGE = "flags.jsonl", "check.html"
TEMPLATE = Path(__file__).with_name("check.html.jinja")
DUPLICATE, LENGTH = "duplicate", "length"
SHOWN = 8  # examples of each code on the page
MEANS = {
    "colour": "a colour that the metadata does not have",
    "kind": "another kind of thing than the metadata's",
    "gender": "made for others than the metadata says",
    "text": "read off the picture: letters, brands, slogans",
    "person": "about who wears it, not about the thing",
    "refusal": "no description but an excuse",
    "length": "far shorter or longer than the others",
    "repetition": "the same words again and again",
    "language": "not in English",
    DUPLICATE: "a picture that came before, or nearly so",
}


class Checked(NamedTuple):
    """A caption with its doubts."""

    record: Record
    text: str
    flags: tuple[Flag, ...]


def check(records: Sequence[Record], texts: Sequence[str], pictures: bool = True) -> list[Checked]:
    """Ask every check about every caption.

    Args:
        texts: the caption of each record.
        pictures: look for pictures that come twice; it reads them all.
    """
    found = [flags(text, record.facts) for text, record in zip(texts, records, strict=True)]
    for number, why in outliers(texts).items():
        if not any(flag.code == LENGTH for flag in found[number]):
            found[number].append(Flag(LENGTH, why))
    for number, first in _twice(records).items() if pictures else ():
        found[number].append(Flag(DUPLICATE, f"looks like {records[first].id}"))
    rows = zip(records, texts, map(tuple, found), strict=True)
    return [Checked(*row) for row in rows]


def _twice(records: Sequence[Record]) -> dict[int, int]:
    bar = tqdm(records, "looking for the same picture", disable=None, leave=False)
    return duplicates.first_likeness(duplicates.look(open_image(record.image)) for record in bar)


def counts(rows: Iterable[Checked]) -> dict[str, int]:
    """Captions by code, in the order of the checks; codes that nothing has are there as 0."""
    seen = Counter(code for row in rows for code in {flag.code for flag in row.flags})
    return {code: seen[code] for code in (*CODES, DUPLICATE)}


def table(rows: Sequence[Checked]) -> str:
    """The counts as lines of text."""
    clean = sum(not row.flags for row in rows)
    lines = [f"{'flag':12}{'captions':>10}{'share':>9}  what it is"]
    for code, count in counts(rows).items():
        lines.append(f"{code:12}{count:10,}{_share(count, rows):>9}  {MEANS[code]}")
    return "\n".join([*lines, f"{'clean':12}{clean:10,}{_share(clean, rows):>9}"])


def _share(count: int, rows: Sequence[Checked]) -> str:
    return f"{100 * count / max(len(rows), 1):.1f} %"


def write(rows: Sequence[Checked], name: str, out: Path, steps: Sequence[str] = ()) -> Path:
    """flags.jsonl, a line for each doubtful caption, and check.html; the path of the page.

    Args:
        steps: what the page says of how the captions were made.
    """
    from jinja2 import Environment

    doubtful = [row for row in rows if row.flags]
    lines = (
        {"id": row.record.id, "text": row.text, "flags": [flag._asdict() for flag in row.flags]}
        for row in doubtful
    )
    with runs.room(out):
        out.mkdir(parents=True, exist_ok=True)
        runs.write_text(out / FLAGS, "".join(map(runs.line, lines)))
        page = Environment(autoescape=True).from_string(TEMPLATE.read_text("utf-8"))
        shown = {"name": name, "steps": steps, "total": len(rows), "doubtful": len(doubtful)}
        text = page.render(**shown, parts=_parts(rows))
        runs.write_text(out / PAGE, text)
    return out / PAGE


def _parts(rows: Sequence[Checked]) -> list[dict]:
    """What the page shows of each code that some caption has."""
    return [
        {
            "code": code,
            "means": MEANS[code],
            "count": count,
            "share": _share(count, rows),
            "examples": [_example(row, code) for row in rows if _has(row, code)][:SHOWN],
        }
        for code, count in counts(rows).items()
        if count
    ]


def _has(row: Checked, code: str) -> bool:
    return any(flag.code == code for flag in row.flags)


def _example(row: Checked, code: str) -> dict[str, str]:
    why = "; ".join(flag.why for flag in row.flags if flag.code == code)
    picture = report.thumbnail(row.record.image)
    return {"id": row.record.id, "text": row.text, "why": why, "picture": picture}
