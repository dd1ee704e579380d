"""MMBench's two layouts: the rows become questions, stored rotations are checked."""

import pytest

from tests import benchmark_fixtures as fixtures
from vlm.errors import UserError
from vlm.evaluation.benchmarks import mmbench
from vlm.evaluation.benchmarks.question import rotations


def reasons(benchmark) -> str:
    return "\n".join(benchmark.problems)


def test_mmbench_rows_become_questions(tmp_path):
    rows = [fixtures.mmbench_row(7, "C", hint="A hint."), fixtures.mmbench_row(8, D="None")]
    one, two = mmbench.load("", fixtures.write(tmp_path / "dev.parquet", rows)).questions
    assert (one.id, one.answer, one.options) == ("7", 2, ("red", "green", "blue"))
    assert (
        one.prompt.startswith("A hint.\nWhich colour is 7?\nA. red\n") and one.category == "kind 1"
    )
    assert two.options[3] == "None" and two.hint == ""  # an option in words; "nan" is no hint


def test_stored_rotations_are_checked_and_made_anew(tmp_path):
    rows = [fixtures.mmbench_row(n, "B") for n in range(3)]
    stored = [turned for row in rows for turned in fixtures.mmbench_turned(row)]
    folder = fixtures.write(tmp_path / "dev.parquet", rows + stored)
    benchmark = mmbench.load("", folder)
    assert len(benchmark.questions) == 3 and not benchmark.problems
    ours = {(t.options, "ABC"[t.answer]) for t in rotations(benchmark.questions[0])}
    theirs = {((r["A"], r["B"], r["C"]), r["answer"]) for r in [rows[0], *stored[:2]]}
    assert ours == theirs
    stored[0]["answer"] = "B"  # the same letter though the options moved
    benchmark = mmbench.load("", fixtures.write(tmp_path / "dev.parquet", rows + stored))
    assert len(benchmark.questions) == 2 and "row 1000000 is not a rotation" in reasons(benchmark)


def test_the_tsv_gives_the_same_questions_as_the_table(tmp_path):
    rows = [fixtures.mmbench_row(n, "A") for n in range(3)]
    shared = [*rows, fixtures.mmbench_row(3, image="1")]  # the picture of row 1
    fixtures.mmbench_tsv(tmp_path / "MMBench_DEV_EN_V11.tsv", shared)
    fixtures.mmbench_tsv(tmp_path / "MMBench_DEV_CN.tsv", shared[:1])
    from_tsv = mmbench.load("", tmp_path).questions
    assert (
        from_tsv[:3] == mmbench.load("", fixtures.write(tmp_path / "t/dev.parquet", rows)).questions
    )
    assert len(from_tsv) == 4 and from_tsv[3].images == from_tsv[1].images


def test_unusable_rows_of_mmbench_are_reported(tmp_path):
    bad = [
        ({"answer": "D"}, "the answer 'D' is none of its 3 options"),
        ({"B": "nan"}, "fewer than two options"),
        ({"question": ""}, "no question"),
        ({"image": {"bytes": None, "path": None}}, "the picture is empty"),
        ({"index": 0}, "duplicate index"),
    ]
    rows = [fixtures.mmbench_row(n) | change for n, (change, _) in enumerate(bad, start=1)]
    folder = fixtures.write(tmp_path / "dev.parquet", [fixtures.mmbench_row(0), *rows])
    benchmark = mmbench.load("", folder)
    assert len(benchmark.questions) == 1 and len(benchmark.problems) == len(bad)
    assert all(reason in reasons(benchmark) for _, reason in bad)
    assert benchmark.report().startswith("mmbench-en/dev: 1 questions, 5 skipped\n  question")


def test_unusable_rows_of_a_tsv_are_reported(tmp_path):
    rows = [fixtures.mmbench_row(0, image="9"), fixtures.mmbench_row(1, image="?" * 80)]
    file = fixtures.mmbench_tsv(
        tmp_path / "dev.tsv", [*rows, fixtures.mmbench_row(2) | {"index": "x"}]
    )
    assert len(mmbench.load("", file).problems) == 3
    file.write_bytes(b"index\tquestion\n\xff")
    with pytest.raises(UserError, match="not UTF-8"):
        mmbench.load("", file)
    for rows, has in (("1\tWhat?\n", "index, question"), ("", "no rows")):
        file.write_text("index\tquestion\n" + rows)
        with pytest.raises(UserError, match=f"lacks .*A, B, answer, image; it has {has}"):
            mmbench.load("", file)


def test_a_split_without_answers_is_reported(tmp_path):
    folder = fixtures.write(tmp_path / "test.parquet", [fixtures.mmbench_row(1, "nan")])
    with pytest.raises(UserError, match="has no answers; choose --split dev"):
        mmbench.load("test", folder)
