"""Questions about everyday photographs: one row for each kind, which is also the turn's task."""

from collections.abc import Callable
from itertools import chain, zip_longest

from vlm.data.scene_questions import captions, counts, kinds, presence, where
from vlm.data.scene_questions.presence import Frequencies
from vlm.data.scene_questions.scene import Scene
from vlm.types import Turn

QUESTIONS: dict[str, Callable[[Scene, Frequencies], tuple[Turn, ...]]] = {
    captions.TASK: lambda scene, known: captions.plain(scene),
    "presence": presence.turns,
    "short": lambda scene, known: captions.short(scene),
    "where": lambda scene, known: where.turns(scene),
    "long": lambda scene, known: captions.long(scene),
    "what": lambda scene, known: kinds.turns(scene),
    "count": lambda scene, known: counts.turns(scene),
}


def ask(scene: Scene, known: Frequencies) -> tuple[Turn, ...]:
    """Return all questions about a picture with their answers, the same ones every time.

    The kinds take turns, so that the first few questions are of different kinds.
    """
    groups = [make(scene, known) for make in QUESTIONS.values()]
    return tuple(turn for turn in chain.from_iterable(zip_longest(*groups)) if turn)
