"""Random pictures that show neither products nor scenes, answered with "I am not sure ...".

    (split, number) --seed--> family, size, painter --> picture, answers

Half of the validation pictures are of families that the train split lacks; they measure whether a
model recognises unknown pictures in general.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from PIL import Image

from vlm.data.drawing import canvas
from vlm.data.grammar import questions
from vlm.data.grammar.question_words import NOT_PROMPTS, SHARES
from vlm.data.grammar.words import PROMPTS, UNKNOWN
from vlm.data.negatives import charts, drawings, noise, patterns, text, unseen
from vlm.errors import lookup
from vlm.types import Dataset, Record, Turn

NAME = "negatives"
UNSURE = "I am not sure what this shows"  # start of every answer except JSON
COUNTS = {"train": 3000, "validation": 500}
SIDES = (128, 320)  # range of a side in pixels

Painter = Callable[[Random, tuple[int, int]], Image.Image]

SEEN: dict[str, Painter] = {
    "noise": noise.draw_noise,
    "plain": noise.draw_plain,
    "text": text.draw_text,
    "pattern": patterns.draw_pattern,
    "chart": charts.draw_chart,
    "doodle": drawings.draw_doodle,
    "shapes": drawings.draw_shapes,
}
UNSEEN: dict[str, Painter] = {  # in the validation split only
    "map": unseen.draw_street_map,
    "music": unseen.draw_music,
    "maze": unseen.draw_maze,
    "calendar": unseen.draw_calendar,
    "fractal": unseen.draw_fractal,
    "barcode": unseen.draw_barcode,
    "crossword": unseen.draw_crossword,
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
NAMED_SHARE = 0.5  # share of answers that name the family
TASKS = ("brief", "detailed", "json", "kind", "colour", "gender", "usage", "season")
YES_NO_KEYS = ("articleType", "baseColour", "gender", "usage")  # topics of yes/no questions
SCENES = ("airplane", "automobile", "bird", "cat", "dog", "horse", "ship")
SCENE_SHARE = 0.25  # share of yes/no questions about one of these


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """Load the pictures of a split, which are always the same; `path` is ignored.

    Facts: kind ("unknown") and family.

    Raises:
        UserError: when the split does not exist.
    """
    count = lookup(COUNTS, split, "split")
    numbers = range(min(limit, count) if limit else count)
    return Dataset(f"{NAME}/{split}", tuple(_make_record(split, number) for number in numbers))


def _make_record(split: str, number: int) -> Record:
    id = f"{NAME}-{split}-{number}"
    family = get_family(split, number)
    facts = {"kind": UNKNOWN, "family": family}
    return Record(id, draw(split, number), turns(facts, id), facts)


def get_family(split: str, number: int) -> str:
    """Return the family of a picture; every second validation picture has an unseen one."""
    if split == "validation":
        families = tuple(UNSEEN if number % 2 else SEEN)
        return families[number // 2 % len(families)]
    return tuple(SEEN)[number % len(SEEN)]


def draw(split: str, number: int) -> bytes:
    """Draw and encode a picture, 128 to 320 pixels per side."""
    rng = Random(f"{NAME}/{split}/{number}")
    width, height = rng.randint(*SIDES), rng.randint(*SIDES)
    size = (width, width if rng.random() < 0.35 else height)
    painter = (SEEN | UNSEEN)[get_family(split, number)]
    return canvas.encode(rng, painter(rng, size))


def turns(facts: Mapping[str, str], id: str, seed: int = 0) -> tuple[Turn, ...]:
    """Return one question per task, all answered with "not sure"; id and seed pick the wording."""
    rng = Random(f"{id}/{seed}")
    prompts = {task: rng.choice(PROMPTS[task]) for task in TASKS}
    prompts |= {"yesno": _make_yes_no(rng), "not": rng.choice(NOT_PROMPTS)}
    single = tuple(
        Turn(text, _make_answer(task, facts, rng), task) for task, text in prompts.items()
    )
    return single + questions.conversation(single, rng)


def _make_yes_no(rng: Random) -> str:
    """Return a yes/no question about a random topic; the right answer is neither yes nor no."""
    if rng.random() < SCENE_SHARE:
        return questions.is_it(rng.choice(SCENES), (), rng).prompt
    chosen = {key: rng.choice(tuple(SHARES[key])) for key in YES_NO_KEYS}
    return questions.yes_no(chosen, rng, 1)[0].prompt


def _make_answer(task: str, facts: Mapping[str, str], rng: Random) -> str:
    if task == "json":
        return f'{{"type": "{UNKNOWN}"}}'
    named = FAMILY_ENDINGS.get(facts["family"], ()) if rng.random() < NAMED_SHARE else ()
    return f"{UNSURE}; {rng.choice(named or ENDINGS)}"
