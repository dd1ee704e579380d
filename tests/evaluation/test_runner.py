"""Running and scoring a benchmark: known answerers get the scores they must; runs resume."""

import json
import random
from dataclasses import replace

import pytest

from tests import benchmark_fixtures as fixtures
from tests import tiny
from vlm.errors import UserError
from vlm.evaluation.benchmarks import runner, scoring
from vlm.evaluation.benchmarks.question import LETTERS, Answer, Benchmark, Question
from vlm.inference import generate

FOUR = Benchmark("four", fixtures.questions(40))


def always_a(questions, pictures) -> list[str]:
    return ["A"] * len(questions)


def right(questions, pictures) -> list[str]:
    return [f"{LETTERS[q.answer]}." for q in questions]


def right_once(questions, pictures) -> list[str]:
    """The right letter in the unmoved question only, a wrong one in the other three."""
    return [LETTERS[(q.answer + (q.rotation > 0)) % len(q.options)] for q in questions]


def guess(questions, pictures) -> list[str]:
    return [random.Random(f"{q.id}/{q.rotation}").choice("ABCD") for q in questions]


def scores(answerer, circular=True, benchmark=FOUR, **kwargs) -> dict:
    answers = runner.run(runner.plan(benchmark, circular), answerer, **kwargs)
    return scoring.score(answers, benchmark.last_letter)


# --- what it must show ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answerer", "plain", "circular"),
    [(always_a, 0.25, 0.0), (right_once, 1.0, 0.0), (right, 1.0, 1.0)],
)
def test_circular_eval_sees_through_what_plain_accuracy_rewards(answerer, plain, circular):
    result = scores(answerer)["scores"]
    assert result["plain"]["mean"] == plain and result["circular"]["mean"] == circular
    assert result["circular"]["n"] == result["plain"]["n"] == 40


def test_right_in_one_of_four_rotations_is_25_percent_of_answers_and_zero_in_circular_eval():
    def once(questions, pictures):  # the rotation that is answered rightly differs by question
        moved = [q.rotation != int(q.id) % 4 for q in questions]
        return [LETTERS[(q.answer + m) % 4] for q, m in zip(questions, moved, strict=True)]

    answers = runner.run(runner.plan(FOUR, True), once)
    graded = [scoring.grade(answer) for answer in answers]
    assert sum(item.correct for item in graded) / len(graded) == 0.25
    result = scoring.score(answers)["scores"]
    assert result["plain"]["mean"] == 0.25 and result["circular"]["mean"] == 0.0


def test_baselines_are_reported_with_the_score():
    result = scores(always_a)["scores"]
    assert result["plain"]["always"] == 0.25 and result["plain"]["random_guess"] == 0.25
    assert result["circular"]["always"] == 0 and result["circular"]["random_guess"] == 0.0039
    skewed = Benchmark("skewed", tuple(replace(q, answer=0) for q in FOUR.questions))
    assert scores(guess, False, skewed)["scores"]["plain"]["always"] == 1.0


def test_guessing_is_reported_as_not_above_chance():
    result = scores(guess)
    assert not result["scores"]["plain"]["above_random"]
    assert scoring.format_table(result).count("not above random guess") == 2
    lucky = scores(
        lambda q, p: [LETTERS[(one.answer + (int(one.id) > 11)) % 4] for one in q], False
    )
    assert lucky["scores"]["plain"]["mean"] == 0.3  # more than 0.25, within what chance gives
    assert not lucky["scores"]["plain"]["above_random"]
    easy = Benchmark("easy", tuple(replace(q, answer=0) for q in FOUR.questions))
    assert "not above always A" in scoring.format_table(scores(always_a, False, easy))
    assert scores(right)["scores"]["circular"]["above_random"]
    assert "not above" not in scoring.format_table(scores(right))


def test_unparsed_answers_are_wrong_and_counted():
    result = scores(lambda questions, pictures: ["A man with a hat"] * len(questions))
    assert result["no_answer"] == result["answers"] == 160
    assert result["scores"]["plain"]["mean"] == 0
    assert "160 of 160 answers could not be parsed" in scoring.format_table(result)


def test_each_category_has_its_own_score():
    parts = [replace(q, category="odd" if int(q.id) % 2 else "even") for q in FOUR.questions]
    result = scores(always_a, benchmark=Benchmark("two", tuple(parts)))
    assert result["categories"]["even"]["plain"]["mean"] == 0.5
    assert result["categories"]["odd"]["plain"]["mean"] == 0.0
    assert "  even" in scoring.format_table(result)


def test_pope_metrics_match_the_confusion_matrix():
    said = ["yes"] * 3 + ["no"] + ["yes"] + ["no"] * 2 + ["perhaps"]
    truth = ["yes"] * 4 + ["no"] * 4
    asked = [Question(str(n), (), "?", t, category="popular") for n, t in enumerate(truth)]
    result = scoring.score([Answer(q, s) for q, s in zip(asked, said, strict=True)])
    assert result["yes_no"]["all"] == {
        "accuracy": 0.625,
        "precision": 0.75,
        "recall": 0.75,
        "f1": 0.75,
        "yes_ratio": 0.5,
    }
    assert result["no_answer"] == 1 and result["scores"]["plain"]["mean"] == 0.625
    assert result["scores"]["plain"]["always"] == 0.5 and result["always"] == "yes"
    assert "yes_ratio" in scoring.format_table(result)


def test_open_answers_are_matched_against_all_class_names():
    names = (("cat",), ("dog", "puppy"), ("car",))
    asked = [Question(str(n), (tiny.picture(),), "What?", 1, ("cat", "dog")) for n in range(4)]
    free = Benchmark("free", tuple(asked), labels=names).without_options()
    said = iter(["A small puppy.", "a carpet", "a dog in a car", "B"])
    result = scores(lambda q, p: [next(said) for _ in q], free.circular, free)
    assert result["scores"]["plain"]["mean"] == 0.25 and result["no_answer"] == 3
    assert result["scores"]["plain"]["random_guess"] == 0.3333 and result["always"] == "commonest"
    assert result["scores"]["plain"]["always"] == 1.0
    with pytest.raises(UserError, match="has no questions with options"):
        Benchmark("yes or no", (Question("1", (), "?", "yes"),)).without_options()


# --- running --------------------------------------------------------------------------------------


def test_questions_that_cannot_be_asked_are_excluded_and_counted():
    bad = [
        replace(FOUR.questions[0], id="bad", images=(b"no picture",)),
        replace(FOUR.questions[1], id="long", text="long " * 500),
    ]
    result = scores(right, benchmark=Benchmark("bad", (*FOUR.questions[:4], *bad)))
    assert result["not_asked"] == 2 and result["questions"] == 4
    assert result["scores"]["circular"]["mean"] == 1.0
    assert "could not be asked (excluded): 2" in scoring.format_table(result)
    none = scores(right, benchmark=Benchmark("bad", tuple(bad)))
    assert scoring.format_table(none) == "No question could be asked."


def test_a_stopped_run_resumes(tmp_path):
    source, calls = {"benchmark": "four", "model": "m"}, []

    def stops(questions, pictures):
        calls.append(len(questions))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return right(questions, pictures)

    plan = runner.plan(FOUR, True)
    with pytest.raises(KeyboardInterrupt):
        runner.run(plan, stops, out=tmp_path, source=source, batch_size=8)
    file = tmp_path / runner.ANSWERS
    assert len(file.read_text().splitlines()) == 16
    with open(file, "a") as torn:
        torn.write('{"id": "4", "rota')
    with pytest.raises(UserError, match="already has answers; add --resume"):
        runner.run(plan, right, out=tmp_path, source=source)
    with pytest.raises(UserError, match="from another run .benchmark four, model m."):
        runner.run(plan, right, out=tmp_path, source=source | {"model": "n"}, resume=True)
    calls.clear()
    answers = runner.run(plan, stops, out=tmp_path, source=source, resume=True, batch_size=100)
    assert calls == [100, 44] and [a.question for a in answers] == plan
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(rows) == 160 == len({(row["id"], row["rotation"]) for row in rows})
    assert scoring.score(answers) == scores(right)


def test_a_file_as_out_or_a_full_disk_is_a_user_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is a file; give a folder"):
        runner.run(FOUR.questions, right, out=tmp_path / "file")

    def full(path, row):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runner.files, "append_jsonl", full)
    with pytest.raises(UserError, match="disk is full"):
        runner.run(FOUR.questions, right, out=tmp_path / "out")


def test_answers_to_a_changed_prompt_are_not_reused(tmp_path):
    runner.run(FOUR.questions[:3], right, out=tmp_path)
    changed = [*FOUR.questions[:2], replace(FOUR.questions[2], hint="Look.")]
    asked = []
    runner.run(changed, lambda q, p: asked.extend(q) or right(q, p), out=tmp_path, resume=True)
    assert asked == changed[2:]


def test_a_model_answers_each_prompt_greedily():
    bundle = tiny.trained(steps=60)
    ask = Question("1", (tiny.picture("blue"),), "What colour is it?", ("blue",))
    (answer,) = runner.run([ask], runner.model_answerer(bundle))
    assert answer.text == generate.answer(bundle, tiny.picture("blue"), ask.prompt) and answer.text
