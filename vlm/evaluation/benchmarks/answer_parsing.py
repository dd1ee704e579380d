"""Parse a model's answer: an option's letter or text, yes or no, or free text.

Reimplemented from the published rules. Where their code guesses if an answer cannot be parsed,
these functions return None, which counts as wrong and is reported separately.

read_choice   MMBench and VLMEvalKit (arXiv 2307.06281, 2407.11691): the letter, else the text;
              MMMU (arXiv 2311.16502) takes the last of several letters
read_yes_no   POPE (arXiv 2305.10355), without its rule that anything unparsed is a yes
matches_open  MMMU
"""

import math
import re
from collections.abc import Sequence

from vlm.evaluation.benchmarks.question import LETTERS

# a character of a word, except in scripts that put no spaces between words
_WORD = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
_BEFORE_NAME = re.compile(rf"(?<!{_WORD})(?<!\d\.)")
_AFTER_NAME = re.compile(rf"(?!{_WORD}|\.\d)")

# A letter that stands alone: not part of A-line, D's or U.S.A.
_LETTER = rf"(?<!{_WORD})(?<!['’-])(?<![A-Za-z]\.)([{{letters}}])(?!{_WORD}|['’-]|\.\w)"
_ANNOUNCED = re.compile(r"(?:option|choice|answer|letter)[\s:]*$", re.I)
_NOT_A_WORD = re.compile(  # what follows "A" or "I" where it is a letter, not a word
    rf"(?![ \t]+{_WORD})|[ \t]+(?:is|or|and|nor|because|since|as|but|the|which)\b", re.I
)
_REFUSAL = re.compile(
    r"\b(?:sorry|unable to|cannot|can ?not|can['’]t|(?:don['’]t|do not) know|not sure|no idea"
    r"|as an ai|impossible to|not possible to)\b|抱歉|对不起|无法",
    re.I,
)
_PUNCTUATION = " \t\r\n.,;:!?\"'`*()[]{}“”‘’。，、：；！？（）"
_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:e[+-]?\d+)?", re.I)
_BEFORE_ANSWER = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")


def read_choice(text: str, options: Sequence[str], *, last: bool = False) -> int | None:
    """Return the index of the option that an answer chooses, None if it chooses none or several.

    A capital letter that stands alone, in brackets or before a full stop, colon or bracket, is an
    option's letter; "A" and "I" before another word are words ("A man", "I think"). Without a
    letter, the one option whose text the answer contains is chosen. An answer that equals an
    option's text counts as that text before its letters are considered ("Vitamin B").

    Args:
        last: take the last of several letters, which is MMMU's rule.
    """
    letters = LETTERS[: len(options)]
    named = _named_letters(text, letters)
    equal = [i for i, option in enumerate(options) if _normalise(option) == _normalise(text)]
    if text.strip(_PUNCTUATION) in named:
        return letters.index(named[0])
    if len(equal) == 1:
        return equal[0]
    leading = _leading_choice(text, options, named)
    if leading is not None:
        return leading
    if _REFUSAL.search(text):
        return None
    if len(set(named)) == 1 or (named and last):
        return letters.index(named[-1])
    return read_text(text, options)


def _named_letters(text: str, letters: str) -> list[str]:
    """Return the options' letters that an answer names, in order."""
    named = []
    for match in re.finditer(_LETTER.format(letters=letters), text) if letters else ():
        letter, before, after = match[1], text[: match.start()], text[match.end() :]
        if letter not in "AI" or _ANNOUNCED.search(before) or _NOT_A_WORD.match(after):
            named.append(letter)
    return named


def _leading_choice(text: str, options: Sequence[str], named: Sequence[str]) -> int | None:
    """Return the option of an answer like "B. a dog", which starts with a letter.

    Any other letters after it must be part of that option's own text.
    """
    match = re.match(rf"[\s(\[*\"']*([{LETTERS}])[)\].,:*\"'\n。，：、）]+(.*)", text, re.S)
    if not match or not named or match[1] != named[0]:
        return None
    index = LETTERS.index(match[1])
    is_option_text = _normalise(match[2]) == _normalise(options[index])
    return index if is_option_text or set(named) == {match[1]} else None


def read_text(
    text: str, options: Sequence[str], synonyms: Sequence[Sequence[str]] = ()
) -> int | None:
    """Return the one option whose text an answer contains as whole words, None for none or several.

    A text within a longer match ("red" in "dark red") does not count.

    Args:
        synonyms: for each option, other words that count like its text.
    """
    synonyms = synonyms or [()] * len(options)
    names = [(index, name) for index, o in enumerate(options) for name in (o, *synonyms[index])]
    rest, chosen = _normalise(text), set()
    for index, name in sorted(names, key=lambda pair: -len(pair[1])):
        pieces = _split_at_words(rest, _normalise(name))
        rest = "\0".join(pieces)
        chosen |= {index} if len(pieces) > 1 else set()
    return chosen.pop() if len(chosen) == 1 else None


def _split_at_words(text: str, name: str) -> list[str]:
    """Split a text at a name where it occurs as whole words; compiling one pattern takes 5 ms."""
    pieces, start, position = [], 0, text.find(name) if name else -1
    while position >= 0:
        end = position + len(name)
        if _BEFORE_NAME.match(text, position) and _AFTER_NAME.match(text, end):
            pieces.append(text[start:position])
            start, position = end, text.find(name, end)
        else:
            position = text.find(name, position + 1)
    return [*pieces, text[start:]]


def _normalise(text: str) -> str:
    """Prepare a text for comparison: no case, outer punctuation or leading article."""
    words = " ".join(text.split()).casefold()
    bare = re.sub(r"^(?:an?|the) (?=\S)", "", words.strip(_PUNCTUATION))
    return bare or words


def read_yes_no(text: str) -> str | None:
    """Return "yes" or "no": the first word, else the only one of the two in the first sentence.

    "Not" counts as no, as in POPE.
    """
    first_sentence = re.split(r"[.\n]", text.strip(_PUNCTUATION), maxsplit=1)[0]
    words = re.findall(r"[^\W\d_]+", first_sentence.casefold())
    verdicts = ["no" if word == "not" else word for word in words if word in ("yes", "no", "not")]
    if words and words[0] in ("yes", "no"):
        return words[0]
    return verdicts[0] if len(set(verdicts)) == 1 else None


def is_unanswered(text: str) -> bool:
    """Return True if a free-text answer is empty or a refusal."""
    return not text.strip(_PUNCTUATION) or bool(_REFUSAL.search(text))


def matches_open(text: str, answers: Sequence[str]) -> bool:
    """Return True if a free-text answer contains one of the accepted answers, by MMMU's rule.

    Only the shortest phrase after a word like "is" or "therefore" counts in each sentence; if
    there is none, the whole text counts. Numbers are compared to two decimals; a word must occur in
    one of the phrases.
    """
    phrases = _answer_phrases(text)
    numbers = {_parse_number(match) for phrase in phrases for match in _NUMBER.findall(phrase)}
    for answer in answers:
        number, words = _parse_number(answer), answer.strip().casefold()
        if number is not None and number in numbers:
            return True
        pattern = rf"(?<!\w){re.escape(words)}(?!\w)" if len(words) == 1 else re.escape(words)
        if number is None and words and any(re.search(pattern, phrase) for phrase in phrases):
            return True
    return False


def _answer_phrases(text: str) -> list[str]:
    sentences = [part.casefold().strip(" .") for part in re.split(r"\.\s+|\n", text)]
    phrases = []
    for number, sentence in enumerate(sentences, start=1):
        markers = (*_BEFORE_ANSWER, "=") if number == len(sentences) else _BEFORE_ANSWER
        tails = [sentence.split(marker)[-1].strip() for marker in markers if marker in sentence]
        tails = [tail.strip(_PUNCTUATION) for tail in tails]
        phrases.append(min(filter(None, tails), key=len, default=""))
    return [phrase for phrase in phrases if phrase] or [text.casefold().strip()]


def _parse_number(text: str) -> float | None:
    """Return a number rounded to two decimals, None for any other text."""
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return None
    return round(value, 2) if math.isfinite(value) else None
