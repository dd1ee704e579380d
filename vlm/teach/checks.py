"""What may be wrong with a caption, found without a model: each flag has a code and a reason.

A flag is a doubt, not a verdict: a reviewer decides. `CHECKS` is the table of those that need no
metadata; `flags` asks them all, and for contradictions.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from vlm.metrics import rules
from vlm.teach import wordlists

Facts = Mapping[str, str]
CONTRADICTIONS = {rules.COLOUR: "colour", rules.KIND: "kind", rules.GENDER: "gender"}
OF_PROSE = frozenset({"text", "person", "language"})
PERSONS = wordlists.persons()
MADE_FOR, REACH = frozenset({"for", "suits", "fits", "suit", "fit"}), 5  # words after these
SHORTEST, LONGEST = 3, 80  # words
MOST_REPEATED = 0.3  # share of a caption's runs of three words that were there before
FEWEST_ENGLISH = 0.1  # share of words that every English sentence is full of
ENGLISH = frozenset(
    "a an the of for in on at to from with and or is are it this that its they their has by as "
    "be can who which made part best good".split()
)
# What is read off a picture: quoted words, signs of a brand, talk of letters.
_QUOTED = re.compile(r"[\"“”«»]|(?<!\w)['‘][A-Z][^'’]*['’](?!\w)")
_SIGNS = re.compile(r"[®™©]|https?:|www\.|\.com\b|#\w|\b\d+\s?%", re.IGNORECASE)
_LETTERS = re.compile(
    r"\b(?:text|logos? (?:of|reading|for|from)|price|slogans?|lettering|letters|wording|characters|"
    r"inscription|captioned|branded|brand|trademark|watermark|written|reads?|saying|says|spelled|"
    r"spelling|the words?|signature|labell?ed)\b",
    re.IGNORECASE,
)
_PRONOUNS = re.compile(
    r"\b(?:he|she|him|his|her|hers|himself|herself|they wear|worn by (?:a|an|the|one)|"
    r"(?:look(?:s|ing)?) (?:at|down|up|away|serious|happy|sad|relaxed|confident|into)|"
    r"(?:stands|standing) (?!out|collar)|holds (?!its|up|a lot|all)|holding|carr(?:ies|ying) a|"
    r"wears (?!well)|hands? (?:is|are|in|on|of|with|holds?|displays?)|"
    r"faces? (?:is|are) (?:not|partly|hidden|cut)|"
    r"['’]s (?:\w+ )?(?:face|head|hands?|arms?|wrist|hair|foot|feet|legs?|ears?|body|shoulder)"
    r"(?! (?:bag|warmer|band|clip|strap|suit))|(?:dark|curly|blonde?) hair|"
    r"(?:one|her|his|left|right|pale|slender|bare) (?:\w+ )?(?:wrist|hand|arm|leg|knee|ankle|"
    r"shoulder|foot)\b(?! (?:strap|bag|watch|pocket|rest|band|cuff|warmer|sleeve|opening|line))|"
    r"side by side|(?:bare|crossed|pair of) (?:legs|arms|feet|hands|ankles|knees)|tucked into)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:sorry|i can(?:no|')t|i am (?:unable|not able|not sure)|i'm (?:unable|not able|not sure)|"
    r"as an? (?:ai|language model)|unable to (?:see|identify|determine|describe))\b",
    re.IGNORECASE,
)
_CAPITAL = re.compile(r"(?<![.!?:] )(?<!^)(?<![\w'’-])[A-Z][\w'’&-]*")
_LETTER = re.compile(r"^(?:[A-Z]-?(?:shirt|neck|line|strap|back|shape|bar|waist)\w*|I|JSON|3D)$")
_NUMBERS = re.compile(
    r"[$€£₹]\s?\d|\b(?:no\.|number|size)\s?\d|(?<![\d./-])\d{2,}(?![\d/]|\s?[mc]m)"
)
_FOLLOWED_BY_A_NOUN = re.compile(
    r"^(?:['’-]|s['’]| (?!in|with|on|of|is|has|at|who|and|looks|from|dressed|lies)[a-z])"
)


class Flag(NamedTuple):
    """A doubt: `code` names the check, `why` says what it saw."""

    code: str
    why: str


def flags(text: str, facts: Facts) -> list[Flag]:
    """Everything that the checks see in a caption of an item with this metadata."""
    prose = not text.lstrip().startswith("{")  # JSON has quotation marks, and no sentence
    asked = {code: check for code, check in CHECKS.items() if prose or code not in OF_PROSE}
    found = [Flag(code, check(text)) for code, check in asked.items()]
    return [*_joined(contradictions(text, facts)), *(flag for flag in found if flag.why)]


def contradictions(text: str, facts: Facts) -> list[Flag]:
    """Colour, kind and gender that the caption says and the metadata says otherwise."""
    wrong = rules.contradicted(text, facts, (*CONTRADICTIONS, "kind"))
    return [
        Flag(CONTRADICTIONS.get(claim.key, "kind"), f"says {claim.words}, is {facts[claim.key]}")
        for claim in wrong
    ]


def _joined(found: Sequence[Flag]) -> list[Flag]:
    """One flag for each code, in the order of the codes, with all that was seen of it."""
    seen: dict[str, list[str]] = {code: [] for code in CONTRADICTIONS.values()}
    for flag in found:
        seen[flag.code].append(flag.why)
    return [Flag(code, "; ".join(whys)) for code, whys in seen.items() if whys]


def outliers(texts: Sequence[str]) -> dict[int, str]:
    """Number -> reason, of the captions far longer than the others (Tukey's outer fence)."""
    sizes = sorted(len(text.split()) for text in texts)
    if len(sizes) < 8:
        return {}
    low, high = sizes[len(sizes) // 4], sizes[3 * len(sizes) // 4]
    fence = high + 3 * max(high - low, 2)
    counts = {number: len(text.split()) for number, text in enumerate(texts)}
    return {
        number: f"{count} words, three quarters have at most {high}"
        for number, count in counts.items()
        if count > fence
    }


def _read_off(text: str) -> str:
    """Words that somebody read off the picture: quoted, about letters, a brand's."""
    for pattern in (_QUOTED, _SIGNS, _LETTERS, _NUMBERS):
        if seen := pattern.search(text):
            return f"speaks of {seen.group()!r}"
    found = (word.strip("'’&-") for word in _CAPITAL.findall(text) if not _LETTER.match(word))
    names = [word for word in found if word.lower().split("-")[0] not in wordlists.STYLES]
    return f"names {names[0]!r}" if names else ""


def _person(text: str) -> str:
    """Who wears it, how they stand and look; whom a thing is made for is no such talk."""
    if seen := _PRONOUNS.search(text):
        return f"speaks of {seen.group().strip()!r}"
    words = list(re.finditer(r"[a-z]+(?:-[a-z]+)?", text.lower()))
    for place, word in enumerate(words):
        before = {other.group() for other in words[max(0, place - REACH) : place]}
        if _is_somebody(word.group(), text[word.end() :], before):
            return f"speaks of {word.group()!r}"
    return ""


def _is_somebody(word: str, after: str, before: set[str]) -> bool:
    """True for a person, a part of a body or a pose, not for whom or what a thing is made."""
    if word in wordlists.BODY or word in wordlists.POSES:
        return True
    if word not in PERSONS or MADE_FOR & before or re.match(r"s?['’]", after):
        return False
    plain = word not in wordlists.NOT_ALONE and word.removesuffix("s") not in wordlists.NOT_ALONE
    return plain or not _FOLLOWED_BY_A_NOUN.match(after)


def _refusal(text: str) -> str:
    seen = _REFUSAL.search(text)
    return f"refuses: {seen.group()!r}" if seen else ""


def _length(text: str) -> str:
    count = len(text.split())
    return "" if SHORTEST <= count <= LONGEST else f"{count} words"


def _repetition(text: str) -> str:
    """Runs of three words that come again (Holtzman et al., 2020, call it degeneration)."""
    words = re.findall(r"\w+", text.lower())
    runs = Counter(zip(words, words[1:], words[2:], strict=False))
    again = sum(runs.values()) - len(runs)
    if not runs or again / sum(runs.values()) <= MOST_REPEATED:
        return ""
    return f"repeats {' '.join(runs.most_common(1)[0][0])!r}"


def _language(text: str) -> str:
    """Letters of another script, or none of the words that English sentences are full of."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    if not text.isascii() and sum(letter > "ɏ" and letter.isalpha() for letter in text) > 3:
        return "another script"
    few = sum(word in ENGLISH for word in words) < FEWEST_ENGLISH * len(words)
    return "no English words" if len(words) > 5 and few else ""


CHECKS: dict[str, Callable[[str], str]] = {
    "text": _read_off,
    "person": _person,
    "refusal": _refusal,
    "length": _length,
    "repetition": _repetition,
    "language": _language,
}
CODES = (*CONTRADICTIONS.values(), *CHECKS)
