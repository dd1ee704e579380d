"""Bytes are counted as they are: weights, what learns, gradients, optimiser, activations."""

import gc
import itertools
from dataclasses import replace

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests import tiny
from tests.test_lora import examples
from vlm import lora, memory
from vlm.config import AdapterConfig, TrainConfig

CPU = torch.device("cpu")


def test_weights_and_what_learns_are_counted_by_number_format() -> None:
    model = lora.attach(tiny.bundle().model.bfloat16(), AdapterConfig(rank=4))
    found = memory.weights(model)
    learning = [p for p in model.parameters() if p.requires_grad]
    assert found["learning float32"] == 4 * sum(p.numel() for p in learning)
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    assert found["frozen bfloat16"] == 2 * frozen
    assert set(found) == {"learning float32", "frozen bfloat16"}


def test_gradients_and_moments_belong_to_what_learns() -> None:
    bundle = tiny.bundle()
    model = lora.attach(bundle.model, AdapterConfig(rank=4))
    example = {name: value[:1] for name, value in examples(bundle).items()}
    config = TrainConfig(batch_size=3)
    found = memory.needed(model, example, config)
    assert found["gradients"] == found["learning float32"]
    assert found["optimiser"] == 2 * found["gradients"]
    small = memory.needed(model, example, replace(config, optimiser="paged_adamw_8bit"))
    assert small["optimiser"] == found["optimiser"] / 4
    one = memory.needed(model, example, replace(config, batch_size=1))
    assert found["activations"] == 3 * one["activations"]
    less = memory.needed(model, example, replace(config, checkpointing=True))
    assert less["activations"] < found["activations"]


def test_activations_are_what_autograd_keeps() -> None:
    """Of y = w2 relu(w1 x): the input of each layer, and relu's result (the same as the second)."""

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = torch.nn.Linear(8, 32), torch.nn.Linear(32, 1)

        def forward(self, seen):
            self.loss = self.two(self.one(seen).relu()).sum()
            return self

    assert memory._kept(Net(), {"seen": torch.zeros(5, 8)}) == 4 * (5 * 8 + 5 * 32)


@pytest.mark.skipif(not memory._PROCESS.exists(), reason="only Linux tells")
def test_what_a_step_holds_is_measured() -> None:
    before = memory.held(CPU)
    held = memory.measured(lambda: torch.ones(50_000_000).sum(), CPU)
    assert before + 150e6 < held < before + 400e6
    assert 0 < memory.available(CPU) and memory.held(CPU) < before + 100e6


def test_counting_activations_leaves_none_of_them_behind() -> None:
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(**shape, num_hidden_layers=1, vocab_size=8192))
    example = {name: torch.arange(250)[None] for name in ("input_ids", "labels")}
    memory.activations(model, example, checkpointing=True)
    gc.collect()
    left = [tuple(found.shape) for found in gc.get_objects() if isinstance(found, torch.Tensor)]
    assert not [sizes for sizes in left if sizes[-2:] in ((250, 8192), (249, 8192))]


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_activations_are_what_a_backward_pass_holds_at_most(checkpointing: bool) -> None:
    """By the allocator's own record, with logits as large beside the rest as a real model's."""
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
    config = LlamaConfig(**shape, num_hidden_layers=4, vocab_size=8192, tie_word_embeddings=True)
    model = LlamaForCausalLM(config)
    example = {name: torch.arange(256)[None] for name in ("input_ids", "labels")}
    expected = memory.activations(model, example, checkpointing)
    model(**example).loss.backward()  # the gradients are there from now on
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    with torch.profiler.profile(profile_memory=True) as seen:
        model(**example).loss.backward()
    sizes = [event.nbytes() for event in by_time(seen) if event.name() == "[memory]"]
    assert max(itertools.accumulate(sizes)) == pytest.approx(expected, rel=0.1)


def by_time(seen: torch.profiler.profile) -> list:
    return sorted(seen.profiler.kineto_results.events(), key=lambda event: event.start_ns())
