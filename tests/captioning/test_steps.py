"""The steps and their history: resumed after a kill, graded by a judge, read back as a data set."""

from pathlib import Path

import pytest

from tests.captioning.records import KINDS, RECORDS, CountingWriter
from vlm.captioning import export, labels, steps
from vlm.captioning.history import FILE, CaptionHistory
from vlm.captioning.writers import REFINER, TEACHER
from vlm.captioning.writers.labels import LabelWriter
from vlm.data import folder
from vlm.errors import UserError
from vlm.evaluation.metrics.rubric import Judgement


@pytest.fixture
def history(tmp_path: Path) -> CaptionHistory:
    return CaptionHistory(tmp_path / FILE)


def reopen(history: CaptionHistory) -> CaptionHistory:
    return CaptionHistory(history.path, resume=True)


def test_a_resumed_run_requests_nothing_twice(history: CaptionHistory) -> None:
    first, second = CountingWriter(stop_after=7), CountingWriter()
    with pytest.raises(KeyboardInterrupt):
        steps.run(RECORDS, first, LabelWriter(), history)
    assert not steps.run(RECORDS, second, LabelWriter(), reopen(history))
    assert [*first.ids, *second.ids] == [r.id for r in RECORDS]
    items = list(steps.finished(RECORDS, reopen(history), REFINER))
    assert [item.record.id for item in items] == [r.id for r in RECORDS]
    assert [row["step"] for row in items[3].rows] == [TEACHER, REFINER]


def test_a_history_torn_anywhere_loses_no_complete_row(history: CaptionHistory) -> None:
    steps.run(RECORDS, CountingWriter(), None, history)
    data = history.path.read_bytes()
    for cut in range(1, 301):
        history.path.write_bytes(data[:-cut])
        complete = data[:-cut].count(b"\n")
        writer = CountingWriter()
        steps.run(RECORDS, writer, None, reopen(history))
        assert len(writer.ids) in (20 - complete, 19 - complete)  # 19: only a line's end was lost
        resumed = reopen(history)
        rows = [resumed.get(TEACHER, r.id) for r in RECORDS]
        assert [row["text"] for row in rows] == [f"Picture {r.id} of something." for r in RECORDS]


def test_a_run_is_resumed_with_the_writers_it_was_started_with(history: CaptionHistory) -> None:
    steps.run(RECORDS, CountingWriter(), None, history)
    with pytest.raises(UserError, match="already contains a run; add --resume"):
        CaptionHistory(history.path)
    for name, value, message in (
        ("name", "other", "started with counting as teacher, not with other"),
        ("prompt", "Another question", "started with another prompt as teacher"),
    ):
        writer = CountingWriter()
        setattr(writer, name, value)
        with pytest.raises(UserError, match=message):
            steps.run(RECORDS, writer, None, reopen(history))


def test_file_names_do_not_change_when_missing_images_are_added(history: CaptionHistory) -> None:
    steps.run(RECORDS[:2] + RECORDS[5:], CountingWriter(), None, history)
    before = {item.record.id: item.name for item in steps.finished(RECORDS, history, TEACHER)}
    steps.run(RECORDS, CountingWriter(), None, history)
    after = {item.record.id: item.name for item in steps.finished(RECORDS, history, TEACHER)}
    assert len(before) == 17 and len(after) == 20 and before.items() <= after.items()


def test_an_exported_folder_is_read_back_as_a_data_set(
    history: CaptionHistory, tmp_path: Path
) -> None:
    steps.run(RECORDS, LabelWriter(), None, history)
    export.write_folder(list(steps.finished(RECORDS, history, TEACHER)), tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.png"))) == 20
    records = [*folder.load("train", tmp_path / "out").records]
    records += folder.load("validation", tmp_path / "out").records
    assert {r.turns[0].answer for r in records} == set(map(labels.describe, RECORDS))
    assert {r.facts["kind"] for r in records} == set(KINDS)


# --- grades --------------------------------------------------------------------------------------


class Grader:
    """A judge that fails for the first rows, and counts what it judged."""

    name = "grader"

    def __init__(self, failures: int = 0, grade: float = 5.0):
        self.failures, self.grade, self.judged = failures, grade, 0

    def judge(self, texts, facts):
        for number, _ in enumerate(texts):
            self.judged += 1
            failed = number < self.failures
            yield Judgement(unjudged="timeout") if failed else Judgement(colour=self.grade)


def test_failed_judgements_are_repeated_by_the_next_run(history: CaptionHistory) -> None:
    steps.run(RECORDS, CountingWriter(), None, history)
    assert steps.grade(RECORDS, Grader(failures=3, grade=4.0), history, TEACHER) == 4.0
    second = Grader(grade=8.0)
    grade = steps.grade(RECORDS, second, history, TEACHER)
    assert second.judged == 3 and grade == pytest.approx((17 * 4 + 3 * 8) / 20)


def test_refined_descriptions_are_graded_separately(history: CaptionHistory) -> None:
    steps.run(RECORDS, CountingWriter(), None, history)
    assert steps.grade(RECORDS, Grader(grade=4.0), history, TEACHER) == 4.0
    steps.run(RECORDS, CountingWriter(), LabelWriter(), history)
    assert steps.grade(RECORDS, Grader(grade=9.0), history, REFINER) == 9.0
