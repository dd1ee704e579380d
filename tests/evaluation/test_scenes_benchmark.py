"""Benchmarks of photographs: questions from made-up rows, grading and the baseline of boxes."""

import pytest

from tests.scene_rows import write_scenes
from vlm.data.grammar.boxes import SIDE, Box, write_box
from vlm.evaluation.benchmarks import BENCHMARKS, scoring
from vlm.evaluation.benchmarks.question import Answer
from vlm.evaluation.benchmarks.scenes import boxes
from vlm.evaluation.benchmarks.scenes.questions import KINDS, read_number


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("VLM_DATA", raising=False)
    return write_scenes(tmp_path)


def correct(question) -> str:
    if isinstance(question.answer, int):
        return f"There are {question.options[question.answer]} of them."
    if isinstance(question.answer, str):
        return question.answer.capitalize() + ", I think."
    return f"It is at {write_box(question.answer.box)}."


@pytest.mark.parametrize("kind", KINDS)
def test_right_answers_score_everything_and_silence_nothing(kind, folder):
    benchmark = BENCHMARKS[f"scenes-{kind}"]("", folder, 0)
    assert benchmark.questions and not benchmark.problems
    ids = [question.id for question in benchmark.questions]
    assert len(set(ids)) == len(ids) and benchmark.name == f"scenes-{kind}/validation"
    assert all(q.prompt == q.text for q in benchmark.questions)  # asked as in training
    right = scoring.score([Answer(q, correct(q)) for q in benchmark.questions])
    assert right["scores"]["plain"]["mean"] == 1 and right["no_answer"] == 0
    wrong = scoring.score([Answer(q, "") for q in benchmark.questions])
    assert wrong["scores"]["plain"]["mean"] == 0 and wrong["no_answer"] == len(ids)
    assert scoring.format_table(wrong)
    assert len(BENCHMARKS[f"scenes-{kind}"]("train", folder, 3).questions) == 3


def test_presence_has_popes_categories_each_with_as_many_yes_as_no(folder):
    questions = BENCHMARKS["scenes-presence"]("", folder, 0).questions
    assert {q.category for q in questions} == {"random", "popular", "adversarial"}
    for category in ("random", "popular", "adversarial"):
        answers = [q.answer for q in questions if q.category == category]
        assert answers.count("yes") == answers.count("no") > 0
    result = scoring.score([Answer(q, "Yes.") for q in questions])["yes_no"]
    assert result["popular"]["accuracy"] == 0.5 and result["all"]["yes_ratio"] == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [("There are two dogs.", 2), ("2", 2), ("There are no people.", 0), ("One.", 1)]
    + [("one man and two women", None), ("Some.", None), ("I see someone.", None)],
)
def test_a_number_is_read_in_words_and_digits(text, number):
    assert read_number(text) == number


def test_boxes_are_measured_beside_a_box_in_the_centre(folder):
    truths = [Box(0, 0, 200, 400), Box(300, 300, 700, 700)]
    middle = boxes.centre_box(truths)
    assert middle == Box(350, 300, 650, 700)
    result = boxes.measure([(truths[0], truths[0]), (None, truths[1])])
    assert result["model"]["hits"]["mean"] == result["model"]["overlap"]["mean"] == 0.5
    assert result["centre box"]["hits"]["mean"] == 0.5  # it overlaps the second one by 3/4
    assert result["centre box"]["overlap"]["mean"] == pytest.approx(0.375)
    questions = BENCHMARKS["scenes-where"]("", folder, 0).questions
    bad = f"<box>{SIDE},0,0,{SIDE}</box>"
    table = scoring.format_table(scoring.score([Answer(q, bad) for q in questions]))
    assert "centre box" in table and "mean IoU" in table
