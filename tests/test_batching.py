"""Batches of one length: every example comes once, little is padding, a repeat is the same."""

import numpy as np
import pytest
from torch.utils.data import ConcatDataset

from tests import tiny
from vlm import batching, features

CHANCE = np.random.default_rng(0)
SIZES = CHANCE.integers(5, 120, 5_000)


def batches(seed: int = 0, batch: int = 64, epoch: int = 0) -> list[list[int]]:
    order = batching.Grouped(SIZES, batch, seed)
    order.set_epoch(epoch)
    numbers = list(order)
    return [numbers[start : start + batch] for start in range(0, len(numbers), batch)]


@pytest.mark.parametrize("batch", [1, 7, 64, 6_000])
def test_every_example_comes_once(batch: int) -> None:
    numbers = [number for rows in batches(batch=batch) for number in rows]
    assert sorted(numbers) == list(range(len(SIZES)))
    assert len(batching.Grouped(SIZES, batch)) == len(SIZES)


def test_little_of_a_batch_is_padding() -> None:
    def filled(rows: list[list[int]]) -> float:
        places = sum(SIZES[row].max() * len(row) for row in rows)
        return sum(SIZES[row].sum() for row in rows) / places

    blind = CHANCE.permutation(4_992).reshape(-1, 64).tolist()
    assert filled(batches()) > 0.9 > 0.6 > filled(blind)


def test_lengths_come_in_no_order() -> None:
    means = [SIZES[row].mean() for row in batches()]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3
    assert 0.2 < np.mean(np.diff(means) > 0) < 0.8


def test_a_repeat_is_the_same_and_another_pass_or_seed_is_not() -> None:
    assert batches() == batches()
    assert batches() != batches(seed=1) != batches(seed=1, epoch=1)


def test_data_that_has_no_lengths_says_so() -> None:
    assert batching.lengths([1, 2]) is None


def test_examples_know_how_long_they_are() -> None:
    bundle, records = tiny.bundle(), tiny.records(6)
    store = np.zeros((2, 6, 1, 4), np.float16)
    parts = [features.Examples(bundle.processor, records, store, epochs=3, turns=n) for n in (0, 1)]
    examples = ConcatDataset(parts)
    told = batching.lengths(examples)
    assert len(told) == len(examples)
    texts = [
        bundle.processor.tokenizer.decode(example["input_ids"][0], skip_special_tokens=True)
        for example in examples
    ]
    assert [len(text) for text in texts] == told.tolist()
