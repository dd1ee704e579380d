"""Random views of a picture that keep its description true: crop, zoom out, flip, brightness."""

import torch
from torchvision.transforms import v2


def view(pixels: torch.Tensor, size: int, seed: int, product: bool = True) -> torch.Tensor:
    """One augmented view; the same seed gives the same view, whatever was drawn before.

    Hue and saturation stay, so that colour words remain right.

    Args:
        pixels: uint8[3, H, W].
        size: side of the result, in pixels.
        product: it stands on a white ground, so that there may be more of it.

    Returns:
        uint8[3, size, size].
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _transform(size, product)(pixels)


def _transform(size: int, product: bool) -> v2.Compose:
    wider = [v2.RandomZoomOut(fill=255, side_range=(1.0, 1.4), p=0.3)] if product else []
    least = 0.55 if product else 0.7  # share of the picture; of a scene more, for it is small
    return v2.Compose(
        [
            *wider,
            v2.RandomResizedCrop(size, scale=(least, 1.0), ratio=(0.75, 1.33), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(brightness=0.15, contrast=0.1),
        ]
    )
