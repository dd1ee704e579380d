"""What a training will take, measured by one real step, before it is started."""

import math
import time
from collections import Counter
from collections.abc import Callable

import torch

from vlm import memory, runtime
from vlm.config import TrainConfig
from vlm.types import IGNORE_INDEX, Bundle


def parameters(bundle: Bundle) -> str:
    """A table of the parts: parameters in all, and those that learn."""
    lines = [f"{'part':16}{'parameters':>14}{'learning':>14}"]
    parts = dict(bundle.model.model.named_children())
    for name, part in [*parts.items(), ("whole model", bundle.model)]:
        total = sum(p.numel() for p in part.parameters())
        learning = sum(p.numel() for p in part.parameters() if p.requires_grad)
        lines.append(f"{name:16}{total:14,}{learning:14,}")
    return "\n".join(lines)


def published_size(bundle: Bundle) -> str:
    """The count that MODA publishes includes CLIP's text tower, which nothing here ever runs."""
    config = bundle.model.config
    if config.image_features != "projected":
        return ""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    with torch.device("meta"):
        text = CLIPTextModelWithProjection(CLIPTextConfig(projection_dim=config.vision_width))
    unused = sum(p.numel() for p in text.parameters()) + 1  # and CLIP's temperature
    total = sum(p.numel() for p in bundle.model.parameters())
    return f"with CLIP's unused text tower counted: {total + unused:,}"


def forecast(bundle, examples, collate: Callable, config: TrainConfig, count: int) -> str:
    """Time and memory of a training on `count` examples; one real step on a few of them is made.

    The model is changed by it.
    """
    model = bundle.model.train()
    device = model.device
    few = [examples[i % len(examples)] for i in range(config.batch_size)]
    one, batch = (
        {name: value.to(device) for name, value in collate(some).items()} for some in (few[:1], few)
    )
    bf16 = config.bf16 and runtime.has_bf16(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        needed = memory.needed(model, one, config)
    own = max(0, memory.held(device) - memory.weights(model).total())
    if config.checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    optimiser = _optimiser(model, config)
    held = memory.measured(lambda: _step(model, batch, optimiser, bf16), device)
    started = time.perf_counter()
    _step(model, batch, optimiser, bf16)
    seconds = time.perf_counter() - started
    return "\n".join(
        [*_work(model, batch, config, count, seconds), *_sizes(needed, own, held, device)]
    )


def _work(model, batch, config: TrainConfig, count: int, seconds: float) -> list[str]:
    """Tokens, steps and time."""
    passes = math.ceil(count / config.batch_size)
    if config.max_steps > 0:
        passes = min(passes, config.max_steps * config.accumulation)
    steps = math.ceil(passes / config.accumulation)
    tokens = int(batch["attention_mask"].sum()) / config.batch_size
    seen = int((batch["input_ids"] == model.config.image_token_id).sum())
    supervised = int((batch["labels"] != IGNORE_INDEX).sum()) / config.batch_size
    return [
        f"tokens per example: {tokens:.0f}, of them supervised: {supervised:.0f}, "
        f"image tokens per picture: {seen / config.batch_size:.0f}",
        f"optimiser steps: {steps:,} of {config.batch_size} x {config.accumulation} examples",
        f"one step, forward, backward and optimiser: {seconds:.2f} s; whole training: "
        f"{_time(passes * seconds)}",
    ]


def _sizes(needed: Counter, own: int, held: int | None, device: torch.device) -> list[str]:
    """Where the bytes go, what one step took, and whether it fits."""
    listed = ", ".join(f"{name} {_bytes(size)}" for name, size in needed.items())
    total = own + needed.total()
    lines = [f"memory: {listed}; the program itself {_bytes(own)}; together {_bytes(total)}"]
    if held:
        lines.append(f"one step held {_bytes(held)}: the forecast is {total / held - 1:+.0%} off")
    free = memory.available(device)
    if free is not None:
        there = free + (held or total)  # what this program holds now is its own
        verdict = "it fits" if max(total, held or 0) < there else "it does NOT fit"
        lines.append(f"{_bytes(there)} can be had: {verdict}")
    return lines


def _optimiser(model, config: TrainConfig) -> torch.optim.Optimizer:
    """What the Trainer would take, in its plain form."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kind = model.device.type
    if kind == "cuda" and config.optimiser_on(kind) == "paged_adamw_8bit":
        from bitsandbytes.optim import PagedAdamW8bit

        return PagedAdamW8bit(learning, lr=config.learning_rate)
    return torch.optim.AdamW(learning, lr=config.learning_rate)


def _step(model, batch, optimiser, bf16: bool) -> None:
    """As the Trainer makes it: the backward pass outside autocast, which then drops its copies."""
    with torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
        loss = model(**batch).loss
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    float(loss.detach())  # waits for the device


def _bytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.1f} min"
