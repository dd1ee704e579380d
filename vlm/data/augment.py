"""Random views of a picture that keep its description true: crop, zoom out, flip, brightness."""

import torch
from torchvision.transforms import v2

GREY = 127  # of what is hidden


def view(
    pixels: torch.Tensor, size: int, seed: int, product: bool = True, mild: bool = False
) -> torch.Tensor:
    """One augmented view; the same seed gives the same view, whatever was drawn before.

    Hue and saturation stay, so that colour words remain right.

    Args:
        pixels: uint8[3, H, W].
        size: side of the result, in pixels.
        product: it stands on a white ground, so that there may be more of it.
        mild: of a product, nearer to the picture itself: in crops it looks larger than it will
            when the model is used (Touvron et al., 2019, arXiv 1906.06423).

    Returns:
        uint8[3, size, size].
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _transform(size, product, mild)(pixels)


def erased(pixels: torch.Tensor, seed: int, share: float) -> torch.Tensor:
    """A grey rectangle hides a part, up to a quarter, of so many pictures (0 to 1).

    Random erasing (Zhong et al., 2017, arXiv 1708.04896), the same for the same seed.

    Args:
        pixels: uint8[3, H, W].
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(-1 - seed)  # not what the view's own crop was drawn from
        return v2.RandomErasing(p=share, scale=(0.02, 0.25), value=GREY)(pixels)


def _transform(size: int, product: bool, mild: bool) -> v2.Compose:
    most = 1.15 if mild else 1.4
    wider = [v2.RandomZoomOut(fill=255, side_range=(1.0, most), p=0.3)] if product else []
    whole = 0.8 if mild else 0.55
    least = whole if product else 0.7  # share of the picture; of a scene more, for it is small
    return v2.Compose(
        [
            *wider,
            v2.RandomResizedCrop(size, scale=(least, 1.0), ratio=(0.75, 1.33), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(brightness=0.15, contrast=0.1),
        ]
    )
