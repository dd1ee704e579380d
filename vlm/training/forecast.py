"""Forecast the time and memory of a training from one real step."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping

import torch
from torch import nn

from vlm.config import TrainConfig
from vlm.loading import parts
from vlm.system import memory, runtime
from vlm.training.packing import count_tokens
from vlm.types import IGNORE_INDEX, Bundle

BYTES_8BIT = 2  # optimiser state per parameter: two moments of one byte
BYTES_32BIT = 8


def memory_by_use(
    model: nn.Module, example: Mapping[str, torch.Tensor], config: TrainConfig
) -> Counter:
    """Return the bytes of weights by number format, gradients, optimiser state and activations.

    Activations are what the forward pass of one example keeps for its backward pass, times the
    batch size; with checkpointing, those of one block and the inputs of the others. Quantised
    layers are unpacked one at a time.
    """
    sizes = weight_bytes(model)
    for parameter in model.parameters():
        if parameter.requires_grad:
            sizes["gradients"] += parameter.numel() * parameter.element_size()
            sizes["optimiser"] += parameter.numel() * optimiser_bytes(config, parameter.device)
    per_example = activation_bytes(model, example, config.checkpointing)
    sizes["activations"] = config.batch_size * per_example
    if unpacked := max(map(_unpacked_bytes, model.modules()), default=0):
        sizes["an unpacked layer"] = unpacked
    return sizes


def weight_bytes(model: nn.Module) -> Counter:
    """Return the bytes of frozen and trainable weights by number format."""
    sizes: Counter[str] = Counter()
    for parameter in model.parameters():
        kind = str(parameter.dtype).removeprefix("torch.")
        name = f"{'trainable' if parameter.requires_grad else 'frozen'} {kind}"
        sizes[name] += parameter.numel() * parameter.element_size()
        if state := getattr(parameter, "quant_state", None):  # of 4-bit weights
            sizes["scales"] += sum(part.nbytes for part in state.as_dict(packed=True).values())
    return sizes


def _unpacked_bytes(module: nn.Module) -> int:
    """Return the bytes of a quantised layer's weights unpacked to bfloat16, 0 for other modules."""
    packed = isinstance(module, nn.Linear) and not module.weight.is_floating_point()
    return 2 * module.in_features * module.out_features if packed else 0


def optimiser_bytes(config: TrainConfig, device: torch.device) -> int:
    """Return the bytes of optimiser state per parameter."""
    return BYTES_8BIT if "8bit" in config.optimiser_on(device.type) else BYTES_32BIT


def activation_bytes(
    model: nn.Module, example: Mapping[str, torch.Tensor], checkpointing: bool
) -> int:
    """Return the bytes that one example uses when its backward pass starts, at the logits.

    At that time autograd has the logits' log-softmax, its gradient and the logits' gradient, all
    three in float32.
    """
    saved, logits = _saved_bytes(model, example), _logit_bytes(model, example)
    if not checkpointing:
        return saved + 2 * logits
    blocks, width = _decoder_shape(model)
    size = model.get_input_embeddings().weight.element_size()
    block_inputs = blocks * example["input_ids"].numel() * width * size
    return block_inputs + (saved - logits) // blocks + 3 * logits


def _logit_bytes(model: nn.Module, example: Mapping[str, torch.Tensor]) -> int:
    """Return the bytes of an example's logits in float32, of packed answers those before labels."""
    kept = example.get("logits_to_keep")
    count = example["input_ids"].numel() if kept is None else int(kept.sum())
    return 4 * count * model.get_input_embeddings().weight.shape[0]


def _decoder_shape(model: nn.Module) -> tuple[int, int]:
    """Return the decoder's number of blocks and their width."""
    decoder = dict(model.named_modules())[parts.decoder_name(model)]
    config = getattr(decoder, "config", model.config)
    return config.num_hidden_layers, config.hidden_size


def _saved_bytes(model: nn.Module, example: Mapping[str, torch.Tensor]) -> int:
    """Return the bytes of the tensors that autograd saves, each storage once, without weights."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    sizes: dict[int, int] = {}

    def record(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # the tensor itself would keep the graph alive in a reference cycle

    with torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor):
        loss = model.train()(**example).loss  # noqa: F841  kept alive: freed storage is reused
        return sum(sizes.values())


def parameter_table(bundle: Bundle) -> str:
    """Return a table of the model's parts with their parameters, total and trainable."""
    lines = [f"{'part':16}{'parameters':>14}{'trainable':>14}"]
    children = dict(bundle.model.model.named_children())
    for name, part in [*children.items(), ("whole model", bundle.model)]:
        total = sum(p.numel() for p in part.parameters())
        trainable = sum(p.numel() for p in part.parameters() if p.requires_grad)
        lines.append(f"{name:16}{total:14,}{trainable:14,}")
    return "\n".join(lines)


def published_size(bundle: Bundle) -> str:
    """Return the size as MODA publishes it, with CLIP's text tower, which is never used here."""
    config = bundle.model.config
    if config.image_features != "projected":
        return ""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    with torch.device("meta"):
        text = CLIPTextModelWithProjection(CLIPTextConfig(projection_dim=config.vision_width))
    unused = sum(p.numel() for p in text.parameters()) + 1  # and CLIP's temperature
    total = sum(p.numel() for p in bundle.model.parameters())
    return f"including CLIP's unused text tower: {total + unused:,}"


def forecast(bundle, examples, collate: Callable, config: TrainConfig, count: int) -> str:
    """Return the time and memory of a training on `count` examples, measured on one batch.

    This changes the model: it trains on the batch twice.
    """
    model = bundle.model.train()
    device = model.device
    items = [examples[i % len(examples)] for i in range(config.batch_size)]
    one, batch = (
        {name: value.to(device) for name, value in collate(part).items()}
        for part in (items[:1], items)
    )
    with runtime.autocast(device, config.bf16):
        sizes = memory_by_use(model, one, config)
    program = max(0, memory.current(device) - weight_bytes(model).total())
    if config.checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    optimiser = _make_optimiser(model, config)
    peak = memory.measure_peak(lambda: _train_step(model, batch, optimiser, config.bf16), device)
    start = time.perf_counter()
    _train_step(model, batch, optimiser, config.bf16)
    seconds = time.perf_counter() - start
    lines = _format_time(model, batch, config, count, seconds)
    return "\n".join(lines + _format_memory(sizes, program, peak, device))


def _format_time(model, batch, config: TrainConfig, count: int, seconds: float) -> list[str]:
    """Return the lines about tokens, steps and time."""
    passes = math.ceil(count / config.batch_size)
    if config.max_steps > 0:
        passes = min(passes, config.max_steps * config.accumulation)
    steps = math.ceil(passes / config.accumulation)
    tokens = int(count_tokens(batch["attention_mask"])) / config.batch_size
    image_tokens = int((batch["input_ids"] == model.config.image_token_id).sum())
    supervised = int((batch["labels"] != IGNORE_INDEX).sum()) / config.batch_size
    return [
        f"tokens per example: {tokens:.0f} ({supervised:.0f} supervised), "
        f"image tokens per picture: {image_tokens / config.batch_size:.0f}",
        f"optimiser steps: {steps:,} of {config.batch_size} x {config.accumulation} examples",
        f"one step, forward, backward and optimiser: {seconds:.2f} s; whole training: "
        f"{_duration(passes * seconds)}",
    ]


def _format_memory(
    sizes: Counter, program: int, peak: int | None, device: torch.device
) -> list[str]:
    """Return the lines about the bytes by use, the measured peak, and whether the training fits."""
    uses = ", ".join(f"{name} {_megabytes(size)}" for name, size in sizes.items())
    total = program + sizes.total()
    lines = [f"memory: {uses}; the program {_megabytes(program)}; total {_megabytes(total)}"]
    if peak:
        error = f"{total / peak - 1:+.0%}"
        lines.append(f"measured peak of one step {_megabytes(peak)}: forecast error {error}")
    free = memory.available(device)
    if free is not None:
        available = free + (peak or total)  # this program's own memory counts as available
        verdict = "it fits" if max(total, peak or 0) < available else "it does NOT fit"
        lines.append(f"available {_megabytes(available)}: {verdict}")
    return lines


def _make_optimiser(model, config: TrainConfig) -> torch.optim.Optimizer:
    """Return the optimiser that the Trainer would use, without its wrapper."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kind = model.device.type
    if kind == "cuda" and config.optimiser_on(kind) == "paged_adamw_8bit":
        from bitsandbytes.optim import PagedAdamW8bit

        return PagedAdamW8bit(trainable, lr=config.learning_rate)
    return torch.optim.AdamW(trainable, lr=config.learning_rate)


def _train_step(model, batch, optimiser, bf16: bool) -> None:
    """Make one step like the Trainer: backward is outside autocast, which then frees its copies."""
    with runtime.autocast(model.device, bf16):
        loss = model(**batch).loss
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    float(loss.detach())  # waits for the device


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.1f} min"
