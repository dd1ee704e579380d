"""What a run measures and shows while it learns: milestones of tokens, the panel of pictures."""

import itertools

import pytest
import torch
from PIL import Image

from tests import tiny
from vlm import curves, encoding, evaluate, features, panel, runs, train
from vlm.config import TrainConfig
from vlm.errors import UserError
from vlm.runlog import FIRST_MILESTONE, next_milestone
from vlm.types import Record

pytestmark = pytest.mark.usefixtures("old_objects_are_not_garbage")
RECORDS = tiny.records(40)


def learn(run, resume=False, steps=12, save_every=4):
    """Train a tiny model on squares that are shirts, with milestones every few steps."""
    bundle = tiny.bundle()
    train.freeze(bundle.model, "moda")
    config = TrainConfig(
        batch_size=8, max_steps=steps, epochs=2.0, threads=1, eval_every=6, save_every=save_every,
        warmup_steps=1, log_every=2,
    )  # fmt: skip
    seen = features.compute(bundle, RECORDS, run.parent / "features")
    shown = panel.records(RECORDS, 1)
    run.mkdir(exist_ok=True)
    kept = panel.keep(shown, run)
    modes = []

    def measure():
        modes.append(bundle.model.training)
        shirts = [Record(r.id, r.image, (), {"baseColour": "Red"}) for r in RECORDS[:4]]
        return evaluate.marks(bundle, shirts)

    train.fit(
        bundle.model,
        features.Examples(bundle.processor, RECORDS, seen, config.epochs),
        features.Examples(bundle.processor, RECORDS[:4], seen[:, :4]),
        encoding.collator(bundle.processor),
        config,
        run,
        resume=resume,
        processor=bundle.processor,
        describe=lambda: panel.answers(bundle, shown, kept),
        measure=measure,
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
    """Milestones that a tiny run reaches."""
    monkeypatch.setattr("vlm.runlog.FIRST_MILESTONE", 500)


def test_scores_and_samples_are_written_at_milestones_and_at_the_end(tmp_path, early):
    _, modes = learn(tmp_path / "run")
    scores = runs.read_jsonl(tmp_path / "run" / "scores.jsonl")
    tokens = [row["tokens_seen"] for row in scores]
    assert len(scores) >= 3 and scores[-1]["step"] == 12
    assert tokens == sorted(set(tokens)) and tokens[0] >= 500
    assert scores[0].keys() >= {"step", "tokens_seen", "pictures", "colour", "overall"}
    assert not any(modes)  # measured without dropout
    samples = runs.read_jsonl(tmp_path / "run" / "samples.jsonl")
    steps = [row["step"] for row in samples]
    assert len(steps) == len(set(steps))  # the panel is one picture: one row for each step
    assert {row["step"] for row in scores} | {6, 12} == set(steps)
    assert {"image", "id", "prompt", "answer", "text", "tokens_seen"} <= samples[0].keys()
    assert Image.open(tmp_path / "run" / samples[0]["image"]).size == (tiny.SIDE, tiny.SIDE)
    assert [point for point, _ in curves.points(curves.Run("r", tmp_path / "run"), "overall")]


def test_a_resumed_run_writes_the_same_curve(tmp_path, early):
    whole, _ = learn(tmp_path / "whole")
    learn(tmp_path / "run", steps=12)
    # as if it had been killed after the checkpoint of step 8
    for later in ("checkpoint-12",):
        for path in sorted((tmp_path / "run" / later).rglob("*"), reverse=True):
            path.unlink()
    again, _ = learn(tmp_path / "run", resume=True)
    for name in ("scores.jsonl", "samples.jsonl"):
        found, expected = (runs.read_jsonl(tmp_path / run / name) for run in ("run", "whole"))
        assert found == expected
    for one, two in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, two)


def test_every_checkpoint_can_be_kept(tmp_path):
    bundle = tiny.bundle()
    for keep, expected in ((0, None), (3, 3)):
        config = TrainConfig(keep=keep)
        device = next(bundle.model.parameters()).device
        assert train.arguments(config, tmp_path, device, True).save_total_limit == expected


def test_a_panel_takes_pictures_of_a_folder_too(tmp_path):
    tiny.picture("red", side=600).save(tmp_path / "1.png")  # a name that is an id, too
    shown = panel.records(RECORDS, 2, tmp_path)
    assert [record.id for record in shown] == ["0", "1", "1"]
    kept = panel.keep(shown, tmp_path / "run")
    assert max(Image.open(tmp_path / "run" / kept[2]).size) == panel.SIDE
    rows = list(panel.answers(tiny.bundle(), shown, kept))
    assert [row["image"] for row in rows] == kept and len(set(kept)) == 3
    assert "answer" in rows[0] and "answer" not in rows[2]
    with pytest.raises(UserError, match="holds no pictures"):
        panel.records(RECORDS, 2, tmp_path / "run")
