"""The rules judge: reads a description with a lexicon and holds it against the metadata.

MODA's rubric without a language model: quick, the same every time, and each mark can be explained.
It knows what its tables know: a word that they lack says nothing to it.
"""

import re
from collections.abc import Mapping, Sequence

from vlm.data import words
from vlm.metrics import lexicon
from vlm.metrics.reading import Claim, claims, hints
from vlm.metrics.rubric import BEST, Judgement

COLOUR, KIND, STYLE, GENDER = "baseColour", "articleType", "usage", "gender"
EVERYONE = "Unisex"
NAMES = {COLOUR: "colour", KIND: "kind", STYLE: "usage", GENDER: "gender"}
KNOWN: dict[str, frozenset[str]] = {
    COLOUR: frozenset(words.COLOURS),
    KIND: frozenset(words.SINGULAR),
    STYLE: frozenset(words.USAGES),
    GENDER: frozenset(words.GENDERS),
    "kind": frozenset(lexicon.OBJECTS),
}


def judge(text: str, facts: Mapping[str, str]) -> Judgement:
    """The five metrics of one description.

    A metric is None when the metadata lacks its attribute or has a value that the tables do not
    know. A detail counts as backed only when the metadata says it: what a picture shows beyond its
    metadata cannot be told from what was made up.
    """
    item = _item(facts)
    said, usages = _relevant(claims(text, facts.get(item, "")), facts), hints(text)
    if not any(truths(facts, key) for key in KNOWN):
        return Judgement(unjudged="the metadata has none of colour, kind, usage and gender")
    backed = [claim for claim in said if _backed(claim, facts, said)]
    implied = _kind_hints(said) + ([] if _says(STYLE, said) else usages)
    return Judgement(
        colour=_share_named(truths(facts, COLOUR), said),
        style=_named(truths(facts, STYLE), STYLE, said + implied),
        category=_named(truths(facts, item), item, said + implied),
        gender=_named(truths(facts, GENDER), GENDER, said + _everyone(said)),
        factual=BEST * len(backed) / len(said) if said else 0.0,
        why="; ".join(_faults(said, backed, implied, facts)),
    )


def contradicted(text: str, facts: Mapping[str, str], keys: Sequence[str]) -> list[Claim]:
    """What a text says of these attributes although the metadata says otherwise."""
    said = claims(text, facts.get(_item(facts), ""))
    return [
        claim
        for claim in said
        if claim.key in keys and truths(facts, claim.key) and not _backed(claim, facts, said)
    ]


def truths(facts: Mapping[str, str], key: str) -> tuple[str, ...]:
    """The labels that the metadata has for a key; none when one of them is unknown.

    Several colours may stand in one cell: "Blue, White", "Blue and White", "Blue/White".
    """
    label = facts.get(key, "")
    labels = re.split(r"\s*(?:,|/|;|\band\b|&)\s*", label) if key == COLOUR else [label]
    return tuple(labels) if all(part in KNOWN[key] for part in labels) else ()


def _item(facts: Mapping[str, str]) -> str:
    """The column that says what the picture shows."""
    return KIND if KIND in facts or "kind" not in facts else "kind"


def _share_named(colours: Sequence[str], said: Sequence[Claim]) -> float | None:
    """Right colours / colours of the item x 10; a thing in many colours may be told by two."""
    if not colours:
        return None
    named = [claim for claim in said if claim.key == COLOUR]
    right = [
        any(colour in claim.labels for claim in named)
        or (colour == lexicon.MANY and len(named) > 1)
        for colour in colours
    ]
    return BEST * sum(right) / len(right)


def _named(labels: Sequence[str], key: str, said: Sequence[Claim]) -> float | None:
    if not labels:
        return None
    return BEST * any(claim.key == key and labels[0] in claim.labels for claim in said)


def _relevant(said: list[Claim], facts: Mapping[str, str]) -> list[Claim]:
    """The claims that mean what they say of this kind: a shoe's collar is no neckline."""
    if facts.get(KIND, "") in words.TOPS | words.ETHNIC | words.SOFT | {""}:
        return said
    return [claim for claim in said if claim.key not in ("neckline", "sleeve")]


def _says(key: str, said: Sequence[Claim]) -> bool:
    return any(claim.key == key for claim in said)


def _everyone(said: Sequence[Claim]) -> list[Claim]:
    """Men and women, named apart, are everyone."""
    named = [claim for claim in said if claim.key == GENDER]
    both = all(any(one in claim.labels for claim in named) for one in ("Men", "Women"))
    return [Claim(GENDER, frozenset({EVERYONE}), "men and women")] if both else []


def _kind_hints(said: Sequence[Claim]) -> list[Claim]:
    """Kinds that details stand for; they count when the text names no kind."""
    if _says(KIND, said):
        return []
    table = lexicon.KIND_HINTS
    return [
        Claim(KIND, frozenset(table[claim.words]), claim.words)
        for claim in said
        if claim.words in table
    ]


def _backed(claim: Claim, facts: Mapping[str, str], said: Sequence[Claim]) -> bool:
    """True when the metadata says what the claim says."""
    if claim.key == COLOUR:
        colours = truths(facts, COLOUR)
        many = lexicon.MANY in colours and sum(other.key == COLOUR for other in said) > 1
        return many or any(colour in claim.labels for colour in colours)
    if claim.key == GENDER and facts.get(GENDER) == EVERYONE and _everyone(said):
        return True
    return facts.get(claim.key) in claim.labels


def _faults(
    said: Sequence[Claim],
    backed: Sequence[Claim],
    implied: Sequence[Claim],
    facts: Mapping[str, str],
) -> list[str]:
    """What is wrong, in a few words each: claims without backing, attributes left out."""
    wrong = [claim for claim in said if claim not in backed]
    found = [
        f"says {claim.words}, is {facts[claim.key].lower()}"
        if claim.key in facts
        else f"{claim.words} is not in the metadata"
        for claim in wrong
    ]
    told = {claim.key for claim in [*said, *implied]}
    keys = [key for key in NAMES if truths(facts, key) and key not in told]
    return found + [f"{NAMES[key]} is not said" for key in keys]
