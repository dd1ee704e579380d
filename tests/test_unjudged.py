"""Evaluations of pictures that leave a judge nothing to judge by: exact labels stand alone."""

import json
from types import SimpleNamespace

import pytest
from torch import nn

from tests import evaluation_folder
from vlm import evaluate, evaluations, runs
from vlm.curves import Evaluation
from vlm.types import Record
from vlm.ui import results_scores

NOBODY = SimpleNamespace(name="nobody", model=nn.Module())  # its answers are put in its mouth


def unknown(folder) -> dict:
    """An evaluation of pictures that show nothing known; the answers to some doubt."""
    pictures = [Record(str(number), b"", (), {"kind": "unknown"}) for number in range(6)]
    return evaluate.evaluate(NOBODY, pictures, out=folder)


@pytest.fixture
def doubting(monkeypatch):
    """A model that is not sure about every second picture and invents a shirt for the others."""
    told = ["I am not sure what this shows; it is noise.", "A red shirt for men."]
    monkeypatch.setattr(
        evaluate, "texts", lambda b, images, *_: (told * len(images))[: len(images)]
    )


def test_where_nothing_can_be_judged_the_exact_labels_stand_alone(doubting, tmp_path):
    found = unknown(tmp_path)
    assert found["scores"] == {} and found["probes"] == {} and found["unjudged"] == 6
    assert found["why_unjudged"] == {"the metadata has none of colour, kind, usage and gender": 6}
    assert found["exact"]["unsure"]["mean"] == 50 and found["exact"].keys() == {"unsure"}
    assert found["confusions"] == {"kind": [["unknown", "Shirts", 3]]}
    shown = {end: {row["text"] for row in rows} for end, rows in found["gallery"].items()}
    assert shown["worst"] == {"A red shirt for men."} and len(shown["best"]) == 1
    assert all(row["overall"] is None for rows in found["gallery"].values() for row in rows)
    assert evaluations.read_scores(tmp_path) == json.loads(json.dumps(found))


def test_evaluations_without_marks_are_compared_by_labels(doubting, tmp_path, monkeypatch):
    unknown(tmp_path / "a")
    monkeypatch.setattr(evaluate, "texts", lambda *_: ["A red shirt."] * 6)
    unknown(tmp_path / "b")
    (row,) = evaluate.compare(tmp_path / "a", tmp_path / "b")
    assert (row["metric"], row["unit"], row["difference"]) == ("unsure", "%", -50)
    assert row["verdict"] == "worse" and row["n"] == 6
    (row,) = evaluate.compare(tmp_path / "a", tmp_path / "a")
    assert row["verdict"] == "equal"


def test_the_app_shows_what_has_no_marks(doubting, tmp_path):
    unknown(tmp_path)
    shown = results_scores.view(Evaluation("e", tmp_path))
    assert "<strong>50.0</strong><span>% says that it is not sure (" in shown
    assert "A red shirt for men." in shown and "Scores, 0 to 10" not in shown
    scores = evaluations.read_scores(tmp_path) | evaluation_folder.unjudged()
    runs.write_json(tmp_path / evaluations.SCORES, scores)
    told = results_scores.view(Evaluation("e", tmp_path))
    assert "<h3>Asked in other ways</h3>" in told
    assert "<li>JSON asked for: <b>100</b> % of 4 answers are a JSON object" in told
