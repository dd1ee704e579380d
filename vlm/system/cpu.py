"""What makes training on a CPU faster."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def attention_by_products(device: torch.device, bf16: bool) -> Iterator[None]:
    """Compute attention by matrix products on a CPU in bfloat16; else torch chooses.

    There the gradient of torch's fused attention is slow (`bench/training_step.py`); in float32 it
    is the faster one.
    """
    if device.type != "cpu" or not bf16:
        yield
        return
    with sdpa_kernel(SDPBackend.MATH):
        yield
