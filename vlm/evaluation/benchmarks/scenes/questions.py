"""Benchmarks of everyday photographs: is it there (POPE), how many are there, where is it?

The questions are made from the captions and boxes of the data set `scenes`, as for training, and
are asked as they stand. The objects of the yes/no questions are drawn as in POPE (Li et al., 2023,
arXiv 2305.10355): one pair of a present and an absent object per picture and category.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

from vlm.data import scenes
from vlm.data.grammar.boxes import read_regions
from vlm.data.scene_questions import counts, presence, where
from vlm.data.scene_questions.presence import Frequencies
from vlm.data.scene_questions.scene import Scene
from vlm.data.scene_questions.wording import COUNTS
from vlm.evaluation.benchmarks.answer_parsing import read_text
from vlm.evaluation.benchmarks.question import Benchmark, Question, spread
from vlm.types import Turn

Asked = tuple[Turn, str]  # a question with its answer, and its category
SYNONYMS = tuple((str(number),) for number in range(len(COUNTS)))


def presence_questions(scene: Scene, known: Frequencies) -> Iterator[Asked]:
    """Yield one true and one false question in each of POPE's categories."""
    rng, there, used = Random(f"{scene.id}/pope"), presence.present(scene), set()
    for category in presence.POPE:
        absent = presence.draw_absent(scene, category, known, rng, used) if there else ""
        if absent:
            used.add(absent)
            yield presence.question(rng.choice(there), True, rng), category
            yield presence.question(absent, False, rng), category


def count_questions(scene: Scene, known: Frequencies) -> Iterator[Asked]:
    """Yield the questions how many there are; the category is what is counted."""
    for turn in counts.turns(scene):
        yield turn, "people" if "people" in turn.prompt else "animals"


def where_questions(scene: Scene, known: Frequencies) -> Iterator[Asked]:
    """Yield the questions where things are."""
    for turn in where.turns(scene):
        yield turn, ""


def _yes_no(id: str, image: bytes, turn: Turn, category: str) -> Question:
    answer = "yes" if turn.answer.startswith("Yes") else "no"
    return Question(id, (image,), turn.prompt, answer, category=category, instructed=False)


def _number(id: str, image: bytes, turn: Turn, category: str) -> Question:
    """Return a question with the numbers as hidden options; digits are accepted too."""
    number = read_number(turn.answer) or 0
    hidden = {"options": COUNTS, "show_options": False, "synonyms": SYNONYMS}
    return Question(
        id, (image,), turn.prompt, number, category=category, instructed=False, **hidden
    )


def _place(id: str, image: bytes, turn: Turn, category: str) -> Question:
    (region,) = read_regions(turn.answer)
    return Question(id, (image,), turn.prompt, region, category=category, instructed=False)


def read_number(text: str) -> int | None:
    """Return the one number from 0 to ten that an answer names, None for none or several."""
    return read_text(text, COUNTS, SYNONYMS)


KINDS: dict[str, tuple[Callable[..., Iterator[Asked]], Callable[..., Question]]] = {
    "presence": (presence_questions, _yes_no),
    "count": (count_questions, _number),
    "where": (where_questions, _place),
}


def load(kind: str, split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """Load the questions of one kind about the photographs of a split, `validation` if empty.

    Args:
        kind: one of KINDS.

    Raises:
        UserError: as `scenes.load`.
    """
    ask, make = KINDS[kind]
    split = split or "validation"
    photographs, problems = scenes.read(split, path)
    known = presence.count_objects(photo.scene for photo in photographs.values())
    questions = [
        make(f"{name}/{number}", photo.image, turn, category)
        for name, photo in photographs.items()
        for number, (turn, category) in enumerate(ask(photo.scene, known))
    ]
    chosen = tuple(questions[index] for index in spread(len(questions), limit))
    return Benchmark(f"{scenes.NAME}-{kind}/{split}", chosen, problems, circular=False)


LOADERS = {f"{scenes.NAME}-{kind}": partial(load, kind) for kind in KINDS}
