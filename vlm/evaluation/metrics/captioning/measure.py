"""Score captions against several references, with 95 % intervals over pictures.

Corpus scores (BLEU, METEOR, share of unbacked objects) are resampled from each picture's counts.
CIDEr-D's document frequencies are those of all references given and stay fixed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from vlm.errors import UserError
from vlm.evaluation.metrics import intervals
from vlm.evaluation.metrics.captioning import java, ngrams
from vlm.evaluation.metrics.captioning.backing import Backing, mentions
from vlm.evaluation.metrics.captioning.tokens import tokenise
from vlm.evaluation.metrics.intervals import Estimate

POINTS = 100  # papers give all these scores times a hundred
BACKED = "% of {n} captions name a thing that no reference backs"


@dataclass
class CaptionScores:
    """The scores of some captions.

    Attributes:
        figures: name -> mean, low, high, n and says, as in scores.json.
        by_picture: the scores that a single picture has, and the things that nothing backs.
        left_out: metric -> why it was not measured.
    """

    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_picture: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, figure: Estimate, says: str) -> None:
        """Add a figure."""
        self.figures[name] = figure.row() | {"says": says}

    def add_each(self, name: str, scores: Sequence[float], says: str) -> None:
        """Add the mean of scores from 0 to 1, and each picture's own."""
        points = [POINTS * float(score) for score in scores]
        self.add(name, intervals.mean(points), says)
        for row, value in zip(self.by_picture, points, strict=True):
            row[name] = round(value, 2)


def measure(
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    phrases: Sequence[Sequence[str]] = (),
    *,
    with_java: bool = True,
) -> CaptionScores:
    """Compute CIDEr-D, BLEU-1 to 4, ROUGE-L, unbacked objects, and METEOR and SPICE if possible.

    Args:
        captions: one for each picture.
        references: captions by people, at least one for each picture.
        phrases: for each picture, further texts that say what is there.
        with_java: measure METEOR and SPICE, which take up to a minute.

    Raises:
        ValueError: when there are no captions, or a picture has no reference.
    """
    if not captions or not all(references):
        raise ValueError("captions need pictures, and each picture a reference")
    texts = [tokenise(caption) for caption in captions]
    targets = [[tokenise(text) for text in refs] for refs in references]
    scores = CaptionScores(by_picture=[{} for _ in captions])
    cider = ngrams.cider_d(texts, targets)
    scores.add_each("cider_d", cider, "agreement with the references, rare words weigh more")
    pairs = list(zip(texts, targets, strict=True))
    rows = [ngrams.bleu_row(*pair) for pair in pairs]
    for order in range(1, ngrams.ORDERS + 1):
        figure = intervals.of_totals(rows, _points(partial(ngrams.bleu, order=order)))
        scores.add(
            f"bleu_{order}",
            figure,
            "precision of single words"
            if order == 1
            else f"precision of up to {order} words in a row",
        )
    rouge = [ngrams.rouge_l(*pair) for pair in pairs]
    scores.add_each("rouge_l", rouge, "longest words in the same order")
    if with_java:
        _add_java(scores, texts, targets)
    _add_objects(scores, captions, references, phrases)
    add_people(scores, references)
    return scores


def _points(score: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda totals: POINTS * score(totals)


def _add_java(
    scores: CaptionScores,
    texts: Sequence[ngrams.Words],
    targets: Sequence[Sequence[ngrams.Words]],
) -> None:
    """Add METEOR and SPICE, or the reasons why they are not measured."""
    try:
        rows = java.meteor_rows(texts, targets)
        figure = intervals.of_totals(rows, _points(java.meteor))
        scores.add("meteor", figure, "matched words, stems and synonyms, in order")
    except UserError as error:
        scores.left_out["meteor"] = str(error)
    try:
        values = java.spice(texts, targets)
        scores.add_each("spice", values, "objects, attributes and relations in common")
    except UserError as error:
        scores.left_out["spice"] = str(error)


def _add_objects(
    scores: CaptionScores,
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    phrases: Sequence[Sequence[str]],
) -> None:
    """Add CHAIR (Rohrbach et al., 2018, arXiv 1809.02156): things named that nothing backs.

    The vocabulary is ours, see `vlm.data.vocabulary`, so the rates are not those of the paper.
    """
    extra = phrases or [()] * len(captions)
    triples = zip(captions, references, extra, strict=True)
    rows, affected = [], []
    for row, (caption, texts, more) in zip(scores.by_picture, triples, strict=True):
        unbacked, named = unbacked_objects(caption, [*texts, *more])
        row["unbacked"] = unbacked
        rows.append((len(unbacked), named))
        affected.append(bool(unbacked))
    says = f"% of {sum(named for _, named in rows)} things named are backed by no reference"
    scores.add("chair_i", intervals.of_totals(rows, _share), says)
    scores.add_each("chair_s", affected, BACKED.format(n=len(affected)))


def add_people(scores: CaptionScores, references: Sequence[Sequence[str]]) -> None:
    """Add people's own share of unbacked things: each reference against the picture's others."""
    rows = human_rows(references)
    if rows:
        totals = np.sum(rows, axis=0)
        says = f"% of {totals[1]} things in people's captions are backed by none of the others"
        scores.add("human_chair_i", intervals.of_totals(rows, _share), says)
        says = BACKED.format(n=f"{totals[3]} of people's") + ", each against the others"
        scores.add("human_chair_s", intervals.of_totals(rows, _share_of_captions), says)


def unbacked_objects(caption: str, texts: Sequence[str]) -> tuple[list[str], int]:
    """Return the things in a caption that no text backs, and how many things it names."""
    found, backing = mentions(caption), Backing(texts)
    return [mention.name for mention in found if not backing.backs(mention)], len(found)


def human_rows(references: Sequence[Sequence[str]]) -> list[tuple[int, int, int, int]]:
    """Compare each reference with the picture's others, as if a model had written it.

    Returns:
        For each picture with two references or more: things that nothing backs, things named,
        captions with an unbacked thing, captions.
    """
    rows = []
    for texts in references:
        if len(texts) > 1:
            others = ([*texts[:number], *texts[number + 1 :]] for number in range(len(texts)))
            checks = [unbacked_objects(*pair) for pair in zip(texts, others, strict=True)]
            unbacked = [len(names) for names, _ in checks]
            named = sum(number for _, number in checks)
            rows.append((sum(unbacked), named, sum(map(bool, unbacked)), len(texts)))
    return rows


def _share(totals: np.ndarray) -> np.ndarray:
    return POINTS * totals[..., 0] / np.maximum(totals[..., 1], 1)


def _share_of_captions(totals: np.ndarray) -> np.ndarray:
    return POINTS * totals[..., 2] / np.maximum(totals[..., 3], 1)
