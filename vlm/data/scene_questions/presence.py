"""Is there a dog? Yes/no questions in the manner of POPE (Li et al., 2023, arXiv 2305.10355).

Half of a picture's questions are true. The absent objects are drawn in POPE's three ways, and as
near misses: what is easily taken for something that is there.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from vlm.data.scene_questions.scene import Scene
from vlm.data.scene_questions.wording import a_thing, is_plural, no_thing, turn
from vlm.data.vocabulary import objects
from vlm.types import Turn

PAIRS = 2  # of a true and a false question about one picture
AGREED = 2  # captions that must mention an object for it to be asked about
SINGULAR = (
    "Is there {thing} in this picture?",
    "Is there {thing} in the image?",
    "Is there {thing}?",
    "Do you see {thing} in this picture?",
    "Can you see {thing}?",
    "Does this picture show {thing}?",
)
PLURAL = tuple(prompt.replace("Is there", "Are there") for prompt in SINGULAR)


@dataclass(frozen=True)
class Frequencies:
    """In how many pictures each object is, and each object beside each other one."""

    single: Mapping[str, int] = field(default_factory=dict)
    beside: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def count_objects(scenes: Iterable[Scene]) -> Frequencies:
    """Count the objects of a whole split, which popular and adversarial ones are drawn by."""
    single: Counter[str] = Counter()
    beside: dict[str, Counter[str]] = {}
    for scene in scenes:
        names = [name for name in scene.heads if name in objects.asked()]
        single.update(names)
        for name in names:
            beside.setdefault(name, Counter()).update(other for other in names if other != name)
    return Frequencies(single, beside)


def present(scene: Scene) -> list[str]:
    """Return the objects that are surely there: several captions name them, or all."""
    needed = min(AGREED, len(scene.captions))
    asked = objects.asked()
    return sorted(n for n, where in scene.heads.items() if n in asked and len(where) >= needed)


Weights = Mapping[str, float]


def _random(scene: Scene, names: list[str], known: Frequencies) -> Weights:
    return dict.fromkeys(names, 1.0)


def _popular(scene: Scene, names: list[str], known: Frequencies) -> Weights:
    return {name: known.single.get(name, 0) for name in names}


def _adversarial(scene: Scene, names: list[str], known: Frequencies) -> Weights:
    """Weigh by the share of the present objects' pictures in which the absent one is too."""
    return {
        name: sum(
            known.beside.get(other, {}).get(name, 0) / known.single[other]
            for other in scene.heads
            if known.single.get(other)
        )
        for name in names
    }


def _near_miss(scene: Scene, names: list[str], known: Frequencies) -> Weights:
    asked = objects.asked()
    near = {other for name in scene.heads if name in asked for other in asked[name].misses}
    return {name: float(name in near) for name in names}


STRATEGIES: dict[str, Callable[[Scene, list[str], Frequencies], Weights]] = {
    "random": _random,
    "popular": _popular,
    "adversarial": _adversarial,
    "near miss": _near_miss,
}
POPE = ("random", "popular", "adversarial")


def draw_absent(
    scene: Scene, strategy: str, known: Frequencies, rng: Random, used: Iterable[str] = ()
) -> str:
    """Draw an absent object, "" if there is none; random where the strategy knows none."""
    names = [name for name in scene.absent if name not in set(used)]
    weights = STRATEGIES[strategy](scene, names, known)
    if not any(weights.values()):
        weights = _random(scene, names, known)
    return rng.choices(list(weights), list(weights.values()))[0] if names else ""


def draw_present(names: Sequence[str], known: Frequencies, rng: Random) -> str:
    """Draw a present object; common ones, such as a person, seldom, because they say little."""
    weights = [max(known.single.get(name, 0), 1) ** -0.5 for name in names]
    return rng.choices(names, weights)[0]


def question(name: str, is_there: bool, rng: Random) -> Turn:
    """Return the question whether an object is there, with its answer."""
    verb = "are" if is_plural(name) else "is"
    prompts = PLURAL if is_plural(name) else SINGULAR
    answer = f"Yes, there {verb} {a_thing(name)}." if is_there else ""
    answer = answer or f"No, there {verb} {no_thing(name)}."
    return turn(prompts, answer, "presence", rng, thing=a_thing(name))


def turns(scene: Scene, known: Frequencies) -> tuple[Turn, ...]:
    """Return as many questions with the answer yes as with no."""
    rng, found, used = Random(f"{scene.id}/presence"), [], set()
    there = present(scene)
    for strategy in rng.sample(list(STRATEGIES), PAIRS):
        yes = [name for name in there if name not in used]
        no = draw_absent(scene, strategy, known, rng, used) if yes else ""
        if no:
            name = draw_present(yes, known, rng)
            used |= {name, no}
            pair = [question(name, True, rng), question(no, False, rng)]
            found += rng.sample(pair, 2)
    return tuple(found)
