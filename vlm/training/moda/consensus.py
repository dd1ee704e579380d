"""Train on the captions that a picture's other captions agree with.

Five people mention different things, and cross-entropy teaches a model to mention any of them. The
captions whose things the others name too, and which are most similar to them, say what most people
see (consensus captions: Devlin et al., 2015, arXiv 1505.04467; weights by reward instead of a
choice: Norouzi et al., 2016, arXiv 1609.00150).
"""

from collections.abc import Sequence
from dataclasses import replace

from vlm.data.mixture import Mixture
from vlm.data.scene_questions.captions import TASK
from vlm.evaluation.metrics.captioning.backing import Backing, mentions
from vlm.evaluation.metrics.captioning.ngrams import CiderD
from vlm.evaluation.metrics.captioning.tokens import tokenise
from vlm.types import Record


def keep_captions(parts: Mixture, count: int) -> Mixture:
    """Return the parts with `count` captions of each picture, those most like its others.

    Args:
        count: 0 keeps all.
    """
    if not count:
        return parts
    return Mixture(part._replace(records=keep_best(part.records, count)) for part in parts)


def keep_best(records: Sequence[Record], count: int) -> tuple[Record, ...]:
    """Return the records with `count` captions each and all other turns."""
    captions = [[turn for turn in record.turns if turn.task == TASK] for record in records]
    several = [number for number, turns in enumerate(captions) if len(turns) > count]
    if not several:
        return tuple(records)
    scorer = CiderD([[tokenise(turn.answer) for turn in captions[n]] for n in several])
    kept = list(records)
    for place, number in enumerate(several):
        texts = [turn.answer for turn in captions[number]]
        keys = list(zip(count_unbacked(texts), (-s for s in scorer.consensus(place)), strict=True))
        best = sorted(range(len(texts)), key=keys.__getitem__)[:count]
        chosen = {id(captions[number][place]) for place in best}
        turns = (turn for turn in records[number].turns if turn.task != TASK or id(turn) in chosen)
        kept[number] = replace(records[number], turns=tuple(turns))
    return tuple(kept)


def count_unbacked(texts: Sequence[str]) -> list[int]:
    """Return how many things each caption names that the others do not back."""
    rows = []
    for number, text in enumerate(texts):
        backing = Backing([*texts[:number], *texts[number + 1 :]])
        rows.append(sum(not backing.backs(mention) for mention in mentions(text)))
    return rows
