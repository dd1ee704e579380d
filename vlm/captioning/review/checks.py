"""Flag captions that may be wrong, without a model: each flag has a code and a reason.

A flagged caption may still be correct; a reviewer decides. `CHECKS` is the table of the checks that
need no metadata; `flags` runs them all, and compares the caption with the metadata.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from vlm.captioning.review import wordlists
from vlm.evaluation.metrics import rules

Facts = Mapping[str, str]
CONTRADICTIONS = {rules.COLOUR: "colour", rules.KIND: "kind", rules.GENDER: "gender"}
PROSE_ONLY = frozenset({"text", "person", "language"})  # checks that JSON would fail
PERSONS = wordlists.persons()
MADE_FOR = frozenset({"for", "suits", "fits", "suit", "fit"})
MADE_FOR_REACH = 5  # a person up to this many words after one of MADE_FOR is a target group
MIN_WORDS, MAX_WORDS = 3, 80
MIN_CAPTIONS = 8  # fewer have no outliers
MAX_REPEATED = 0.3  # share of a caption's trigrams that occurred before
MIN_ENGLISH = 0.1  # share of a caption's words that are in ENGLISH
ENGLISH = frozenset(
    "a an the of for in on at to from with and or is are it this that its they their has by as "
    "be can who which made part best good".split()
)

# Text in the image: quotation marks, signs of a brand, words about writing, numbers.
_QUOTED = re.compile(r"[\"“”«»]|(?<!\w)['‘][A-Z][^'’]*['’](?!\w)")
_SIGNS = re.compile(r"[®™©]|https?:|www\.|\.com\b|#\w|\b\d+\s?%", re.IGNORECASE)
_WRITING = re.compile(
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
_CAPITALISED = re.compile(r"(?<![.!?:] )(?<!^)(?<![\w'’-])[A-Z][\w'’&-]*")
_LETTER = re.compile(r"^(?:[A-Z]-?(?:shirt|neck|line|strap|back|shape|bar|waist)\w*|I|JSON|3D)$")
_NUMBERS = re.compile(
    r"[$€£₹]\s?\d|\b(?:no\.|number|size)\s?\d|(?<![\d./-])\d{2,}(?![\d/]|\s?[mc]m)"
)
_BEFORE_NOUN = re.compile(
    r"^(?:['’-]|s['’]| (?!in|with|on|of|is|has|at|who|and|looks|from|dressed|lies)[a-z])"
)


class Flag(NamedTuple):
    """A possible fault: `code` names the check, `why` gives the reason."""

    code: str
    why: str


def flags(text: str, facts: Facts) -> list[Flag]:
    """Run all checks on the caption of an item with this metadata."""
    prose = not text.lstrip().startswith("{")  # JSON has quotation marks and no sentences
    checks = {code: check for code, check in CHECKS.items() if prose or code not in PROSE_ONLY}
    results = [Flag(code, check(text)) for code, check in checks.items()]
    return [*_merge(contradictions(text, facts)), *(flag for flag in results if flag.why)]


def contradictions(text: str, facts: Facts) -> list[Flag]:
    """Flag a colour, kind or gender in the caption that differs from the metadata."""
    wrong = rules.contradicted(text, facts, (*CONTRADICTIONS, "kind"))
    return [
        Flag(
            CONTRADICTIONS.get(claim.key, "kind"),
            f"says {claim.words}, the metadata says {facts[claim.key]}",
        )
        for claim in wrong
    ]


def _merge(flags: Sequence[Flag]) -> list[Flag]:
    """Merge the flags of each code, in the order of the codes."""
    reasons: dict[str, list[str]] = {code: [] for code in CONTRADICTIONS.values()}
    for flag in flags:
        reasons[flag.code].append(flag.why)
    return [Flag(code, "; ".join(whys)) for code, whys in reasons.items() if whys]


def outliers(texts: Sequence[str]) -> dict[int, str]:
    """Map the number of each caption beyond Tukey's upper outer fence to the reason."""
    lengths = [len(text.split()) for text in texts]
    if len(lengths) < MIN_CAPTIONS:
        return {}
    ordered = sorted(lengths)
    low, high = ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4]  # quartiles
    fence = high + 3 * max(high - low, 2)
    return {
        number: f"{length} words; three quarters of the captions have at most {high}"
        for number, length in enumerate(lengths)
        if length > fence
    }


def _quoted_text(text: str) -> str:
    """Flag words that may be written in the image: quoted, about writing, or of a brand."""
    for pattern in (_QUOTED, _SIGNS, _WRITING, _NUMBERS):
        if match := pattern.search(text):
            return f"mentions {match.group()!r}"
    words = (word.strip("'’&-") for word in _CAPITALISED.findall(text) if not _LETTER.match(word))
    names = [word for word in words if word.lower().split("-")[0] not in wordlists.STYLES]
    return f"names {names[0]!r}" if names else ""


def _person(text: str) -> str:
    """Flag descriptions of the wearer, of poses and bodies; not whom the item is made for."""
    if match := _PRONOUNS.search(text):
        return f"mentions {match.group().strip()!r}"
    words = list(re.finditer(r"[a-z]+(?:-[a-z]+)?", text.lower()))
    for place, word in enumerate(words):
        before = {other.group() for other in words[max(0, place - MADE_FOR_REACH) : place]}
        if _is_person(word.group(), text[word.end() :], before):
            return f"mentions {word.group()!r}"
    return ""


def _is_person(word: str, after: str, before: set[str]) -> bool:
    """True for a person, a body part or a pose, False for the group an item is made for."""
    if word in wordlists.BODY or word in wordlists.POSES:
        return True
    if word not in PERSONS or MADE_FOR & before or re.match(r"s?['’]", after):
        return False
    singular = word.removesuffix("s")
    unambiguous = word not in wordlists.MODIFIERS and singular not in wordlists.MODIFIERS
    return unambiguous or not _BEFORE_NOUN.match(after)


def _refusal(text: str) -> str:
    match = _REFUSAL.search(text)
    return f"refuses: {match.group()!r}" if match else ""


def _length(text: str) -> str:
    count = len(text.split())
    return "" if MIN_WORDS <= count <= MAX_WORDS else f"{count} words"


def _repetition(text: str) -> str:
    """Flag repeated trigrams (degeneration: Holtzman et al., 2020)."""
    words = re.findall(r"\w+", text.lower())
    trigrams = Counter(zip(words, words[1:], words[2:], strict=False))
    repeated = sum(trigrams.values()) - len(trigrams)
    if not trigrams or repeated / sum(trigrams.values()) <= MAX_REPEATED:
        return ""
    return f"repeats {' '.join(trigrams.most_common(1)[0][0])!r}"


def _language(text: str) -> str:
    """Flag letters of another script, or a lack of the commonest English words."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    if not text.isascii() and sum(letter > "ɏ" and letter.isalpha() for letter in text) > 3:
        return "another script"
    english = sum(word in ENGLISH for word in words)
    return "no English words" if len(words) > 5 and english < MIN_ENGLISH * len(words) else ""


CHECKS: dict[str, Callable[[str], str]] = {
    "text": _quoted_text,
    "person": _person,
    "refusal": _refusal,
    "length": _length,
    "repetition": _repetition,
    "language": _language,
}
CODES = (*CONTRADICTIONS.values(), *CHECKS)
