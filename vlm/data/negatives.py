"""Pictures that are neither products nor scenes, drawn by chance, and the answer that says so.

    (split, number) --seed--> family, size, painter --> picture, "I am not sure ..."

Half of the validation pictures are of families that the train split lacks: what a model says to
those tells whether it knows its limits, or only these pictures.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from PIL import Image

from vlm.data import (
    negatives_canvas,
    negatives_charts,
    negatives_drawings,
    negatives_noise,
    negatives_patterns,
    negatives_text,
    negatives_unseen,
    questions,
)
from vlm.data.question_words import NOT_PROMPTS, SHARES
from vlm.data.replies import UNKNOWN
from vlm.data.words import PROMPTS
from vlm.errors import lookup
from vlm.types import Dataset, Record, Turn

NAME = "negatives"
UNSURE = "I am not sure what this shows"  # every answer in words begins so
COUNTS = {"train": 3000, "validation": 500}
SIDES = (128, 320)  # pixels, the shortest and the longest side

Painter = Callable[[Random, tuple[int, int]], Image.Image]

SEEN: dict[str, Painter] = {
    "noise": negatives_noise.noise,
    "plain": negatives_noise.plain,
    "text": negatives_text.text,
    "pattern": negatives_patterns.pattern,
    "chart": negatives_charts.chart,
    "doodle": negatives_drawings.doodle,
    "shapes": negatives_drawings.shapes,
}
UNSEEN: dict[str, Painter] = {  # in the validation split only
    "map": negatives_unseen.street_map,
    "music": negatives_unseen.music,
    "maze": negatives_unseen.maze,
    "calendar": negatives_unseen.calendar,
    "fractal": negatives_unseen.fractal,
    "barcode": negatives_unseen.barcode,
    "crossword": negatives_unseen.crossword,
}

ENDINGS = (
    "there is no product or scene in it that I know.",
    "I see no product and no scene that I know.",
    "it does not look like a product or a scene.",
    "nothing in it looks like a product, an animal or a vehicle.",
    "it may be noise, a screenshot, a drawing or a pattern.",
)
FAMILY_ENDINGS: dict[str, tuple[str, ...]] = {
    "noise": ("it looks like noise.", "it may be nothing but noise."),
    "plain": ("it looks like a blank page.", "it looks like an empty surface."),
    "text": ("it looks like text.", "it may be a screenshot or a page of text."),
    "pattern": ("it looks like a pattern.", "it may be a rendered pattern."),
    "chart": ("it looks like a chart.", "it may be a chart or a diagram."),
    "doodle": ("it looks like a line drawing.", "it may be a doodle."),
    "shapes": ("it looks like a drawing of shapes.", "it may be a collage of shapes."),
}
NAMED_SHARE = 0.5  # of the answers name the family
TASKS = ("brief", "detailed", "json", "kind", "colour", "gender", "usage", "season")
ASKED_FOR = ("articleType", "baseColour", "gender", "usage")  # what yes/no questions are about
SCENES = ("airplane", "automobile", "bird", "cat", "dog", "horse", "ship")
SCENE_SHARE = 0.25  # of the yes/no questions are about one of these


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """The pictures of a split, always the same ones; `path` is not needed and not looked at.

    Facts: kind ("unknown") and family.

    Raises:
        UserError: when there is no such split.
    """
    count = lookup(COUNTS, split, "split")
    numbers = range(min(limit, count) if limit else count)
    return Dataset(f"{NAME}/{split}", tuple(_record(split, number) for number in numbers))


def _record(split: str, number: int) -> Record:
    id = f"{NAME}-{split}-{number}"
    family = family_of(split, number)
    found = {"kind": UNKNOWN, "family": family}
    return Record(id, draw(split, number), turns(found, id), found)


def family_of(split: str, number: int) -> str:
    """The families in turn; every second validation picture is of an unseen one."""
    if split == "validation":
        families = tuple(UNSEEN if number % 2 else SEEN)
        return families[number // 2 % len(families)]
    return tuple(SEEN)[number % len(SEEN)]


def draw(split: str, number: int) -> bytes:
    """The encoded picture of a number, 128 to 320 pixels a side."""
    rng = Random(f"{NAME}/{split}/{number}")
    width, height = rng.randint(*SIDES), rng.randint(*SIDES)
    size = (width, width if rng.random() < 0.35 else height)
    painter = (SEEN | UNSEEN)[family_of(split, number)]
    return negatives_canvas.encoded(rng, painter(rng, size))


def turns(facts: Mapping[str, str], id: str, seed: int = 0) -> tuple[Turn, ...]:
    """One question of each task, worded by id and seed, all answered with the same confession."""
    rng = Random(f"{id}/{seed}")
    prompts = {task: rng.choice(PROMPTS[task]) for task in TASKS}
    prompts |= {"yesno": _yes_no(rng), "not": rng.choice(NOT_PROMPTS)}
    asked = tuple(Turn(text, _answer(task, facts, rng), task) for task, text in prompts.items())
    return asked + questions.conversation(asked, rng)


def _yes_no(rng: Random) -> str:
    """A yes/no question about any thing; the right answer is neither."""
    if rng.random() < SCENE_SHARE:
        return questions.is_it(rng.choice(SCENES), (), rng).prompt
    chosen = {key: rng.choice(tuple(SHARES[key])) for key in ASKED_FOR}
    return questions.yes_no(chosen, rng, 1)[0].prompt


def _answer(task: str, facts: Mapping[str, str], rng: Random) -> str:
    if task == "json":
        return f'{{"type": "{UNKNOWN}"}}'
    named = FAMILY_ENDINGS.get(facts["family"], ()) if rng.random() < NAMED_SHARE else ()
    return f"{UNSURE}; {rng.choice(named or ENDINGS)}"
