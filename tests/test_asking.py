"""Asking and scoring: rigged answerers get what they deserve, a stopped run goes on."""

import json
import random
from dataclasses import replace

import pytest

from tests import benchmark_fixtures as fixtures
from tests import tiny
from vlm.benchmarks import asking, scoring
from vlm.benchmarks.question import Answer, Benchmark, Question
from vlm.errors import UserError
from vlm.metrics.choices import LETTERS

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
    answers = asking.ask(asking.plan(benchmark, circular), answerer, **kwargs)
    return scoring.score(answers, benchmark.takes_last)


# --- what it must show ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answerer", "plain", "circular"),
    [(always_a, 0.25, 0.0), (right_once, 1.0, 0.0), (right, 1.0, 1.0)],
)
def test_circular_eval_sees_through_what_plain_accuracy_rewards(answerer, plain, circular):
    found = scores(answerer)["scores"]
    assert found["plain"]["mean"] == plain and found["circular"]["mean"] == circular
    assert found["circular"]["n"] == found["plain"]["n"] == 40


def test_right_in_one_of_four_rotations_is_25_percent_of_answers_and_zero_in_circular_eval():
    def once(questions, pictures):  # the rotation that is answered rightly differs by question
        moved = [q.rotation != int(q.id) % 4 for q in questions]
        return [LETTERS[(q.answer + m) % 4] for q, m in zip(questions, moved, strict=True)]

    answers = asking.ask(asking.plan(FOUR, True), once)
    judged = [scoring.judge(answer) for answer in answers]
    assert sum(one.right for one in judged) / len(judged) == 0.25
    found = scoring.score(answers)["scores"]
    assert found["plain"]["mean"] == 0.25 and found["circular"]["mean"] == 0.0


def test_baselines_stand_beside_the_score():
    found = scores(always_a)["scores"]
    assert found["plain"]["always"] == 0.25 and found["plain"]["random_guess"] == 0.25
    assert found["circular"]["always"] == 0 and found["circular"]["random_guess"] == 0.0039
    skewed = Benchmark("skewed", tuple(replace(q, answer=0) for q in FOUR.questions))
    assert scores(guess, False, skewed)["scores"]["plain"]["always"] == 1.0


def test_guessing_is_said_to_be_no_better_than_guessing():
    found = scores(guess)
    assert not found["scores"]["plain"]["above_random"]
    assert scoring.table(found).count("not above random guess") == 2
    lucky = scores(
        lambda q, p: [LETTERS[(one.answer + (int(one.id) > 11)) % 4] for one in q], False
    )
    assert lucky["scores"]["plain"]["mean"] == 0.3  # more than 0.25, within what chance gives
    assert not lucky["scores"]["plain"]["above_random"]
    easy = Benchmark("easy", tuple(replace(q, answer=0) for q in FOUR.questions))
    assert "not above always A" in scoring.table(scores(always_a, False, easy))
    assert scores(right)["scores"]["circular"]["above_random"]
    assert "not above" not in scoring.table(scores(right))


def test_what_cannot_be_read_is_wrong_and_counted():
    found = scores(lambda questions, pictures: ["A man with a hat"] * len(questions))
    assert found["no_answer"] == found["answers"] == 160
    assert found["scores"]["plain"]["mean"] == 0
    assert "160 of 160 answers could not be read" in scoring.table(found)


def test_each_category_has_its_own_score():
    parts = [replace(q, category="odd" if int(q.id) % 2 else "even") for q in FOUR.questions]
    found = scores(always_a, benchmark=Benchmark("two", tuple(parts)))
    assert found["categories"]["even"]["plain"]["mean"] == 0.5
    assert found["categories"]["odd"]["plain"]["mean"] == 0.0
    assert "  even" in scoring.table(found)


def test_pope_figures_are_those_of_the_confusion_matrix():
    said = ["yes"] * 3 + ["no"] + ["yes"] + ["no"] * 2 + ["perhaps"]
    truth = ["yes"] * 4 + ["no"] * 4
    asked = [Question(str(n), (), "?", t, category="popular") for n, t in enumerate(truth)]
    found = scoring.score([Answer(q, s) for q, s in zip(asked, said, strict=True)])
    assert found["yes_no"]["all"] == {
        "accuracy": 0.625, "precision": 0.75, "recall": 0.75, "f1": 0.75, "yes_ratio": 0.5,
    }  # fmt: skip
    assert found["no_answer"] == 1 and found["scores"]["plain"]["mean"] == 0.625
    assert found["scores"]["plain"]["always"] == 0.5 and found["always"] == "yes"
    assert "yes_ratio" in scoring.table(found)


def test_free_answers_name_one_of_all_the_names():
    names = (("cat",), ("dog", "puppy"), ("car",))
    asked = [Question(str(n), (tiny.picture(),), "What?", 1, ("cat", "dog")) for n in range(4)]
    free = Benchmark("free", tuple(asked), names=names).free()
    said = iter(["A small puppy.", "a carpet", "a dog in a car", "B"])
    found = scores(lambda q, p: [next(said) for _ in q], free.circular, free)
    assert found["scores"]["plain"]["mean"] == 0.25 and found["no_answer"] == 3
    assert found["scores"]["plain"]["random_guess"] == 0.3333 and found["always"] == "commonest"
    assert found["scores"]["plain"]["always"] == 1.0
    with pytest.raises(UserError, match="has no questions with options"):
        Benchmark("yes or no", (Question("1", (), "?", "yes"),)).free()


# --- asking --------------------------------------------------------------------------------------


def test_a_question_that_cannot_be_asked_is_left_out_and_counted():
    bad = [
        replace(FOUR.questions[0], id="bad", images=(b"no picture",)),
        replace(FOUR.questions[1], id="long", text="long " * 500),
    ]
    found = scores(right, benchmark=Benchmark("bad", (*FOUR.questions[:4], *bad)))
    assert found["not_asked"] == 2 and found["questions"] == 4
    assert found["scores"]["circular"]["mean"] == 1.0
    assert "2 questions could not be asked" in scoring.table(found)
    none = scores(right, benchmark=Benchmark("bad", tuple(bad)))
    assert scoring.table(none) == "No question could be asked."


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    about, calls = {"benchmark": "four", "model": "m"}, []

    def stops(questions, pictures):
        calls.append(len(questions))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return right(questions, pictures)

    plan = asking.plan(FOUR, True)
    with pytest.raises(KeyboardInterrupt):
        asking.ask(plan, stops, out=tmp_path, about=about, batch_size=8)
    file = tmp_path / asking.ANSWERS
    assert len(file.read_text().splitlines()) == 16
    with open(file, "a") as torn:
        torn.write('{"id": "4", "rota')
    with pytest.raises(UserError, match="already holds answers; add --resume"):
        asking.ask(plan, right, out=tmp_path, about=about)
    with pytest.raises(UserError, match="of another run .benchmark four, model m."):
        asking.ask(plan, right, out=tmp_path, about=about | {"model": "n"}, resume=True)
    calls.clear()
    answers = asking.ask(plan, stops, out=tmp_path, about=about, resume=True, batch_size=100)
    assert calls == [100, 44] and [a.question for a in answers] == plan
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(rows) == 160 == len({(row["id"], row["rotation"]) for row in rows})
    assert scoring.score(answers) == scores(right)


def test_a_file_or_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is a file; give a folder"):
        asking.ask(FOUR.questions, right, out=tmp_path / "file")

    def full(path, row):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(asking.runs, "append_jsonl", full)
    with pytest.raises(UserError, match="disk is full"):
        asking.ask(FOUR.questions, right, out=tmp_path / "out")


def test_an_answer_to_another_prompt_is_not_taken_over(tmp_path):
    asking.ask(FOUR.questions[:3], right, out=tmp_path)
    changed = [*FOUR.questions[:2], replace(FOUR.questions[2], hint="Look.")]
    asked = []
    asking.ask(changed, lambda q, p: asked.extend(q) or right(q, p), out=tmp_path, resume=True)
    assert asked == changed[2:]


def test_a_model_answers_each_prompt_greedily():
    bundle = tiny.trained(steps=60)
    ask = Question("1", (tiny.picture("blue"),), "What colour is it?", ("blue",))
    (answer,) = asking.ask([ask], asking.of_model(bundle))
    from vlm.generate import answer as said

    assert answer.text == said(bundle, tiny.picture("blue"), ask.prompt) and answer.text
