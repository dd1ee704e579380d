"""The alignment stage: loss, moving average, pictures and command."""

import io
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertModel, ResNetConfig, ResNetModel, ViTConfig, ViTModel

from finetune import run_align, run_moda
from tests import tiny
from vlm.config import TrainConfig
from vlm.data import attributes
from vlm.data.images import BadImage
from vlm.errors import UserError
from vlm.loading import load
from vlm.loading.tokenizer import train_tokenizer
from vlm.loading.towers.tower import load_tower
from vlm.system import files, runtime
from vlm.training import runs
from vlm.training.align import average, pictures, zeroshot
from vlm.training.align import model as align_model
from vlm.training.align import recipe as align_recipe
from vlm.training.moda import recipe as moda_recipe
from vlm.training.trainer import fit
from vlm.types import IGNORE_INDEX, Record

VALUES = {"baseColour": ["blue", "green", "red"], "shape": ["square", "stripe"]}


def tower() -> ResNetModel:
    torch.manual_seed(0)
    return ResNetModel(
        ResNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic")
    )


def squares(count: int, seed: int = 0) -> list[Record]:
    """Return coloured squares and stripes with noise; every third has no shape in its facts."""
    records = []
    for number, record in enumerate(tiny.records(count, seed)):
        image, shape = tiny.noise(number), ("square", "stripe")[number // 2 % 2]
        side = (28, 28) if shape == "square" else (28, 6)
        image.paste(record.image.resize(side), (2, 2))
        facts = dict(record.facts) | ({"shape": shape} if number % 3 else {})
        records.append(replace(record, image=image, facts=facts))
    return records


def tokenizer():
    """Return a tokenizer trained on the captions."""
    texts = [turn.answer for record in squares(12) for turn in record.turns]
    return train_tokenizer(texts, 300)


def text_tower() -> BertModel:
    torch.manual_seed(1)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=400, intermediate_size=32, **sizes)
    return BertModel(config, add_pooling_layer=False)


def aligned(values=VALUES, **changes) -> align_model.AlignModel:
    return align_model.AlignModel(tower(), text_tower(), values, width=8, **changes)


def batch(records: list[Record], values=VALUES) -> dict[str, torch.Tensor]:
    """Return the inputs of `AlignModel`."""
    raw = collated(records, values)
    return raw | {"pixel_values": align_model.normalise(raw["pixel_values"])}


def collated(records: list[Record], values=VALUES) -> dict[str, torch.Tensor]:
    """Return the inputs of `Averaged`: pictures as bytes."""
    data = pictures.Pictures(records, values, 32)
    return align_model.make_collator(tokenizer())([data[index] for index in range(len(data))])


# The model


def train(values: dict, run: Path, **changes) -> tuple[list[dict], average.Averaged]:
    """Train a tower on squares; return the rows of its metrics and the model."""
    config = TrainConfig(
        batch_size=16,
        learning_rate=5e-3,
        warmup_steps=5,
        epochs=8.0,
        eval_every=24,
        save_every=100,
        log_every=4,
        threads=1,
        bf16=False,
        **changes,
    )
    train_data = pictures.Pictures(squares(48), values, 32, epochs=config.epochs, augment=True)
    eval_data = pictures.Pictures(squares(24, seed=1), values, 32)
    model = average.Averaged(aligned(values), 24, start_size=24, decay=0.8)
    measure, collate = align_model.make_accuracy(values), align_model.make_collator(tokenizer())
    fit(model, train_data, eval_data, collate, config, run, compute_metrics=measure)
    return files.read_jsonl(run / "metrics.jsonl"), model


def test_training_learns_the_colours_of_squares(tmp_path: Path) -> None:
    rows, model = train(VALUES, tmp_path / "run")
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < 0.8 * losses[0]
    assert rows[-1]["eval_baseColour"] > 0.9
    assert rows[-1]["eval_shape"] > 0.5
    assert rows[-2]["epoch"] == rows[-1]["epoch"] == 8.0
    records = squares(24, seed=1)
    scores = zeroshot.measure(model.average.module, tokenizer(), records, 32)
    assert scores == {"zeroshot": {}, "retrieval": {}}  # squares are neither products nor scenes


def test_a_single_attribute_is_enough(tmp_path: Path) -> None:
    rows, _ = train({"baseColour": VALUES["baseColour"]}, tmp_path / "run", max_steps=24)
    assert rows[-1]["eval_baseColour"] > 0.6


def test_sigmoid_loss_sums_over_all_pairs() -> None:
    torch.manual_seed(0)
    images, texts = (torch.nn.functional.normalize(torch.randn(4, 8), dim=-1) for _ in range(2))
    pairs = torch.eye(4, dtype=torch.bool)
    pairs[0, 1] = pairs[1, 0] = True
    loss = align_model.sigmoid_loss(images, texts, pairs, torch.tensor(10.0), torch.tensor(-10.0))
    by_hand = 0.0
    for row in range(4):
        for column in range(4):
            logit = 10 * float(images[row] @ texts[column]) - 10
            by_hand += math.log1p(math.exp(-logit if pairs[row, column] else logit))
    assert float(loss) == pytest.approx(by_hand / 4, rel=1e-5)


def test_loss_is_pair_loss_plus_weighted_head_losses() -> None:
    model = aligned().eval()
    assert model.loss_weights == [2.0, 1.0]  # baseColour learns slowly
    model.entropy.label_smoothing = 0.0
    inputs = batch([record for record in squares(12) if "shape" in record.facts])
    out = model(**inputs)
    *logits, images, texts = out["logits"]
    assert [scores.shape for scores in logits] == [(8, 3), (8, 2)]
    assert images.shape == texts.shape == (8, 8)
    assert torch.allclose(images.norm(dim=-1), torch.ones(8))
    expected = sum(
        model.loss_weights[number]
        * torch.nn.functional.cross_entropy(scores, inputs["labels"][:, number])
        for number, scores in enumerate(logits)
    )
    groups = inputs["groups"]
    pairs = groups[:, None] == groups[None]
    scale = torch.tensor(10.0)
    expected = expected + align_model.sigmoid_loss(images, texts, pairs, scale, -scale)
    assert out["loss"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_missing_attributes_have_no_loss() -> None:
    model = aligned().eval()
    records = squares(12)
    half = [replace(r, facts={"baseColour": r.facts["baseColour"]}) for r in records]
    model(**batch(half))["loss"].backward()
    colour, shape = model.heads
    assert colour.weight.grad.abs().sum() > 0
    assert shape.weight.grad.abs().sum() == 0


def test_detached_heads_give_the_tower_no_gradient() -> None:
    records, grads = squares(6), []
    for helped in (True, False):
        model = aligned(train_tower_by_heads=helped).eval()
        model(**batch(records))["loss"].backward()
        assert model.heads[0].weight.grad.abs().sum() > 0
        grads.append(next(model.tower.parameters()).grad)
    alone = aligned({}, train_tower_by_heads=True).eval()
    alone(**batch(records, {}))["loss"].backward()
    own = next(alone.tower.parameters()).grad
    assert torch.allclose(grads[1], own, atol=1e-6) and not torch.allclose(grads[0], own, atol=1e-6)


def test_padding_does_not_change_a_caption_embedding() -> None:
    model, words = aligned().eval(), tokenizer()
    short, long = "A red square.", "A red square and another one that is red."
    padded = words([short, long], padding=True, padding_side="right", return_tensors="pt")
    alone = words([short], return_tensors="pt")
    both = model.embed_texts(padded["input_ids"], padded["attention_mask"])
    one = model.embed_texts(alone["input_ids"], alone["attention_mask"])
    assert torch.allclose(both[:1], one, atol=1e-6)


def test_the_live_model_is_trained_and_the_average_is_evaluated() -> None:
    model = average.Averaged(aligned(), 4, decay=0.5)
    inputs, normalised = collated(squares(6)), batch(squares(6))
    start = model.live.bias.detach().clone()
    for step in (1.0, 2.0):
        model.train()(**inputs)["loss"].backward()
        with torch.no_grad():
            model.live.bias += step
    model.train()(**inputs)
    expected, kept = 0.0, (2 / 11, 3 / 12)  # from the start to +1, then to +3
    for place, share in zip((1, 3), kept, strict=True):
        expected = share * expected + (1 - share) * place
    assert float(model.average.module.bias - start) == pytest.approx(expected, rel=1e-5)
    assert not any(p.requires_grad for p in model.average.parameters())
    logits = model.eval()(**inputs)["logits"][0]
    assert torch.equal(logits, model.average.module(**normalised)["logits"][0])
    assert not torch.equal(logits, model.live(**normalised)["logits"][0])


def averaged(before: float, new: float, steps: int, decay: float = 0.9) -> torch.Tensor:
    """Return the moving average of one number after `steps` steps."""
    kept = [torch.tensor(before)]
    average.moving_average(decay)(kept, [torch.tensor(new)], torch.tensor(steps))
    return kept[0]


def test_average_decay_warms_up_and_counters_are_copied() -> None:
    assert float(averaged(0.0, 1.0, 1)) == pytest.approx(1 - 2 / 11)
    assert float(averaged(0.0, 1.0, 1000)) == pytest.approx(0.1)
    assert averaged(3, 7, 1) == 7


def test_picture_size_grows_during_training() -> None:
    model, pixels = (
        average.Averaged(aligned(), 8, start_size=16),
        torch.zeros(1, 3, 32, 32).byte(),
    )
    sides = []
    for step in range(8):
        model.average.n_averaged.fill_(step)
        sides.append(model.resize(pixels).shape[-1])
    assert sides == [16] * 4 + [24] * 2 + [32] * 2
    assert torch.equal(average.Averaged(aligned(), 8).resize(pixels), align_model.normalise(pixels))


def test_accuracy_ignores_missing_labels() -> None:
    class Prediction:
        predictions = (torch.eye(3).numpy(), torch.tensor([[1, 0], [1, 0], [0, 1]]).numpy())
        label_ids = torch.tensor([[0, IGNORE_INDEX], [1, 0], [0, 0]]).numpy()

    assert align_model.make_accuracy(VALUES)(Prediction) == {"baseColour": 2 / 3, "shape": 1 / 2}
    Prediction.label_ids[:, 1] = IGNORE_INDEX
    assert align_model.make_accuracy(VALUES)(Prediction)["shape"] == 0.0


# Its data


def test_classes_are_the_values_that_enough_pictures_share() -> None:
    facts = [{"a": "x", "b": "only"}] * 5 + [{"a": "y", "c": "p"}] * 5 + [{"a": "z"}] * 4
    records = [Record(str(n), b"", facts=fact) for n, fact in enumerate(facts)]
    assert attributes.attribute_values(records, ("a", "b", "c", "d")) == {"a": ["x", "y"]}


def test_labels_are_class_numbers() -> None:
    records = [
        Record("0", tiny.picture(), facts={"baseColour": "red", "shape": "stripe"}),
        Record("1", tiny.picture(), facts={"baseColour": "violet"}),
        Record("2", tiny.picture()),
    ]
    absent = IGNORE_INDEX
    assert batch(records)["labels"].tolist() == [[2, 1], [absent, absent], [absent, absent]]


def test_pixels_are_normalised_as_by_the_image_processor(tmp_path: Path) -> None:
    processor = load_tower(tiny.tower_folder("resnet"), "pooled")[1]
    records = squares(3)
    expected = processor([record.image for record in records], return_tensors="pt")["pixel_values"]
    assert torch.allclose(batch(records)["pixel_values"], expected, atol=1e-6)


def test_views_depend_only_on_index_and_seed() -> None:
    settings = {"epochs": 3, "augment": True, "seed": 4}
    first = pictures.Pictures(squares(6), VALUES, 32, **settings)
    second = pictures.Pictures(squares(6), VALUES, 32, **settings)
    state = torch.get_rng_state()
    forward = [first[index] for index in range(len(first))]
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(9)
    for index in reversed(range(len(second))):
        item, before = second[index], forward[index]
        pixels = item.pop("pixels")
        assert torch.equal(pixels, before["pixels"]) and item == {
            name: value for name, value in before.items() if name != "pixels"
        }
        assert pixels.shape == (3, 32, 32) and pixels.dtype == torch.uint8
    others = pictures.Pictures(squares(6), VALUES, 32, **settings | {"seed": 5})
    assert all(not torch.equal(others[n]["pixels"], forward[n]["pixels"]) for n in range(6))
    for number in range(6):  # a different view of the same picture in every epoch
        epochs = [forward[number + 6 * epoch] for epoch in range(3)]
        assert len({item["pixels"].numpy().tobytes() for item in epochs}) == 3
        assert epochs[0]["labels"] == epochs[1]["labels"] == epochs[2]["labels"]


def test_random_erase_affects_the_given_share_of_views() -> None:
    whole = pictures.Pictures(squares(20), VALUES, 32, epochs=5, augment=True)
    hidden = pictures.Pictures(squares(20), VALUES, 32, epochs=5, augment=True, erase=0.5)
    pairs = [(whole[n]["pixels"], hidden[n]["pixels"]) for n in range(100)]
    changed = [pair for pair in pairs if not torch.equal(*pair)]
    assert 30 <= len(changed) <= 70
    for original, erased in changed:
        grey = (erased != original).any(0)
        assert (erased[:, grey] == 127).all() and 0.01 < grey.float().mean() <= 0.27


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked")
def test_workers_decode_the_same_pictures() -> None:
    alone, together = (
        pictures.Pictures(squares(5), VALUES, 32, augment=True, workers=count) for count in (0, 2)
    )
    assert all(torch.equal(*pair) for pair in zip(alone.pixels, together.pixels, strict=True))


def test_without_augmentation_pictures_are_unchanged() -> None:
    records = squares(4)
    plain = pictures.Pictures(records, VALUES, 32, epochs=2)
    assert len(plain) == 8 and torch.equal(plain[1]["pixels"], plain[5]["pixels"])
    pixels = torch.tensor(list(records[1].image.tobytes()), dtype=torch.uint8)
    assert torch.equal(plain[1]["pixels"].permute(1, 2, 0).flatten(), pixels)


@pytest.mark.parametrize("epochs", [1, 2.5, 0.5])
def test_epochs_may_be_fractional(epochs: float) -> None:
    assert len(pictures.Pictures(squares(4), VALUES, 32, epochs=epochs)) == 4 * epochs


def test_a_broken_picture_raises_an_error() -> None:
    with pytest.raises(BadImage):
        pictures.Pictures([Record("0", b"no picture")], VALUES, 32)


# The command


def write_table(folder: Path, count: int = 24) -> Path:
    """Write a small table in the layout of the fashion data set, with one bad row."""
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


def test_the_command_saves_a_tower_that_run_moda_accepts(tmp_path: Path, capsys) -> None:
    data, out = ["--data-path", str(write_table(tmp_path))], tmp_path / "align"
    quick = ["--max-steps", "3", "--batch-size", "8", "--threads", "1", "--save-every", "3"]
    run_align.main([*data, *quick, "--out", str(out), "--image-size", "32"])
    output = capsys.readouterr().out
    assert "24 pictures, 1 bad rows" in output and "picture 99: " in output
    assert f"loupe train moda --vision {out / 'tower'}" in output
    values = json.loads((out / "attributes.json").read_text())
    assert values["articleType"] == ["Jeans", "Tshirts"] and "gender" not in values
    rows = files.read_jsonl(out / "metrics.jsonl")
    assert rows[-1]["step"] == 3 and all(f"eval_{name}" in rows[-1] for name in values)
    assert json.loads((out / "status.json").read_text())["state"] == "finished"
    tower, processor = load_tower(out / "tower", "pooled")
    assert processor.size == {"height": 32, "width": 32}
    trained = runs.newest_checkpoint(out) / "model.safetensors"
    start = "average.module.tower."
    averaged = {n: v for n, v in load_file(trained).items() if n.startswith(start)}
    assert averaged
    for name, value in averaged.items():
        assert torch.equal(tower.state_dict()[name.removeprefix(start)], value), name
    scores = json.loads((out / "zeroshot.json").read_text())
    assert set(scores["fashion"]["zeroshot"]) == {"articleType", "baseColour", "gender"}
    assert set(scores["fashion"]["retrieval"]) == {"R@1", "R@5"}
    for words in ("fashion:", "zero-shot articleType", "image to text R@5"):
        assert words in output
    more = ["--batch-size", "2", "--threads", "1", "--features", str(tmp_path / "features")]
    run_moda.main([*data, *more, "--dry-run", "--vision", str(out / "tower")])
    output = capsys.readouterr().out
    assert "optimiser steps:" in output and "image tokens per picture: 1" in output


def test_picture_size_grows_by_optimiser_steps_with_any_accumulation(tmp_path, monkeypatch) -> None:
    models = []
    monkeypatch.setattr(
        "vlm.training.align.recipe.fit", lambda model, *_, **__: models.append(model)
    )
    monkeypatch.setattr(zeroshot, "measure", lambda *_: {"zeroshot": {}, "retrieval": {}})
    words = ["--data-path", str(write_table(tmp_path)), "--image-size", "32", "--max-steps", "8"]
    for more in ([], ["--accumulation", "4"]):
        run_align.main([*words, *more, "--out", str(tmp_path / f"run{len(more)}")])
    one, four = models
    assert four.steps == 4 * one.steps == 32  # forward passes
    decays = []
    for model in models:
        old = [torch.ones(1)]
        model.average.multi_avg_fn(old, [torch.zeros(1)], torch.tensor(10**6))
        decays.append(float(old[0]))
    assert decays[1] ** 4 == pytest.approx(decays[0], rel=1e-4)


def test_metrics_report_the_epochs_of_the_command(tmp_path: Path) -> None:
    """Also a fractional number of epochs."""
    data = ["--data-path", str(write_table(tmp_path)), "--image-size", "32"]
    out = tmp_path / "run"
    quick = ["--epochs", "0.5", "--batch-size", "6", "--threads", "1", "--set", "log_every=1"]
    run_align.main([*data, *quick, "--out", str(out)])
    rows = [row for row in files.read_jsonl(out / "metrics.jsonl") if "loss" in row]
    assert [row["epoch"] for row in rows] == [0.25, 0.5]


@pytest.mark.parametrize("command", [run_align, run_moda], ids=lambda c: c.__name__[9:])
def test_a_command_trains_on_the_chosen_device(command, tmp_path, monkeypatch) -> None:
    """Even if there are several GPUs."""
    models, recipes = [], {run_align: align_recipe, run_moda: moda_recipe}
    monkeypatch.setattr(recipes[command], "train_model", lambda model, *rest: models.append(model))
    monkeypatch.setattr(align_recipe, "save", lambda *args: None)
    monkeypatch.setattr(zeroshot, "measure", lambda *args: {"zeroshot": {}, "retrieval": {}})
    monkeypatch.setattr(load, "save", lambda *args: None)
    monkeypatch.setattr(runtime, "pick_device", lambda name: torch.device("meta", int(name)))
    words = ["--data-path", str(write_table(tmp_path)), "--out", str(tmp_path), "--device", "7"]
    if command is run_moda:
        words += ["--vision", tiny.tower_folder("resnet")]
    command.main([*words, "--threads", "1"])
    model = getattr(models[0], "model", models[0])
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


def test_too_few_pictures_is_a_user_error(tmp_path: Path, capsys) -> None:
    data = ["--data-path", str(write_table(tmp_path, count=3)), "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as caught:
        run_align.main(data)
    assert caught.value.code == 2
    assert "give more pictures" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_a_tower_with_a_fixed_image_size_rejects_other_sizes() -> None:
    config = ViTConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=8,
    )
    model = align_model.AlignModel(ViTModel(config), text_tower(), VALUES).train()
    model.check_image_size(32)
    with pytest.raises(UserError, match=r"accept pictures of 48 x 48 pixels .*; give --start-size"):
        model.check_image_size(48)
    assert model.training


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "checkpointing=yes"], "omit checkpointing"),
        (["--set", "stages=2"], "no stages or features to keep; give --vision"),
        (["--set", "closeness=0.5"], "no stages or features to keep; give --vision"),
        (["--set", "tuned=50"], "no stages or features to keep; give --vision"),
        (["--start-size", "160"], "--start-size is 160, give at most --image-size, 128"),
        (["--start-size", "16"], "--start-size is 16, give at least 32"),
        (["--set", "decay=-1"], "decay is -1.0, allowed is at least 0"),
        (["--set", "decay=nan"], "decay is nan, allowed is at least 0"),
    ],
)
def test_invalid_settings_are_rejected_before_training(
    words: list[str], message: str, tmp_path: Path, capsys
) -> None:
    with pytest.raises(SystemExit):
        run_align.main([*words, "--out", str(tmp_path / "run")])
    assert message in capsys.readouterr().err and not (tmp_path / "run").exists()
