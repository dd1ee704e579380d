"""The Results tab without a browser: what it reads, what it refuses, and that it never breaks."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import run_folders, tiny
from tests.run_folders import HOSTILE
from vlm import curves, evaluate
from vlm.curves import METRICS, Evaluation
from vlm.types import Record
from vlm.ui import (
    more_pictures,
    results,
    results_curves,
    results_parts,
    results_scores,
    results_steps,
)

CLIENTS_LIES = (
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
    """An empty folder of runs, no shipped one, and no data sets."""
    monkeypatch.setenv("VLM_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("VLM_DATA", raising=False)
    monkeypatch.setattr(curves, "SHIPPED", tmp_path / "shipped")
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def full(root: Path) -> Path:
    """Two runs and their evaluations."""
    for name, start in (("one", 6.0), ("two", 4.0)):
        run_folders.run(root / name, start)
        run_folders.evaluation(root / name / "evaluation", start + 2)
    return root


def html(shown: list[Any]) -> dict[str, Any]:
    """What `refresh` gives, by the name of the widget."""
    return dict(zip(results.SHOWN, shown, strict=True))


# --- the whole tab -------------------------------------------------------------------------------


def test_opening_the_tab_fills_it(full: Path) -> None:
    shown = html(results.refresh([], None, None, "", None))
    assert shown["runs"].value == ["one", "two"] and shown["metric"].value == "overall"
    assert shown["chart"].count("<svg") == 2 and "one: from 6 at 0.76 million" in shown["chart"]
    assert shown["evaluation"].value == "one" and shown["against"].value == ""
    assert "<strong>8.0</strong>" in shown["scores"] and shown["compared"] == ""
    assert shown["run"].value == "one" and len(shown["shelf"].value) == 3
    assert (shown["position"].maximum, shown["position"].value) == (3, 3)
    assert "A red thing, seen 3 times." in shown["told"]


def test_what_was_chosen_stays_while_it_is_there(full: Path) -> None:
    shown = html(results.refresh(["two"], "loss", "two", "one", "two"))
    assert shown["runs"].value == ["two"] and shown["metric"].value == "loss"
    assert (shown["evaluation"].value, shown["against"].value) == ("two", "one")
    assert "one minus two" in shown["compared"] and shown["run"].value == "two"
    for name in ("metrics", "scores", "samples"):
        (full / "two" / f"{name}.jsonl").unlink()
    (full / "two" / "evaluation" / "scores.json").unlink()
    (full / "two" / "evaluation" / "predictions.jsonl").unlink()
    shown = html(results.refresh(["two"], "loss", "two", "two", "two"))
    assert shown["runs"].value == ["one"] == [shown["evaluation"].value]
    assert shown["against"].value == "" and shown["run"].value == "one"


def test_empty_folders_say_what_to_do(root: Path) -> None:
    shown = html(results.refresh([], None, None, "", None))
    assert "No run was found: train one with --out runs/NAME" in shown["chart"]
    assert "No evaluation was found" in shown["scores"]
    assert "No run has stored answers" in shown["told"] and not shown["position"].visible


@pytest.mark.parametrize("lie", CLIENTS_LIES, ids=repr)
def test_what_a_client_makes_up_is_not_believed(full: Path, lie: Any) -> None:
    """No file is opened for it, and the page goes on."""
    assert "Overall" in str(html(results.refresh(lie, lie, lie, lie, lie))["scores"])
    assert results.draw(lie, lie).startswith("<p")
    assert results.show(lie, lie)[1] == results.compare(lie, lie) == ""
    assert "stored answers" in results.tell(lie, lie, lie)
    assert "stored answers" in results.open_panel(lie, "another")[-2]
    picked = SimpleNamespace(index=lie)
    index, said = results.turn("one", lie, picked)
    assert index in range(results_steps.MOST) and " thing, seen " in said


def test_every_event_is_private() -> None:
    assert results.PRIVATE["api_visibility"] == "private" and not results.PRIVATE["preprocess"]


# --- curves --------------------------------------------------------------------------------------


def test_the_chart_comes_with_its_points_as_a_table(full: Path) -> None:
    for metric in METRICS:
        shown = results.draw(["two"], metric)
        assert shown.count("<tr>") == 4 and '<th scope="row">two</th><td>0.76</td>' in shown
    assert '<td>2.27</td><td class="bar"' not in shown


def test_a_run_without_the_metric_is_named(full: Path) -> None:
    (full / "two" / "scores.jsonl").unlink()
    shown = results.draw(["one", "two"], "colour")
    assert "There is no colour in two; try loss." in shown and "<svg" in shown
    assert results.draw(["two"], "colour").startswith("<p") and results.draw([], "colour") == (
        '<p class="note">Choose a run.</p>'
    )


def test_the_first_metric_and_runs_are_those_that_have_points(full: Path) -> None:
    found = curves.find_runs()
    for run in found:
        (run.folder / "scores.jsonl").unlink()
    assert results_curves.pick(None, found) == "loss" == results_curves.pick("made up", [])
    (full / "one" / "metrics.jsonl").unlink()
    assert [run.name for run in results_curves.first(found, "loss")] == ["two"]


# --- evaluations ---------------------------------------------------------------------------------


def seen(scores: Any, folder: Path) -> str:
    """The page of an evaluation with this scores.json."""
    (folder / "scores.json").write_text(scores if isinstance(scores, str) else json.dumps(scores))
    return str(results_scores.view(Evaluation("e", folder)))


def test_an_evaluation_shows_everything(root: Path) -> None:
    shown = seen(run_folders.scores(8.0, "A red shirt."), root)
    for words in (
        "mini A red shirt. on fashion-products/validation", "40 pictures", "unjudged: 1",
        "of 10 overall (7.50 to 8.50)", "<td>7.50 to 8.50</td>", "Factual consistency",
        '<th scope="row">Article type</th><td>84.7</td><td>84.2 to 85.2</td>',
        "A blank picture: <b>99.1</b> % differ", '<th scope="row">Tops</th>', "2.0 of 10",
        "wrong: A red shirt.", "10.0 of 10", "--mean:80.00%;--low:75.00%;--high:85.00%",
    ):  # fmt: skip
        assert words in shown, words


def test_what_a_model_says_is_never_html(root: Path) -> None:
    shown = seen(run_folders.scores(8.0, HOSTILE), root)
    assert shown.count("&lt;img src=x") >= 7
    assert "<img" not in shown and "<script" not in shown and "</td><script" not in shown


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_any_part_may_be_anything(root: Path, junk: Any) -> None:
    whole = run_folders.scores()
    for key in whole:
        assert seen(whole | {key: junk}, root)
        if isinstance(whole[key], dict):
            for inner in whole[key]:
                assert seen(whole | {key: whole[key] | {inner: junk}}, root)
    assert seen(junk, root)


@pytest.mark.parametrize(
    "text", ["", "{", '{"scores": {"over', "[" * 9000, "\x00", '{"scores": {}}']
)
def test_half_a_file_is_said(root: Path, text: str) -> None:
    assert "e has no scores yet: scores.json is missing or incomplete." in seen(text, root)


def test_pictures_come_from_the_local_data_set(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [Record("7", tiny.picture("red", 300)), Record("8", b"no picture")]
    monkeypatch.setattr(more_pictures, "is_local", lambda name: name == "Fashion")
    monkeypatch.setattr(more_pictures, "records", lambda name: records)
    found = results_parts.local_pictures("fashion-products/validation", {"7", "9"})
    assert list(found) == ["7"] and found["7"].startswith("data:image/jpeg;base64,")
    assert 'alt="picture 7"' in seen(run_folders.scores(), root)
    assert list(results_parts.local_pictures("fashion", {"7", "8"})) == ["7"]
    for other in ("cifar10/validation", "fashion-products/train", "mine", ""):
        assert results_parts.local_pictures(other, {"7"}) == {}


def test_without_the_data_set_the_id_stands_there(root: Path) -> None:
    assert '<span class="absent">7</span>' in seen(run_folders.scores(), root)


# --- comparing -----------------------------------------------------------------------------------


def test_two_evaluations_are_compared_in_words(full: Path) -> None:
    better = results.compare("two", "one")
    assert "one minus two" in better and "one is better" in better
    assert "two is worse" in results.compare("one", "two")
    assert "the same for every picture" in better  # style is 10 everywhere
    assert "Choose another evaluation" in results.compare("one", "one")
    assert results.show("two", "one")[1] == better


def test_what_cannot_be_compared_is_a_sentence_without_paths(
    full: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (full / "two" / "evaluation" / "judgements-rules.jsonl").write_text("{")
    said = results.compare("one", "two")
    assert "one and two have no picture in common" in said and str(full) not in said

    def crash(*folders: Path) -> list:
        raise KeyError(str(full))

    monkeypatch.setattr(evaluate, "compare", crash)
    assert "could not be compared; the server&#39;s log says why" in results.compare("one", "two")
    assert "KeyError" in caplog.text
