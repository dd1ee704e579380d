"""`python -m vlm caption` where something failed, was left out, or lies otherwise than usual."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import tiny
from tests.fake_endpoint import FakeEndpoint, online
from tests.test_caption import RECORDS, SAID, Counting
from vlm.__main__ import main as command
from vlm.errors import UserError
from vlm.metrics.rubric import Judgement
from vlm.teach import export, labels, reviews, steps, writers
from vlm.teach.history import FILE, History
from vlm.types import Record, Turn
from vlm.ui import review_desk


def rows_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / export.TABLE).read_text().splitlines()]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of 20 captioned pictures with no split of its own."""
    told = [(number, record, labels.describe(record)) for number, record in enumerate(RECORDS)]
    items = [steps.Captioned(record, text, (), f"{n + 7:05}.png") for n, record, text in told]
    export.folder(items, tmp_path / "pictures")
    return tmp_path / "pictures"


def test_a_picture_keeps_its_file_name_when_others_are_filled_in(tmp_path: Path) -> None:
    history = History(tmp_path / FILE)
    steps.run(RECORDS[:2] + RECORDS[5:], Counting(), None, history)
    before = {item.record.id: item.name for item in steps.finished(RECORDS, history, "teacher")}
    steps.run(RECORDS, Counting(), None, history)
    after = {item.record.id: item.name for item in steps.finished(RECORDS, history, "teacher")}
    assert len(before) == 17 and len(after) == 20 and before.items() <= after.items()


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_a_decision_is_about_one_picture(form: str, tmp_path: Path, pictures: Path) -> None:
    """The source's names are 00007.png to 00026.png, the result's 00000.png to 00019.png."""
    out = tmp_path / "out"
    given = ["caption", f"folder={pictures}", str(out), "--format", form]
    assert command(given) == 0
    made = reviews.Reviews(out / reviews.FILE)
    made.add(reviews.Review("00010.png", "ada", reviews.REJECT, reason="other"))
    assert command([*given, "--resume", "--reviews", str(made.path)]) == 0
    if form == "folder":
        left = {row["id"] for row in rows_of(out)}
    else:
        import pyarrow.parquet as pq

        left = {row["id"] for row in pq.read_table(out / export.PARQUET).to_pylist()}
    assert {f"{n + 7:05}.png" for n in range(20)} - left == {"00017.png"}


def test_decisions_stay_with_their_picture_when_others_come(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    out, made = tmp_path / "out", reviews.Reviews(tmp_path / "out" / reviews.FILE)

    def captions(*names: str, more: Sequence[str] = ()) -> dict[str, str]:
        rows = [{"file_name": f"{name}.png", "text": f"This is {name}."} for name in names]
        for number, row in enumerate(rows):
            tiny.noise(number).save(tmp_path / "photos" / row["file_name"])
        table = tmp_path / "photos" / "metadata.jsonl"
        table.write_text("\n".join(map(json.dumps, rows)))
        assert command(["caption", f"folder={tmp_path / 'photos'}", str(out), *more]) == 0
        return {row["id"]: row["text"] for row in rows_of(out)}

    first = {row["id"]: row["file_name"] for row in captions("b", "c") and rows_of(out)}
    made.add(reviews.Review(first["b.png"], "ada", reviews.REJECT, reason="other"))
    made.add(reviews.Review(first["c.png"], "ada", reviews.EDIT, text="Edited."))
    left = captions("a", "b", "c", more=["--resume", "--reviews", str(made.path)])
    assert left == {"a.png": "This is a.", "c.png": "Edited."}


def test_a_folder_without_splits_is_taken_whole(tmp_path: Path, pictures: Path, capsys) -> None:
    assert command(["caption", f"folder={pictures}", str(tmp_path / "out")]) == 0
    assert "Wrote 20 pairs" in capsys.readouterr().out
    assert command(["check", str(tmp_path / "out"), "--no-pictures"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert sum(int(row.split()[1]) for row in rows if "%" in row) >= 20
    held_out = [str(tmp_path / "part"), "--split", "validation"]
    assert command(["caption", f"folder={pictures}", *held_out]) == 0
    assert 0 < len(rows_of(tmp_path / "part")) < 20


def test_pictures_without_a_table_are_described_by_a_model(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(3):
        tiny.noise(number).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "3.png").write_bytes(b"no picture")
    online(monkeypatch)
    given = [f"folder={tmp_path / 'photos'}", str(tmp_path / "out"), "--teacher", "endpoint:tiny"]
    with FakeEndpoint(lambda messages: json.dumps(SAID)) as fake:
        assert command(["caption", *given, "--endpoint", fake.address]) == 0
    assert [row["text"] for row in rows_of(tmp_path / "out")] == [SAID["description"]] * 3


def test_labels_cannot_describe_what_nothing_is_known_of(tmp_path: Path, capsys) -> None:
    (tmp_path / "photos").mkdir()
    tiny.noise(0).save(tmp_path / "photos" / "0.png")
    assert command(["caption", f"folder={tmp_path / 'photos'}", str(tmp_path / "out")]) == 1
    assert "1 x teacher: no metadata; name a model" in capsys.readouterr().out


def test_what_labels_cannot_refine_does_not_stop_the_others(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(2):
        tiny.noise(number).save(tmp_path / "photos" / f"{number}.png")
    online(monkeypatch)
    said = iter(["A man in a red shirt smiles.", SAID["description"]])
    given = [f"folder={tmp_path / 'photos'}", str(tmp_path / "out"), "--teacher", "endpoint:tiny"]
    with FakeEndpoint(lambda messages: json.dumps(SAID | {"description": next(said)})) as fake:
        words = ["caption", *given, "--refiner", "labels", "--endpoint", fake.address]
        assert command(words) == 1
    assert [row["text"] for row in rows_of(tmp_path / "out")] == [SAID["description"]]


def test_a_run_that_gave_nothing_is_gone_on_with(tmp_path: Path, pictures: Path, monkeypatch):
    online(monkeypatch)
    given = ["caption", f"folder={pictures}", str(tmp_path / "out"), "--teacher", "endpoint:tiny"]
    with FakeEndpoint(lambda messages: "It is a thing.") as fake:
        assert command([*given, "--endpoint", fake.address]) == 1
    with FakeEndpoint(lambda messages: json.dumps(SAID)) as fake:
        assert command([*given, "--endpoint", fake.address, "--resume"]) == 0
    assert len(rows_of(tmp_path / "out")) == 20


class Grader:
    """A judge that fails where it is told to, and counts what it judged."""

    name = "grader"

    def __init__(self, failing: int = 0, grade: float = 5.0):
        self.failing, self.grade, self.judged = failing, grade, 0

    def judge(self, texts, facts):
        for number, _ in enumerate(texts):
            self.judged += 1
            failed = number < self.failing
            yield Judgement(unjudged="time-out") if failed else Judgement(colour=self.grade)


def test_what_could_not_be_judged_is_judged_the_next_time(tmp_path: Path) -> None:
    history = History(tmp_path / FILE)
    steps.run(RECORDS, Counting(), None, history)
    assert steps.judged(RECORDS, Grader(failing=3, grade=4.0), history, writers.TEACHER) == 4.0
    again = Grader(grade=8.0)
    grade = steps.judged(RECORDS, again, history, writers.TEACHER)
    assert again.judged == 3 and grade == pytest.approx((17 * 4 + 3 * 8) / 20)


def test_a_refined_description_gets_a_grade_of_its_own(tmp_path: Path) -> None:
    history = History(tmp_path / FILE)
    steps.run(RECORDS, Counting(), None, history)
    assert steps.judged(RECORDS, Grader(grade=4.0), history, writers.TEACHER) == 4.0
    steps.run(RECORDS, Counting(), writers.Labels(), history)
    assert steps.judged(RECORDS, Grader(grade=9.0), history, writers.REFINER) == 9.0


def test_a_question_that_no_model_takes_is_a_fault_of_its_own(monkeypatch) -> None:
    told = iter(["prose", json.dumps(SAID), json.dumps(SAID)])
    monkeypatch.setattr(
        writers.describe, "texts", lambda bundle, pictures, asked, size, config: [
            next(told) for _ in asked
        ],
    )  # fmt: skip
    bundle = tiny.bundle()
    bundle.model.config.model_type = "smolvlm"
    teacher = writers.Model(bundle, "small", "Is it $facts? $answer", 300)
    long = Record("long", tiny.noise(0), (), {"kind": "cat " * 600})
    assert teacher.settings.max_new_tokens == 300
    said = list(teacher.write([writers.Ask(r) for r in (RECORDS[0], long, RECORDS[1])]))
    assert [one.requests for one in said] == [2, 0, 1]
    assert "characters" in said[1].fault and not said[0].fault and not said[2].fault


def test_answers_to_questions_can_be_looked_through(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "asked"
    (folder / "train").mkdir(parents=True)
    tiny.noise(0).save(folder / "train" / "0.png")
    row = {"file_name": "0.png", "question": "What is it?", "answer": "A blue shirt for men."}
    row |= {"articleType": "Shirts", "baseColour": "Red"}
    (folder / "train" / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    assert command(["check", str(folder), "--no-pictures"]) == 0
    assert "colour" in capsys.readouterr().out
    assert review_desk.Desk(folder).items["0.png"].text == row["answer"]
    asked = Record("a", b"", (Turn("Is it red?", "No.", "question"),), {})
    with pytest.raises(UserError, match="no metadata"):
        labels.describe(asked)


def test_an_undo_of_what_was_left_out_since_shows_another(tmp_path: Path, pictures: Path) -> None:
    made = reviews.Reviews(pictures / reviews.FILE)
    made.add(reviews.Review("99999.png", "ada", reviews.REJECT, reason="other"))
    desk = review_desk.Desk(pictures)
    assert "0 of 20 by you" in desk.progress("ada")
    assert desk.decide(reviews.Review("-", "ada", reviews.UNDO)) == "99999.png"
    assert desk.after(review_desk.LEFT, "ada", "99999.png") == "00007.png"
