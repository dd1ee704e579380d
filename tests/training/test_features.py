"""Stored features equal the tower's output, are computed once, and give training examples."""

import errno
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests import tiny
from vlm.config import TrainConfig
from vlm.errors import UserError
from vlm.inference import encoding
from vlm.models.modeling_vlm import VlmModel
from vlm.system import files
from vlm.training import freezing, trainer
from vlm.training.examples import FeatureExamples, ViewExamples
from vlm.training.moda import features
from vlm.types import Bundle, Record

TOWERS = [(kind, name) for kind in ("vit", "resnet") for name in ("pooled", "patches", "grid")]
TOWERS += [("clip", "projected")]


def pictures(count: int) -> list[Record]:
    """Return records with noise pictures of different shapes."""
    sides = [(32, 32), (48, 32), (20, 40)]
    return [
        replace(record, image=tiny.noise(number, 48).resize(sides[number % 3]))
        for number, record in enumerate(tiny.records(count))
    ]


@pytest.fixture
def tower_batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of pictures in each call of the tower."""
    calls: list[int] = []
    original = VlmModel.vision_features

    def spy(model, pixel_values):
        calls.append(len(pixel_values))
        return original(model, pixel_values)

    monkeypatch.setattr(VlmModel, "vision_features", spy)
    return calls


# The store


@pytest.mark.parametrize(("tower", "kind"), TOWERS, ids=map("-".join, TOWERS))
def test_stored_features_equal_those_at_inference(tower, kind, tmp_path: Path) -> None:
    bundle, records = tiny.bundle(tower, image_features=kind), pictures(3)
    stored = features.compute(bundle, records, tmp_path)
    assert stored.shape[:2] == (1, 3) and stored.dtype == np.float16
    for number, record in enumerate(records):
        inputs = encoding.prompt_inputs(bundle.processor, record.image, "What is it?")
        with torch.no_grad():
            fresh = bundle.model.model.vision_features(inputs["pixel_values"])
        assert stored.shape[2:] == fresh.shape[1:]
        assert np.allclose(stored[0, number], fresh[0], rtol=2**-10, atol=1e-5)


def test_a_model_without_a_tower_stores_its_patches(tmp_path: Path) -> None:
    bundle, records = tiny.raw_patches(), pictures(2)
    stored = features.compute(bundle, records, tmp_path)
    pixels = encoding.prompt_inputs(bundle.processor, records[1].image, "?")["pixel_values"]
    assert np.allclose(stored[0, 1], bundle.model.model.vision_features(pixels)[0], rtol=2**-10)
    before = features.store_key(bundle, records, 0)
    bundle.model.config.patch_size *= 2
    assert features.store_key(bundle, records, 0) != before


def test_features_are_computed_once(tmp_path: Path, tower_batches: list[int]) -> None:
    bundle, same, records = tiny.bundle(), tiny.bundle(), pictures(5)
    tower_batches.clear()
    first = features.compute(bundle, records, tmp_path, views=2)
    assert sum(tower_batches) == 5 * 3
    again = features.compute(same, records, tmp_path, views=2)
    assert sum(tower_batches) == 5 * 3
    assert np.array_equal(first, again)
    assert len(list(tmp_path.iterdir())) == 1


def test_concurrent_trainings_compute_features_once(
    tmp_path: Path, tower_batches: list[int], capsys
) -> None:
    bundle, records = tiny.bundle(), pictures(200)
    tower_batches.clear()
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(features.compute, bundle, records, tmp_path) for _ in range(2)]
        first, second = (job.result() for job in jobs)
    assert np.array_equal(first, second) and sum(tower_batches) == 200
    assert len(list(tmp_path.iterdir())) == 1


def test_the_key_is_the_same_for_path_string_and_bytes(tmp_path: Path) -> None:
    bundle, file = tiny.bundle(), tmp_path / "a.png"
    tiny.noise().save(file)
    keys = {
        features.store_key(bundle, [Record("0", image)], 0)
        for image in (file, str(file), file.read_bytes())
    }
    assert len(keys) == 1


def _other_pixel(bundle: Bundle, records: list[Record]) -> None:
    records[1].image.putpixel((0, 0), (1, 2, 3))


def _other_order(bundle: Bundle, records: list[Record]) -> None:
    records.reverse()


def _one_more(bundle: Bundle, records: list[Record]) -> None:
    records.append(records[0])


def _same_bytes_other_shape(bundle: Bundle, records: list[Record]) -> None:
    picture = records[1].image
    shape = picture.size[::-1]
    records[1] = replace(records[1], image=Image.frombytes("RGB", shape, picture.tobytes()))


def _other_weight(bundle: Bundle, records: list[Record]) -> None:
    with torch.no_grad():
        list(bundle.model.model.vision_tower.parameters())[-1].view(-1)[0] += 1e-3


def _other_mean(bundle: Bundle, records: list[Record]) -> None:
    bundle.processor.image_processor.image_mean = [0.4, 0.5, 0.5]


def _other_size(bundle: Bundle, records: list[Record]) -> None:
    bundle.processor.image_processor.size = {"height": 16, "width": 16}


def _other_kind(bundle: Bundle, records: list[Record]) -> None:
    bundle.model.config.image_features = "patches"


CHANGES = [_other_pixel, _other_order, _one_more, _same_bytes_other_shape]
CHANGES += [_other_weight, _other_mean, _other_size, _other_kind]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__[1:])
def test_the_key_changes_with_every_input(change: Callable) -> None:
    bundle, records = tiny.bundle(), pictures(3)
    before = features.store_key(bundle, records, 2)
    assert features.store_key(tiny.bundle(), pictures(3), 2) == before
    change(bundle, records)
    assert features.store_key(bundle, records, 2) != before


def test_the_key_depends_on_the_views_and_not_on_trainable_parts() -> None:
    bundle, records = tiny.bundle(), pictures(2)
    before = features.store_key(bundle, records, 2)
    assert features.store_key(bundle, records, 3) != before
    with torch.no_grad():
        for part in (bundle.model.model.projector, bundle.model.model.language_model):
            for parameter in part.parameters():
                parameter += 1
    assert features.store_key(bundle, records, 2) == before


# Views


def test_views_differ_from_the_original_and_from_each_other(tmp_path: Path) -> None:
    stored = features.compute(tiny.bundle(), pictures(4), tmp_path, views=3)
    for number in range(4):
        versions = {stored[row, number].tobytes() for row in range(4)}
        assert len(versions) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked")
def test_workers_compute_the_same_features(tmp_path: Path) -> None:
    bundle, records = tiny.bundle(), pictures(40)  # two batches
    alone = features.compute(bundle, records, tmp_path / "a", views=1)
    together = features.compute(bundle, records, tmp_path / "b", views=1, workers=2)
    assert np.array_equal(alone, together)


def test_views_are_reproducible_and_do_not_change_the_random_state(tmp_path: Path) -> None:
    bundle, records = tiny.bundle(), pictures(4)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = features.compute(bundle, records, tmp_path / "a", views=3)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert np.array_equal(first, features.compute(bundle, records, tmp_path / "b", views=3))


# Interruptions


class Interrupted(Exception):
    """An exception that simulates a kill."""


def failing(original: Callable, nth: int) -> Callable:
    """Return the function, interrupted at its nth call."""
    calls = []

    def call(*args, **kwargs):
        calls.append(0)
        if len(calls) == nth:
            raise Interrupted
        return original(*args, **kwargs)

    return call


@pytest.mark.parametrize(
    ("owner", "name", "nth", "left"),
    [
        (VlmModel, "vision_features", 1, 6),  # before anything is stored
        (VlmModel, "vision_features", 4, 3),
        (files, "write_json", 3, 4),  # stored, but progress not written
        (Path, "rename", 1, 0),  # complete, but not renamed
    ],
    ids=["start", "batch", "note", "rename"],
)
def test_an_interrupted_computation_continues(
    owner, name, nth, left, tmp_path, tower_batches, monkeypatch
) -> None:
    monkeypatch.setattr(features, "BATCH", 2)
    bundle, records = tiny.bundle(), pictures(4)
    tower_batches.clear()
    whole = features.compute(bundle, records, tmp_path / "whole", views=2)
    assert tower_batches == [2] * 6
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(owner, name, failing(getattr(owner, name), nth))
        features.compute(bundle, records, tmp_path / "cut", views=2)
    assert not [path for path in (tmp_path / "cut").iterdir() if "partial" not in path.name]
    tower_batches.clear()
    resumed = features.compute(bundle, records, tmp_path / "cut", views=2)
    assert np.array_equal(whole, resumed)
    assert len(tower_batches) == left
    assert len(list((tmp_path / "cut").iterdir())) == 1


def test_a_full_disk_is_a_user_error(tmp_path: Path, monkeypatch) -> None:
    """Without reserved space, it would be a bus error at the first page that does not fit."""
    if not hasattr(os, "posix_fallocate"):
        pytest.skip("this system cannot reserve room for a file")

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(UserError, match="disk is full"):
            features.compute(tiny.bundle(), pictures(2), tmp_path)
    assert features.compute(tiny.bundle(), pictures(2), tmp_path).shape == (1, 2, 1, 64)


# Training examples


def test_training_on_features_and_on_pixels_has_the_same_loss(tmp_path: Path) -> None:
    records = pictures(8)

    def losses(run: str, examples: Callable[[Bundle], object]) -> list[float]:
        bundle = tiny.bundle()
        freezing.freeze(bundle.model, "moda")
        config = TrainConfig(
            batch_size=4,
            max_steps=8,
            warmup_steps=0,
            log_every=1,
            bf16=False,
            threads=1,
            eval_every=8,
            save_every=8,
        )
        data, collate = examples(bundle), encoding.collator(bundle.processor)
        trainer.fit(bundle.model, data, data, collate, config, tmp_path / run)
        rows = files.read_jsonl(tmp_path / run / "metrics.jsonl")
        return [row.get("loss") or row["eval_loss"] for row in rows]

    def pixels(bundle: Bundle) -> list[dict]:
        return [encoding.encode(bundle.processor, r.image, t) for r in records for t in r.turns]

    def stored(bundle: Bundle) -> list[dict]:  # a list, so that both have the same order
        computed = features.compute(bundle, records, tmp_path / "features")
        dataset = FeatureExamples(bundle.processor, records, computed)
        return [dataset[index] for index in range(len(dataset))]

    assert losses("pixels", pixels) == pytest.approx(losses("stored", stored), rel=2e-3)


def examples(count: int, views: int, epochs: float) -> FeatureExamples:
    """Return examples whose features are the numbers of view and picture."""
    stored = np.empty((views, count, 1, 2), np.float16)
    stored[..., 0] = np.arange(views)[:, None, None]
    stored[..., 1] = np.arange(count)[None, :, None]
    return FeatureExamples(PROCESSOR, tiny.records(count), stored, epochs)


PROCESSOR = tiny.bundle().processor


def test_an_example_depends_only_on_its_index() -> None:
    first, second = examples(6, 3, 4), examples(6, 3, 4)
    forward = [first[index] for index in range(len(first))]
    torch.manual_seed(1)
    np.random.seed(1)
    for index in reversed(range(len(second))):
        for name, value in second[index].items():
            assert torch.equal(value, forward[index][name])


def test_an_example_has_its_picture_and_turn() -> None:
    data = examples(6, 1, 2)
    records = tiny.records(6)
    turns = [(number, turn) for number, record in enumerate(records) for turn in record.turns]
    for index in range(len(data)):
        number, turn = turns[index % len(turns)]
        expected = encoding.encode(PROCESSOR, records[number].image, turn)
        expected["vision_features"] = torch.tensor([[[0.0, number]]])
        del expected["pixel_values"]
        example = data[index]
        assert example.keys() == expected.keys()
        for name, value in expected.items():
            assert torch.equal(example[name].to(value.dtype), value), name


def test_a_partial_epoch_is_sampled_from_all_pictures() -> None:
    data = examples(100, 2, 1.2)
    whole, part = (
        {data._locate(index)[0] for index in range(*bounds)} for bounds in ((0, 200), (200, 240))
    )
    assert len(data) == 240 and len(whole) == 100
    assert min(part) < 20 and max(part) >= 80 and len(part) > 25


@pytest.mark.parametrize("epochs", [1, 3, 2.5, 0.4])
def test_every_turn_appears_once_per_epoch(epochs: float) -> None:
    data = examples(5, 2, epochs)
    shown = Counter(
        (int(item["vision_features"][0, 0, 1]), item["input_ids"].numpy().tobytes())
        for item in (data[index] for index in range(len(data)))
    )
    assert len(data) == round(10 * epochs) == shown.total()
    assert set(shown.values()) <= {int(epochs), int(np.ceil(epochs))}
    assert len(shown) == (10 if epochs >= 1 else 4)


@pytest.mark.parametrize("views", [2, 3, 5, 7])
@pytest.mark.parametrize("count", [3, 64, 224, 448])  # 2 * 448 is 7 * 128
def test_every_turn_is_shown_in_every_view(count: int, views: int) -> None:
    """This takes as many epochs as there are views, for any number of turns."""
    data = examples(count, views, views)
    data.text = lambda turn: {}
    shown = defaultdict(list)
    for index in range(len(data)):
        shown[index % (2 * count)].append(int(data[index]["vision_features"][0, 0, 0]))
    assert all(sorted(turn_views) == list(range(views)) for turn_views in shown.values())
    if count >= 64:  # and an epoch mixes the views
        first = Counter(turn_views[0] for turn_views in shown.values())
        assert min(first.values()) > 2 * count / views / 2 and len(first) == views


@pytest.mark.parametrize(("turns", "epochs"), [(1, 4), (2, 4), (3, 2), (5, 2)])
def test_limited_turns_alternate_between_epochs(turns: int, epochs: int) -> None:
    """A record's two turns are equally frequent, and records differ in which comes first."""
    data = FeatureExamples(PROCESSOR, tiny.records(32), np.zeros((3, 32, 1, 2)), epochs, turns)
    data.text = lambda turn: {"turn": turn}
    turn_numbers = [data[index]["turn"] for index in range(len(data))]
    per_epoch = min(turns, 2)
    assert len(data) == 32 * per_epoch * epochs
    assert set(Counter(turn_numbers).values()) == {per_epoch * epochs // 2}
    if per_epoch == 1:
        first = [turn % 2 for turn in turn_numbers[:32]]
        assert 8 < sum(first) < 24


def test_view_examples_match_feature_examples(tmp_path: Path) -> None:
    bundle, records = tiny.bundle("resnet"), pictures(3)
    stored = features.compute(bundle, records, tmp_path, views=2)
    stored_examples = FeatureExamples(bundle.processor, records, stored, 3)
    view_examples = ViewExamples(bundle, records, 2, epochs=3)
    assert len(stored_examples) == len(view_examples)
    for index in range(len(stored_examples)):
        one, other = stored_examples[index], view_examples[index]
        assert torch.equal(one["input_ids"], other["input_ids"])
        with torch.no_grad():
            computed = bundle.model.eval().model.vision_features(other["pixel_values"])
        assert np.allclose(computed, one["vision_features"], rtol=2**-9, atol=1e-4)


def test_products_are_shown_on_other_backgrounds(tmp_path: Path, monkeypatch) -> None:
    shown: list[object] = []

    def spy(pixels, mask, product, side, seed, backgrounds, mild):
        shown.append((mask is not None, product, backgrounds, mild))
        return pixels[:, :side, :side]

    monkeypatch.setattr("vlm.data.views.views.random_view", spy)
    picture = Image.new("RGB", (64, 64), "white")
    picture.paste("red", (20, 16, 44, 52))
    records = [Record("0", picture, facts={"articleType": "Shirts"}), Record("1", picture)]
    grounds = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    for mild in (False, True):
        features.compute(tiny.bundle(), records, tmp_path, 1, grounds, mild)
    assert [row[:2] for row in shown] == 2 * [(True, True), (False, False)]
    assert all(row[2] is grounds for row in shown)
    assert [row[3] for row in shown] == [False, False, True, True]
    every = [(None,), (grounds,), (grounds + 1,), (grounds, True)]
    keys = {features.store_key(tiny.bundle(), records, 1, *more) for more in every}
    assert len(keys) == 4
