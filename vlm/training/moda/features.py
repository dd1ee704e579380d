"""A store of frozen features, so that the vision tower processes each view only once.

A store is one memory-mapped file named by a hash of pictures, tower, preprocessing and views: it is
reused if none of them changed and computed again otherwise.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Subset
from tqdm import tqdm

from vlm.data.images import image_bytes
from vlm.data.views.views import Views, is_product
from vlm.system import files, runtime
from vlm.types import Bundle, Record

BATCH = 64
LAYOUT = 2  # version of the file's layout, [n, 1 + views, N, Dv]


def compute(
    bundle: Bundle,
    records: Sequence[Record],
    folder: Path,
    views: int = 0,
    backgrounds: torch.Tensor | None = None,
    mild: bool = False,
    workers: int = 0,
    half: bool = False,
) -> np.memmap:
    """Return the projector's inputs for every picture, from the store in `folder` if it has them.

    An interrupted computation continues where it stopped.

    Args:
        views: random views of each picture besides the original.
        backgrounds: uint8[S, 3, h, w], backgrounds for products in half of the views.
        mild: weaker augmentation for product photos.
        workers: processes that prepare the views, 0 = this one.
        half: run the tower in bfloat16 where the hardware has it.

    Returns:
        float16[1 + views, n, N, Dv]; [0] is the original picture.

    Raises:
        UserError: if the disk is full.
    """
    half = half and runtime.has_bf16(bundle.model.device)
    key = store_key(bundle, records, views, backgrounds, mild, half)
    done, partial = folder / f"{key}.npy", folder / f"{key}.partial.npy"
    if not done.exists():
        with files.writing(folder), _locked(folder, key):
            if not done.exists():
                viewer = Views(bundle.processor, records, backgrounds, mild)
                _compute_into(partial, bundle, viewer, views, workers, half)
                partial.rename(done)
                partial.with_suffix(".json").unlink(missing_ok=True)
    return np.load(done, mmap_mode="r").swapaxes(0, 1)


@contextlib.contextmanager
def _locked(folder: Path, key: str) -> Iterator[None]:
    """Hold a lock, so that one of several trainings computes the features and the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{key}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another training is computing these features; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):  # on Windows, when another process waits
            Path(lock.lock_file).unlink()


def store_key(
    bundle: Bundle, records: Sequence[Record], views: int, backgrounds=None, mild=False, half=False
) -> str:
    """Return a hash of everything the features depend on, in hex; arguments as for `compute`."""
    config = bundle.model.config
    grid = [config.image_grid] if config.image_features == "grid" else []
    digest = hashlib.sha256(json.dumps([LAYOUT, views, config.image_features, *grid]).encode())
    if views and backgrounds is not None and any(map(is_product, records)):
        digest.update(backgrounds.numpy().tobytes())
    if views and mild:
        digest.update(b"mild")
    if half:
        digest.update(b"bf16")
    digest.update(json.dumps(bundle.processor.image_processor.to_dict(), default=str).encode())
    tower = bundle.model.model.vision_tower
    if tower is None:
        digest.update(str(bundle.model.config.patch_size).encode())
    for name, value in tower.state_dict().items() if tower is not None else ():
        digest.update(name.encode())
        digest.update(value.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy())
    for record in records:
        digest.update(image_bytes(record.image))
        digest.update(b"product" if views and is_product(record) else b"")
    return digest.hexdigest()[:32]


def _compute_into(
    path: Path, bundle: Bundle, viewer: Views, views: int, workers: int, half: bool
) -> None:
    """Write the features batch by batch; a JSON file next to them records the progress."""
    progress, count, per_picture = path.with_suffix(".json"), len(viewer.records), 1 + views
    inputs = _Inputs(bundle, viewer, count * per_picture, per_picture)
    done = (
        json.loads(progress.read_text("utf-8"))["done"]
        if progress.exists() and path.exists()
        else 0
    )
    rest = Subset(inputs, range(done, len(inputs)))
    loader = runtime.data_loader(rest, BATCH, workers, torch.as_tensor)
    model, store = bundle.model.eval(), None
    for pixels in tqdm(loader, desc="features", unit="batch"):
        features = _encode(model, pixels, half)
        if store is None:
            store = _open_store(path, (count, per_picture, *features.shape[1:]), fresh=done == 0)
        end = done + len(features)
        store.reshape(-1, *features.shape[1:])[done:end] = features
        store.flush()
        files.write_json(progress, {"done": end})
        done = end


def _open_store(path: Path, shape: tuple[int, ...], fresh: bool) -> np.memmap:
    """Open the memory-mapped file; reserve its space now, since writing to a full disk is fatal."""
    mode = "w+" if fresh else "r+"
    store = np.lib.format.open_memmap(path, mode=mode, dtype=np.float16, shape=shape)
    if fresh and hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return store


class _Inputs(TorchDataset):
    """The pixel_values of every view of every picture, in order."""

    def __init__(self, bundle: Bundle, viewer: Views, total: int, per_picture: int):
        self.process, self.viewer = bundle.processor.image_processor, viewer
        self.total, self.per_picture = total, per_picture

    def __len__(self) -> int:
        return self.total

    def __getitems__(self, numbers: list[int]) -> torch.Tensor:
        pictures = [self.viewer(*divmod(number, self.per_picture)) for number in numbers]
        return self.process(pictures, return_tensors="pt")["pixel_values"]


@torch.inference_mode()
def _encode(model, pixels: torch.Tensor, half: bool = False) -> np.ndarray:
    """Return the features float16[B, N, Dv] of preprocessed pixels float[B, 3, H, W]."""
    pixels = pixels.contiguous(memory_format=torch.channels_last)  # 25 % faster on a CPU
    with runtime.autocast(model.device, half):
        features = model.model.vision_features(pixels.to(model.device, model.dtype))
    return features.float().cpu().numpy().astype(np.float16)
