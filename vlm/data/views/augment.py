"""Random augmentations that keep a picture's description true: crop, zoom out, flip, brightness."""

import torch
from torchvision.transforms import v2

GREY = 127  # of erased rectangles


def augment(
    pixels: torch.Tensor, size: int, seed: int, product: bool = True, mild: bool = False
) -> torch.Tensor:
    """Return one augmented view, which depends on nothing but the seed.

    Hue and saturation do not change, so that colour words stay correct.

    Args:
        pixels: uint8[3, H, W].
        size: side of the result, in pixels.
        product: True for a product on a white background, which may be extended.
        mild: weaker augmentation for product photos: in crops, things look larger than they do when
            the model is used (Touvron et al., 2019, arXiv 1906.06423).

    Returns:
        uint8[3, size, size].
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _transform(size, product, mild)(pixels)


def random_erase(pixels: torch.Tensor, seed: int, share: float) -> torch.Tensor:
    """Hide a part of the picture, up to a quarter, under a grey rectangle.

    Random erasing (Zhong et al., 2017, arXiv 1708.04896); the same seed gives the same result.

    Args:
        pixels: uint8[3, H, W].
        share: probability that anything is erased, 0 to 1.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(-1 - seed)  # not the seed of the view's crop
        return v2.RandomErasing(p=share, scale=(0.02, 0.25), value=GREY)(pixels)


def _transform(size: int, product: bool, mild: bool) -> v2.Compose:
    max_side = 1.15 if mild else 1.4
    zoom_out = [v2.RandomZoomOut(fill=255, side_range=(1.0, max_side), p=0.3)] if product else []
    min_product_area = 0.8 if mild else 0.55
    min_area = min_product_area if product else 0.7  # scenes are small pictures, so crop less
    return v2.Compose(
        [
            *zoom_out,
            v2.RandomResizedCrop(size, scale=(min_area, 1.0), ratio=(0.75, 1.33), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(brightness=0.15, contrast=0.1),
        ]
    )
