"""Captions as they are, a short one, and a long one of two or three that fit together."""

import re
from collections.abc import Sequence
from functools import lru_cache
from random import Random

from vlm.data.scene_questions.scene import VERBS, Phrase, Scene, is_image_of
from vlm.data.vocabulary import english, objects
from vlm.types import Turn

CAPTION = (
    "Caption this picture.",
    "Describe this picture.",
    "What do you see?",
    "Describe the image in one sentence.",
    "What is happening here?",
    "Write a caption.",
)
SHORT = (
    "Describe this picture briefly.",
    "Describe the image in a few words.",
    "Give a short caption.",
    "Briefly, what is in this picture?",
)
LONG = (
    "Describe this picture in detail.",
    "Describe the image in detail.",
    "Write a detailed description of this picture.",
    "Tell me everything you see.",
)
TASK = "caption"  # of people's own captions, all answers to the same question
SHORTEST = 4  # words of a short caption
MOST_SENTENCES = 3
NEW = 3  # words that a further sentence must add
OLD_SHARE = 0.4  # share of its words that may have been said before
PEOPLE = ("man", "woman", "boy", "girl", "baby")
PRONOUNS = {"man": "He", "boy": "He", "woman": "She", "girl": "She", "animal": "It"}
COLOURS = "black white brown red blue green yellow orange pink purple gray grey tan golden"
COLOURS = frozenset(f"{COLOURS} blond blonde beige silver gold dark".split())
POSTURES = ("sit seat", "lie lay sleep", "stand", "walk", "run race sprint", "jump leap midair air")
POSTURES += ("swim float dive", "ride", "climb")
FILLERS = frozenset(
    "a an the is are was were be being been has have in on at with near by of to and or that who as"
    " while through over under up down into from off for across along behind beside between around"
    " his her their its it he she they this there some one two three next front top side"
    " , .".split()
)
VERB = re.compile(r"(?:is|are|has|have|was|were) ")
ENDING = re.compile(r"(?<=[a-z]{3})(?:ing|ed|es|(?<!s)s|e)$")  # so that "bites" is "biting"
GERUND = re.compile(r"(?:also |then )?(?!during|string|king|morning|evening)[a-z]{2,}ing\b")
UNCLEAR = re.compile(r"[()\"?!:]|\b(?:who|that|and|but)$")  # in captions that are not joined
SOMEBODY = ("someone", "somebody", "one")  # no subject that can be taken up again
DETERMINED = re.compile(r"(?:an?|the|one|this|that|his|her) ", re.IGNORECASE)
SECOND_VERB = re.compile(rf" (?:is|are|has|have|(?:{'|'.join(VERBS)})e?s) ")
CLAUSE = re.compile(r" (?:while|as|who|whose|that|which|when|and) ")
# "is sitting and a dog on"
LIST = re.compile(r" and an? (?:\w+ )?\w+ (?:at|in|on|behind|beside|near|next|\w+ing) ")
PLURAL_VERB = re.compile(rf"(?:{'|'.join(VERBS)})\b")
PLACED = re.compile(r"(?:in|on|at|near|by|beside|behind|under|next to|inside|outside) ")
FINITE = re.compile(r"[a-z]{2,}s\b(?! (?:in|on|at)\b$)")


def plain(scene: Scene) -> tuple[Turn, ...]:
    """Return every caption as an answer to the same question."""
    prompt = Random(f"{scene.id}/caption").choice(CAPTION)
    return tuple(Turn(prompt, caption, TASK) for caption in scene.captions)


def short(scene: Scene) -> tuple[Turn, ...]:
    """Return the shortest caption, though not one of two or three words."""
    lengths = {caption: len(caption.split()) for caption in scene.captions}
    usable = [caption for caption in lengths if lengths[caption] >= SHORTEST]
    if not usable:
        return ()
    prompt = Random(f"{scene.id}/short").choice(SHORT)
    return (Turn(prompt, as_sentence(min(usable, key=lambda c: (lengths[c], c))), "short"),)


def long(scene: Scene) -> tuple[Turn, ...]:
    """Return two or three captions that fit together as one text, if there are such."""
    sentences = _fitting(scene)
    if len(sentences) < 2:
        return ()
    prompt = Random(f"{scene.id}/long").choice(LONG)
    return (Turn(prompt, " ".join(sentences), "long"),)


def as_sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    text = re.sub(r"\s+([.,!?]|'s\b)", r"\1", " ".join(text.split()))
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def _fitting(scene: Scene) -> list[str]:
    """Return the longest caption, and others that say more about what it is about."""
    order = sorted(range(len(scene.captions)), key=lambda n: -len(_content(scene.captions[n])))
    chosen: list[int] = []
    sentences: list[str] = []
    for number in order:
        if not chosen:
            first = _first(scene, number)
            chosen, sentences = ([number], [first]) if first else ([], [])
        elif len(chosen) < MOST_SENTENCES and _adds(scene, chosen, number):
            sentence = _continued(scene, chosen, number)
            sentences += [sentence] if sentence else []
            chosen += [number] if sentence else []
    return sentences


def _first(scene: Scene, number: int) -> str:
    """Return a caption as the first sentence ("A boy is running"); "" if its verb is unclear."""
    caption, opening = scene.captions[number], _opening(scene, number)
    if not opening:
        return ""
    rest = caption[len(opening.text) :].strip()
    main = CLAUSE.split(rest)[0]
    is_whole = SECOND_VERB.search(main) if opening.number == 1 else PLURAL_VERB.match(main)
    rest = _with_verb(rest, opening.number) or (rest if is_whole else "")
    return as_sentence(f"{opening.text} {rest}") if rest else ""


@lru_cache(maxsize=50_000)
def _content(text: str) -> frozenset[str]:
    words = set(english.words(text)) - FILLERS
    stems = (ENDING.sub("", word) for word in words if word.isalpha())
    return frozenset(stem[:-1] if stem[-2:-1] == stem[-1] else stem for stem in stems)


def _adds(scene: Scene, chosen: Sequence[int], number: int) -> bool:
    """Return True if a caption says something new and contradicts none of the chosen ones."""
    said = set().union(*(_content(scene.captions[n]) for n in chosen))
    opening = _opening(scene, number)
    own = _content(scene.captions[number][len(opening.text) if opening else 0 :])
    is_new = len(own - said) >= NEW and len(own & said) <= OLD_SHARE * len(own)
    return is_new and not any(_contradict(scene, n, number) for n in chosen)


def _opening(scene: Scene, number: int) -> Phrase | None:
    """Return the phrase that a caption begins with, if it is a person or an animal or several."""
    for phrase in scene.phrases:
        begins = scene.captions[number].lower().startswith(phrase.text.lower() + " ")
        after = scene.captions[number][len(phrase.text) :].split() or ["."]
        begins = begins and after[0] not in ("and", ",", "with", "who", "whose", "that", "or", "&")
        is_subject = phrase.head and phrase.noun not in SOMEBODY and not is_image_of(phrase.text)
        if phrase.caption == number and begins and is_subject:
            is_bare = phrase.number == 1 and not DETERMINED.match(phrase.text)  # telegram style
            return None if is_bare or UNCLEAR.search(scene.captions[number]) else phrase
    return None


def _contradict(scene: Scene, one: int, other: int) -> bool:
    """Return True if two captions call a thing by names, numbers or colours that differ."""
    texts = [_content(scene.captions[n]) for n in (one, other)]
    postures = [{p for p in POSTURES if _begins(text, p.split())} for text in texts]
    if postures[0] and postures[1]:
        return True
    mine = {p.entity: p for p in scene.phrases if p.caption == one}
    pairs = [(mine[p.entity], p) for p in scene.phrases if p.caption == other and p.entity in mine]
    return any(_differ(first, second) for first, second in pairs)


def _begins(words: set[str], stems: Sequence[str]) -> bool:
    return any(word.startswith(tuple(stems)) for word in words)


def _differ(one: Phrase, other: Phrase) -> bool:
    """Return True if two phrases about the same thing do not agree."""
    colours = [COLOURS & set(english.words(phrase.text)) for phrase in (one, other)]
    if one.number != other.number or (all(colours) and colours[0] != colours[1]):
        return True
    names = {one.head, other.head}
    is_kind = one.head in objects.kinds_of(other.head or one.head) if one.head else False
    is_kind |= other.head in objects.kinds_of(one.head or other.head) if other.head else False
    return len(names) == 2 and not is_kind


def _continued(scene: Scene, chosen: Sequence[int], number: int) -> str:
    """Return a caption as the next sentence: "It is ..." instead of "A dog ..."; "" if unfit."""
    opening, first = _opening(scene, number), _opening(scene, chosen[0])
    if not opening or not first or opening.entity != first.entity:
        return ""
    kinds = objects.kinds_of(first.head) | objects.kinds_of(opening.head)
    pronoun = _pronoun(scene, opening)
    if pronoun in ("He", "She") and {PRONOUNS.get(kind, pronoun) for kind in kinds} != {pronoun}:
        return ""
    caption = scene.captions[number]
    rest = _with_verb(caption[len(opening.text) :].strip(), opening.number)
    said = set().union(*(_content(scene.captions[n]) for n in chosen))
    known = {p.entity for p in scene.phrases if p.caption in chosen}
    for phrase in scene.phrases:
        if phrase.caption == number and phrase.entity in known:
            is_new = _content(phrase.text) - said
            again = phrase.text if is_new else re.sub(r"^(?:an?|some|one) ", "the ", phrase.text)
            rest = rest.replace(f" {phrase.text}", f" {again}")
    return as_sentence(f"{pronoun} {rest}") if rest else ""


def _with_verb(rest: str, number: int | None) -> str:
    """Return what follows the subject with a verb: "running" -> "is running"; "" if unclear."""
    verb = "is" if number == 1 else "are"
    is_unclear = LIST.search(rest) or (
        number != 1 and rest.startswith(("wearing ", "is ", "has ", "was "))
    )
    if is_unclear or (GERUND.match(rest) and SECOND_VERB.search(rest)):
        return ""
    if GERUND.match(rest) or (PLACED.match(rest) and not _has_verb(rest)):
        return f"{verb} {rest}"
    if VERB.match(rest) or (number == 1 and FINITE.match(rest) and not rest.startswith("as ")):
        return rest
    return ""


def _has_verb(rest: str) -> bool:
    """Return True if there may be a verb in what follows the subject."""
    return bool(re.search(r"\b(?:is|are|has|have|[a-z]+(?:s|ing|ed))\b", rest))


def _pronoun(scene: Scene, opening: Phrase) -> str:
    """Return "He", "She", "It" or "They" if all captions agree, else "The dog"."""
    own = scene.entities[opening.entity]
    kinds = [objects.kinds_of(p.head) if p.head else frozenset() for p in own]
    if opening.number != 1:
        return "They"
    for name, pronoun in PRONOUNS.items():
        if sum(name in kind for kind in kinds) * 2 > len(kinds):
            return pronoun
    return f"The {opening.noun}"
