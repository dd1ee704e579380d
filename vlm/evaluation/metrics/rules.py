"""Judge a description against the metadata with a lexicon: the rules judge.

It applies MODA's rubric without a language model: fast, deterministic, and each score can be
explained. It only knows its tables: a word that they lack has no effect.
"""

import re
from collections.abc import Mapping, Sequence

from vlm.data.grammar import words
from vlm.evaluation.metrics import lexicon
from vlm.evaluation.metrics.reading import Claim, claims, usage_hints
from vlm.evaluation.metrics.rubric import BEST, Judgement

COLOUR, KIND, STYLE, GENDER = "baseColour", "articleType", "usage", "gender"
EVERYONE = "Unisex"
NAMES = {COLOUR: "colour", KIND: "kind", STYLE: "usage", GENDER: "gender"}
KNOWN_LABELS: dict[str, frozenset[str]] = {
    COLOUR: frozenset(words.COLOURS),
    KIND: frozenset(words.SINGULAR),
    STYLE: frozenset(words.USAGES),
    GENDER: frozenset(words.GENDERS),
    "kind": frozenset(lexicon.OBJECTS),
}


def judge(text: str, facts: Mapping[str, str]) -> Judgement:
    """Score one description with the five metrics.

    A metric is None if the metadata lacks its attribute or has a value that the tables do not
    know. A detail counts as backed only if the metadata has it: details that only the picture
    shows cannot be told from invented ones.
    """
    item = _item_key(facts)
    stated = _relevant(claims(text, facts.get(item, "")), facts)
    if not any(true_labels(facts, key) for key in KNOWN_LABELS):
        return Judgement(unjudged="the metadata has none of colour, kind, usage and gender")
    backed = [claim for claim in stated if _is_backed(claim, facts, stated)]
    implied = _kind_hints(stated) + ([] if _has(STYLE, stated) else usage_hints(text))
    return Judgement(
        colour=_colour_score(true_labels(facts, COLOUR), stated),
        style=_score(true_labels(facts, STYLE), STYLE, stated + implied),
        category=_score(true_labels(facts, item), item, stated + implied),
        gender=_score(true_labels(facts, GENDER), GENDER, stated + _everyone(stated)),
        factual=BEST * len(backed) / len(stated) if stated else 0.0,
        why="; ".join(_faults(stated, backed, implied, facts)),
    )


def contradicted(text: str, facts: Mapping[str, str], keys: Sequence[str]) -> list[Claim]:
    """Return the claims of a text about these attributes that contradict the metadata."""
    stated = claims(text, facts.get(_item_key(facts), ""))
    return [
        claim
        for claim in stated
        if claim.key in keys
        and true_labels(facts, claim.key)
        and not _is_backed(claim, facts, stated)
    ]


def true_labels(facts: Mapping[str, str], key: str) -> tuple[str, ...]:
    """Return the metadata's labels for a key, empty if one of them is unknown.

    A cell may contain several colours: "Blue, White", "Blue and White", "Blue/White".
    """
    label = facts.get(key, "")
    labels = re.split(r"\s*(?:,|/|;|\band\b|&)\s*", label) if key == COLOUR else [label]
    return tuple(labels) if all(part in KNOWN_LABELS[key] for part in labels) else ()


def _item_key(facts: Mapping[str, str]) -> str:
    """Return the column that names what the picture shows."""
    return KIND if KIND in facts or "kind" not in facts else "kind"


def _colour_score(colours: Sequence[str], stated: Sequence[Claim]) -> float | None:
    """Return correct colours / colours of the item x 10; for "Multi" any two colours will do."""
    if not colours:
        return None
    named = [claim for claim in stated if claim.key == COLOUR]
    correct = [
        any(colour in claim.labels for claim in named)
        or (colour == lexicon.MANY and len(named) > 1)
        for colour in colours
    ]
    return BEST * sum(correct) / len(correct)


def _score(labels: Sequence[str], key: str, stated: Sequence[Claim]) -> float | None:
    if not labels:
        return None
    return BEST * any(claim.key == key and labels[0] in claim.labels for claim in stated)


def _relevant(stated: list[Claim], facts: Mapping[str, str]) -> list[Claim]:
    """Drop claims that mean something else for this kind: a shoe's collar is not a neckline."""
    if facts.get(KIND, "") in words.TOPS | words.ETHNIC | words.SOFT | {""}:
        return stated
    return [claim for claim in stated if claim.key not in ("neckline", "sleeve")]


def _has(key: str, stated: Sequence[Claim]) -> bool:
    return any(claim.key == key for claim in stated)


def _everyone(stated: Sequence[Claim]) -> list[Claim]:
    """Return a claim of Unisex if men and women are named separately."""
    named = [claim for claim in stated if claim.key == GENDER]
    both = all(any(label in claim.labels for claim in named) for label in ("Men", "Women"))
    return [Claim(GENDER, frozenset({EVERYONE}), "men and women")] if both else []


def _kind_hints(stated: Sequence[Claim]) -> list[Claim]:
    """Return the kinds that details imply, if the text names no kind."""
    if _has(KIND, stated):
        return []
    table = lexicon.KIND_HINTS
    return [
        Claim(KIND, frozenset(table[claim.words]), claim.words)
        for claim in stated
        if claim.words in table
    ]


def _is_backed(claim: Claim, facts: Mapping[str, str], stated: Sequence[Claim]) -> bool:
    """Return True if the metadata agrees with the claim."""
    if claim.key == COLOUR:
        colours = true_labels(facts, COLOUR)
        many = lexicon.MANY in colours and sum(other.key == COLOUR for other in stated) > 1
        return many or any(colour in claim.labels for colour in colours)
    if claim.key == GENDER and facts.get(GENDER) == EVERYONE and _everyone(stated):
        return True
    return facts.get(claim.key) in claim.labels


def _faults(
    stated: Sequence[Claim],
    backed: Sequence[Claim],
    implied: Sequence[Claim],
    facts: Mapping[str, str],
) -> list[str]:
    """Describe in a few words each claim that is not backed and each attribute not mentioned."""
    faults = [
        f"says {claim.words}, is {facts[claim.key].lower()}"
        if claim.key in facts
        else f"{claim.words} is not in the metadata"
        for claim in stated
        if claim not in backed
    ]
    mentioned = {claim.key for claim in [*stated, *implied]}
    missing = [key for key in NAMES if true_labels(facts, key) and key not in mentioned]
    return faults + [f"{NAMES[key]} is not said" for key in missing]
