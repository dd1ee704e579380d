"""Batches of similar length: each example once, little padding, reproducible."""

import numpy as np
import pytest
from torch.utils.data import ConcatDataset

from tests import tiny
from vlm.training import batching
from vlm.training.examples import FeatureExamples

CHANCE = np.random.default_rng(0)
SIZES = CHANCE.integers(5, 120, 5_000)


def batches(seed: int = 0, batch: int = 64, epoch: int = 0) -> list[list[int]]:
    order = batching.LengthGroupedSampler(SIZES, batch, seed)
    order.set_epoch(epoch)
    numbers = list(order)
    return [numbers[start : start + batch] for start in range(0, len(numbers), batch)]


@pytest.mark.parametrize("batch", [1, 7, 64, 6_000])
def test_every_example_occurs_once(batch: int) -> None:
    numbers = [number for rows in batches(batch=batch) for number in rows]
    assert sorted(numbers) == list(range(len(SIZES)))
    assert len(batching.LengthGroupedSampler(SIZES, batch)) == len(SIZES)


def test_batches_contain_little_padding() -> None:
    def filled(rows: list[list[int]]) -> float:
        places = sum(SIZES[row].max() * len(row) for row in rows)
        return sum(SIZES[row].sum() for row in rows) / places

    random_batches = CHANCE.permutation(4_992).reshape(-1, 64).tolist()
    assert filled(batches()) > 0.9 > 0.6 > filled(random_batches)


def test_batches_are_not_ordered_by_length() -> None:
    means = [SIZES[row].mean() for row in batches()]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3
    assert 0.2 < np.mean(np.diff(means) > 0) < 0.8


def test_the_order_depends_only_on_seed_and_epoch() -> None:
    assert batches() == batches()
    assert batches() != batches(seed=1) != batches(seed=1, epoch=1)


def test_data_without_lengths_returns_none() -> None:
    assert batching.lengths([1, 2]) is None


def test_examples_have_lengths() -> None:
    bundle, records = tiny.bundle(), tiny.records(6)
    store = np.zeros((2, 6, 1, 4), np.float16)
    parts = [FeatureExamples(bundle.processor, records, store, epochs=3, turns=n) for n in (0, 1)]
    examples = ConcatDataset(parts)
    lengths = batching.lengths(examples)
    assert len(lengths) == len(examples)
    texts = [
        bundle.processor.tokenizer.decode(example["input_ids"][0], skip_special_tokens=True)
        for example in examples
    ]
    assert [len(text) for text in texts] == lengths.tolist()
