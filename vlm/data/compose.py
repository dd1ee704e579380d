"""Takes a product off its plain ground and lays it on another one, lit as a phone might see it."""

from random import Random

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

NEAR, EXACT = 14, 3  # grey levels from the ground's colour: joined to the edge, within the thing
HOLE = 0.005  # share of the frame from which on such a place within is a hole
PLAIN = 0.6  # share of the edge that must be ground
AREA = (0.04, 0.85)  # share of the frame that a cut-out may cover; others are not trusted


def tensor_of(picture: Image.Image) -> torch.Tensor:
    """uint8[3, H, W] of an RGB picture."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def mask_of(pixels: torch.Tensor) -> torch.Tensor | None:
    """The mask of a product, uint8[1, H, W], where its ground is plain; see `cut_out`."""
    mask = cut_out(pixels.permute(1, 2, 0).numpy())
    return None if mask is None else torch.from_numpy(mask)[None]


def cut_out(pixels: np.ndarray) -> np.ndarray | None:
    """The product's mask, uint8[H, W], 255 inside; None where its ground is not plain.

    Ground is what has the colour of the frame's edge and is joined to it.

    Args:
        pixels: uint8[H, W, 3].
    """
    from scipy import ndimage

    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.median(edge, axis=0)
    away = np.abs(pixels - colour).max(-1)
    pieces, _ = ndimage.label(away <= NEAR)
    border = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    ground = np.isin(pieces, np.unique(border[border > 0]))
    inside = ndimage.binary_opening(~(ground | _holes(away <= EXACT)))
    if not AREA[0] <= inside.mean() <= AREA[1] or (border > 0).mean() < PLAIN:
        return None
    soft = ndimage.gaussian_filter(inside.astype(np.float32), 0.7)
    return np.uint8(255 * np.clip(1.6 * soft - 0.6, 0, 1))  # a little inside: no white seam


def _holes(exact: np.ndarray) -> np.ndarray:
    """Larger places of exactly the ground's colour: what is seen through a handle."""
    from scipy import ndimage

    pieces, _ = ndimage.label(exact)
    sizes = np.bincount(pieces.ravel())
    return (sizes[pieces] > HOLE * exact.size) & exact


def composed(
    pixels: torch.Tensor,
    mask: torch.Tensor,
    size: int,
    seed: int,
    scenes: torch.Tensor | None = None,
) -> torch.Tensor:
    """The product on another ground, moved, turned a little and lit anew; its hue stays.

    Args:
        pixels: uint8[3, H, W].
        mask: uint8[1, H, W], from `cut_out`.
        size: side of the result, in pixels.
        scenes: uint8[S, 3, h, w], small photographs that may be grounds.

    Returns:
        uint8[3, size, size], the same for the same seed.
    """
    draw = Random(seed)
    dice = torch.Generator().manual_seed(seed)
    whole = torch.cat([pixels, mask]).float()[None] / 255
    placed = _placed(whole, size, draw)
    ground = _ground(size, draw, dice, scenes)
    inside = placed[3:]
    depth = draw.uniform(0, 0.5)  # a soft shadow below the thing
    shadow = _blurred(torch.roll(inside, (size // 32, size // 48), (1, 2)), 2 * (size // 24) + 1)
    ground = ground * (1 - depth * shadow)
    picture = inside * placed[:3] + (1 - inside) * ground
    return (255 * _lit(picture, draw, dice)).round().clamp(0, 255).to(torch.uint8)


def _placed(whole: torch.Tensor, size: int, draw: Random) -> torch.Tensor:
    """Colours and mask, float[4, size, size], at a random place, scale and angle."""
    angle, scale = np.radians(draw.uniform(-14, 14)), draw.uniform(0.62, 1.1)
    wide = scale * draw.uniform(0.9, 1.1)
    flip = draw.choice((-1, 1))
    room = max(0.0, 1 - scale) + 0.12
    x, y = draw.uniform(-room, room), draw.uniform(-room, room)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    turn = torch.tensor([[c * flip / wide, s / wide], [-s * flip / scale, c / scale]])
    turn = torch.cat([turn, -turn @ torch.tensor([[x], [y]])], 1)[None]
    grid = torch.nn.functional.affine_grid(turn, (1, 4, size, size), align_corners=False)
    return grid_sample(whole, grid, align_corners=False)[0]


def _ground(size: int, draw: Random, dice: torch.Generator, scenes) -> torch.Tensor:
    """float[3, size, size]: a plain colour, a gradient, a soft or rough texture, or a scene."""
    kind = draw.choice(("plain", "gradient", "soft", "rough", "scene", "scene"))
    one, two = (_colour(draw)[:, None, None] for _ in range(2))
    if kind == "scene" and scenes is not None and len(scenes):
        scene = scenes[draw.randrange(len(scenes))][None].float() / 255
        side = draw.randint(scene.shape[-1] // 2, scene.shape[-1])
        top, left = (draw.randint(0, scene.shape[-1] - side) for _ in range(2))
        return _enlarged(scene[..., top : top + side, left : left + side], size)
    if kind == "gradient":
        ramp = torch.linspace(0, 1, size).expand(1, size, size)
        ramp = ramp if draw.random() < 0.5 else ramp.transpose(1, 2)
        return one + (two - one) * ramp
    if kind in ("soft", "rough"):
        cells = draw.choice((3, 6)) if kind == "soft" else draw.choice((24, 48))
        field = _enlarged(torch.rand(1, 1, cells, cells, generator=dice), size)
        return one + (two - one) * field * draw.uniform(0.2, 0.8)
    return one.expand(3, size, size)


def _colour(draw: Random) -> torch.Tensor:
    """Grounds are mostly muted: a grey with some colour in it."""
    grey, strength = draw.uniform(0.08, 1), draw.choice((0.06, 0.2, 0.5))
    return torch.tensor([grey + strength * draw.uniform(-1, 1) for _ in range(3)]).clamp(0, 1)


def _enlarged(picture: torch.Tensor, size: int) -> torch.Tensor:
    return interpolate(picture, (size, size), mode="bilinear", align_corners=False)[0]


def _blurred(field: torch.Tensor, width: int) -> torch.Tensor:
    return avg_pool2d(field[None], width, 1, width // 2, count_include_pad=False)[0]


def _lit(picture: torch.Tensor, draw: Random, dice: torch.Generator) -> torch.Tensor:
    """Light from one side, a trace of a colour cast, sensor noise, sometimes out of focus."""
    size = picture.shape[-1]
    ramp = torch.linspace(-1, 1, size)
    slant = draw.uniform(-0.12, 0.12) * ramp[None, :] + draw.uniform(-0.12, 0.12) * ramp[:, None]
    cast = torch.tensor([draw.uniform(0.97, 1.03) for _ in range(3)])[:, None, None]
    picture = picture * (draw.uniform(0.82, 1.12) + slant) * cast
    if draw.random() < 0.3:
        picture = _blurred(picture, 3)
    noise = torch.randn(picture.shape, generator=dice) * draw.uniform(0, 0.03)
    return picture + noise
