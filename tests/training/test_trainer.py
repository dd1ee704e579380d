"""The training loop: trainable parts, logs, errors and forecasts."""

import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from tests import tiny
from vlm.config import TrainConfig
from vlm.errors import UserError
from vlm.inference import encoding
from vlm.loading.tokenizer import train_tokenizer
from vlm.system import files
from vlm.training import forecast, freezing, runlog, runs, trainer
from vlm.training.examples import FeatureExamples
from vlm.training.freezing import STAGES
from vlm.training.moda import features
from vlm.training.panel import answer_first_turns
from vlm.types import IGNORE_INDEX, Bundle

OF_A_MODEL = [stage for stage in STAGES if stage != "adapters"]  # those are in test_lora.py
RECORDS = tiny.records(24)  # two turns each
HELD_OUT = tiny.records(6, seed=1)
QUICK = {"batch_size": 8, "warmup_steps": 2, "log_every": 1, "eval_every": 6, "save_every": 6}
QUICK |= {"max_steps": 12, "epochs": 3.0, "threads": 1}


pytestmark = pytest.mark.usefixtures("old_objects_are_not_garbage")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, np.ndarray]:
    """Features of RECORDS and HELD_OUT; all tiny ViTs have the same weights."""
    bundle, folder = tiny.bundle(), tmp_path_factory.mktemp("features")
    views = features.compute(bundle, RECORDS, folder, views=1)
    return views, features.compute(bundle, HELD_OUT, folder)


@pytest.fixture
def fit(store, tmp_path: Path) -> Callable[..., Bundle]:
    """Train a tiny model on `store` in tmp_path/run; the other keywords go into TrainConfig."""

    def run(bundle=None, *, stage="moda", data=None, panel=0, resume=False, run="run", **changes):
        bundle = bundle or tiny.bundle()
        freezing.freeze(bundle.model, stage)
        config = TrainConfig(**QUICK | changes)
        examples = FeatureExamples(bundle.processor, RECORDS, store[0], config.epochs)
        trainer.fit(
            bundle.model,
            data(examples) if data else examples,
            FeatureExamples(bundle.processor, HELD_OUT, store[1]),
            encoding.collator(bundle.processor),
            config,
            tmp_path / run,
            resume=resume,
            processor=bundle.processor,
            describe=lambda: answer_first_turns(bundle, HELD_OUT[:panel]),
        )
        return bundle

    return run


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., list[dict]]:
    """Read the rows of a run's metrics.jsonl that have a key."""

    def read(key: str = "loss", run: str = "run") -> list[dict]:
        path = tmp_path / run / "metrics.jsonl"
        return [row for row in files.read_jsonl(path) if key in row]

    return read


@pytest.fixture
def status(tmp_path: Path) -> Callable[[], dict]:
    """Read the run's status.json."""
    return lambda: json.loads((tmp_path / "run" / "status.json").read_text())


def tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return copies of all parameters and buffers."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


# Trainable parts


def test_loss_falls(fit, rows) -> None:
    fit(max_steps=60, epochs=10.0, learning_rate=3e-3, eval_every=60, save_every=60)
    losses = [row["loss"] for row in rows()]
    assert losses[0] > 5 and sum(losses[-5:]) / 5 < 1
    assert rows("eval_loss")[-1]["eval_loss"] < 1


@pytest.mark.parametrize("tower", ["vit", "resnet"])
@pytest.mark.parametrize("stage", OF_A_MODEL)
def test_only_the_parts_of_the_stage_change(stage: str, tower: str, fit) -> None:
    bundle = tiny.bundle(tower)
    before = tensors(bundle.model)
    fit(bundle, stage=stage, max_steps=3)
    after = tensors(bundle.model)
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    parts = {"lm_head.weight": "language_model"}  # tied to the embedding
    learning = {name for name in before if parts.get(name, name.split(".")[1]) in STAGES[stage]}
    assert changed == learning
    assert changed and changed < before.keys()


def test_a_frozen_tower_keeps_its_batch_statistics(tmp_path: Path) -> None:
    bundle = tiny.bundle("resnet")
    freezing.freeze(bundle.model, "projector")
    pairs = [(record.image, turn) for record in RECORDS for turn in record.turns]
    examples = [encoding.encode(bundle.processor, *pair) for pair in pairs]
    before = tensors(bundle.model.model.vision_tower)
    config = TrainConfig(**QUICK | {"max_steps": 2})
    collate = encoding.collator(bundle.processor)
    trainer.fit(bundle.model, examples, examples[:8], collate, config, tmp_path / "run")
    after = tensors(bundle.model.model.vision_tower)
    assert any("running_mean" in name for name in before)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_output_head_of_an_untied_decoder_is_trained(tmp_path: Path) -> None:
    shape = LlamaConfig(**tiny.DECODER, vocab_size=320, tie_word_embeddings=False)
    LlamaForCausalLM(shape).save_pretrained(tmp_path)
    train_tokenizer(tiny.CORPUS).save_pretrained(tmp_path)
    model = tiny.bundle(text=str(tmp_path)).model
    assert "lm_head.weight" in freezing.freeze(model, "moda")
    assert "lm_head.weight" not in freezing.freeze(model, "projector")


def test_an_unknown_stage_error_lists_the_stages() -> None:
    with pytest.raises(UserError) as caught:
        freezing.freeze(tiny.bundle().model, "projecter")
    assert "projecter" in str(caught.value)
    assert all(stage in str(caught.value) for stage in STAGES)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked")
def test_workers_prepare_the_same_examples(fit, rows) -> None:
    for workers in (0, 2):
        fit(run=f"run{workers}", workers=workers)
    alone, together = ([row["loss"] for row in rows(run=f"run{workers}")] for workers in (0, 2))
    assert alone == together and len(alone) == QUICK["max_steps"]


def test_accumulated_batches_equal_one_large_batch(fit, rows) -> None:
    """Answers differ in length, so the mean must be over tokens, not over batches."""
    same = {"bf16": False, "max_steps": 3, "epochs": 3.0, "eval_every": 3}
    large = fit(run="large", batch_size=32, **same)
    small = fit(run="small", batch_size=8, accumulation=4, **same)
    for one, other in zip(rows(run="large"), rows(run="small"), strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert other["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-4)
        assert other["tokens_seen"] == one["tokens_seen"]
    after = tensors(small.model)
    for name, value in tensors(large.model).items():
        assert torch.allclose(value, after[name], atol=2e-5), name


# Logs


def test_metrics_have_step_loss_rate_tokens_and_epoch(fit, rows) -> None:
    bundle = fit(max_steps=-1, epochs=3.0, eval_every=100)
    log = rows()
    count = 2 * len(RECORDS) * 3
    assert [row["step"] for row in log] == list(range(1, count // QUICK["batch_size"] + 1))
    assert all(math.isfinite(row["loss"]) and row["grad_norm"] > 0 for row in log)
    turns = [turn for record in RECORDS for turn in record.turns]
    lengths = [encoding.encode_text(bundle.processor, t)["input_ids"].numel() for t in turns]
    tokens = [row["tokens_seen"] for row in log]
    assert tokens == sorted(set(tokens))
    assert log[-1]["tokens_seen"] == 3 * sum(lengths)
    epochs = [3 * row["step"] / len(log) for row in log]
    assert [row["epoch"] for row in log] == pytest.approx(epochs, abs=1e-3)
    assert log[-1]["epoch"] == 3.0
    times = [row["time"] for row in log]
    assert times == sorted(times)
    keys = {"step", "tokens_seen", "loss", "grad_norm", "learning_rate", "epoch", "time"}
    assert all(row.keys() == keys for row in log)


def test_learning_rate_decays_by_cosine_to_a_tenth(fit, rows, tmp_path: Path) -> None:
    fit(max_steps=20, warmup_steps=4, learning_rate=1e-3, eval_every=20, save_every=20)

    def rate(step: int) -> float:
        if step < 4:
            return 1e-3 * step / 4
        return 1e-3 * (0.1 + 0.9 * (1 + math.cos(math.pi * (step - 4) / 16)) / 2)

    assert [row["learning_rate"] for row in rows()] == pytest.approx([rate(n) for n in range(20)])
    scheduler = torch.load(tmp_path / "run" / "checkpoint-20" / "scheduler.pt")
    assert scheduler["_last_lr"] == pytest.approx([1e-4, 1e-4])


def test_the_projector_can_have_its_own_learning_rate(fit, tmp_path: Path) -> None:
    rates = {"learning_rate": 1e-3, "projector_rate": 4e-3, "schedule": "constant_with_warmup"}
    fit(max_steps=4, save_every=4, eval_every=4, **rates)
    groups = torch.load(tmp_path / "run" / "checkpoint-4" / "optimizer.pt")["param_groups"]
    sizes = {group["lr"]: 0 for group in groups}
    for group in groups:
        sizes[group["lr"]] += len(group["params"])
    assert set(sizes) == {1e-3, 4e-3} and sizes[4e-3] == 4  # two linear layers
    assert sizes[1e-3] > 10


def test_status_is_starting_then_running_then_finished(fit, monkeypatch) -> None:
    statuses = []
    write = files.write_json

    def spy(path: Path, data: dict) -> None:
        if path.name == "status.json":
            statuses.append(data)
        write(path, data)

    monkeypatch.setattr(files, "write_json", spy)
    monkeypatch.setattr(runlog, "HEARTBEAT_SECONDS", 0)
    fit()
    states = [row["state"] for row in statuses]
    assert states[0] == "starting" and states[-1] == "finished"
    assert set(states[1:-1]) == {"running"}
    beats = [row["heartbeat"] for row in statuses]
    assert beats == sorted(beats) and len(statuses) > QUICK["max_steps"]
    assert all(row["pid"] == os.getpid() for row in statuses)
    assert {row["step"] for row in statuses} == set(range(13))
    assert all(row["total_steps"] == 12 for row in statuses[1:])
    assert statuses[-1]["step"] == 12 and statuses[-1]["seconds_left"] == 0
    assert all(row["seconds_left"] >= 0 for row in statuses if row["step"])


def test_the_heartbeat_continues_during_evaluation(fit, monkeypatch) -> None:
    """Otherwise a long evaluation would look like a dead process."""
    beats = []
    monkeypatch.setattr(runlog, "HEARTBEAT_SECONDS", 0)
    on_prediction_step = runlog.RunLog.on_prediction_step

    def spy(log, *args, **kwargs):
        before = log.last_heartbeat
        on_prediction_step(log, *args, **kwargs)
        beats.append(log.last_heartbeat > before)

    monkeypatch.setattr(runlog.RunLog, "on_prediction_step", spy)
    fit()
    assert beats and all(beats)


@pytest.mark.parametrize("steps", [12, 9])
def test_every_evaluation_writes_held_out_loss_and_samples(steps, fit, rows, tmp_path) -> None:
    """The last step is evaluated even if it is not a multiple of eval_every."""
    fit(max_steps=steps, panel=2)
    measured = rows("eval_loss")
    assert [row["step"] for row in measured] == [6, steps]
    assert all(math.isfinite(row["eval_loss"]) for row in measured)
    samples = files.read_jsonl(tmp_path / "run" / "samples.jsonl")
    assert [(row["step"], row["id"]) for row in samples] == [
        (step, record.id) for step in (6, steps) for record in HELD_OUT[:2]
    ]
    for row in samples:
        turn = HELD_OUT[int(row["id"])].turns[0]
        assert (row["prompt"], row["answer"]) == (turn.prompt, turn.answer)
        assert isinstance(row["text"], str)


def test_held_out_loss_equals_that_of_the_saved_model(fit, rows, store, tmp_path) -> None:
    bundle = fit(bf16=False)
    saved = type(bundle.model).from_pretrained(tmp_path / "run" / "checkpoint-12").eval()
    examples = FeatureExamples(bundle.processor, HELD_OUT, store[1])
    batches = [[examples[i] for i in range(8)], [examples[i] for i in range(8, 12)]]
    collate = encoding.collator(bundle.processor)
    with torch.no_grad():
        losses = [saved(**collate(batch)).loss.item() for batch in batches]
    assert rows("eval_loss")[-1]["eval_loss"] == pytest.approx((2 * losses[0] + losses[1]) / 3)


def test_a_checkpoint_has_the_processor_and_no_pickle(fit, tmp_path: Path) -> None:
    fit()
    names = {path.name for path in (tmp_path / "run" / "checkpoint-12").iterdir()}
    assert {"tokenizer.json", "processor_config.json", "model.safetensors"} <= names
    assert "training_args.bin" not in names


def test_an_existing_run_is_not_overwritten(fit, tmp_path: Path) -> None:
    fit(max_steps=2)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="already contains a run; add --resume"):
        fit(max_steps=2)
    assert files == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


# Errors


class Poisoned:
    """Examples with NaN features from the given position in the stream onwards."""

    def __init__(self, examples, start: int):
        self.examples, self.start, self.shown = examples, start, 0

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        example, self.shown = self.examples[index], self.shown + 1
        bad = example["vision_features"] * math.nan
        return example | ({"vision_features": bad} if self.shown > self.start else {})


def poison_gradient(model: torch.nn.Module, step: int) -> None:
    """Make one gradient NaN from this step on, while the loss stays finite."""
    calls = []

    def hook(gradient: torch.Tensor) -> torch.Tensor:
        calls.append(0)
        return gradient * (math.nan if len(calls) >= step else 1)

    next(model.model.projector.parameters()).register_hook(hook)


def check_stopped_at(step: int, error: UserError, status: dict, run: Path) -> None:
    """Check that the message names the step and the checkpoint is finite."""
    assert f"at step {step};" in str(error)
    assert status["state"] == "failed" and status["error"] == str(error)
    assert status["step"] == step - 1
    checkpoint = runs.newest_checkpoint(run)
    assert checkpoint.name == f"checkpoint-{step - 1}"
    weights = load_file(checkpoint / "model.safetensors")
    assert all(torch.isfinite(value).all() for value in weights.values())


@pytest.mark.parametrize("accumulation", [1, 2])
def test_nan_features_stop_the_training_at_their_step(accumulation, fit, status, tmp_path) -> None:
    start = 4 * 8 * accumulation + 8 * (accumulation - 1)  # in step 5, at its last batch
    bundle = tiny.bundle()
    settings = {"save_every": 1, "accumulation": accumulation, "epochs": 6.0}
    with pytest.raises(UserError, match="loss became nan") as caught:
        fit(bundle, data=lambda examples: Poisoned(examples, start), **settings)
    check_stopped_at(5, caught.value, status(), tmp_path / "run")
    assert all(torch.isfinite(value).all() for value in tensors(bundle.model).values())
    fit(resume=True, **settings)  # without the NaN
    assert status()["state"] == "finished" and status()["step"] == 12


@pytest.mark.parametrize("max_grad_norm", [1.0, 0.0])
def test_a_nan_gradient_stops_the_training_at_its_step(
    max_grad_norm, fit, status, tmp_path
) -> None:
    bundle = tiny.bundle()
    poison_gradient(bundle.model, 4)
    with pytest.raises(UserError, match="gradient norm became nan") as caught:
        fit(bundle, save_every=1, max_grad_norm=max_grad_norm)
    check_stopped_at(4, caught.value, status(), tmp_path / "run")
    assert all(torch.isfinite(value).all() for value in tensors(bundle.model).values())


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("out of memory"), RuntimeError("no"), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
def test_any_other_error_is_a_failed_run_with_its_reason(error, fit, status, monkeypatch) -> None:
    bundle = tiny.bundle()
    forward, calls = bundle.model.forward, []

    def fail(**kwargs):
        calls.append(0)
        if len(calls) == 3:
            raise error
        return forward(**kwargs)

    bundle.model.forward = fail
    with pytest.raises(type(error)):
        fit(bundle)
    assert status()["state"] == "failed" and status()["step"] == 2
    assert status()["error"] == (str(error) or "KeyboardInterrupt")


def test_no_examples_is_a_user_error(fit, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no example to train on"):
        fit(epochs=0.0)
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_keeps_its_learning_rate(fit, rows) -> None:
    """So the NaN message must not suggest changing it: the checkpoint's schedule continues."""
    fit(max_steps=12, run="other")
    bundle = tiny.bundle()
    poison_gradient(bundle.model, 8)
    with pytest.raises(UserError, match="start a new run with a lower --learning-rate"):
        fit(bundle)
    fit(resume=True, learning_rate=0.1)
    assert [row["learning_rate"] for row in rows()] == [
        row["learning_rate"] for row in rows(run="other")
    ]


# Forecasts


@pytest.mark.parametrize("stage", OF_A_MODEL)
def test_the_parameter_table_adds_up(stage: str) -> None:
    bundle = tiny.bundle()
    freezing.freeze(bundle.model, stage)
    table = {}
    for line in forecast.parameter_table(bundle).splitlines()[1:]:
        name, total, learning = line.rsplit(maxsplit=2)
        table[name] = int(total.replace(",", "")), int(learning.replace(",", ""))
    whole = table.pop("whole model")
    assert whole == tuple(map(sum, zip(*table.values(), strict=True)))
    assert whole[0] == bundle.model.num_parameters()
    whose = {"lm_head": "language_model", "last_block": "vision_tower"}  # names in the table
    expected = {whose.get(part, part) for part in STAGES[stage]}
    assert {name for name, (_, learning) in table.items() if learning} == expected


@pytest.mark.parametrize("changes", [{}, {"accumulation": 5}, {"max_steps": 4}], ids=str)
def test_the_forecast_has_the_steps_of_the_training(changes, fit, rows, store) -> None:
    bundle = tiny.bundle()
    settings = {"max_steps": -1, "epochs": 1.4, "eval_every": 100} | changes
    config = TrainConfig(**QUICK | settings)
    examples = FeatureExamples(bundle.processor, RECORDS, store[0], config.epochs)
    collate = encoding.collator(bundle.processor)
    text = forecast.forecast(bundle, examples, collate, config, len(examples))
    fit(**settings)
    assert f"optimiser steps: {rows()[-1]['step']} of 8 x {config.accumulation} " in text
    first = [examples[i] for i in range(8)]
    supervised = sum(int((row["labels"] != IGNORE_INDEX).sum()) for row in first) / 8
    assert f"({supervised:.0f} supervised)," in text


@pytest.mark.parametrize("before", [None, True])
def test_training_leaves_the_key_value_cache_on(fit, before) -> None:
    """The Trainer turns it off in the config, and a saved model would stay slow."""
    bundle = tiny.bundle()
    if before is not None:
        bundle.model.config.use_cache = before
    fit(bundle)
    assert getattr(bundle.model.config, "use_cache", None) is before


@pytest.mark.parametrize("tower", ["vit", "resnet"])
def test_the_last_block_of_the_tower_is_trained_if_unfrozen(tower: str) -> None:
    bundle = tiny.bundle(tower)
    frozen = set(freezing.freeze(bundle.model, "moda"))
    learning = set(freezing.freeze(bundle.model, "unfrozen"))
    block = {name for name in learning - frozen}
    assert frozen < learning and all(name.startswith("model.vision_tower.") for name in block)
    last = freezing.last_block(bundle.model.model.vision_tower)
    assert len(block) == len(list(last.parameters()))
    bundle.model.train()
    assert last.training
    first = next(iter(bundle.model.model.vision_tower.children()))
    assert not first.training  # its batch statistics are kept


def test_a_model_without_a_tower_has_no_last_block() -> None:
    with pytest.raises(UserError, match="no vision tower"):
        freezing.freeze(tiny.raw_patches().model, "unfrozen")
