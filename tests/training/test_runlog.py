"""What a run writes during training: scores at milestones of tokens, and the panel of pictures."""

import itertools

import pytest
import torch
from PIL import Image

from tests import tiny
from vlm.config import TrainConfig
from vlm.errors import UserError
from vlm.evaluation import evaluate
from vlm.inference import encoding
from vlm.reporting import catalog, curves
from vlm.system import files
from vlm.training import examples, freezing, panel, trainer
from vlm.training.moda import features
from vlm.training.runlog import FIRST_MILESTONE, next_milestone
from vlm.types import Record

pytestmark = pytest.mark.usefixtures("old_objects_are_not_garbage")
RECORDS = tiny.records(40)


def learn(run, resume=False, steps=12, save_every=4):
    """Train a tiny model on squares labelled as shirts, with milestones every few steps."""
    bundle = tiny.bundle()
    freezing.freeze(bundle.model, "moda")
    config = TrainConfig(
        batch_size=8,
        max_steps=steps,
        epochs=2.0,
        threads=1,
        eval_every=6,
        save_every=save_every,
        warmup_steps=1,
        log_every=2,
    )
    store = features.compute(bundle, RECORDS, run.parent / "features")
    shown = panel.select(RECORDS, 1)
    run.mkdir(exist_ok=True)
    thumbnails = panel.save_thumbnails(shown, run)
    modes = []

    def measure():
        modes.append(bundle.model.training)
        shirts = [Record(r.id, r.image, (), {"baseColour": "Red"}) for r in RECORDS[:4]]
        return evaluate.curve_scores(bundle, shirts, 4)

    trainer.fit(
        bundle.model,
        examples.FeatureExamples(bundle.processor, RECORDS, store, config.epochs),
        examples.FeatureExamples(bundle.processor, RECORDS[:4], store[:, :4]),
        encoding.collator(bundle.processor),
        config,
        run,
        describe=lambda: panel.describe(bundle, shown, thumbnails),
        measure=measure,
        processor=bundle.processor,
        resume=resume,
    )
    return bundle, modes


def test_milestones_are_even_on_a_logarithmic_axis():
    marks = list(itertools.islice(iterate(next_milestone, 0), 6))
    assert marks == [10_000, 20_000, 50_000, 100_000, 200_000, 500_000]
    assert next_milestone(10_000) == 20_000 and next_milestone(9_999) == FIRST_MILESTONE
    assert next_milestone(3_000_000) == 5_000_000


def iterate(step, value):
    while True:
        value = step(value)
        yield value


@pytest.fixture
def early(monkeypatch):
    """Use milestones that a tiny run reaches."""
    monkeypatch.setattr("vlm.training.runlog.FIRST_MILESTONE", 500)


def test_scores_and_samples_are_written_at_milestones_and_at_the_end(tmp_path, early):
    _, modes = learn(tmp_path / "run")
    scores = files.read_jsonl(tmp_path / "run" / "scores.jsonl")
    tokens = [row["tokens_seen"] for row in scores]
    assert len(scores) >= 3 and scores[-1]["step"] == 12
    assert tokens == sorted(set(tokens)) and tokens[0] >= 500
    assert scores[0].keys() >= {"step", "tokens_seen", "pictures", "colour", "overall"}
    assert not any(modes)  # measured without dropout
    samples = files.read_jsonl(tmp_path / "run" / "samples.jsonl")
    steps = [row["step"] for row in samples]
    assert len(steps) == len(set(steps))  # the panel has one picture: one row per step
    assert {row["step"] for row in scores} | {6, 12} == set(steps)
    assert {"image", "id", "prompt", "answer", "text", "tokens_seen"} <= samples[0].keys()
    assert Image.open(tmp_path / "run" / samples[0]["image"]).size == (tiny.SIDE, tiny.SIDE)
    assert [point for point, _ in curves.points(catalog.Run("r", tmp_path / "run"), "overall")]


def test_a_resumed_run_writes_the_same_curve(tmp_path, early):
    whole, _ = learn(tmp_path / "whole")
    learn(tmp_path / "run", steps=12)
    # as if killed after the checkpoint of step 8
    for later in ("checkpoint-12",):
        for path in sorted((tmp_path / "run" / later).rglob("*"), reverse=True):
            path.unlink()
    again, _ = learn(tmp_path / "run", resume=True)
    for name in ("scores.jsonl", "samples.jsonl"):
        rows, expected = (files.read_jsonl(tmp_path / run / name) for run in ("run", "whole"))
        assert rows == expected
    for one, two in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, two)


def test_every_checkpoint_can_be_kept(tmp_path):
    bundle = tiny.bundle()
    for keep, expected in ((0, None), (3, 3)):
        config = TrainConfig(keep=keep)
        device = next(bundle.model.parameters()).device
        assert trainer.build_arguments(config, tmp_path, device, True).save_total_limit == expected


def test_a_panel_includes_pictures_of_a_folder(tmp_path):
    tiny.picture("red", side=600).save(tmp_path / "1.png")  # this name is also an id
    shown = panel.select(RECORDS, 2, tmp_path)
    assert [record.id for record in shown] == ["0", "1", "1"]
    thumbnails = panel.save_thumbnails(shown, tmp_path / "run")
    assert max(Image.open(tmp_path / "run" / thumbnails[2]).size) == panel.SIDE
    rows = list(panel.describe(tiny.bundle(), shown, thumbnails))
    assert [row["image"] for row in rows] == thumbnails and len(set(thumbnails)) == 3
    assert "answer" in rows[0] and "answer" not in rows[2]
    with pytest.raises(UserError, match="contains no pictures"):
        panel.select(RECORDS, 2, tmp_path / "run")
