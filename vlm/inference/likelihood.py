"""Score given answers with one teacher-forced forward pass: logits, targets, mean loss."""

from collections.abc import Mapping

import torch
from torch.nn import functional

from vlm.types import IGNORE_INDEX


@torch.inference_mode()
def forward(model, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the logits of whole training examples, float32[B, T, V] on the CPU.

    Args:
        batch: an example of `encoding.encode`, or several from `encoding.collator`; the labels are
            not passed on.
    """
    inputs = {name: value.to(model.device) for name, value in batch.items() if name != "labels"}
    return model(**inputs).logits.float().cpu()


def next_tokens(labels: torch.Tensor) -> torch.Tensor:
    """Return what each place has to predict, int64[B, T]: the labels shifted left by one."""
    return functional.pad(labels[:, 1:], (0, 1), value=IGNORE_INDEX)


def mean_loss(model, batch: Mapping[str, torch.Tensor]) -> tuple[float, int]:
    """Return the mean loss in nats per supervised token, and the number of those tokens."""
    logits, targets = forward(model, batch).flatten(0, 1), next_tokens(batch["labels"]).flatten()
    loss = functional.cross_entropy(logits, targets, ignore_index=IGNORE_INDEX)
    return loss.item(), int((targets != IGNORE_INDEX).sum())
