"""Calibration: measures, fitted tables, judges of answers, and the whole of `loupe calibrate`."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from tests import tiny
from vlm import __main__ as commands
from vlm.config import DESCRIBE, GenerateConfig
from vlm.data import DATASETS
from vlm.errors import UserError
from vlm.evaluation.calibration import fit, measure, run
from vlm.evaluation.calibration.correctness import ANSWER_JUDGES
from vlm.evaluation.metrics import intervals
from vlm.inference import calibration
from vlm.inference.batch import scored_batch
from vlm.inference.confidence import Evidence
from vlm.loading import load
from vlm.types import Record

RNG = np.random.default_rng(0)
GIVEN = RNG.random(600)
TRUE = (RNG.random(600) < GIVEN).astype(float)
SHARES = st.lists(st.sampled_from([k / 7 for k in range(8)]), min_size=1, max_size=90)


# --- measures ------------------------------------------------------------------------------------


@given(SHARES, st.integers(1, 20))
def test_bins_are_in_order_without_gaps_and_keep_equal_values_together(values, most: int) -> None:
    places = np.array(values)
    bins = measure.bin_equally(places, most)
    assert set(bins) == set(range(bins.max() + 1)) and bins.max() < most
    for low, high in zip(places[np.argsort(places)], np.sort(places)[1:], strict=False):
        first, second = bins[places == low][0], bins[places == high][0]
        assert first == second if low == high else first <= second
    assert all(len(set(bins[places == value])) == 1 for value in values)


def test_bins_of_different_values_are_equally_large() -> None:
    counts = np.bincount(measure.bin_equally(GIVEN))
    assert len(counts) == measure.BINS and counts.max() - counts.min() <= 2


def test_the_calibration_error_is_the_mean_gap() -> None:
    always = np.full(10, 0.9)
    assert measure.calibration_error(always, np.array([1.0] * 5 + [0.0] * 5)) == pytest.approx(0.4)
    two = np.array([0.2] * 5 + [0.8] * 15)
    right = np.array([0.0] * 5 + [1.0] * 15)
    assert measure.calibration_error(two, right) == pytest.approx(0.2)


@given(SHARES, st.data())
def test_measures_are_within_their_bounds(values, data) -> None:
    size = {"min_size": len(values), "max_size": len(values)}
    right = np.array(data.draw(st.lists(st.sampled_from([0.0, 1.0]), **size)))
    for statistic in measure.STATISTICS.values():
        assert 0 <= statistic(np.array(values), right) <= 1


def test_brier_and_auroc_are_scikit_learns() -> None:
    assert measure.brier_score(GIVEN, TRUE) == pytest.approx(brier_score_loss(TRUE, GIVEN))
    tied = np.round(GIVEN, 1)
    assert measure.auroc(tied, TRUE) == pytest.approx(roc_auc_score(TRUE, tied))
    assert measure.auroc(GIVEN, np.ones(600)) == 0.5


def test_honest_probabilities_have_about_the_error_of_chance(monkeypatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 50)
    honest, boastful = (measure.measure(p, TRUE) for p in (GIVEN, np.sqrt(GIVEN)))
    assert abs(honest["ece"]["mean"] - measure.error_by_chance(GIVEN)) < 0.03
    assert boastful["ece"]["mean"] > 0.1 and boastful["auroc"] == honest["auroc"]
    points = honest["reliability"]
    assert sum(point["n"] for point in points) == 600
    assert all(0 <= p["low"] <= p["mean"] <= p["high"] <= 1 for p in points)


# --- fitting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", fit.METHODS)
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(2, 90))
def test_a_table_rises_within_zero_and_one(method, seed: int, share: float, count: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(size=count), 1)
    right = (rng.random(count) < share).astype(float)
    places, values = zip(*fit.METHODS[method](scores, right), strict=True)
    assert list(places) == sorted(set(places)) and list(values) == sorted(values)
    assert 0 <= values[0] and values[-1] <= 1
    assert method == "platt" or 0 < values[0] and values[-1] < 1  # none promises 0 or 100 %


def evidence_of(scores: np.ndarray, features: np.ndarray) -> list[Evidence]:
    pairs = zip(scores, features, strict=True)
    return [Evidence((float(score),), tuple(map(float, row))) for score, row in pairs]


def test_the_score_that_tells_right_from_wrong_is_chosen() -> None:
    noise = RNG.normal(size=(600, 4))
    table, candidates = fit.fit(evidence_of(GIVEN, noise), TRUE.astype(bool))
    assert table.score in calibration.TEXT_SCORES and not table.weights
    telling = np.column_stack([noise, TRUE + RNG.normal(size=600) / 3])
    table, candidates = fit.fit(evidence_of(np.full(600, 0.9), telling), TRUE.astype(bool))
    assert table.score == calibration.PROBE and len(table.weights) == 3 + 5 + 1
    assert candidates["probe/platt"] < candidates["mean_log/platt"] - 0.1
    unseen = [1.0 + RNG.normal() / 3 for _ in range(200)]
    rows = np.column_stack([RNG.normal(size=(200, 4)), unseen])
    assert np.mean([table.probability(e) for e in evidence_of(np.full(200, 0.9), rows)]) > 0.8


def test_features_without_meaning_give_no_confidence() -> None:
    """A probe of many features fits any answers; the table must not believe it."""
    features, right = RNG.normal(size=(200, 100)), RNG.random(200) < 0.5
    table, _ = fit.fit(evidence_of(np.full(200, 0.9), features), right)
    shares = [table.probability(e) for e in evidence_of(np.full(200, 0.9), features)]
    assert 0.3 < min(shares) and max(shares) < 0.75


def test_too_few_answers_are_a_user_error() -> None:
    with pytest.raises(UserError, match="10 answers are too few"):
        fit.fit([Evidence((0.5,))] * 10, [True] * 10)


# --- which answers are right ---------------------------------------------------------------------

SHIRT = {"articleType": "Shirts", "baseColour": "Blue", "gender": "Men"}
UNSURE = "I am not sure what this shows; it may be a chart."
DOGS = {"captions": "A brown dog runs through the snow.\nA dog is running in snow."}
JUDGED = [
    ("fashion", SHIRT, "A blue shirt for women.", True),  # gender does not count
    ("fashion", SHIRT, "A shirt.", True),
    ("fashion", SHIRT, "A red shirt.", False),
    ("fashion", SHIRT, "A blue dress.", False),
    ("fashion", SHIRT, UNSURE, False),
    ("fashion", {"gender": "Men"}, "A shirt.", None),
    ("cifar10", {"kind": "cat", "colour": "grey"}, "A black cat.", True),
    ("cifar10", {"kind": "cat"}, "A dog.", False),
    ("negatives", {"kind": "unknown"}, UNSURE, True),
    ("negatives", {"kind": "unknown"}, "A blue shirt.", False),
    ("folder", {"kind": "unknown"}, UNSURE, True),
    ("scenes", DOGS, "The dogs run in the snow.", True),
    ("scenes", DOGS, "A blue cotton shirt for men.", False),
    ("scenes", DOGS, UNSURE, False),
    ("scenes", DOGS, "", False),
    ("scenes", {}, "A dog.", None),
]


@pytest.mark.parametrize(("data", "facts", "text", "expected"), JUDGED)
def test_an_answer_is_judged_by_what_its_data_set_knows(data, facts, text, expected) -> None:
    assert ANSWER_JUDGES[data](Record("1", b"", facts=facts), text) is expected


def test_every_data_set_has_a_judge() -> None:
    assert ANSWER_JUDGES.keys() == DATASETS.keys()


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A saved tiny model with short answers, and few answers and resamples."""
    monkeypatch.setattr(intervals, "RESAMPLES", 20)
    monkeypatch.setattr(measure, "SIMULATIONS", 20)
    monkeypatch.setattr(fit, "LEAST", 20)
    short = partial(scored_batch, config=GenerateConfig(max_new_tokens=4))
    monkeypatch.setattr(run, "scored_batch", short)
    load.save(tiny.bundle(), tmp_path / "model")
    return tmp_path / "model"


def test_the_command_writes_what_it_prints(model, monkeypatch, capsys) -> None:
    monkeypatch.setitem(ANSWER_JUDGES, "negatives", lambda record, text: int(record.id[-1]) < 7)
    command = ["calibrate", "--model", str(model), "--data", "negatives", "--device", "cpu"]
    assert commands.main([*command, "--limit", "60", "--prompt", DESCRIBE, "What?"]) == 0
    printed, written = capsys.readouterr().out, calibration.read(model)
    assert list(written) == [DESCRIBE, "What?"]
    measured = written[DESCRIBE].measured
    assert measured["fitted_to"] + measured["answers"] == 60
    assert f"{100 * measured['after']['ece']['mean']:.1f} [" in printed
    assert f"{100 * measured['data']['negatives']['right']:5.1f} % right" in printed
    assert measured["after"]["brier"]["mean"] < 0.3 < measured["before"]["brier"]["mean"]


def test_what_cannot_be_calibrated_is_refused_before_any_answer(model, capsys) -> None:
    for words, message in [
        (["--model", "org/model"], "not a folder on this machine"),
        (["--model", str(model), "--data", "imagenet"], "Unknown data set 'imagenet'"),
        (["--model", str(model), "--data", "negatives", "--limit", "10"], "too few"),
    ]:
        with pytest.raises(SystemExit) as end:
            commands.main(["calibrate", *words])
        assert end.value.code != 0 and message in capsys.readouterr().err
    assert not (model / load.CALIBRATION).exists()
