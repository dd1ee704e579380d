"""What is known about a photograph: its captions, their noun phrases, and boxes of these.

Phrases and boxes are those of Flickr30k Entities (Plummer et al., 2017, IJCV 123), in a table
`entities.parquet` beside the pictures. Of a picture without a row there, phrases are found in the
captions: an article or a number, up to two words, and the name of an object.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from vlm.data import source
from vlm.data.grammar.boxes import Box, from_pixels
from vlm.data.tables.parquet import read_table
from vlm.data.vocabulary import english, objects

ENTITIES = "entities"
UNSEEN = "notvisual"  # kind of the phrases that name nothing to be seen
NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
NUMBERS |= {"seven": 7, "eight": 8, "nine": 9, "ten": 10, "another": 1, "the": 0, "single": 1}
# what may follow the last word of a noun phrase; anything else could be its head
AFTER = "is are was were has have in on at with near by of to and or that who as while through over"
AFTER += " under up down into from off for across along behind beside between around after during"
AFTER += " against outside inside next towards toward above below . , ;"
VERBS = (  # in the plain form; what people and animals do in captions
    "jump run walk stand sit lie ride reach hold throw catch take make watch look smile pose point"
    " play perform climb swim leap kick hit pull push carry eat drink lay slide swing fall fly dive"
    " balance bite chase get go talk read wave lean paddle sleep rest wear shake lick do try bark"
    " crawl cling prepare frolic kneel stare bend wait"
).split()
DOUBT = 0.3  # phrases that call a thing something else, for each one that names it
PART = r" (?:of|with|in|on|at|and|,|that|who|wearing|from|by|for|to|into|near|behind|next) "


@dataclass(frozen=True)
class Phrase:
    """A noun phrase of a caption.

    Attributes:
        caption: number of the caption.
        entity: phrases of different captions with the same entity mean the same thing.
        kind: people, animals, clothing, scene, other, ...; empty where it was not annotated.
    """

    caption: int
    entity: str
    kind: str
    text: str

    @cached_property
    def head(self) -> str:
        """The object that the phrase names, "" if it is not in the vocabulary."""
        return objects.head(core(self.text))[0]

    @cached_property
    def noun(self) -> str:
        """The words of the phrase that name the object: "puppies" of "two puppies on a rug"."""
        return objects.head(core(self.text))[1]

    @cached_property
    def number(self) -> int | None:
        """How many there are; None for a plural without a number ("people", "a group of men")."""
        tokens = english.words(core(self.text))
        if not tokens or GROUP.match(self.text.lower()) or not UNCOUNTED.isdisjoint(tokens):
            return None
        numbers = [NUMBERS[token] for token in tokens if NUMBERS.get(token)]
        if numbers and numbers[0] > 1:
            return numbers[0]
        is_plural = tokens[-1] != english.singular(tokens[-1])
        return None if is_plural or tokens[-1] in english.SAME_IN_PLURAL else 1


GROUP = re.compile(
    r"^(?:(?:a|an|the|some|this|that|several|many|two|three) )?(?:\w+ )?(?:groups?|crowds?|bunch"
    r"|couple|pair|lots?|packs?|teams?|pile|herd|flock|line|row|number|gathering|trio|class"
    r"|family) of (?:the |some |many |several )?"
)
# words that do not say how many they stand for
UNCOUNTED = frozenset(
    "crowd group team family audience couple band everyone everybody folk folks pair several many"
    " others some all few public class squad trio gang both parents twins each and someone"
    " somebody".split()
)


@lru_cache(maxsize=50_000)
def core(phrase: str) -> str:
    """Return a phrase in lower case up to its head: "two dogs" of "Two dogs of a breed"."""
    return re.split(PART, GROUP.sub("", " ".join(phrase.lower().split())))[0]


@dataclass(frozen=True)
class Scene:
    """A photograph in words.

    Attributes:
        boxes: the boxes of each entity; an entity without any has no entry.
    """

    id: str
    captions: tuple[str, ...]
    phrases: tuple[Phrase, ...] = ()
    boxes: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """Everything that is said about the picture."""
        return "\n".join(self.captions)

    @cached_property
    def absent(self) -> tuple[str, ...]:
        """The objects that are surely not there: nothing said is, or could be, one of them."""
        possible = objects.room_for(self.text)
        return tuple(name for name in objects.asked() if name not in possible)

    @cached_property
    def entities(self) -> Mapping[str, tuple[Phrase, ...]]:
        """The phrases of each entity, in the order of their first phrases."""
        found: dict[str, list[Phrase]] = {}
        for phrase in self.phrases:
            found.setdefault(phrase.entity, []).append(phrase)
        return {entity: tuple(own) for entity, own in found.items()}

    @cached_property
    def heads(self) -> Mapping[str, frozenset[int]]:
        """The objects that are surely mentioned, with their kinds; by which captions."""
        found: dict[str, set[int]] = {}
        for own in self.entities.values():
            named = [phrase for phrase in own if phrase.head and not is_image_of(phrase.text)]
            for name in set().union(*(objects.kinds_of(phrase.head) for phrase in named)):
                votes = {p.caption for p in named if name in objects.kinds_of(p.head)}
                doubts = [p for p in named if p.head not in objects.related(name)]
                if len(doubts) <= DOUBT * len(votes):
                    found.setdefault(name, set()).update(votes)
        return {name: frozenset(captions) for name, captions in found.items()}


@lru_cache(maxsize=50_000)
def is_image_of(phrase: str) -> bool:
    """Return True for a toy, a statue or a picture of the thing that the phrase names."""
    pattern = r"\b(?:toy|stuffed|plastic|fake|rubber|statue|picture|photo|painting|drawing|model"
    pattern += r"|poster|costume|wooden|inflatable|mechanical|rocking|no|missing|cartoon|ceramic)\b"
    return bool(re.search(pattern, phrase.lower()))


def make_scene(id: str, captions: Sequence[str], entities: Mapping[str, Any] | None) -> Scene:
    """Return a scene; `entities` is the row of the picture in `entities.parquet`, if any."""
    if entities is None:
        return Scene(id, tuple(captions), guess_phrases(captions))
    phrases = tuple(
        Phrase(row["sentence"], _entity(row, place), row["kind"], row["phrase"])
        for place, row in enumerate(entities["phrases"])
        if row["kind"] != UNSEEN
    )
    boxes: dict[str, list[Box]] = {}
    for row in entities["boxes"]:
        corners = row["xmin"], row["ymin"], row["xmax"], row["ymax"]
        box = from_pixels(corners, entities["width"], entities["height"])
        if box:
            boxes.setdefault(str(row["entity"]), []).append(box)
    sentences = tuple(entities["sentences"])
    return Scene(id, sentences, phrases, {entity: tuple(found) for entity, found in boxes.items()})


def _entity(row: Mapping[str, Any], place: int) -> str:
    """Return the entity of a phrase; 0 means that it has none, so it is its own."""
    return str(row["entity"]) if row["entity"] else f"phrase {place}"


def guess_phrases(captions: Sequence[str]) -> tuple[Phrase, ...]:
    """Find the noun phrases that end with the name of an object; the object is the entity."""
    found = []
    for number, caption in enumerate(captions):
        tokens = english.words(caption)
        for mention in objects.mentions(tokens):
            start = _start(tokens, mention.start)
            after = (*tokens[mention.stop : mention.stop + 1], ".")[0]
            is_verb = {after, after.removesuffix("s"), after.removesuffix("es")} & set(VERBS)
            is_last = after in AFTER.split() or after.endswith("ing") or is_verb
            if is_last and mention.sure:
                text = " ".join(tokens[start : mention.stop])
                entity = objects.head(text)[0] or mention.name
                found.append(Phrase(number, entity, "", text))
    return tuple(found)


def _start(tokens: Sequence[str], head: int) -> int:
    """Return where the noun phrase begins whose head is at this place."""
    for place in range(head - 1, max(head - 4, -1), -1):
        if tokens[place] in NUMBERS or tokens[place] in ("some", "several", "many", "his", "her"):
            return place
    return head


def read_entities(folder: Path | None) -> dict[str, dict[str, Any]]:
    """Return the rows of `entities.parquet` by file name; none if the folder has no such file.

    Raises:
        UserError: when the file cannot be read.
    """
    file = folder / f"{ENTITIES}{source.PARQUET}" if folder else None
    if file is None or not file.is_file():
        return {}
    rows = read_table(file).to_pylist()
    return {row["file_name"]: row for row in rows if not entities_problem(row)}


def entities_problem(row: Mapping[str, Any]) -> str:
    """Return the reason a row of entities is unusable, or an empty string."""
    missing = [key for key in ("file_name", "sentences", "phrases", "boxes") if not row.get(key)]
    if missing:
        return f"no {missing[0]}"
    is_sized = all(isinstance(row.get(key), int) and row[key] > 0 for key in ("width", "height"))
    return "" if is_sized else "no size"
