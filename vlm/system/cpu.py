"""What makes training on a CPU faster."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def attention_by_products(device: torch.device) -> Iterator[None]:
    """Compute attention by matrix products on a CPU; other devices keep torch's choice.

    The gradient of torch's fused attention is slow on a CPU in bfloat16 (`bench/training_step.py`).
    """
    if device.type != "cpu":
        yield
        return
    with sdpa_kernel(SDPBackend.MATH):
        yield
