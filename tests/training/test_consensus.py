"""Captions that a picture's others agree with: what is kept, what stays untouched."""

import pytest

from vlm.data.mixture import LoadedPart, Mixture
from vlm.data.scene_questions.captions import TASK
from vlm.evaluation.metrics.captioning.ngrams import CiderD
from vlm.evaluation.metrics.captioning.tokens import tokenise
from vlm.training.moda.consensus import count_unbacked, keep_best, keep_captions
from vlm.types import Record, Turn

DOG = (
    "A brown dog runs on the grass.",
    "A man in a red shirt watches his dog.",
    "A brown dog is running on grass.",
    "The best day of his life!",
    "A dog runs over the grass.",
)
CAT = ("A cat sleeps on a bed.", "A cat is asleep on a bed.", "My grandmother's quilt.")
QUESTION = Turn("Is there a dog?", "Yes.", "presence")


def record(id: str, texts: tuple[str, ...]) -> Record:
    turns = [Turn("Caption this picture.", text, TASK) for text in texts]
    return Record(id, b"", (QUESTION, *turns))


def captions(record: Record) -> list[str]:
    return [turn.answer for turn in record.turns if turn.task == TASK]


def test_captions_of_what_the_others_name_are_kept_in_their_order() -> None:
    dog, cat = keep_best((record("dog", DOG), record("cat", CAT)), 2)
    assert captions(dog) == [DOG[0], DOG[4]] and captions(cat) == [*CAT[:2]]
    assert dog.turns[0] == QUESTION and dog.id == "dog"


def test_a_thing_that_the_others_do_not_name_counts_first() -> None:
    assert count_unbacked(DOG) == [0, 1, 0, 0, 0]  # the shirt
    assert DOG[1] not in captions(keep_best((record("dog", DOG), record("cat", CAT)), 4)[0])


@pytest.mark.parametrize("count", [0, 3, 9])
def test_nothing_changes_where_there_are_no_more(count: int) -> None:
    parts = Mixture([LoadedPart("scenes", (record("cat", CAT),), 4.0)])
    assert keep_captions(parts, count) == parts


def test_the_parts_keep_their_names_and_repeats() -> None:
    parts = Mixture([LoadedPart("scenes", (record("dog", DOG), record("cat", CAT)), 4.0)])
    kept = keep_captions(parts, 1)
    assert [len(captions(row)) for row in kept.records] == [1, 1]
    assert isinstance(kept, Mixture) and kept[0].name == "scenes" and kept.times == (4.0, 4.0)


def test_consensus_is_the_score_against_the_others() -> None:
    references = [[tokenise(text) for text in texts] for texts in (DOG, CAT)]
    scorer = CiderD(references)
    scores = scorer.consensus(0)
    without = CiderD(references)
    without.references = [[*references[0][1:]], references[1]]
    assert scores[0] == pytest.approx(without.score(references[0][0], 0))
    assert max(range(5), key=scores.__getitem__) in (0, 2) and scores[3] == min(scores)
    assert CiderD([[["a"]], [["b"]]]).consensus(0) == [0.0]
