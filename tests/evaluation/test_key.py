"""The hand-made keys of descriptions: format, labels and scores. See key/README.md."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests import ROOT
from vlm.data.grammar import products, words
from vlm.data.grammar.taxonomy import SUBCATEGORY
from vlm.evaluation.metrics import rubric

FOLDER = ROOT / "tests" / "key"


class Key(NamedTuple):
    """One file.

    Attributes:
        letter: first character of its ids.
        rows: number of rows; rows_per_fault: of those with each kind of fault.
        types, colours: least number of article types and colours in the rows without fault.
    """

    name: str
    letter: str
    rows: int
    rows_per_fault: int
    types: int
    colours: int

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (FOLDER / self.name).read_text("utf-8").splitlines()]

    def faultless(self) -> list[dict[str, Any]]:
        return [row for row in self.read() if not row["fault"]]


KEY = Key("key.jsonl", "k", rows=120, rows_per_fault=6, types=40, colours=25)
SECOND = Key("second.jsonl", "u", rows=60, rows_per_fault=3, types=25, colours=20)
UNSEEN = Key("unseen.jsonl", "v", rows=60, rows_per_fault=3, types=25, colours=20)
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
# Kind of fault -> the metric that it lowers to 0, and whether it lowers factual too.
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


def rows_with(fault: str) -> list[dict[str, Any]]:
    return [row for row in ROWS if row["fault"] == fault]


FAULTLESS = rows_with("")


def wrong_score(row: Mapping[str, Any]) -> str:
    """The first score of a row that does not fit its fault, else empty."""
    lost, less = FAULTS.get(row["fault"], ("", False))
    for name in ("colour", "style", "category", "gender"):
        if row["key"][name] != (0 if name == lost else rubric.BEST):
            return f"{name} is {row['key'][name]}"
    if (row["key"]["factual"] < rubric.BEST) != less:
        return f"factual is {row['key']['factual']}"
    return wrong_count(row) if row["fault"] else ""


def wrong_count(row: Mapping[str, Any]) -> str:
    """Why the count of details in a note does not give the factual score, else empty."""
    match = COUNT.fullmatch(row["note"])
    if not match:
        return f"the note {row['note']!r} has no count"
    backed, mentioned = map(int, match.groups())
    faults = int(FAULTS[row["fault"]][1])  # one planted fault in each text
    fits = mentioned - backed == faults
    fits = fits and row["key"]["factual"] == pytest.approx(10 * backed / mentioned, abs=0.005)
    return "" if fits else f"factual is {row['key']['factual']}, the note says {match[0]!r}"


def wrong_fact(facts: Mapping[str, str]) -> str:
    """The first fact that the metadata's tables do not contain, else empty."""
    kind, details = facts["articleType"], {}
    for key, value in facts.items():
        if key in LABELS and value not in LABELS[key]:
            return f"{key} {value}"
        if key in products.DETAIL_KEYS:
            details[key] = value
            known = (d for d in words.DETAILS if (d.key, d.value) == (key, value))
            if not any(kind in detail.kinds for detail in known):
                return f"{key} {value} of {kind}"
    unknown = set(facts) - set(products.METADATA) - set(details)
    if unknown or len(details) > 3:
        return f"keys {sorted(unknown)}, {len(details)} details"
    return "" if SUBCATEGORY.get(kind, facts["subCategory"]) == facts["subCategory"] else "group"


@each_key
def test_half_of_the_rows_have_no_fault_and_the_others_every_kind(key: Key) -> None:
    rows = key.read()
    assert [row["id"] for row in rows] == [f"{key.letter}{n:03}" for n in range(1, key.rows + 1)]
    assert len(key.faultless()) == key.rows // 2
    faults = Counter(row["fault"] for row in rows if row["fault"])
    assert faults == dict.fromkeys(FAULTS, key.rows_per_fault)


def test_no_text_occurs_twice() -> None:
    assert len({row["text"].lower() for row in ROWS}) == len(ROWS) == sum(k.rows for k in KEYS)


@each_key
def test_the_rows_without_fault_cover_the_metadata(key: Key) -> None:
    values = {name: {row["facts"].get(name) for row in key.faultless()} - {None} for name in LABELS}
    assert len(values["articleType"]) >= key.types and len(values["baseColour"]) >= key.colours
    assert all(values[name] == LABELS[name] for name in ("gender", "usage", "season"))


@each_sample
def test_odd_rows_of_a_sample_are_long_and_even_ones_short(key: Key) -> None:
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
    assert not wrong_fact(row["facts"]) and not wrong_score(row)


def words_of(row: Mapping[str, Any]) -> set[str]:
    return set(re.findall(r"[a-z]+(?:'s)?", row["text"].lower()))


@pytest.mark.parametrize("row", rows_with("missing_gender"), ids=lambda row: row["id"])
def test_a_missing_gender_is_not_mentioned(row: dict[str, Any]) -> None:
    forms = {form for gender in words.GENDERS.values() for form in gender.forms}
    assert not words_of(row) & (forms | {"he", "she", "his", "her", "him", "guys", "lady"})


@pytest.mark.parametrize("row", rows_with("missing_colour"), ids=lambda row: row["id"])
def test_a_missing_colour_is_not_mentioned(row: dict[str, Any]) -> None:
    assert not words_of(row) & set(row["facts"]["baseColour"].lower().split())


def test_the_readme_has_the_counts() -> None:
    readme = (FOLDER / "README.md").read_text("utf-8")
    for kind in ("right", *FAULTS):
        counts = [sum((row["fault"] or "right") == kind for row in key.read()) for key in KEYS]
        cells = "".join(rf" {count} \|" for count in counts)
        assert re.search(rf"\| `?{kind}`? \|{cells}", readme), kind


@each_key
def test_the_readme_describes_the_rows_without_faults(key: Key) -> None:
    readme = " ".join((FOLDER / "README.md").read_text("utf-8").split())
    types, colours = (
        len({r["facts"][k] for r in key.faultless()}) for k in ("articleType", "baseColour")
    )
    assert f"{types} article types and {colours} colours" in readme


# --- the checks above notice mistakes ------------------------------------------------------------

GOOD = next(row for row in ROWS if row["fault"] == "wrong_colour")
WRONG = [
    {"key": GOOD["key"] | {"colour": 10}},
    {"key": GOOD["key"] | {"gender": 0}},
    {"key": GOOD["key"] | {"factual": 10}},
    {"key": GOOD["key"] | {"factual": 5}},
    {"fault": "missing_colour"},
    {"note": "green for white"},
    {"note": "green for white; 3 of 5 details backed"},
]


@pytest.mark.parametrize("change", WRONG)
def test_wrong_scores_are_noticed(change: dict[str, Any]) -> None:
    assert not wrong_score(GOOD) and wrong_score(GOOD | change)


def test_wrong_scores_of_a_row_without_fault_are_noticed() -> None:
    assert wrong_score(FAULTLESS[0] | {"key": FAULTLESS[0]["key"] | {"factual": 8}})


@pytest.mark.parametrize(
    "change",
    [{"baseColour": "Navy"}, {"gender": "Kids"}, {"neckline": "striped"}, {"style": "tote"}]
    + [{"brand": "Acme"}, {"subCategory": "Shoes"}],
)
def test_wrong_facts_are_noticed(change: dict[str, str]) -> None:
    assert not wrong_fact(GOOD["facts"]) and wrong_fact(GOOD["facts"] | change)
