"""Each data set has its own measures: photographs with captions are compared with people's."""

from types import SimpleNamespace

import pytest
from torch import nn

from tests import evaluation_folder, tiny
from vlm.commands.measure.evaluate import print_scores
from vlm.config import CAPTION, DESCRIBE
from vlm.data import DATASETS
from vlm.errors import UserError
from vlm.evaluation import compare, evaluate, results, suites
from vlm.evaluation.metrics.captioning import java
from vlm.reporting import report_data
from vlm.reporting.catalog import Evaluation
from vlm.types import Record
from vlm.ui.results import scores as results_scores

NO_MODEL = SimpleNamespace(name="none", model=nn.Module())  # the tests replace its answers
SCENES = "scenes/validation"
THINGS = ("dog", "cat", "horse", "sheep", "goat", "rabbit", "zebra", "camel", "fox", "lion", "pig")


def photographs() -> list[Record]:
    """Pictures with two captions each."""
    return [
        Record(
            thing,
            tiny.noise(),
            (),
            {"captions": f"A {thing} runs fast.\nOne {thing} on the grass."},
        )
        for thing in THINGS
    ]


@pytest.fixture
def answers(monkeypatch):
    """Replace the model's answers; Java is missing."""
    monkeypatch.setattr(java.shutil, "which", lambda name: None)

    def replace(*texts: str) -> list:
        asked = []

        def batch(bundle, images, prompts, size):
            asked.extend(prompts)
            return iter(texts)

        monkeypatch.setattr(evaluate, "batch", batch)
        return asked

    return replace


def good() -> list[str]:
    return [f"A {thing} runs fast." for thing in THINGS]


def test_every_suite_is_of_a_data_set_and_has_known_parts():
    assert suites.SUITES.keys() <= DATASETS.keys()
    for suite in (suites.LABELLED, *suites.SUITES.values()):
        assert suite.prompt and set(suite.parts) <= suites.PARTS.keys()
    assert suites.find("fashion/validation") == suites.LABELLED == suites.find("")
    assert suites.LABELLED.prompt == DESCRIBE


def test_photographs_are_compared_with_their_captions(answers, tmp_path, capsys):
    asked = answers(*good())
    scores = evaluate.evaluate(NO_MODEL, photographs(), out=tmp_path, data=SCENES)
    assert set(asked) == {CAPTION} == {scores["prompt"]} and len(asked) == len(THINGS)
    figures = scores["captions"]
    assert figures["bleu_4"]["mean"] == pytest.approx(100) and figures["cider_d"]["mean"] > 100
    assert figures["chair_i"]["mean"] == 0 and figures["human_chair_i"]["mean"] > 0
    assert scores["exact"]["sure"]["mean"] == 100 and "judge" not in scores
    assert "Java" in scores["not_measured"]["meteor"]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {results.PREDICTIONS, results.SCORES, results.CAPTION_SCORES}
    print_scores(results.read_scores(tmp_path))
    printed = capsys.readouterr().out
    assert "cider_d" in printed and "METEOR was not measured: METEOR needs Java" in printed


def test_a_learning_curve_scores_captions_beside_grades(answers):
    shirts = [Record("shirt", tiny.noise(), (), {"articleType": "Tshirts"})] * 2
    asked = answers(*good()[:4])
    row = evaluate.curve_scores(NO_MODEL, photographs(), 4)
    assert row.keys() == {"captioned", "cider_d", "bleu_4"} and row["captioned"] == 4
    assert row["bleu_4"] == 100 and row["cider_d"] > 100 and set(asked) == {CAPTION}
    asked = answers("A T-shirt.")
    row = evaluate.curve_scores(NO_MODEL, shirts, 1)
    assert row["pictures"] == 1 and row["exact"]["articleType"] == 100 and asked == [DESCRIBE]
    assert "cider_d" not in row


def test_evaluations_of_captions_are_compared_by_picture(answers, tmp_path):
    answers(*good())
    evaluate.evaluate(NO_MODEL, photographs(), out=tmp_path / "a", data=SCENES)
    answers(*["A car."] * len(THINGS))
    evaluate.evaluate(NO_MODEL, photographs(), out=tmp_path / "b", data=SCENES)
    rows = {row["metric"]: row for row in compare.compare(tmp_path / "a", tmp_path / "b")}
    assert rows.keys() == {"sure", "cider_d", "rouge_l", "chair_s"}
    assert rows["sure"]["verdict"] == "equal" and rows["cider_d"]["verdict"] == "worse"
    assert rows["chair_s"]["difference"] == 100 and rows["chair_s"]["verdict"] == "worse"
    back = {row["metric"]: row for row in compare.compare(tmp_path / "b", tmp_path / "a")}
    assert back["chair_s"]["verdict"] == "better"


def test_the_report_and_the_results_tab_show_captions(answers, tmp_path):
    answers(*good()[:-1], "A purple bus.")
    evaluate.evaluate(NO_MODEL, photographs(), out=tmp_path, data=SCENES)
    page = evaluation_folder.Page(evaluation_folder.html(tmp_path, {}))
    shown = page.of("captions")
    for words in ("CIDEr-D", "BLEU-4", "Unbacked things, people", "METEOR was not measured"):
        assert words in shown
    assert not page.of("metrics") and "judged by" not in page.of("")
    assert "CIDEr-D 0.0; unbacked: bus" in page.of("gallery") and "Judge:" not in page.of("gallery")
    assert "--judge" not in page.of("made") and "--prompt" not in page.of("made")
    tab = results_scores.render(Evaluation("e", tmp_path))
    assert "points CIDEr-D (" in tab and "ROUGE-L" in tab and "unbacked: bus" in tab
    figure = report_data.read(tmp_path).headline
    assert figure.name == "CIDEr-D" and figure.unit == "points" and figure.digits == 1


def test_photographs_without_captions_are_refused(answers, tmp_path):
    answers(*good())
    bare = [Record(record.id, record.image) for record in photographs()]
    with pytest.raises(UserError, match="11 of 11 pictures have no captions"):
        evaluate.evaluate(NO_MODEL, bare, out=tmp_path, data=SCENES)
    assert not (tmp_path / results.SCORES).exists()


def test_a_tiny_model_is_measured():
    """Its captions are wrong, but every figure is there."""
    scores = evaluate.evaluate(tiny.bundle(), photographs()[:3], data=SCENES)
    assert {"cider_d", "bleu_4", "rouge_l", "chair_s"} <= scores["captions"].keys()
