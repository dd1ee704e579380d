"""ImageNet as an open question: what counts as the name, a kind of it, another kind, none."""

import pytest

from tests import benchmark_fixtures as fixtures
from vlm.data.kinds import kinds
from vlm.errors import UserError
from vlm.evaluation.benchmarks.imagenet import benchmark as imagenet
from vlm.evaluation.benchmarks.imagenet.judging import KindJudge
from vlm.evaluation.benchmarks.question import Answer

TABLE = kinds.load()
BY_NAME = {kind.name: kind for kind in TABLE}
JUDGE = KindJudge(TABLE, kinds.imagenet_synonyms())
TENCH, CHEETAH = TABLE[0], BY_NAME["cheetah"]


@pytest.mark.parametrize(
    ("text", "truth", "verdict"),
    [
        ("A beagle.", "beagle", "exact"),
        ("Some kind of dog, perhaps a beagle.", "beagle", "exact"),
        ("Some kind of dog, perhaps a beagle.", "basset hound", "broader"),
        ("A brown dog is running through the grass.", "beagle", "broader"),
        ("Two dogs.", "beagle", "broader"),
        ("Two wolves.", "grey wolf", "broader"),
        ("a puppy", "beagle", "broader"),
        ("A cat.", "beagle", "false"),
        ("A cat. A beagle.", "beagle", "false"),
        ("a wolf", "Siberian husky", "false"),
        ("A dog, a cat, a bird or a car.", "beagle", "false"),
        ("I am not sure; it looks like a pattern.", "beagle", "none"),
        ("", "beagle", "none"),
        ("This is not a cat, it is a dog.", "beagle", "broader"),
        ("This is not a beagle.", "beagle", "none"),
        ("An orca.", "killer whale", "exact"),
        ("An estate car.", "station wagon", "exact"),
        ("A hot dog.", "hot dog", "exact"),
        ("A hot dog.", "beagle", "false"),
        ("A plane in the sky", "airliner", "broader"),
        ("These are sunglasses.", "sunglasses", "exact"),
    ],
)
def test_verdicts(text: str, truth: str, verdict: str) -> None:
    assert JUDGE.verdict(text, BY_NAME[truth]) == verdict


def test_every_class_is_named_by_its_own_name_and_by_its_kinds() -> None:
    for kind in TABLE:
        assert JUDGE.verdict(f"This is {kind.phrase}.", kind) == "exact", kind.name
        for broader in kind.broader:
            assert JUDGE.verdict(f"Some kind of {broader}.", kind) in ("broader", "exact"), broader


def rows() -> list[dict]:
    right = [{"image": fixtures.cell(n), "wnid": CHEETAH.id, "label": "cheetah"} for n in range(3)]
    return [*right, {"image": fixtures.cell(3), "wnid": "n0", "label": "thing"}]


def test_a_table_becomes_questions_in_the_models_own_words(tmp_path) -> None:
    folder = fixtures.write(tmp_path / "validation.parquet", rows())
    benchmark = imagenet.load("", folder)
    assert [question.prompt for question in benchmark.questions] == ["What is this?"] * 3
    assert benchmark.problems == ("row 3: no class of ImageNet",)
    numbered = fixtures.write(
        tmp_path / "hub/validation.parquet", [{"image": fixtures.cell(), "label": 0}]
    )
    assert imagenet.load("", numbered).questions[0].answer == (TENCH.id,)


def test_shares_over_all_and_where_the_classifier_is_right(tmp_path) -> None:
    folder = fixtures.write(tmp_path / "validation.parquet", rows())
    benchmark = imagenet.mark(imagenet.load("", folder), [CHEETAH.id, CHEETAH.id, TENCH.id])
    texts = ["A cheetah.", "A big cat.", "A fish."]
    answers = [Answer(q, text) for q, text in zip(benchmark.questions, texts, strict=True)]
    result = benchmark.scoring.score(answers)
    assert result["scores"]["named"]["mean"] == 0.6667
    assert result["scores"]["exact"]["mean"] == result["scores"]["false"]["mean"] == 0.3333
    right = result["categories"]["classifier right"]
    assert right["named"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 2}
    table = benchmark.scoring.format_table(result)
    assert "all (3 pictures)\n  named          66.7   95 % interval 0.0 - 100.0" in table
    assert "The classifier itself is right about 66.7% of them." in table
    unasked = benchmark.scoring.score([Answer(benchmark.questions[0], error="broken")])
    assert unasked["not_asked"] == 1 and "No question" in benchmark.scoring.format_table(unasked)


def test_a_table_without_pictures_is_refused(tmp_path) -> None:
    folder = fixtures.write(tmp_path / "validation.parquet", [{"wnid": CHEETAH.id}])
    with pytest.raises(UserError, match="lacks image"):
        imagenet.load("", folder)
