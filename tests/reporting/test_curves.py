"""Runs found in their folders, points out of their files, charts, and `python -m vlm curve`."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests import run_folders
from tests.run_folders import STEPS
from vlm.__main__ import main
from vlm.errors import UserError
from vlm.loading.presets import EVERYDAY
from vlm.reporting import catalog, curves, plots
from vlm.reporting.catalog import Run
from vlm.reporting.curves import METRICS


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of runs; of the shipped ones there is only moda-mini's."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("VLM_RUNS", str(folder))
    monkeypatch.setattr(catalog, "EVERYDAY", tmp_path / "everyday")
    return folder


def names(found: list) -> list[str]:
    """The names without the shipped run's."""
    return [item.name for item in found if item.folder.parent.name != "checkpoints"]


# --- finding -------------------------------------------------------------------------------------


def test_the_shipped_run_is_found_first_and_has_a_curve(root: Path) -> None:
    run_folders.run(root / "a")
    first = catalog.find_runs()[0]
    assert (first.name, first.folder) == ("moda-mini", catalog.SHIPPED)
    assert len(curves.points(first, "loss")) >= 3


def test_runs_and_evaluations_are_found_three_levels_deep(root: Path) -> None:
    for place in ("b", "a/x", "a/b/c", "a/b/c/d", ".hidden", "b/checkpoint-500"):
        run_folders.run(root / place, panel=False)
    for place in ("b/evaluation", "a/x/blind", "e"):
        run_folders.evaluation(root / place)
    (root / "nothing").mkdir()
    assert names(catalog.find_runs()) == ["a/b/c", "a/x", "b"]
    assert [e.name for e in catalog.find_evaluations() if root in e.folder.parents] == [
        "a/x/blind",
        "b",
        "e",
    ]


def test_names_are_unique_and_can_be_shown(root: Path) -> None:
    for place in ("moda-mini", "runs/moda-mini", "new\nline", "e/evaluation"):
        run_folders.run(root / place, panel=False)
    run_folders.run(root / "e", panel=False)
    found = [run.name for run in catalog.find_runs()]
    assert len(found) == len(set(found)) == 6
    assert {"moda-mini", "runs/moda-mini", "new?line", "e"} <= set(found)
    assert len({run.folder for run in catalog.find_runs()}) == 6


def test_a_folder_with_the_shipped_run_lists_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLM_RUNS", str(catalog.SHIPPED.parent))
    monkeypatch.setattr(catalog, "EVERYDAY", EVERYDAY)
    logged = ["everyday"] if (EVERYDAY / "metrics.jsonl").is_file() else []
    assert [run.name for run in catalog.find_runs()] == ["moda-mini", *logged]


def test_without_a_folder_of_runs_only_the_shipped_run_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLM_RUNS")
    monkeypatch.chdir(tmp_path)
    assert catalog.root() == Path("runs")
    assert names(catalog.find_runs()) == []
    run_folders.run(tmp_path / "runs" / "here", panel=False)
    assert names(catalog.find_runs()) == ["here"]


def test_open_run_takes_a_folder_or_a_name(root: Path) -> None:
    run_folders.run(root / "a", panel=False)
    assert catalog.open_run("a") == Run("a", root / "a")
    assert catalog.open_run(f"{root}/a/").folder == root / "a"
    for unknown in ("b", "", "\0", str(root)):
        with pytest.raises(UserError, match=r"is not a run; .*one of: moda-mini, a\.$"):
            catalog.open_run(unknown)


# --- points --------------------------------------------------------------------------------------


def test_points_of_each_metric(root: Path) -> None:
    run = Run("a", run_folders.run(root / "a", start=6.0))
    tokens = [place[1] for place in STEPS]
    for metric in METRICS:
        assert [x for x, _ in curves.points(run, metric)] == tokens
    assert [y for _, y in curves.points(run, "colour")] == [6.0, 7.0, 8.0]
    assert [y for _, y in curves.points(run, "loss")] == [0.4, 0.2, pytest.approx(0.4 / 3)]
    with pytest.raises(UserError, match="Unknown metric 'x'; choose one of: bleu_4, category"):
        curves.points(run, "x")


GARBAGE = [
    "",
    "\n\n",
    "null",
    "3",
    "[]",
    '"text"',
    '{"tokens_seen": 3',
    "\x00\xff",
    "[" * 100_000,
    '{"tokens_seen": true, "overall": 5}',
    '{"tokens_seen": "9", "overall": 5}',
    '{"tokens_seen": 9, "overall": NaN}',
    '{"tokens_seen": 9, "overall": 1e400}',
    '{"tokens_seen": -1, "overall": 5}',
    '{"tokens_seen": 9, "overall": [5]}',
    '{"overall": 5}',
    '{"tokens_seen": 1%s, "overall": 5}' % ("0" * 400),
    "9" * 5000,
]


@pytest.mark.parametrize("line", GARBAGE, ids=lambda line: line[:30])
def test_lines_without_values_are_skipped(root: Path, line: str) -> None:
    (root / "scores.jsonl").write_bytes(line.encode("latin-1"))
    assert curves.points(Run("a", root), "overall") == []
    if not line.startswith("[["):  # brackets without end make the whole file unreadable
        good = '\n{"tokens_seen": 9, "overall": 5}\n'
        (root / "scores.jsonl").write_bytes(line.encode("latin-1") + good.encode())
        assert curves.points(Run("a", root), "overall") == [(9, 5.0)]


def test_of_two_measurements_at_one_place_the_later_counts(root: Path) -> None:
    rows = [{"tokens_seen": t, "overall": v} for t, v in ((9, 1), (5, 2), (9, 3))]
    run_folders.write_rows(root / "scores.jsonl", rows)
    assert curves.points(Run("a", root), "overall") == [(5, 2.0), (9, 3.0)]


def test_a_file_that_cannot_be_read_has_no_points(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert catalog.read_rows(root / "absent") == []
    (root / "scores.jsonl").mkdir()
    assert catalog.read_rows(root / "scores.jsonl") == []
    run_folders.run(root / "a", panel=False)
    monkeypatch.setattr(catalog, "MAX_BYTES", 10)
    assert catalog.read_rows(root / "a" / "scores.jsonl") == []


# --- charts ---------------------------------------------------------------------------------------


def test_chart_gives_an_svg_or_writes_a_png(root: Path) -> None:
    runs = [Run("a", run_folders.run(root / "a")), Run("b", run_folders.run(root / "b", 5.0))]
    assert "a: from 6 at 0.76 million tokens to 8" in curves.chart(runs, "overall")
    assert curves.chart(runs, "loss", root / "x.png") == ""
    with Image.open(root / "x.png") as picture:
        assert picture.format == "PNG" and picture.width == plots.WIDE[0] * plots.DOTS // 72
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    with pytest.raises(UserError, match=r"x\.png cannot be written \(.*\); choose another path"):
        curves.chart(runs, "loss", root / "absent" / "x.png")
    assert not list(root.glob(".x.png*"))


def test_no_points_at_all_is_a_sentence_that_helps(root: Path) -> None:
    run = Run("a", root)
    with pytest.raises(UserError, match="no overall grade in a; nothing has been measured yet"):
        curves.chart([run], "overall")
    run_folders.write_rows(root / "metrics.jsonl", [{"tokens_seen": 5, "eval_loss": 1}])
    with pytest.raises(UserError, match=r"^There is no colour in a; try loss\.$"):
        curves.chart([run], "colour")


# --- the command ---------------------------------------------------------------------------------


def test_the_command_prints_a_table_and_writes_the_chart(
    root: Path, capsys: pytest.CaptureFixture
) -> None:
    run_folders.run(root / "a")
    (root / "b").mkdir()
    (root / "b" / "scores.jsonl").write_text("{")
    assert main(["curve", "a", "b", "--out", str(root / "c.png")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == METRICS["overall"].title
    assert [line.split() for line in said[2:6]] == [
        ["a", "0.76", "6.0000"],
        ["a", "1.51", "7.0000"],
        ["a", "2.27", "8.0000"],
        ["b", "not", "measured"],
    ]
    assert (root / "c.png").stat().st_size > 5000


def test_the_command_draws_all_metrics_of_one_run(
    root: Path, capsys: pytest.CaptureFixture
) -> None:
    run_folders.run(root / "a")
    assert main(["curve", "a", "--metric", "all", "--out", str(root / "c.png")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert {metric.title for metric in METRICS.values()} <= set(said)
    assert Image.open(root / "c.png").size[0] > 1000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a", "moda-mini", "--metric", "all"], "draws one run, got 2"),
        (["nowhere"], "'nowhere' is not a run"),
        (["a", "--out", "chart.jpg"], "charts are written as .png files"),
        (["a", "--metric", "loss", "--out", "/absent/x.png"], "cannot be written"),
        (["empty"], "no overall grade in empty; nothing has been measured yet"),
    ],
)
def test_the_commands_mistakes_are_user_errors(
    root: Path, capsys: pytest.CaptureFixture, arguments: list[str], sentence: str
) -> None:
    run_folders.run(root / "a")
    run_folders.write_rows(root / "empty" / "metrics.jsonl", [json.loads("{}")])
    with pytest.raises(SystemExit) as stopped:
        main(["curve", *arguments])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
