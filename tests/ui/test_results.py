"""The Results tab without a browser: curves, evaluations, comparisons and bad input."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import run_folders, tiny
from tests.run_folders import HOSTILE
from vlm.evaluation import compare
from vlm.reporting import catalog
from vlm.reporting.catalog import Evaluation
from vlm.reporting.curves import METRICS
from vlm.types import Record
from vlm.ui.describe import more_pictures
from vlm.ui.results import curves as results_curves
from vlm.ui.results import parts as results_parts
from vlm.ui.results import scores as results_scores
from vlm.ui.results import steps as results_steps
from vlm.ui.results import tab as results

BAD_VALUES = (
    None,
    "",
    "nowhere",
    "../..",
    "/etc",
    7,
    -1,
    float("nan"),
    [],
    ["a", 3, []],
    {},
    "\0",
)
JUNK = (
    None,
    3,
    "text",
    [],
    [[]],
    [3, [1, 2, 3]],
    {"a": 1},
    {"overall": {"mean": "x"}},
    True,
    1e308,
)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create an empty folder of runs, without a shipped run or data sets."""
    monkeypatch.setenv("VLM_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("VLM_DATA", raising=False)
    monkeypatch.setattr(catalog, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(catalog, "EVERYDAY", tmp_path / "everyday")
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def full(root: Path) -> Path:
    """Write two runs and their evaluations."""
    for name, start in (("one", 6.0), ("two", 4.0)):
        run_folders.run(root / name, start)
        run_folders.evaluation(root / name / "evaluation", start + 2)
    return root


def by_widget(values: list[Any]) -> dict[str, Any]:
    """Return the values of `refresh` by widget name."""
    return dict(zip(results.OUTPUTS, values, strict=True))


# --- the whole tab -------------------------------------------------------------------------------


def test_opening_the_tab_fills_it(full: Path) -> None:
    shown = by_widget(results.refresh([], None, None, "", None))
    assert shown["runs"].value == ["one", "two"] and shown["metric"].value == "overall"
    assert shown["chart"].count("<svg") == 2 and "one: from 6 at 0.76 million" in shown["chart"]
    assert shown["evaluation"].value == "one" and shown["against"].value == ""
    assert "<strong>8.0</strong>" in shown["scores"] and shown["compared"] == ""
    assert shown["run"].value == "one" and len(shown["panel"].value) == 3
    assert (shown["position"].maximum, shown["position"].value) == (3, 3)
    assert "A red thing, seen 3 times." in shown["stored"]


def test_choices_are_kept_while_they_exist(full: Path) -> None:
    shown = by_widget(results.refresh(["two"], "loss", "two", "one", "two"))
    assert shown["runs"].value == ["two"] and shown["metric"].value == "loss"
    assert (shown["evaluation"].value, shown["against"].value) == ("two", "one")
    assert "one minus two" in shown["compared"] and shown["run"].value == "two"
    for name in ("metrics", "scores", "samples"):
        (full / "two" / f"{name}.jsonl").unlink()
    (full / "two" / "evaluation" / "scores.json").unlink()
    (full / "two" / "evaluation" / "predictions.jsonl").unlink()
    shown = by_widget(results.refresh(["two"], "loss", "two", "two", "two"))
    assert shown["runs"].value == ["one"] == [shown["evaluation"].value]
    assert shown["against"].value == "" and shown["run"].value == "one"


def test_empty_folders_show_instructions(root: Path) -> None:
    shown = by_widget(results.refresh([], None, None, "", None))
    assert "No runs found: train one with --out runs/NAME" in shown["chart"]
    assert "No evaluations found" in shown["scores"]
    assert "No run has stored answers" in shown["stored"] and not shown["position"].visible


@pytest.mark.parametrize("value", BAD_VALUES, ids=repr)
def test_bad_values_from_a_client_are_ignored(full: Path, value: Any) -> None:
    """No file is opened for them, and the page still works."""
    assert "Overall" in str(by_widget(results.refresh(*[value] * 5))["scores"])
    assert results.draw(value, value).startswith("<p")
    assert results.show_evaluation(value, value)[1] == results.compare(value, value) == ""
    assert "stored answers" in results.show_step(value, value, value)
    assert "stored answers" in results.open_panel(value, "another")[-2]
    picked = SimpleNamespace(index=value)
    index, answer = results.show_picture("one", value, picked)
    assert index in range(results_steps.MAX_SAMPLES) and " thing, seen " in answer


def test_every_event_is_private() -> None:
    assert results.PRIVATE["api_visibility"] == "private" and not results.PRIVATE["preprocess"]


# --- curves --------------------------------------------------------------------------------------


def test_the_chart_has_a_table_of_its_points(full: Path) -> None:
    for metric in METRICS:
        shown = results.draw(["two"], metric)
        assert shown.count("<tr>") == 4 and '<th scope="row">two</th><td>0.76</td>' in shown
    assert '<td>2.27</td><td class="bar"' not in shown


def test_runs_without_the_metric_are_named(full: Path) -> None:
    (full / "two" / "scores.jsonl").unlink()
    shown = results.draw(["one", "two"], "colour")
    assert "There is no colour in two; try loss." in shown and "<svg" in shown
    assert results.draw(["two"], "colour").startswith("<p") and results.draw([], "colour") == (
        '<p class="note">Choose a run.</p>'
    )


def test_the_default_metric_and_runs_have_points(full: Path) -> None:
    runs = catalog.find_runs()
    for run in runs:
        (run.folder / "scores.jsonl").unlink()
    assert (
        results_curves.select_metric(None, runs)
        == "loss"
        == results_curves.select_metric("made up", [])
    )
    (full / "one" / "metrics.jsonl").unlink()
    assert [run.name for run in results_curves.select_default_runs(runs, "loss")] == ["two"]


# --- evaluations ---------------------------------------------------------------------------------


def render(scores: Any, folder: Path) -> str:
    """Return the page of an evaluation with this scores.json."""
    (folder / "scores.json").write_text(scores if isinstance(scores, str) else json.dumps(scores))
    return str(results_scores.render(Evaluation("e", folder)))


def test_an_evaluation_shows_all_parts(root: Path) -> None:
    shown = render(run_folders.scores(8.0, "A red shirt."), root)
    for words in (
        "mini A red shirt. on fashion-products/validation",
        "40 pictures",
        "unjudged: 1",
        "of 10 overall (7.50 to 8.50)",
        "<td>7.50 to 8.50</td>",
        "Factual consistency",
        '<th scope="row">Article type</th><td>84.7</td><td>84.2 to 85.2</td>',
        "Blank image: <b>99.1</b> % differ",
        '<th scope="row">Tops</th>',
        "2.0 of 10",
        "wrong: A red shirt.",
        "10.0 of 10",
        "--mean:80.00%;--low:75.00%;--high:85.00%",
    ):
        assert words in shown, words


def test_text_of_a_model_is_escaped(root: Path) -> None:
    shown = render(run_folders.scores(8.0, HOSTILE), root)
    assert shown.count("&lt;img src=x") >= 7
    assert "<img" not in shown and "<script" not in shown and "</td><script" not in shown


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_scores_of_any_type_are_rendered(root: Path, junk: Any) -> None:
    scores = run_folders.scores()
    for key in scores:
        assert render(scores | {key: junk}, root)
        if isinstance(scores[key], dict):
            for inner in scores[key]:
                assert render(scores | {key: scores[key] | {inner: junk}}, root)
    assert render(junk, root)


@pytest.mark.parametrize(
    "text", ["", "{", '{"scores": {"over', "[" * 9000, "\x00", '{"scores": {}}']
)
def test_an_incomplete_scores_file_is_reported(root: Path, text: str) -> None:
    assert "e has no scores yet: scores.json is missing or incomplete." in render(text, root)


def test_pictures_come_from_the_local_data_set(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [Record("7", tiny.picture("red", 300)), Record("8", b"no picture")]
    monkeypatch.setattr(more_pictures, "is_local", lambda name: name == "Fashion")
    monkeypatch.setattr(more_pictures, "load_records", lambda name: records)
    pictures = results_parts.load_local_pictures("fashion-products/validation", {"7", "9"})
    assert list(pictures) == ["7"] and pictures["7"].startswith("data:image/jpeg;base64,")
    assert 'alt="picture 7"' in render(run_folders.scores(), root)
    assert list(results_parts.load_local_pictures("fashion", {"7", "8"})) == ["7"]
    for other in ("cifar10/validation", "fashion-products/train", "mine", ""):
        assert results_parts.load_local_pictures(other, {"7"}) == {}


def test_without_the_data_set_the_id_is_shown(root: Path) -> None:
    assert '<span class="absent">7</span>' in render(run_folders.scores(), root)


# --- comparisons ---------------------------------------------------------------------------------


def test_two_evaluations_are_compared(full: Path) -> None:
    better = results.compare("two", "one")
    assert "one minus two" in better and "one is better" in better
    assert "two is worse" in results.compare("one", "two")
    assert "identical for every picture" in better  # style is 10 everywhere
    assert "Choose another evaluation" in results.compare("one", "one")
    assert results.show_evaluation("two", "one")[1] == better


def test_a_failed_comparison_shows_a_message_without_paths(
    full: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (full / "two" / "evaluation" / "judgements-rules.jsonl").write_text("{")
    message = results.compare("one", "two")
    assert "one and two have no picture in common" in message and str(full) not in message

    def crash(*folders: Path) -> list:
        raise KeyError(str(full))

    monkeypatch.setattr(compare, "compare", crash)
    assert "could not be compared; see the server&#39;s log for details" in results.compare(
        "one", "two"
    )
    assert "KeyError" in caplog.text
