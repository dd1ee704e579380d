"""Products of the fashion data set on other backgrounds, lit as in a phone photo."""

import hashlib
import io
from pathlib import Path

import torch
from PIL import Image

from vlm.data import cifar10, fashion
from vlm.data.images import BadImage, open_image
from vlm.data.views.compose import compose, product_mask, to_tensor
from vlm.errors import UserError
from vlm.types import Dataset, Record

NAME = "composited"
SIDE, SCENES = 224, 500  # pixels of a picture; number of scenes used as backgrounds
QUALITY = 90  # JPEG, as phones save it


def load(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """Load the product photographs of a split that have a plain background, each on another one.

    A picture's background, position and light depend on its id alone. Scenes come from the same
    split of CIFAR-10; without that data set there are only colours, gradients and textures.

    Args:
        path: folder of the fashion data set.

    Raises:
        UserError: when the fashion data set is not found.
    """
    products = fashion.load(split, path, limit)
    scenes = _load_scenes(split)
    records, problems = [], list(products.problems)
    for record in products.records:
        image = _composed_jpeg(record, scenes)
        if image:
            records.append(Record(record.id, image, record.turns, record.facts))
        else:
            problems.append(f"picture {record.id}: its background is not plain")
    return Dataset(f"{NAME}/{split}", tuple(records), tuple(problems))


def _load_scenes(split: str) -> torch.Tensor | None:
    """Return CIFAR-10 pictures, uint8[S, 3, 32, 32], None if the data set is not available."""
    try:
        records = cifar10.load(split, limit=SCENES).records
    except UserError:
        return None
    return torch.stack([to_tensor(open_image(record.image)) for record in records])


def _composed_jpeg(record: Record, scenes: torch.Tensor | None) -> bytes | None:
    """Return the composed picture as JPEG, None if the product cannot be cut out."""
    try:
        pixels = to_tensor(open_image(record.image).resize((SIDE, SIDE)))
    except BadImage:
        return None
    mask = product_mask(pixels)
    if mask is None:
        return None
    seed = int(hashlib.sha256(record.id.encode()).hexdigest()[:8], 16)
    picture = compose(pixels, mask, SIDE, seed, scenes).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
