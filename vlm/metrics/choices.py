"""Multiple choice, yes or no, short answers: how a question is put, how an answer is read.

Written anew from the published rules, whose code guesses when nothing can be read; here that is
None, which counts as wrong and is counted apart.

prompt       LLaVA 1.5 (arXiv 2310.03744), the form that lmms-eval uses too
read_choice  MMBench and VLMEvalKit (arXiv 2307.06281, 2407.11691): the letter, else the text;
             MMMU (arXiv 2311.16502) takes the last of several letters
read_yes_no  POPE (arXiv 2305.10355) without its rule that everything unread is a yes
circular     MMBench's CircularEval: right in every rotation of the options
"""

import math
import re
import string
from collections.abc import Hashable, Iterable, Sequence

LETTERS = string.ascii_uppercase
BY_LETTER = "Answer with the option's letter from the given choices directly."
IN_A_WORD = "Answer the question using a single word or phrase."

_WORD = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"  # those scripts put no spaces between words
# A letter that stands alone: no part of A-line, D's or U.S.A.
_ALONE = rf"(?<!{_WORD})(?<!['’-])(?<![A-Za-z]\.)([{{letters}}])(?!{_WORD}|['’-]|\.\w)"
_NAMED = re.compile(r"(?:option|choice|answer|letter)[\s:]*$", re.I)
_NO_ARTICLE = re.compile(
    rf"(?![ \t]+{_WORD})|[ \t]+(?:is|or|and|nor|because|since|as|but|the|which)\b", re.I
)
_REFUSAL = re.compile(
    r"\b(?:sorry|unable to|cannot|can ?not|can['’]t|(?:don['’]t|do not) know|not sure|no idea"
    r"|as an ai|impossible to|not possible to)\b|抱歉|对不起|无法",
    re.I,
)
_ENDS = " \t\r\n.,;:!?\"'`*()[]{}“”‘’。，、：；！？（）"
_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:e[+-]?\d+)?", re.I)
_BEFORE_ANSWER = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")


def prompt(text: str, options: Sequence[str] = (), hint: str = "") -> str:
    """The question as it is put: hint, question, options as "A. ...", how to answer.

    Raises:
        ValueError: when there are more options than letters.
    """
    if len(options) > len(LETTERS):
        raise ValueError(f"{len(options)} options are more than there are letters")
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False)]
    parts = [hint.strip(), text.strip(), *lines, BY_LETTER if options else IN_A_WORD]
    return "\n".join(part for part in parts if part)


def rotated(options: Sequence[str], answer: int, shift: int) -> tuple[tuple[str, ...], int]:
    """The options moved up by `shift` places in a circle, and where the right one is then."""
    shift %= len(options)
    return (*options[shift:], *options[:shift]), (answer - shift) % len(options)


def read_choice(text: str, options: Sequence[str], *, last: bool = False) -> int | None:
    """Which option an answer chooses, as its index; None when it chooses none, or several.

    A capital letter that stands alone, in brackets or with a full stop, colon or bracket behind it
    is an option's letter; "A" and "I" in front of a word are words ("A man", "I think"). Without
    a letter the one option counts whose text the answer holds. A whole answer that is an option's
    text counts before its letters do ("Vitamin B").

    Args:
        last: take the last of several letters, which is MMMU's rule.
    """
    letters = LETTERS[: len(options)]
    found = _letters(text, letters)
    same = [number for number, option in enumerate(options) if _plain(option) == _plain(text)]
    if text.strip(_ENDS) in found:
        return letters.index(found[0])
    if len(same) == 1:
        return same[0]
    lead = _leading(text, options, found)
    if lead is not None:
        return lead
    if _REFUSAL.search(text):
        return None
    if len(set(found)) == 1 or (found and last):
        return letters.index(found[-1])
    return read_text(text, options)


def _letters(text: str, letters: str) -> list[str]:
    """The options' letters that an answer names, in order."""
    found = []
    for match in re.finditer(_ALONE.format(letters=letters), text) if letters else ():
        letter, before, after = match[1], text[: match.start()], text[match.end() :]
        if letter not in "AI" or _NAMED.search(before) or _NO_ARTICLE.match(after):
            found.append(letter)
    return found


def _leading(text: str, options: Sequence[str], found: Sequence[str]) -> int | None:
    """The option of "B. a dog": a letter first, and no other one behind it but in B's own text."""
    match = re.match(rf"[\s(\[*\"']*([{LETTERS}])[)\].,:*\"'\n。，：、）]+(.*)", text, re.S)
    if not match or not found or match[1] != found[0]:
        return None
    place = LETTERS.index(match[1])
    own = _plain(match[2]) == _plain(options[place])
    return place if own or set(found) == {match[1]} else None


def read_text(text: str, options: Sequence[str], also: Sequence[Sequence[str]] = ()) -> int | None:
    """The one option whose text an answer holds in whole words, None for none or several.

    A text inside a longer one that was found ("red" in "dark red") does not count.

    Args:
        also: other words for each option that count like its text.
    """
    also = also or [()] * len(options)
    names = [(n, name) for n, o in enumerate(options) for name in (o, *also[n])]
    said, found = _plain(text), set()
    for number, name in sorted(names, key=lambda pair: -len(pair[1])):
        pattern = rf"(?<!{_WORD})(?<!\d\.){re.escape(_plain(name))}(?!{_WORD}|\.\d)"
        said, times = re.subn(pattern, "\0", said) if _plain(name) else (said, 0)
        found |= {number} if times else set()
    return found.pop() if len(found) == 1 else None


def _plain(text: str) -> str:
    """For comparison: no case, no marks at the ends, no article in front, single spaces."""
    words = " ".join(text.split()).casefold()
    bare = re.sub(r"^(?:an?|the) (?=\S)", "", words.strip(_ENDS))
    return bare or words


def read_yes_no(text: str) -> str | None:
    """ "yes" or "no": the first word, else the only one of both in the first sentence.

    "Not" is a no, as in POPE.
    """
    words = re.findall(
        r"[^\W\d_]+", re.split(r"[.\n]", text.strip(_ENDS), maxsplit=1)[0].casefold()
    )
    meant = ["no" if word == "not" else word for word in words if word in ("yes", "no", "not")]
    if words and words[0] in ("yes", "no"):
        return words[0]
    return meant[0] if len(set(meant)) == 1 else None


def is_silent(text: str) -> bool:
    """True when an answer in free words gives none: it is empty, or refuses."""
    return not text.strip(_ENDS) or bool(_REFUSAL.search(text))


def matches_open(text: str, answers: Sequence[str]) -> bool:
    """Whether an answer in free words gives one of the right ones, by MMMU's rule.

    Of each sentence the shortest piece behind a word like "is" or "therefore" counts, else the
    whole answer. Numbers are equal at two decimals; a text is right when it stands in a piece.
    """
    pieces = _pieces(text)
    numbers = {_number(match) for piece in pieces for match in _NUMBER.findall(piece)}
    for answer in answers:
        value, words = _number(answer), answer.strip().casefold()
        if value is not None and value in numbers:
            return True
        alone = rf"(?<!\w){re.escape(words)}(?!\w)" if len(words) == 1 else re.escape(words)
        if value is None and words and any(re.search(alone, piece) for piece in pieces):
            return True
    return False


def _pieces(text: str) -> list[str]:
    sentences = [part.casefold().strip(" .") for part in re.split(r"\.\s+|\n", text)]
    pieces = []
    for number, sentence in enumerate(sentences, start=1):
        marks = (*_BEFORE_ANSWER, "=") if number == len(sentences) else _BEFORE_ANSWER
        tails = [sentence.split(mark)[-1].strip() for mark in marks if mark in sentence]
        pieces.append(min(filter(None, (tail.strip(_ENDS) for tail in tails)), key=len, default=""))
    return [piece for piece in pieces if piece] or [text.casefold().strip()]


def _number(text: str) -> float | None:
    """The number that a text is, at two decimals, None for any other text."""
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return None
    return round(value, 2) if math.isfinite(value) else None


def circular(right: Iterable[tuple[Hashable, bool]]) -> dict[Hashable, bool]:
    """CircularEval: question -> True when all of its rotations were answered rightly.

    Args:
        right: for each rotation that was asked, its question and whether the answer was right.
    """
    groups: dict[Hashable, bool] = {}
    for question, fine in right:
        groups[question] = groups.get(question, True) and fine
    return groups


def random_guess(options: int, rotations: int = 1) -> float:
    """The chance to guess every rotation of a question with so many options."""
    return options**-rotations if options else 0.0
