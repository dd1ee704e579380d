"""The hand-made keys of descriptions: format, labels and marks. See key/README.md."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vlm.data import captions, words
from vlm.data.taxonomy import SUBCATEGORY
from vlm.metrics import rubric

FOLDER = Path(__file__).parent / "key"


class Key(NamedTuple):
    """One file: the letter of its ids, how many rows of what, and how much its right ones cover."""

    name: str
    letter: str
    rows: int
    of_a_kind: int
    types: int
    colours: int

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (FOLDER / self.name).read_text("utf-8").splitlines()]

    def right(self) -> list[dict[str, Any]]:
        return [row for row in self.read() if not row["fault"]]


KEY = Key("key.jsonl", "k", rows=120, of_a_kind=6, types=40, colours=25)
SECOND = Key("second.jsonl", "u", rows=60, of_a_kind=3, types=25, colours=20)
UNSEEN = Key("unseen.jsonl", "v", rows=60, of_a_kind=3, types=25, colours=20)
KEYS = (KEY, SECOND, UNSEEN)
ROWS = [row for key in KEYS for row in key.read()]
each_key = pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
each_sample = pytest.mark.parametrize("key", [SECOND, UNSEEN], ids=lambda key: key.name)
FIELDS = ["id", "facts", "text", "key", "fault", "note"]
LABELS = {
    "articleType": set(words.SINGULAR),
    "baseColour": set(words.COLOURS),
    "gender": set(words.GENDERS),
    "usage": set(words.USAGES),
    "season": set(words.SEASONS),
}
# What each kind of fault takes away: the metric that falls to 0, and whether factual falls, too.
FAULTS: dict[str, tuple[str, bool]] = {
    "wrong_colour": ("colour", True),
    "wrong_shade": ("colour", True),
    "extra_colour": ("", True),
    "missing_colour": ("colour", False),
    "wrong_category": ("category", True),
    "wrong_gender": ("gender", True),
    "wrong_style": ("style", True),
    "missing_gender": ("gender", False),
    "invented_detail": ("", True),
    "contradicted_detail": ("", True),
}
COUNT = re.compile(r".+; (\d+) of (\d+) details backed")


def having(fault: str) -> list[dict[str, Any]]:
    return [row for row in ROWS if row["fault"] == fault]


RIGHT = having("")


def bad_marks(row: Mapping[str, Any]) -> str:
    """What is wrong with a row's marks, empty when they are what its fault implies."""
    lost, less = FAULTS.get(row["fault"], ("", False))
    for name in ("colour", "style", "category", "gender"):
        if row["key"][name] != (0 if name == lost else rubric.BEST):
            return f"{name} is {row['key'][name]}"
    if (row["key"]["factual"] < rubric.BEST) != less:
        return f"factual is {row['key']['factual']}"
    return bad_count(row) if row["fault"] else ""


def bad_count(row: Mapping[str, Any]) -> str:
    """What is wrong with the count of details in a note, which the factual mark comes from."""
    found = COUNT.fullmatch(row["note"])
    if not found:
        return f"the note {row['note']!r} tells no count"
    backed, mentioned = map(int, found.groups())
    wrong_ones = int(FAULTS[row["fault"]][1])  # one planted fault in each text
    right = mentioned - backed == wrong_ones
    right = right and row["key"]["factual"] == pytest.approx(10 * backed / mentioned, abs=0.005)
    return "" if right else f"factual is {row['key']['factual']}, the note says {found[0]!r}"


def bad_facts(facts: Mapping[str, str]) -> str:
    """The first fact that the metadata's tables do not have, empty when all are there."""
    kind, details = facts["articleType"], {}
    for key, value in facts.items():
        if key in LABELS and value not in LABELS[key]:
            return f"{key} {value}"
        if key in captions.DETAIL_KEYS:
            details[key] = value
            known = (d for d in words.DETAILS if (d.key, d.value) == (key, value))
            if not any(kind in detail.kinds for detail in known):
                return f"{key} {value} of {kind}"
    strange = set(facts) - set(captions.METADATA) - set(details)
    if strange or len(details) > 3:
        return f"keys {sorted(strange)}, {len(details)} details"
    return "" if SUBCATEGORY.get(kind, facts["subCategory"]) == facts["subCategory"] else "group"


@each_key
def test_half_of_the_rows_are_right_and_every_fault_is_there(key: Key) -> None:
    rows = key.read()
    assert [row["id"] for row in rows] == [f"{key.letter}{n:03}" for n in range(1, key.rows + 1)]
    assert len(key.right()) == key.rows // 2
    faults = Counter(row["fault"] for row in rows if row["fault"])
    assert faults == dict.fromkeys(FAULTS, key.of_a_kind)


def test_no_text_comes_twice() -> None:
    assert len({row["text"].lower() for row in ROWS}) == len(ROWS) == sum(k.rows for k in KEYS)


@each_key
def test_the_right_ones_cover_the_metadata(key: Key) -> None:
    seen = {name: {row["facts"].get(name) for row in key.right()} - {None} for name in LABELS}
    assert len(seen["articleType"]) >= key.types and len(seen["baseColour"]) >= key.colours
    assert all(seen[name] == LABELS[name] for name in ("gender", "usage", "season"))


@each_sample
def test_odd_rows_of_a_sample_are_long_even_ones_short(key: Key) -> None:
    sentences = [len(re.findall(r"[.!?](?= |$)", row["text"])) for row in key.read()]
    assert all(2 <= number <= 4 for number in sentences[::2])
    long, short = ({len(row["text"].split()) for row in key.read()[i::2]} for i in (0, 1))
    assert min(long) > max(short)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_row_is_well_formed(row: dict[str, Any]) -> None:
    assert list(row) == FIELDS and list(row["key"]) == list(rubric.NAMES)
    assert rubric.from_row(row["key"]).scores.keys() == {*rubric.NAMES, rubric.OVERALL}
    assert {"articleType", "subCategory", "masterCategory"} <= row["facts"].keys()
    assert {"baseColour", "gender", "usage"} <= row["facts"].keys()  # what every metric needs
    assert row["text"] == row["text"].strip() and "  " not in row["text"]
    assert not row["text"].startswith("{") or isinstance(json.loads(row["text"]), dict)
    assert not bad_facts(row["facts"]) and not bad_marks(row)


def said(row: Mapping[str, Any]) -> set[str]:
    return set(re.findall(r"[a-z]+(?:'s)?", row["text"].lower()))


@pytest.mark.parametrize("row", having("missing_gender"), ids=lambda row: row["id"])
def test_a_missing_gender_is_not_said(row: dict[str, Any]) -> None:
    forms = {form for gender in words.GENDERS.values() for form in gender.forms}
    assert not said(row) & (forms | {"he", "she", "his", "her", "him", "guys", "lady"})


@pytest.mark.parametrize("row", having("missing_colour"), ids=lambda row: row["id"])
def test_a_missing_colour_is_not_said(row: dict[str, Any]) -> None:
    assert not said(row) & set(row["facts"]["baseColour"].lower().split())


def test_the_readme_gives_the_counts() -> None:
    readme = (FOLDER / "README.md").read_text("utf-8")
    for kind in ("right", *FAULTS):
        counts = [sum((row["fault"] or "right") == kind for row in key.read()) for key in KEYS]
        cells = "".join(rf" {count} \|" for count in counts)
        assert re.search(rf"\| `?{kind}`? \|{cells}", readme), kind


@each_key
def test_the_readme_gives_what_the_right_ones_cover(key: Key) -> None:
    readme = " ".join((FOLDER / "README.md").read_text("utf-8").split())
    types, colours = (
        len({r["facts"][k] for r in key.right()}) for k in ("articleType", "baseColour")
    )
    assert f"{types} article types and {colours} colours" in readme


# --- the rules above do notice -------------------------------------------------------------------

GOOD = next(row for row in ROWS if row["fault"] == "wrong_colour")
SPOILT = [
    {"key": GOOD["key"] | {"colour": 10}},
    {"key": GOOD["key"] | {"gender": 0}},
    {"key": GOOD["key"] | {"factual": 10}},
    {"key": GOOD["key"] | {"factual": 5}},
    {"fault": "missing_colour"},
    {"note": "green for white"},
    {"note": "green for white; 3 of 5 details backed"},
]


@pytest.mark.parametrize("change", SPOILT)
def test_wrong_marks_are_noticed(change: dict[str, Any]) -> None:
    assert not bad_marks(GOOD) and bad_marks(GOOD | change)


def test_wrong_marks_of_a_right_one_are_noticed() -> None:
    assert bad_marks(RIGHT[0] | {"key": RIGHT[0]["key"] | {"factual": 8}})


@pytest.mark.parametrize(
    "change",
    [{"baseColour": "Navy"}, {"gender": "Kids"}, {"neckline": "striped"}, {"style": "tote"}]
    + [{"brand": "Acme"}, {"subCategory": "Shoes"}],
)
def test_wrong_facts_are_noticed(change: dict[str, str]) -> None:
    assert not bad_facts(GOOD["facts"]) and bad_facts(GOOD["facts"] | change)
