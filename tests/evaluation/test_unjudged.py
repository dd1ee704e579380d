"""Evaluations of pictures whose metadata a judge cannot use: only exact labels are reported."""

import json
from types import SimpleNamespace

import pytest
from torch import nn

from tests import evaluation_folder
from vlm.evaluation import compare, evaluate, results
from vlm.reporting.catalog import Evaluation
from vlm.system import files
from vlm.types import Record
from vlm.ui.results import scores as results_scores

NO_MODEL = SimpleNamespace(name="none", model=nn.Module())  # the tests replace its answers


def evaluate_unknown(folder) -> dict:
    """Evaluate six pictures of kind unknown."""
    pictures = [Record(str(number), b"", (), {"kind": "unknown"}) for number in range(6)]
    return evaluate.evaluate(NO_MODEL, pictures, out=folder)


@pytest.fixture
def doubting(monkeypatch):
    """Answers that are not sure about every second picture and invent a shirt for the others."""
    texts = ["I am not sure what this shows; it is noise.", "A red shirt for men."]
    monkeypatch.setattr(
        evaluate, "batch", lambda b, images, *_: (texts * len(images))[: len(images)]
    )


def test_without_judgements_exact_labels_are_reported(doubting, tmp_path):
    scores = evaluate_unknown(tmp_path)
    assert scores["scores"] == {} and scores["probes"] == {} and scores["unjudged"] == 6
    assert scores["why_unjudged"] == {"the metadata has none of colour, kind, usage and gender": 6}
    assert scores["exact"]["unsure"]["mean"] == 50 and scores["exact"].keys() == {"unsure"}
    assert scores["confusions"] == {"kind": [["unknown", "Shirts", 3]]}
    shown = {end: {row["text"] for row in rows} for end, rows in scores["gallery"].items()}
    assert shown["worst"] == {"A red shirt for men."} and len(shown["best"]) == 1
    assert all(row["overall"] is None for rows in scores["gallery"].values() for row in rows)
    assert results.read_scores(tmp_path) == json.loads(json.dumps(scores))


def test_evaluations_without_judgements_are_compared_by_labels(doubting, tmp_path, monkeypatch):
    evaluate_unknown(tmp_path / "a")
    monkeypatch.setattr(evaluate, "batch", lambda *_: ["A red shirt."] * 6)
    evaluate_unknown(tmp_path / "b")
    (row,) = compare.compare(tmp_path / "a", tmp_path / "b")
    assert (row["metric"], row["unit"], row["difference"]) == ("unsure", "%", -50)
    assert row["verdict"] == "worse" and row["n"] == 6
    (row,) = compare.compare(tmp_path / "a", tmp_path / "a")
    assert row["verdict"] == "equal"


def test_the_app_shows_an_evaluation_without_judgements(doubting, tmp_path):
    evaluate_unknown(tmp_path)
    shown = results_scores.render(Evaluation("e", tmp_path))
    assert "<strong>50.0</strong><span>% unknown images flagged unsure (" in shown
    assert "A red shirt for men." in shown and "Scores, 0 to 10" not in shown
    scores = results.read_scores(tmp_path) | evaluation_folder.unjudged()
    files.write_json(tmp_path / results.SCORES, scores)
    page = results_scores.render(Evaluation("e", tmp_path))
    assert "<h3>Task-specific tests</h3>" in page
    assert "<li>Valid JSON: <b>100</b> % of 4 answers are a JSON object" in page
