"""The vision tower's own training: attributes of pictures, and the command that does it."""

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from transformers import ResNetConfig, ResNetModel

from finetune import run_encoder, run_moda
from tests import tiny
from vlm import build, load, pretrain, runs, runtime
from vlm.config import TrainConfig
from vlm.data.images import BadImage
from vlm.train import fit
from vlm.types import IGNORE_INDEX, Record

VALUES = {"baseColour": ["blue", "green", "red"], "shape": ["square", "stripe"]}


def tower() -> ResNetModel:
    torch.manual_seed(0)
    return ResNetModel(
        ResNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic")
    )


def squares(count: int, seed: int = 0) -> list[Record]:
    """Coloured squares and stripes with noise; every third does not say what it is."""
    made = []
    for number, record in enumerate(tiny.records(count, seed)):
        image, shape = tiny.noise(number), ("square", "stripe")[number // 2 % 2]
        side = (28, 28) if shape == "square" else (28, 6)
        image.paste(record.image.resize(side), (2, 2))
        facts = dict(record.facts) | ({"shape": shape} if number % 3 else {})
        made.append(replace(record, image=image, facts=facts))
    return made


def batch(records: list[Record], values=VALUES) -> dict[str, torch.Tensor]:
    pictures = pretrain.Pictures(records, values, 32)
    return pretrain.collate(0.5, 0.5)([pictures[index] for index in range(len(pictures))])


# The model


def train(values: dict, run: Path, **changes) -> list[dict]:
    """Train a tower on squares; give the rows of its measurements."""
    config = TrainConfig(
        batch_size=16, learning_rate=5e-3, warmup_steps=5, epochs=8.0, eval_every=24,
        save_every=100, log_every=4, threads=1, bf16=False, **changes,
    )  # fmt: skip
    seen = pretrain.Pictures(squares(48), values, 32, epochs=config.epochs, augment=True)
    unseen = pretrain.Pictures(squares(24, seed=1), values, 32)
    model = pretrain.AttributeModel(tower(), values)
    measure = pretrain.accuracy(values)
    fit(model, seen, unseen, pretrain.collate(0.5, 0.5), config, run, compute_metrics=measure)
    return runs.read_jsonl(run / "metrics.jsonl")


def test_it_learns_the_colours_of_squares(tmp_path: Path) -> None:
    rows = train(VALUES, tmp_path / "run")
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[0] > math.log(3) and losses[-1] < 0.8 * losses[0]
    assert rows[-1]["eval_baseColour"] > 0.9
    assert rows[-1]["eval_shape"] > 0.5
    assert rows[-2]["epoch"] == rows[-1]["epoch"] == 8.0


def test_a_single_attribute_is_enough(tmp_path: Path) -> None:
    """The Trainer unwraps a tuple of one."""
    rows = train({"baseColour": VALUES["baseColour"]}, tmp_path / "run", max_steps=24)
    assert rows[-1]["eval_baseColour"] > 0.6


def test_its_loss_is_the_sum_over_attributes_per_picture() -> None:
    model = pretrain.AttributeModel(tower(), VALUES, label_smoothing=0.0).eval()
    inputs = batch([record for record in squares(12) if "shape" in record.facts])
    out = model(**inputs)
    assert [scores.shape for scores in out["logits"]] == [(8, 3), (8, 2)]
    expected = sum(
        torch.nn.functional.cross_entropy(scores, inputs["labels"][:, number])
        for number, scores in enumerate(out["logits"])
    )
    assert out["loss"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_missing_attributes_carry_no_loss() -> None:
    model = pretrain.AttributeModel(tower(), VALUES).eval()
    records = squares(12)
    silent = [replace(record, facts={}) for record in records]
    assert model(**batch(silent))["loss"].item() == 0.0
    half = [replace(r, facts={"baseColour": r.facts["baseColour"]}) for r in records]
    loss = model(**batch(half))["loss"]
    loss.backward()
    colour, shape = model.heads
    assert loss.item() > 0 and colour.weight.grad.abs().sum() > 0
    assert shape.weight.grad.abs().sum() == 0
    alone = pretrain.AttributeModel(model.tower, {"baseColour": VALUES["baseColour"]}).eval()
    alone.heads[0].load_state_dict(colour.state_dict())
    only = batch(half, {"baseColour": VALUES["baseColour"]})
    assert alone(**only)["loss"].item() == pytest.approx(loss.item(), rel=1e-5)


def test_accuracy_counts_what_is_known_only() -> None:
    class Prediction:
        predictions = (torch.eye(3).numpy(), torch.tensor([[1, 0], [1, 0], [0, 1]]).numpy())
        label_ids = torch.tensor([[0, IGNORE_INDEX], [1, 0], [0, 0]]).numpy()

    assert pretrain.accuracy(VALUES)(Prediction) == {"baseColour": 2 / 3, "shape": 1 / 2}
    Prediction.label_ids[:, 1] = IGNORE_INDEX
    assert pretrain.accuracy(VALUES)(Prediction)["shape"] == 0.0


# Its data


def test_classes_are_the_values_that_enough_pictures_share() -> None:
    facts = [{"a": "x", "b": "only"}] * 5 + [{"a": "y", "c": "p"}] * 5 + [{"a": "z"}] * 4
    records = [Record(str(n), b"", facts=fact) for n, fact in enumerate(facts)]
    assert pretrain.attribute_values(records, ("a", "b", "c", "d")) == {"a": ["x", "y"]}


def test_labels_are_the_classes_numbers() -> None:
    records = [
        Record("0", tiny.picture(), facts={"baseColour": "red", "shape": "stripe"}),
        Record("1", tiny.picture(), facts={"baseColour": "violet"}),
        Record("2", tiny.picture()),
    ]
    absent = IGNORE_INDEX
    assert batch(records)["labels"].tolist() == [[2, 1], [absent, absent], [absent, absent]]


def test_pixels_are_normalised_like_the_image_processors(tmp_path: Path) -> None:
    processor = build.load_tower(tiny.tower_folder("resnet"), "pooled")[1]
    records = squares(3)
    expected = processor([record.image for record in records], return_tensors="pt")["pixel_values"]
    assert torch.allclose(batch(records)["pixel_values"], expected, atol=1e-6)


def test_item_views_are_reproducible_and_drawn_from_number_and_seed_alone() -> None:
    settings = {"epochs": 3, "augment": True, "seed": 4}
    first = pretrain.Pictures(squares(6), VALUES, 32, **settings)
    second = pretrain.Pictures(squares(6), VALUES, 32, **settings)
    state = torch.get_rng_state()
    forward = [first[index] for index in range(len(first))]
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(9)
    for index in reversed(range(len(second))):
        pixels, labels = second[index]
        assert torch.equal(pixels, forward[index][0]) and labels == forward[index][1]
        assert pixels.shape == (3, 32, 32) and pixels.dtype == torch.uint8
    others = pretrain.Pictures(squares(6), VALUES, 32, **settings | {"seed": 5})
    assert all(not torch.equal(others[n][0], forward[n][0]) for n in range(6))
    for number in range(6):  # another view in every epoch, of the same picture
        epochs = [forward[number + 6 * epoch] for epoch in range(3)]
        assert len({pixels.numpy().tobytes() for pixels, _ in epochs}) == 3
        assert epochs[0][1] == epochs[1][1] == epochs[2][1]


def test_without_augmentation_a_picture_stays_as_it_is() -> None:
    records = squares(4)
    pictures = pretrain.Pictures(records, VALUES, 32, epochs=2)
    assert len(pictures) == 8 and torch.equal(pictures[1][0], pictures[5][0])
    pixels = torch.tensor(list(records[1].image.tobytes()), dtype=torch.uint8)
    assert torch.equal(pictures[1][0].permute(1, 2, 0).flatten(), pixels)


@pytest.mark.parametrize("epochs", [1, 2.5, 0.5])
def test_epochs_may_be_broken(epochs: float) -> None:
    assert len(pretrain.Pictures(squares(4), VALUES, 32, epochs=epochs)) == 4 * epochs


def test_a_picture_that_does_not_open_is_no_silent_black_one() -> None:
    with pytest.raises(BadImage):
        pretrain.Pictures([Record("0", b"no picture")], VALUES, 32)


# The command


def write_table(folder: Path, count: int = 24) -> Path:
    """A small table in the layout of the fashion data set, with one row that is bad."""
    for split, start in (("train", 0), ("validation", 100)):
        rows = []
        for number, record in enumerate(squares(count, seed=start)):
            file = io.BytesIO()
            record.image.save(file, "PNG")
            kind, colour = ("Tshirts", "Jeans")[number % 2], record.facts["baseColour"].title()
            rows.append(
                {"id": start + number, "articleType": kind, "baseColour": colour, "gender": "Men"}
                | {"image": {"bytes": file.getvalue(), "path": None}}
            )
        rows.append(rows[0] | {"id": start + 99, "image": {"bytes": b"no picture", "path": None}})
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{split}.parquet")
    return folder


def test_the_command_makes_a_tower_that_run_moda_takes(tmp_path: Path, capsys) -> None:
    data, out = ["--data-path", str(write_table(tmp_path))], tmp_path / "encoder"
    quick = ["--max-steps", "3", "--batch-size", "8", "--threads", "1", "--save-every", "3"]
    run_encoder.main([*data, *quick, "--out", str(out), "--image-size", "32"])
    said = capsys.readouterr().out
    assert "24 pictures, 1 bad rows" in said and "picture 99: " in said
    assert f"python finetune/run_moda.py --vision {out / 'tower'}" in said
    values = json.loads((out / "attributes.json").read_text())
    assert values["articleType"] == ["Jeans", "Tshirts"] and "gender" not in values
    rows = runs.read_jsonl(out / "metrics.jsonl")
    assert rows[-1]["step"] == 3 and all(f"eval_{name}" in rows[-1] for name in values)
    assert json.loads((out / "status.json").read_text())["state"] == "finished"
    tower, processor = build.load_tower(out / "tower", "pooled")
    assert processor.size == {"height": 32, "width": 32}
    trained = runs.newest_checkpoint(out) / "model.safetensors"
    for name, value in load_file(trained).items():
        if name.startswith("tower."):
            assert torch.equal(tower.state_dict()[name.removeprefix("tower.")], value), name
    more = ["--batch-size", "2", "--threads", "1", "--features", str(tmp_path / "features")]
    run_moda.main([*data, *more, "--dry-run", "--vision", str(out / "tower")])
    said = capsys.readouterr().out
    assert "optimiser steps:" in said and "image tokens per picture: 1" in said


def test_epochs_of_the_command_are_those_of_its_metrics(tmp_path: Path) -> None:
    """A broken number of them, too."""
    data = ["--data-path", str(write_table(tmp_path)), "--image-size", "32"]
    out = tmp_path / "run"
    quick = ["--epochs", "0.5", "--batch-size", "6", "--threads", "1", "--log-every", "1"]
    run_encoder.main([*data, *quick, "--out", str(out)])
    rows = [row for row in runs.read_jsonl(out / "metrics.jsonl") if "loss" in row]
    assert [row["epoch"] for row in rows] == [0.25, 0.5]


@pytest.mark.parametrize("command", [run_encoder, run_moda], ids=lambda c: c.__name__[9:])
def test_a_command_trains_on_the_device_that_was_picked(command, tmp_path, monkeypatch) -> None:
    """A GPU that stands beside does not help."""
    taught = []
    monkeypatch.setattr(command, "teach", lambda model, *rest: taught.append(model))
    monkeypatch.setattr(run_encoder, "save", lambda *args: None)
    monkeypatch.setattr(load, "save", lambda *args: None)
    monkeypatch.setattr(runtime, "pick_device", lambda name: torch.device("meta", int(name)))
    words = ["--data-path", str(write_table(tmp_path)), "--out", str(tmp_path), "--device", "7"]
    if command is run_moda:
        words += ["--vision", tiny.tower_folder("resnet")]
    command.main([*words, "--threads", "1"])
    model = getattr(taught[0], "model", taught[0])
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


def test_too_few_pictures_are_one_sentence(tmp_path: Path, capsys) -> None:
    data = ["--data-path", str(write_table(tmp_path, count=3)), "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as caught:
        run_encoder.main(data)
    assert caught.value.code == 2
    assert "give more pictures" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run").exists()
