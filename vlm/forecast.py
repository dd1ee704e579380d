"""What a training will take, measured by one real step, before it is started."""

import math
import time
from collections.abc import Callable

import torch

from vlm import runtime
from vlm.config import TrainConfig
from vlm.types import Bundle


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
    """Time and memory of a training on `count` examples, from one real step on a few of them.

    The model is changed by it.
    """
    model = bundle.model.train()
    learning = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=config.learning_rate)
    batch = collate([examples[i % len(examples)] for i in range(config.batch_size)])
    batch = {name: value.to(model.device) for name, value in batch.items()}
    _step(model, batch, optimiser, config)  # the first one also allocates
    started = time.perf_counter()
    _step(model, batch, optimiser, config)
    seconds = time.perf_counter() - started
    passes = math.ceil(count / config.batch_size)
    if config.max_steps > 0:
        passes = min(passes, config.max_steps * config.accumulation)
    steps = math.ceil(passes / config.accumulation)
    tokens = int(batch["attention_mask"].sum()) / config.batch_size
    supervised = int((batch["labels"] != -100).sum()) / config.batch_size
    return "\n".join(
        [
            f"tokens per example: {tokens:.0f}, of them supervised: {supervised:.0f}, "
            f"image tokens per picture: {bundle.processor.num_image_tokens}",
            f"optimiser steps: {steps:,} of {config.batch_size} x {config.accumulation} examples",
            f"one forward and backward pass: {seconds:.2f} s; whole training: "
            f"{_time(passes * seconds)}",
            f"weights {_bytes(_size(model.parameters()))}, gradients {_bytes(_size(learning))}, "
            f"optimiser {_bytes(2 * _size(learning))}, "
            f"peak memory of this process {runtime.peak_memory(model.device) / 1e9:.2f} GB",
        ]
    )


def _step(model, batch, optimiser, config: TrainConfig) -> None:
    device = model.device
    bf16 = config.bf16 and runtime.has_bf16(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        loss = model(**batch).loss
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    float(loss.detach())  # waits for the device


def _size(tensors) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _bytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.1f} min"
