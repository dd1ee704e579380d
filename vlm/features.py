"""Frozen features, computed once: 40 epochs run the vision tower over each view one time only.

A store is one memory-mapped file named by a hash of pictures, tower, preprocessing and views, so
that it is found again when nothing changed and made anew when anything did.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset as TorchDataset
from tqdm import tqdm

from vlm import encoding, runs
from vlm.data.augment import view
from vlm.data.images import open_image
from vlm.types import Bundle, Record

BATCH = 64
REMEMBER = 200_000  # encoded texts kept in memory, about 2 kB each


def compute(bundle: Bundle, records: Sequence[Record], folder: Path, views: int = 0) -> np.memmap:
    """What enters the projector, for every picture.

    Args:
        views: random views of each picture besides the plain one.

    Returns:
        float16[1 + views, n, N, Dv]; [0] is the plain picture. An interrupted computation goes on
        where it stopped.
    """
    key = fingerprint(bundle, records, views)
    done, partial = folder / f"{key}.npy", folder / f"{key}.partial.npy"
    if not done.exists():
        with runs.room(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _fill(bundle, records, views, partial)
            partial.rename(done)
            partial.with_suffix(".json").unlink(missing_ok=True)
    return np.load(done, mmap_mode="r")


def fingerprint(bundle: Bundle, records: Sequence[Record], views: int) -> str:
    """Hash of all that the features depend on."""
    digest = hashlib.sha256(json.dumps([views, bundle.model.config.image_features]).encode())
    digest.update(json.dumps(bundle.processor.image_processor.to_dict(), default=str).encode())
    tower = bundle.model.model.vision_tower
    if tower is None:
        digest.update(str(bundle.model.config.patch_size).encode())
    for name, value in tower.state_dict().items() if tower is not None else ():
        digest.update(name.encode())
        digest.update(value.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy())
    for record in records:
        digest.update(_encoded(record.image))
    return digest.hexdigest()[:32]


def _encoded(image) -> bytes:
    if isinstance(image, Image.Image):
        return f"{image.mode} {image.size}".encode() + image.tobytes()
    return image if isinstance(image, bytes) else Path(image).read_bytes()


def _fill(bundle: Bundle, records: Sequence[Record], views: int, path: Path) -> None:
    """Write the features batch by batch; a side file remembers how far it came."""
    progress = path.with_suffix(".json")
    total = len(records) * (1 + views)
    first = json.loads(progress.read_text())["done"] if progress.exists() and path.exists() else 0
    store = None
    for start in tqdm(range(first, total, BATCH), desc="features", unit="batch"):
        numbers = range(start, min(start + BATCH, total))
        features = _batch(bundle, [_picture(records, number) for number in numbers])
        if store is None:
            shape = (1 + views, len(records), *features.shape[1:])
            store = _open(path, shape, fresh=first == 0)
        store.reshape(total, *features.shape[1:])[start : start + len(numbers)] = features
        store.flush()
        runs.write_json(progress, {"done": start + len(numbers)})


def _open(path: Path, shape: tuple[int, ...], fresh: bool) -> np.memmap:
    """The memory-mapped file; its place is taken at once, for a full disk kills whoever maps it."""
    mode = "w+" if fresh else "r+"
    store = np.lib.format.open_memmap(path, mode=mode, dtype=np.float16, shape=shape)
    if fresh and hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return store


def _picture(records: Sequence[Record], number: int) -> Image.Image:
    """Picture number % n, in its plain form first, then in one random view after another."""
    turn, index = divmod(number, len(records))
    picture = open_image(records[index].image)
    if turn == 0:
        return picture
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    seen = view(pixels, min(picture.size), seed=number)
    return Image.fromarray(seen.permute(1, 2, 0).numpy())


@torch.inference_mode()
def _batch(bundle: Bundle, pictures: list[Image.Image]) -> np.ndarray:
    model = bundle.model.eval()
    pixels = bundle.processor.image_processor(pictures, return_tensors="pt")["pixel_values"]
    features = model.model.vision_features(pixels.to(model.device, model.dtype))
    return features.float().cpu().numpy().astype(np.float16)  # [B, N, Dv]


class Examples(TorchDataset):
    """Every turn of every record as a training example on stored features.

    `epochs` passes are laid end to end, so that item i (and the view it shows) depends on i alone
    and a resumed run sees the very same data.
    """

    def __init__(self, processor, records: Sequence[Record], features: np.ndarray, epochs=1.0):
        self.turns = [
            (number, turn) for number, record in enumerate(records) for turn in record.turns
        ]
        self.processor, self.features = processor, features
        self.length = round(len(self.turns) * epochs)
        self.texts: dict[int, dict[str, torch.Tensor]] = {}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        lap, turn = divmod(index, len(self.turns))
        number, _ = self.turns[turn]
        # each turn begins at a view of its own (a multiplicative hash), then takes the next
        shown = ((turn * 2654435761 >> 7) + lap) % len(self.features)
        features = torch.from_numpy(np.array(self.features[shown, number]))[None]
        return {**self._text(turn), "vision_features": features}

    def _text(self, turn: int) -> dict[str, torch.Tensor]:
        if turn not in self.texts:
            if len(self.texts) >= REMEMBER:
                self.texts.clear()
            self.texts[turn] = encoding.encode_text(self.processor, self.turns[turn][1])
        return self.texts[turn]
