"""The average of the weights that the alignment saves, and pictures that grow during it."""

import torch
from torch import nn
from torch.nn.functional import interpolate
from torch.optim.swa_utils import AveragedModel


def moving_average(decay: float):
    """Return a `multi_avg_fn` for AveragedModel: an exponential moving average with warm-up.

    After n steps, the decay is at most (1 + n) / (10 + n), as in TensorFlow's
    ExponentialMovingAverage, because the weights change fast at first.
    """

    def update(averages: list, new: list, steps: torch.Tensor) -> None:
        if not torch.is_floating_point(averages[0]):
            torch._foreach_copy_(averages, new)  # counters
            return
        current_decay = min(decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averages, new, 1 - current_decay)

    return update


class Averaged(nn.Module):
    """A wrapper that trains `live` and evaluates an exponential moving average of its weights.

    It uses progressive resizing (Tan and Le, 2021, arXiv 2104.00298): pictures have the start size
    in the first half of the steps, the mean of start and full size in the third quarter, and full
    size in the last quarter. It takes pictures as bytes and normalises them on the model's device.

    Args:
        live: the model to train.
        steps: forward passes of the whole training.
        start_size: side of the first pictures, pixels; None = always full size.
        decay: of the average, per forward pass.
    """

    def __init__(self, live: nn.Module, steps: int, start_size: int | None = None, decay=0.998):
        super().__init__()
        self.live, self.steps, self.start_size = live, steps, start_size
        self.average = AveragedModel(live, multi_avg_fn=moving_average(decay), use_buffers=True)
        self.average.requires_grad_(False)

    def forward(self, pixel_values, labels, input_ids, attention_mask, groups, words=None) -> dict:
        """Return the live model's loss in training mode, else the average's loss and logits.

        Evaluation also uses the current size, because the tower has not seen larger pictures yet.
        """
        if self.training:
            self.average.update_parameters(self.live)  # after the previous step
        model = self.live if self.training else self.average.module
        pixels = self.resize(pixel_values)
        return model(pixels, labels, input_ids, attention_mask, groups, words)

    def resize(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return the pictures, normalised, at the current size: float[B, 3, h, w]."""
        pixel_values, full = self.live.normalise(pixel_values), pixel_values.shape[-1]
        if not self.start_size or self.start_size >= full:
            return pixel_values
        quarter = 4 * int(self.average.n_averaged) // max(1, self.steps)
        sizes = (self.start_size,) * 2 + ((self.start_size + full) // 2, full)
        side = sizes[min(quarter, 3)]
        if side == full:
            return pixel_values
        return interpolate(pixel_values, (side, side), mode="bilinear", antialias=True)
