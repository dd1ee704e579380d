"""Cut a product out of its plain background and put it on another one, lit as in a phone photo."""

from random import Random

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate

NEAR, EXACT = 14, 3  # grey levels from the background's colour: outside the product, inside it
HOLE = 0.005  # share of the frame; an area of the exact colour larger than this is a hole
PLAIN = 0.6  # share of the frame's edge that must be background
AREA = (0.04, 0.85)  # share of the frame that a product may cover; other masks are not trusted


def to_tensor(picture: Image.Image) -> torch.Tensor:
    """Return an RGB picture as uint8[3, H, W]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def product_mask(pixels: torch.Tensor) -> torch.Tensor | None:
    """Return a product's mask, uint8[1, H, W]; see `foreground_mask`.

    Args:
        pixels: uint8[3, H, W].
    """
    mask = foreground_mask(pixels.permute(1, 2, 0).numpy())
    return None if mask is None else torch.from_numpy(mask)[None]


def foreground_mask(pixels: np.ndarray) -> np.ndarray | None:
    """Return the mask of a product, uint8[H, W], 255 inside; None if its background is not plain.

    The background has the colour of the frame's edge and is connected to it.

    Args:
        pixels: uint8[H, W, 3].
    """
    from scipy import ndimage

    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.median(edge, axis=0)
    distance = np.abs(pixels - colour).max(-1)
    areas, _ = ndimage.label(distance <= NEAR)
    border = np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]])
    background = np.isin(areas, np.unique(border[border > 0]))
    inside = ndimage.binary_opening(~(background | _holes(distance <= EXACT)))
    if not AREA[0] <= inside.mean() <= AREA[1] or (border > 0).mean() < PLAIN:
        return None
    soft = ndimage.gaussian_filter(inside.astype(np.float32), 0.7)
    return np.uint8(255 * np.clip(1.6 * soft - 0.6, 0, 1))  # slightly smaller: no white outline


def _holes(exact: np.ndarray) -> np.ndarray:
    """Return the larger areas of exactly the background's colour, as seen through a handle."""
    from scipy import ndimage

    areas, _ = ndimage.label(exact)
    sizes = np.bincount(areas.ravel())
    return (sizes[areas] > HOLE * exact.size) & exact


def compose(
    pixels: torch.Tensor,
    mask: torch.Tensor,
    size: int,
    seed: int,
    scenes: torch.Tensor | None = None,
) -> torch.Tensor:
    """Put a product on another background, moved, slightly rotated and relit; its hue stays.

    Args:
        pixels: uint8[3, H, W].
        mask: uint8[1, H, W], from `product_mask`.
        size: side of the result, in pixels.
        scenes: uint8[S, 3, h, w], small photographs to use as backgrounds.

    Returns:
        uint8[3, size, size]; the same seed gives the same result.
    """
    rng = Random(seed)
    generator = torch.Generator().manual_seed(seed)
    rgba = torch.cat([pixels, mask]).float()[None] / 255
    product = _placed(rgba, size, rng)
    background = _background(size, rng, generator, scenes)
    alpha = product[3:]
    darkness = rng.uniform(0, 0.5)  # of a soft shadow below the product
    shadow = _blurred(torch.roll(alpha, (size // 32, size // 48), (1, 2)), 2 * (size // 24) + 1)
    background = background * (1 - darkness * shadow)
    picture = alpha * product[:3] + (1 - alpha) * background
    return (255 * _relit(picture, rng, generator)).round().clamp(0, 255).to(torch.uint8)


def _placed(rgba: torch.Tensor, size: int, rng: Random) -> torch.Tensor:
    """Return colours and mask, float[4, size, size], at a random position, scale and angle."""
    angle, scale = np.radians(rng.uniform(-14, 14)), rng.uniform(0.62, 1.1)
    width = scale * rng.uniform(0.9, 1.1)
    flip = rng.choice((-1, 1))
    margin = max(0.0, 1 - scale) + 0.12
    x, y = rng.uniform(-margin, margin), rng.uniform(-margin, margin)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    matrix = torch.tensor([[c * flip / width, s / width], [-s * flip / scale, c / scale]])
    matrix = torch.cat([matrix, -matrix @ torch.tensor([[x], [y]])], 1)[None]
    grid = affine_grid(matrix, (1, 4, size, size), align_corners=False)
    return grid_sample(rgba, grid, align_corners=False)[0]


def _background(size: int, rng: Random, generator: torch.Generator, scenes) -> torch.Tensor:
    """Return float[3, size, size]: a colour, a gradient, a soft or rough texture, or a scene."""
    kind = rng.choice(("plain", "gradient", "soft", "rough", "scene", "scene"))
    first, second = (_muted_colour(rng)[:, None, None] for _ in range(2))
    if kind == "scene" and scenes is not None and len(scenes):
        scene = scenes[rng.randrange(len(scenes))][None].float() / 255
        side = rng.randint(scene.shape[-1] // 2, scene.shape[-1])
        top, left = (rng.randint(0, scene.shape[-1] - side) for _ in range(2))
        return _enlarged(scene[..., top : top + side, left : left + side], size)
    if kind == "gradient":
        ramp = torch.linspace(0, 1, size).expand(1, size, size)
        ramp = ramp if rng.random() < 0.5 else ramp.transpose(1, 2)
        return first + (second - first) * ramp
    if kind in ("soft", "rough"):
        cells = rng.choice((3, 6)) if kind == "soft" else rng.choice((24, 48))
        texture = _enlarged(torch.rand(1, 1, cells, cells, generator=generator), size)
        return first + (second - first) * texture * rng.uniform(0.2, 0.8)
    return first.expand(3, size, size)


def _muted_colour(rng: Random) -> torch.Tensor:
    """Return a grey with some colour in it, as most backgrounds have, float[3]."""
    grey, strength = rng.uniform(0.08, 1), rng.choice((0.06, 0.2, 0.5))
    return torch.tensor([grey + strength * rng.uniform(-1, 1) for _ in range(3)]).clamp(0, 1)


def _enlarged(picture: torch.Tensor, size: int) -> torch.Tensor:
    return interpolate(picture, (size, size), mode="bilinear", align_corners=False)[0]


def _blurred(picture: torch.Tensor, width: int) -> torch.Tensor:
    return avg_pool2d(picture[None], width, 1, width // 2, count_include_pad=False)[0]


def _relit(picture: torch.Tensor, rng: Random, generator: torch.Generator) -> torch.Tensor:
    """Add light from one side, a slight colour cast, sensor noise and sometimes blur."""
    size = picture.shape[-1]
    ramp = torch.linspace(-1, 1, size)
    light = rng.uniform(-0.12, 0.12) * ramp[None, :] + rng.uniform(-0.12, 0.12) * ramp[:, None]
    cast = torch.tensor([rng.uniform(0.97, 1.03) for _ in range(3)])[:, None, None]
    picture = picture * (rng.uniform(0.82, 1.12) + light) * cast
    if rng.random() < 0.3:
        picture = _blurred(picture, 3)
    noise = torch.randn(picture.shape, generator=generator) * rng.uniform(0, 0.03)
    return picture + noise
