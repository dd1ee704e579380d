"""python -m vlm benchmark: the table, the files, exit codes, one sentence for mistakes."""

import json

import pytest

from tests import benchmark_fixtures as fixtures
from vlm import __main__ as commands
from vlm.evaluation.benchmarks import runner
from vlm.loading import load as load_module


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the command with an answerer that always says A; exit code, output, errors."""
    monkeypatch.setattr(load_module, "load", lambda name, **kwargs: None)
    monkeypatch.setattr(
        runner, "model_answerer", lambda bundle: lambda questions, pictures: ["A"] * len(questions)
    )

    def run(*args):
        try:
            code = commands.main(["benchmark", *map(str, args)])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_command_prints_a_table_and_writes_the_scores(command, tmp_path):
    rows = [fixtures.mmbench_row(n, "ABC"[n % 3]) for n in range(9)]
    folder = fixtures.write(tmp_path / "dev.parquet", [*rows, fixtures.mmbench_row(9, "D")])
    code, text, _ = command("mmbench", "--data-path", folder, "--out", tmp_path / "out")
    assert code == 0 and "9 questions, 1 skipped\n  question 9: the answer 'D'" in text
    assert "CircularEval" in text and "plain accuracy" in text and "always A" in text
    found = json.loads((tmp_path / "out/scores.json").read_text())
    assert found["scores"]["plain"]["mean"] == 0.3333 and found["left_out"] == 1
    assert found["model"] == "moda-mini" and found["benchmark"] == "mmbench-en/dev"
    code, again, _ = command(
        "mmbench", "--data-path", folder, "--out", tmp_path / "out", "--resume"
    )
    assert code == 0 and again == text
    code, text, _ = command("mmbench", "--data-path", folder, "--no-circular", "--limit", 3)
    assert code == 0 and "CircularEval" not in text


def test_the_exit_code_shows_that_a_picture_does_not_open(command, tmp_path):
    rows = [fixtures.pope_row(1), fixtures.pope_row(2, image={"bytes": b"x", "path": None})]
    folder = fixtures.write(tmp_path / "test.parquet", rows)
    code, text, _ = command("pope", "--data-path", folder)
    assert code == 1 and "could not be asked (excluded): 1" in text


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--resume",), "--resume needs the folder"),
        (("--free", "--circular"), "omit --circular"),
        (("--free",), "has no questions with options"),
        (("--split", "train"), "No train.parquet in"),
    ],
)
def test_flags_that_contradict_each_other_are_user_errors(args, said, command, tmp_path):
    folder = fixtures.write(tmp_path / "test.parquet", [fixtures.pope_row(1)])
    code, _, error = command("pope", "--data-path", folder, *args)
    assert code == 2 and said in error and error.count("\n") == 1


def test_a_benchmark_without_usable_rows_is_a_user_error(command, tmp_path):
    folder = fixtures.write(tmp_path / "test.parquet", [fixtures.pope_row(1, "maybe")])
    code, text, error = command("pope", "--data-path", folder)
    assert code == 2 and "no usable questions" in error and "'maybe'" in text
