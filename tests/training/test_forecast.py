"""The forecast counts the bytes of weights, gradients, optimiser state and activations."""

import gc
import itertools
from dataclasses import replace

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests import tiny
from tests.loading.test_lora import examples
from vlm.config import AdapterConfig, TrainConfig
from vlm.loading import lora
from vlm.system import memory
from vlm.training import forecast

CPU = torch.device("cpu")


def test_weights_are_counted_by_number_format() -> None:
    model = lora.attach(tiny.bundle().model.bfloat16(), AdapterConfig(rank=4))
    sizes = forecast.weight_bytes(model)
    trainable = [p for p in model.parameters() if p.requires_grad]
    assert sizes["trainable float32"] == 4 * sum(p.numel() for p in trainable)
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    assert sizes["frozen bfloat16"] == 2 * frozen
    assert set(sizes) == {"trainable float32", "frozen bfloat16"}


def test_gradients_and_moments_are_counted_for_trainable_weights() -> None:
    bundle = tiny.bundle()
    model = lora.attach(bundle.model, AdapterConfig(rank=4))
    example = {name: value[:1] for name, value in examples(bundle).items()}
    config = TrainConfig(batch_size=3)
    sizes = forecast.memory_by_use(model, example, config)
    assert sizes["gradients"] == sizes["trainable float32"]
    assert sizes["optimiser"] == 2 * sizes["gradients"]
    small = forecast.memory_by_use(model, example, replace(config, optimiser="paged_adamw_8bit"))
    assert small["optimiser"] == sizes["optimiser"] / 4
    one = forecast.memory_by_use(model, example, replace(config, batch_size=1))
    assert sizes["activations"] == 3 * one["activations"]
    less = forecast.memory_by_use(model, example, replace(config, checkpointing=True))
    assert less["activations"] < sizes["activations"]


def test_tensors_saved_by_autograd_are_counted() -> None:
    """For y = w2 relu(w1 x): the inputs of both layers; relu saves the second one, its result."""

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = torch.nn.Linear(8, 32), torch.nn.Linear(32, 1)

        def forward(self, inputs):
            self.loss = self.two(self.one(inputs).relu()).sum()
            return self

    assert forecast._saved_bytes(Net(), {"inputs": torch.zeros(5, 8)}) == 4 * (5 * 8 + 5 * 32)


@pytest.mark.skipif(not memory._PROCESS.exists(), reason="only Linux reports it")
def test_the_peak_memory_of_a_step_is_measured() -> None:
    before = memory.current(CPU)
    peak = memory.measure_peak(lambda: torch.ones(50_000_000).sum(), CPU)
    assert before + 150e6 < peak < before + 400e6
    assert 0 < memory.available(CPU) and memory.current(CPU) < before + 100e6


def test_counting_activations_frees_them() -> None:
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(**shape, num_hidden_layers=1, vocab_size=8192))
    example = {name: torch.arange(250)[None] for name in ("input_ids", "labels")}
    forecast.activation_bytes(model, example, checkpointing=True)
    gc.collect()
    shapes = [
        tuple(tensor.shape) for tensor in gc.get_objects() if isinstance(tensor, torch.Tensor)
    ]
    assert not [sizes for sizes in shapes if sizes[-2:] in ((250, 8192), (249, 8192))]


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_activations_match_the_peak_of_a_backward_pass(checkpointing: bool) -> None:
    """Compared with the allocator's record, with logits as dominant as in a real model."""
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
    config = LlamaConfig(**shape, num_hidden_layers=4, vocab_size=8192, tie_word_embeddings=True)
    model = LlamaForCausalLM(config)
    example = {name: torch.arange(256)[None] for name in ("input_ids", "labels")}
    expected = forecast.activation_bytes(model, example, checkpointing)
    model(**example).loss.backward()  # from now on, the gradients exist
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    with torch.profiler.profile(profile_memory=True) as profile:
        model(**example).loss.backward()
    sizes = [event.nbytes() for event in by_time(profile) if event.name() == "[memory]"]
    assert max(itertools.accumulate(sizes)) == pytest.approx(expected, rel=0.1)


def by_time(profile: torch.profiler.profile) -> list:
    return sorted(profile.profiler.kineto_results.events(), key=lambda event: event.start_ns())


def test_of_packed_answers_only_the_logits_before_labels_are_counted() -> None:
    model = tiny.bundle().model
    example = {"input_ids": torch.zeros(1, 50, dtype=torch.long)}
    words = model.get_input_embeddings().weight.shape[0]
    assert forecast._logit_bytes(model, example) == 4 * 50 * words
    packed = example | {"logits_to_keep": torch.arange(50)[None] < 7}
    assert forecast._logit_bytes(model, packed) == 4 * 7 * words
