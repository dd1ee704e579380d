"""The table beside a model's weights: monotone, bounded, and used only where it was measured."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from vlm.config import DESCRIBE, GenerateConfig
from vlm.errors import UserError
from vlm.inference import calibration
from vlm.inference.calibration import PROBE, TEXT_SCORES, Calibrator
from vlm.inference.confidence import Evidence
from vlm.inference.generate import Stats, answer
from vlm.inference.pictures import Item, describe_items
from vlm.loading import load

TABLE = Calibrator("mean_log", ((-2.0, 0.1), (-1.0, 0.4), (0.0, 0.9)))
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(tuple)


@pytest.mark.parametrize("score", TEXT_SCORES)
@given(PROBABILITIES)
def test_a_probability_is_within_the_table(score: str, probabilities: tuple) -> None:
    value = replace(TABLE, score=score).probability(Evidence(probabilities))
    assert 0.1 <= value <= 0.9


@given(PROBABILITIES, st.floats(0, 1))
def test_surer_tokens_never_lower_the_probability(probabilities: tuple, share: float) -> None:
    surer = tuple(p + share * (1 - p) for p in probabilities)
    for score in TEXT_SCORES:
        table = replace(TABLE, score=score)
        assert table.probability(Evidence(surer)) >= table.probability(Evidence(probabilities))


def test_between_two_points_the_probability_is_linear() -> None:
    assert TABLE.probability(Evidence((math.exp(-1.5),))) == pytest.approx(0.25)
    assert TABLE.probability(Evidence((math.exp(-0.5),) * 3)) == pytest.approx(0.65)


def test_a_probe_adds_text_scores_and_features() -> None:
    probe = Calibrator(PROBE, ((-9.0, 0.0), (9.0, 1.0)), (1.0, 0.0, 0.0, 2.0, -1.0, 0.5))
    evidence = Evidence((1.0,), (3.0, 4.0))
    assert probe.raw(evidence) == pytest.approx(0 + 2 * 3 - 4 + 0.5)
    assert probe.fits(evidence) and not probe.fits(Evidence((1.0,), (3.0,)))
    with pytest.raises(ValueError, match="argument"):
        probe.raw(Evidence((1.0,)))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    probe = Calibrator(PROBE, TABLE.points, (0.5, 1.0, -2.0, 3.0), {"answers": 7})
    calibration.write(tmp_path, {"a?": TABLE.row(), "b?": probe.row()})
    assert calibration.read(tmp_path) == {"a?": TABLE, "b?": probe}
    assert calibration.read(tmp_path / "missing") == {}


DAMAGED = {
    "not JSON": "{",
    "no questions": "{}",
    "a list": "[]",
    "falling": {"points": [[-1, 0.5], [0, 0.4]]},
    "above one": {"points": [[-1, 0.5], [0, 1.4]]},
    "no points": {"points": []},
    "unknown score": {"score": "luck"},
    "a probe without weights": {"score": PROBE},
    "not finite": {"points": [[-1, 0.5], [math.inf, 0.6]]},
}


@pytest.mark.parametrize("change", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_a_user_error(change: str | dict, tmp_path: Path) -> None:
    row = TABLE.row() | change if isinstance(change, dict) else None
    text = json.dumps({"questions": {"a?": row}}) if row else change
    (tmp_path / load.CALIBRATION).write_text(text)
    with pytest.raises(UserError, match="write it again with `loupe calibrate`"):
        calibration.read(tmp_path)


def stats_of(*probabilities: float, stopped: str = "") -> Stats:
    return Stats(evidence=[Evidence(probabilities)], stopped=stopped)


def test_a_probability_is_given_only_where_it_was_measured() -> None:
    found, config, sure = {DESCRIBE: TABLE}, GenerateConfig(), stats_of(1.0, 1.0)

    def shown(question=DESCRIBE, stats=sure, **changes) -> list:
        return calibration.probabilities_right(found, question, replace(config, **changes), stats)

    assert shown() == [0.9] and shown(f" {DESCRIBE}\n") == [0.9]
    assert shown("What colour is it?") == [None]
    assert shown(temperature=0.5) == shown(repetition_penalty=1.2) == [None]
    assert shown(max_new_tokens=2) == [None]  # cut short
    assert shown(stats=stats_of(1.0, stopped="stop")) == [None]
    assert shown(num_beams=2, stats=Stats()) == []
    found[DESCRIBE] = replace(TABLE, score=PROBE, weights=(1.0,) * 99)  # of another model
    assert shown() == [None]


def test_a_model_has_the_features_of_its_tower_as_evidence() -> None:
    made = tiny.bundle()
    evidence = []
    for picture in (tiny.picture(), tiny.noise()):
        stats = Stats()
        answer(made, picture, DESCRIBE, GenerateConfig(max_new_tokens=3), stats=stats)
        evidence += stats.evidence
    assert len(evidence[0].features) == 64 and evidence[0].features != evidence[1].features
    projector = made.model.get_submodule("model.projector")
    assert not projector._forward_pre_hooks
    stats = Stats()
    answer(tiny.raw_patches(), tiny.picture(), DESCRIBE, stats=stats)
    assert stats.evidence[0].token_probabilities and not stats.evidence[0].features


def test_a_saved_models_calibration_is_used_until_other_weights_are_saved(tmp_path: Path) -> None:
    made = tiny.bundle()
    load.save(made, tmp_path)
    calibration.write(tmp_path, {DESCRIBE: TABLE.row()})
    opened = load.load(str(tmp_path), device="cpu")
    config = GenerateConfig(max_new_tokens=64)

    def rows() -> list[dict]:
        item = Item("a", 0, tiny.picture())
        return [*describe_items(opened, [item], DESCRIBE, config, follow_ups=["And now?"])]

    with_table = rows()
    load.save(made, tmp_path)
    assert not (tmp_path / load.CALIBRATION).exists()
    without = rows()
    assert "probability" not in without[0] and without[0]["text"] == with_table[0]["text"]
    stats = Stats()
    answer(opened, tiny.picture(), DESCRIBE, config, stats=stats)
    is_complete = stats.tokens < config.max_new_tokens
    assert ("probability" in with_table[0]) == is_complete


def test_a_name_that_is_no_folder_has_no_calibration() -> None:
    assert calibration.find(replace(tiny.bundle(), name="org/model")) == {}
    assert calibration.find(replace(tiny.bundle(), name="no such model")) == {}
