"""Examples without pictures: imagined features of a classifier's classes, and questions about them.

The result has the form of a data set on stored features, records and features float16[views, n, N,
Dv], so that a training mixes it with others (`training.examples.FeatureExamples`).
"""

from collections.abc import Sequence
from random import Random

import numpy as np

from vlm.config import NamesConfig
from vlm.data.kinds.questions import Questions
from vlm.data.kinds.swaps import Swaps
from vlm.data.mixture import LoadedPart
from vlm.data.scene_questions.captions import TASK as CAPTION_TASK
from vlm.inference.classifier import Classifier
from vlm.training.names.synthesis import Imagined, Synthesiser, SyntheticFeatures
from vlm.types import Bundle, Record, Turn

Part = tuple[LoadedPart, Sequence]  # records and their features, float16[views, n, N, Dv]

NO_PICTURE = b""
DOUBT = (0.3, 0.48)  # probability of the best class where the classifier is unsure
RIVALS = (2, 3)  # other classes that share the rest
TOGETHER, RIVAL = 0.9, 0.9  # probability of all of them; most of one, as a share of the best
CLEAR = (0.5, 0.98)  # probability of the best class in the other pictures


def examples(
    classifier: Classifier,
    backgrounds: np.ndarray,
    config: NamesConfig,
    *,
    has_pooled: bool = True,
    captioned: Sequence[Record] = (),
    seed: int = 0,
) -> tuple[tuple[Record, ...], SyntheticFeatures]:
    """Return records of imagined pictures with questions and answers, and their features.

    Args:
        backgrounds: float[n, N, Dv], features of real pictures of any kind.
        has_pooled: True if the first of several tokens is the pooled feature.
        captioned: the records of those pictures if they have captions, to change their nouns.
        seed: other seeds imagine other pictures, such as held-out ones.
    """
    rng = Random(seed)
    rows = [*_of_classes(classifier, config, rng), *_of_captions(classifier, captioned, rng)]
    rng.shuffle(rows)
    records = tuple(
        Record(f"names-{seed}-{number}", NO_PICTURE, turns)
        for number, (_, turns) in enumerate(rows)
    )
    pictures = [imagined for imagined, _ in rows]
    synthesiser = Synthesiser.of(classifier.layer, backgrounds, has_pooled, config.fade)
    return records, SyntheticFeatures(synthesiser, pictures, config.variants, seed)


def make_part(
    classifier: Classifier, parts: Sequence[Part], config: NamesConfig, has_pooled: bool, seed: int
) -> Part:
    """Return imagined pictures as a part of a mixture.

    Args:
        parts: the others; imagined pictures have the backgrounds of those with captions, or of all.
        has_pooled, seed: as in `examples`.
    """
    captioned = [part for part in parts if _has_captions(part[0].records)] or parts
    backgrounds = np.concatenate([store[0] for _, store in captioned])
    known = [record for part, _ in captioned for record in part.records]
    options = {"has_pooled": has_pooled, "captioned": known, "seed": seed}
    records, imagined = examples(classifier, backgrounds, config, **options)
    return LoadedPart("names", records, 1), imagined


def has_pooled(bundle: Bundle) -> bool:
    """Return True if the first token of a picture is the pooled feature."""
    return bundle.model.config.image_features != "patches"


def _has_captions(records: Sequence[Record]) -> bool:
    return any(turn.task == CAPTION_TASK for record in records for turn in record.turns)


def _of_classes(
    classifier: Classifier, config: NamesConfig, rng: Random
) -> list[tuple[Imagined, tuple[Turn, ...]]]:
    """Imagine pictures of every class, each with questions."""
    questions, rows = Questions(classifier.kinds), []
    for number, siblings in enumerate(questions.siblings):
        for _ in range(config.per_class):
            chances = draw_chances(number, siblings, config.unsure / 100, rng)
            rows.append((Imagined(chances), questions.turns(chances, rng)))
    return rows


def _of_captions(
    classifier: Classifier, captioned: Sequence[Record], rng: Random
) -> list[tuple[Imagined, tuple[Turn, ...]]]:
    """Imagine a picture with another thing in it for each record with a caption that allows it."""
    swaps, rows = Swaps(classifier.kinds), []
    for background, record in enumerate(captioned):
        turns = [turn for turn in record.turns if turn.task == CAPTION_TASK]
        changed = [(turn, swaps.swap(turn.answer, rng)) for turn in turns]
        usable = [(turn, *swapped) for turn, swapped in changed if swapped]
        if usable:
            turn, caption, number = rng.choice(usable)
            chances = {number: rng.uniform(*CLEAR)}
            rows.append(
                (Imagined(chances, background), (Turn(turn.prompt, caption, CAPTION_TASK),))
            )
    return rows


def draw_chances(
    number: int, siblings: Sequence[int], unsure: float, rng: Random
) -> dict[int, float]:
    """Draw the probabilities that a classifier could give for a picture of a class.

    Most pictures are clear, with the spread of real ones of ImageNet; in the others the best class
    is less probable, and some of its siblings follow.

    Args:
        unsure: share of the others.
    """
    if not siblings or rng.random() >= unsure:
        low, high = CLEAR
        return {number: min(max(rng.betavariate(3, 0.9), low), high)}
    best = rng.uniform(*DOUBT)
    rivals = rng.sample(siblings, min(rng.randint(*RIVALS), len(siblings)))
    parts = [rng.uniform(0.5, 1) for _ in rivals]
    rest = min((TOGETHER - best) / sum(parts), RIVAL * best / max(parts))
    return {number: best} | {n: rest * part for n, part in zip(rivals, parts, strict=True)}
