"""Products of the fashion data set on other grounds, lit as a phone might see them."""

import hashlib
import io
from pathlib import Path

import torch
from PIL import Image

from vlm.data import cifar10, fashion
from vlm.data.compose import composed, mask_of, tensor_of
from vlm.data.images import BadImage, open_image
from vlm.errors import UserError
from vlm.types import Dataset, Record

NAME = "composited"
SIDE, SCENES = 224, 500  # pixels of a picture; how many scenes may be grounds
QUALITY = 90  # of the JPEG, as a phone writes it


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """The product photographs of a split whose ground is plain, each on one other ground.

    Each picture's ground, place and light depend on its id alone. Scenes are of CIFAR-10's same
    split; without that data set there are colours, gradients and textures only.

    Args:
        path: folder of the fashion data set.

    Raises:
        UserError: when the fashion data set is not to be had.
    """
    whole = fashion.load(split, path, limit)
    scenes = _scenes(split)
    records, problems = [], list(whole.problems)
    for record in whole.records:
        image = _image(record, scenes)
        if image:
            records.append(Record(record.id, image, record.turns, record.facts))
        else:
            problems.append(f"picture {record.id}: its ground is not plain")
    return Dataset(f"{NAME}/{split}", tuple(records), tuple(problems))


def _scenes(split: str) -> torch.Tensor | None:
    """uint8[S, 3, 32, 32] of CIFAR-10, None where it is not at hand."""
    try:
        found = cifar10.load(split, limit=SCENES).records
    except UserError:
        return None
    return torch.stack([tensor_of(open_image(record.image)) for record in found])


def _image(record: Record, scenes: torch.Tensor | None) -> bytes | None:
    """The composed picture as JPEG, None where the product cannot be cut out."""
    try:
        pixels = tensor_of(open_image(record.image).resize((SIDE, SIDE)))
    except BadImage:
        return None
    mask = mask_of(pixels)
    if mask is None:
        return None
    seed = int(hashlib.sha256(record.id.encode()).hexdigest()[:8], 16)
    picture = composed(pixels, mask, SIDE, seed, scenes).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
