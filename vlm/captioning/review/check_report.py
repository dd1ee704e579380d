"""Check a whole data set: which captions are flagged, and a page that shows them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from vlm.captioning.review import duplicates
from vlm.captioning.review.checks import CODES, Flag, flags, outliers
from vlm.data import images
from vlm.data.images import open_image
from vlm.system import files
from vlm.types import Record

FLAGS, PAGE = "flags.jsonl", "check.html"
TEMPLATE = Path(__file__).with_name("check.html.jinja")
DUPLICATE, LENGTH = "duplicate", "length"
MAX_EXAMPLES = 8  # per code on the page
MEANINGS = {
    "colour": "names a colour that is not in the metadata",
    "kind": "names another kind of item than the metadata",
    "gender": "names another gender than the metadata",
    "text": "quotes text in the image: letters, brands, slogans",
    "person": "describes the wearer instead of the item",
    "refusal": "refuses or apologises instead of describing",
    "length": "much shorter or longer than the other captions",
    "repetition": "repeats the same words",
    "language": "not in English",
    DUPLICATE: "image is the same as an earlier one, or nearly",
}


class CheckedCaption(NamedTuple):
    """A caption with its flags."""

    record: Record
    text: str
    flags: tuple[Flag, ...]


def check(
    records: Sequence[Record], texts: Sequence[str], pictures: bool = True
) -> list[CheckedCaption]:
    """Run every check on every caption.

    Args:
        texts: the caption of each record.
        pictures: also look for duplicate images, which reads them all.
    """
    flagged = [flags(text, record.facts) for text, record in zip(texts, records, strict=True)]
    for number, reason in outliers(texts).items():
        if not any(flag.code == LENGTH for flag in flagged[number]):
            flagged[number].append(Flag(LENGTH, reason))
    for number, original in _duplicates(records).items() if pictures else ():
        flagged[number].append(Flag(DUPLICATE, f"looks like {records[original].id}"))
    rows = zip(records, texts, map(tuple, flagged), strict=True)
    return [CheckedCaption(*row) for row in rows]


def _duplicates(records: Sequence[Record]) -> dict[int, int]:
    bar = tqdm(records, "looking for duplicates", disable=None, leave=False)
    return duplicates.find_duplicates(
        duplicates.signature(open_image(record.image)) for record in bar
    )


def counts(rows: Iterable[CheckedCaption]) -> dict[str, int]:
    """Number of captions by code, in the order of the checks, including codes with 0."""
    totals = Counter(code for row in rows for code in {flag.code for flag in row.flags})
    return {code: totals[code] for code in (*CODES, DUPLICATE)}


def table(rows: Sequence[CheckedCaption]) -> str:
    """The counts as lines of text."""
    clean = sum(not row.flags for row in rows)
    lines = [f"{'flag':12}{'captions':>10}{'share':>9}  meaning"]
    for code, count in counts(rows).items():
        lines.append(f"{code:12}{count:10,}{_share(count, rows):>9}  {MEANINGS[code]}")
    return "\n".join([*lines, f"{'clean':12}{clean:10,}{_share(clean, rows):>9}"])


def _share(count: int, rows: Sequence[CheckedCaption]) -> str:
    return f"{100 * count / max(len(rows), 1):.1f} %"


def write(rows: Sequence[CheckedCaption], name: str, out: Path, steps: Sequence[str] = ()) -> Path:
    """Write flags.jsonl, one line per flagged caption, and check.html; returns the page's path.

    Args:
        steps: lines about how the captions were made, for the page.
    """
    from jinja2 import Environment

    flagged = [row for row in rows if row.flags]
    lines = (
        {"id": row.record.id, "text": row.text, "flags": [flag._asdict() for flag in row.flags]}
        for row in flagged
    )
    with files.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        files.write_text(out / FLAGS, "".join(map(files.json_line, lines)))
        template = Environment(autoescape=True).from_string(TEMPLATE.read_text("utf-8"))
        page = template.render(
            name=name, steps=steps, total=len(rows), flagged=len(flagged), sections=_sections(rows)
        )
        files.write_text(out / PAGE, page)
    return out / PAGE


def _sections(rows: Sequence[CheckedCaption]) -> list[dict]:
    """The page's content for each code that some caption has."""
    return [
        {
            "code": code,
            "meaning": MEANINGS[code],
            "count": count,
            "share": _share(count, rows),
            "examples": [_example(row, code) for row in rows if _has(row, code)][:MAX_EXAMPLES],
        }
        for code, count in counts(rows).items()
        if count
    ]


def _has(row: CheckedCaption, code: str) -> bool:
    return any(flag.code == code for flag in row.flags)


def _example(row: CheckedCaption, code: str) -> dict[str, str]:
    reason = "; ".join(flag.why for flag in row.flags if flag.code == code)
    picture = images.thumbnail(row.record.image)
    return {"id": row.record.id, "text": row.text, "reason": reason, "picture": picture}
