"""The teacher-forced forward pass: the model's own loss, token by token."""

import pytest
import torch

from tests import tiny
from vlm.inference import encoding, likelihood
from vlm.types import IGNORE_INDEX, Bundle, Turn

TURNS = [Turn("Why?", "No."), Turn("What colour is it?", "It is red. A red square.")]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny.bundle()


@pytest.fixture(scope="module")
def examples(bundle: Bundle) -> list[dict[str, torch.Tensor]]:
    return [encoding.encode(bundle.processor, tiny.noise(n), t) for n, t in enumerate(TURNS)]


@torch.no_grad()
def test_the_mean_loss_is_the_models_own_bit_for_bit(bundle: Bundle, examples: list) -> None:
    for example in examples:
        loss, count = likelihood.mean_loss(bundle.model, example)
        assert loss == bundle.model(**example).loss.item()
        assert count == int((example["labels"] != IGNORE_INDEX).sum())


@torch.no_grad()
def test_logits_are_float32_of_the_whole_batch(bundle: Bundle, examples: list) -> None:
    batch = encoding.collator(bundle.processor)(examples)
    logits = likelihood.forward(bundle.model, batch)
    assert logits.shape[:2] == batch["input_ids"].shape and logits.dtype == torch.float32
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    assert torch.equal(logits, bundle.model(**inputs).logits)
    assert "labels" in batch


def test_targets_are_the_labels_one_place_later() -> None:
    labels = torch.tensor([[IGNORE_INDEX, IGNORE_INDEX, 5, 6]])
    assert likelihood.next_tokens(labels).tolist() == [[IGNORE_INDEX, 5, 6, IGNORE_INDEX]]
