"""Intervals cover the truth, repeat, and agree with scikit-learn where it has the statistic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score

from vlm.evaluation.metrics import intervals

VERDICTS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60)


def test_the_interval_of_a_mean_covers_it_about_19_times_in_20():
    draw = np.random.default_rng(7)
    samples = [draw.binomial(1, 0.7, size=120).astype(float) for _ in range(200)]
    estimates = [intervals.mean(sample) for sample in samples]
    covered = sum(estimate.low <= 0.7 <= estimate.high for estimate in estimates)
    assert 180 <= covered <= 198


def test_the_same_values_give_the_same_interval():
    values = [0.0, 10.0, 10.0, 5.0] * 20
    assert intervals.mean(values) == intervals.mean(values)


def test_equal_values_have_an_interval_of_zero_width():
    assert intervals.mean([3.0] * 9).row() == {"mean": 3.0, "low": 3.0, "high": 3.0, "n": 9}
    assert intervals.mean([3.0]).row() == {"mean": 3.0, "low": 3.0, "high": 3.0, "n": 1}


@pytest.mark.parametrize("estimate", [intervals.mean, lambda v: intervals.kappa(v, v)])
def test_no_values_have_no_interval(estimate):
    with pytest.raises(ValueError, match="no values"):
        estimate([])


def test_paired_differences_detect_a_change_that_unpaired_means_do_not():
    draw = np.random.default_rng(3)
    before = draw.normal(5, 3, size=100)
    after = before + 0.3 + draw.normal(0, 0.2, size=100)
    change = intervals.difference(before, after)
    assert change.low > 0 and not intervals.is_noise(change)
    assert (
        intervals.mean(after).low < intervals.mean(before).mean
    )  # unpaired, the intervals overlap
    assert intervals.is_noise(intervals.difference(before, draw.permutation(before)))


def test_paired_samples_must_have_the_same_size():
    with pytest.raises(ValueError):
        intervals.difference([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="not of the same items"):
        intervals.kappa([True], [True, False])


@given(VERDICTS)
def test_kappa_equals_that_of_scikit_learn(pairs):
    first, second = zip(*pairs, strict=True)
    if len({*first, *second}) > 1:
        with np.errstate(invalid="ignore"):
            expected = cohen_kappa_score(first, second)
        assert intervals.kappa(first, second).mean == pytest.approx(expected)


def test_kappa_of_judges_who_always_agree_or_always_disagree():
    assert intervals.kappa([True] * 5, [True] * 5).mean == 1.0
    assert intervals.kappa([True, False] * 5, [False, True] * 5).mean == -1.0
    agreed = intervals.kappa([True, False] * 20, [True, False] * 20)
    assert (agreed.low, agreed.high) == (1.0, 1.0)


@settings(max_examples=25)
@given(*[st.lists(st.booleans(), min_size=1, max_size=12)] * 2)
def test_balanced_accuracy_equals_that_of_scikit_learn(yes: list[bool], no: list[bool]) -> None:
    estimate = intervals.balanced_accuracy([float(v) for v in yes], [float(v) for v in no])
    truth, answers = [True] * len(yes) + [False] * len(no), yes + [not value for value in no]
    assert estimate.mean == pytest.approx(balanced_accuracy_score(truth, answers))
    assert 0 <= estimate.low <= estimate.mean <= estimate.high <= 1
    assert estimate.n == len(yes) + len(no)


def test_balanced_accuracy_needs_both_kinds_of_questions() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        intervals.balanced_accuracy([1.0], [])
