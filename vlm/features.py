"""Frozen features, computed once: 40 epochs run the vision tower over each view one time only.

A store is one memory-mapped file named by a hash of pictures, tower, preprocessing and views, so
that it is found again when nothing changed and made anew when anything did.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Subset
from tqdm import tqdm

from vlm import encoding, runs, runtime
from vlm.mixture import encoded
from vlm.pictures import Views, is_product
from vlm.types import Bundle, Record

BATCH = 64
LAYOUT = 2  # of the file: [n, 1 + views, N, Dv]
REMEMBER = 200_000  # encoded texts kept in memory, about 2 kB each


def compute(
    bundle: Bundle,
    records: Sequence[Record],
    folder: Path,
    views: int = 0,
    grounds: torch.Tensor | None = None,
    mild: bool = False,
    workers: int = 0,
) -> np.memmap:
    """What enters the projector, for every picture.

    Args:
        views: random views of each picture besides the plain one.
        grounds: uint8[S, 3, h, w], photographs that products are laid on in half of the views.
        mild: random views of products that are nearer to their pictures.
        workers: processes that make the views, 0 = this one.

    Returns:
        float16[1 + views, n, N, Dv]; [0] is the plain picture. An interrupted computation goes on
        where it stopped.
    """
    key = fingerprint(bundle, records, views, grounds, mild)
    done, partial = folder / f"{key}.npy", folder / f"{key}.partial.npy"
    if not done.exists():
        with runs.room(folder), _alone(folder, key):
            if not done.exists():
                shown = Views(bundle.processor, records, grounds, mild)
                _fill(bundle, shown, views, partial, workers)
                partial.rename(done)
                partial.with_suffix(".json").unlink(missing_ok=True)
    return np.load(done, mmap_mode="r").swapaxes(0, 1)


@contextlib.contextmanager
def _alone(folder: Path, key: str) -> Iterator[None]:
    """Of several trainings on the same features one computes them, the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{key}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another training computes these features; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):  # Windows: another one waits
            Path(lock.lock_file).unlink()


def fingerprint(bundle: Bundle, records: Sequence[Record], views: int, grounds=None, mild=False):
    """Hash of all that the features depend on, in hexadecimal; arguments as for `compute`."""
    digest = hashlib.sha256(
        json.dumps([LAYOUT, views, bundle.model.config.image_features]).encode()
    )
    if views and grounds is not None:
        digest.update(grounds.numpy().tobytes())
    if views and mild:
        digest.update(b"mild")
    digest.update(json.dumps(bundle.processor.image_processor.to_dict(), default=str).encode())
    tower = bundle.model.model.vision_tower
    if tower is None:
        digest.update(str(bundle.model.config.patch_size).encode())
    for name, value in tower.state_dict().items() if tower is not None else ():
        digest.update(name.encode())
        digest.update(value.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy())
    for record in records:
        digest.update(encoded(record.image))
        digest.update(b"product" if views and is_product(record) else b"")
    return digest.hexdigest()[:32]


def _fill(bundle: Bundle, view: Views, views: int, path: Path, workers: int) -> None:
    """Write the features batch by batch; a side file remembers how far it came."""
    progress, count, every = path.with_suffix(".json"), len(view.records), 1 + views
    inputs = _Inputs(bundle, view, count * every, every)
    done = json.loads(progress.read_text())["done"] if progress.exists() and path.exists() else 0
    rest = Subset(inputs, range(done, len(inputs)))
    loader = runtime.loader(rest, BATCH, workers, torch.as_tensor)
    model, store = bundle.model.eval(), None
    for pixels in tqdm(loader, desc="features", unit="batch"):
        features = _features(model, pixels)
        if store is None:
            store = _open(path, (count, every, *features.shape[1:]), fresh=done == 0)
        end = done + len(features)
        store.reshape(-1, *features.shape[1:])[done:end] = features
        store.flush()
        runs.write_json(progress, {"done": end})
        done = end


def _open(path: Path, shape: tuple[int, ...], fresh: bool) -> np.memmap:
    """The memory-mapped file; its place is taken at once, for a full disk kills whoever maps it."""
    mode = "w+" if fresh else "r+"
    store = np.lib.format.open_memmap(path, mode=mode, dtype=np.float16, shape=shape)
    if fresh and hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return store


class _Inputs(TorchDataset):
    """pixel_values of every view of every picture, one after another."""

    def __init__(self, bundle: Bundle, view: Views, total: int, every: int):
        self.process, self.view = bundle.processor.image_processor, view
        self.total, self.every = total, every

    def __len__(self) -> int:
        return self.total

    def __getitems__(self, numbers: list[int]) -> torch.Tensor:
        pictures = [self.view(*divmod(number, self.every)) for number in numbers]
        return self.process(pictures, return_tensors="pt")["pixel_values"]


@torch.inference_mode()
def _features(model, pixels: torch.Tensor) -> np.ndarray:
    """float16[B, N, Dv] of what the image processor gives."""
    pixels = pixels.contiguous(memory_format=torch.channels_last)  # a quarter less time on a CPU
    features = model.model.vision_features(pixels.to(model.device, model.dtype))
    return features.float().cpu().numpy().astype(np.float16)


class Examples(TorchDataset):
    """The turns of every record as training examples on stored features.

    `epochs` passes are laid end to end, so that item i (and the view it shows) depends on i alone
    and a resumed run sees the very same data.

    Args:
        features: float16[views, n, N, Dv], from `compute`.
        turns: how many turns of a record come in one pass, 0 = all; the next pass takes the next.
    """

    def __init__(
        self, processor, records: Sequence[Record], features: np.ndarray, epochs=1.0, turns=0
    ):
        self.processor, self.features = processor, features
        self.turns = [(number, turn) for number, r in enumerate(records) for turn in r.turns]
        counts = [len(record.turns) for record in records]
        self.starts = list(accumulate(counts, initial=0))  # of each record's turns
        self.slots = [
            (number, place)
            for number, count in enumerate(counts)
            for place in range(min(turns, count) if turns else count)
        ]
        self.per_pass = turns
        self.length = round(len(self.slots) * epochs)
        self.drawn = np.random.default_rng(0).permutation(len(self.slots))
        self.text = lru_cache(maxsize=REMEMBER)(self._text)

    def __len__(self) -> int:
        return self.length

    def lengths(self) -> np.ndarray:
        """int[n]: characters of each example, for `batching`."""
        sizes = np.array([turn.characters for _, turn in self.turns])
        return sizes[[self._place(index)[1] for index in range(self.length)]]

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        number, turn, shown = self._place(index)
        return {**self.text(turn), **self._seen(number, shown)}

    def _seen(self, number: int, shown: int) -> dict[str, torch.Tensor]:
        """What a view of a picture gives the model."""
        features = torch.from_numpy(np.array(self.features[shown, number]))[None]
        return {"vision_features": features}

    def _place(self, index: int) -> tuple[int, int, int]:
        """Which record, which turn, and which view it shows."""
        lap, slot = divmod(index, len(self.slots))
        whole = (lap + 1) * len(self.slots) <= self.length
        number, place = self.slots[slot if whole else self.drawn[slot]]  # a part is drawn from all
        first, end = self.starts[number : number + 2]
        count = end - first
        taken = lap * (min(self.per_pass, count) or count) + place
        offset = _mixed(number) if self.per_pass else 0  # or all would begin with the same task
        turn = first + (taken + offset) % count
        # each turn begins at a view of its own, then takes the next
        return number, turn, (_mixed(turn) + taken // count) % len(self.features)

    def _text(self, turn: int) -> dict[str, torch.Tensor]:
        return encoding.encode_text(self.processor, self.turns[turn][1])


class Live(Examples):
    """The same examples on pixels, for a tower that learns: its features cannot be stored.

    Args:
        views: random views of each picture besides the plain one, as for `compute`.
    """

    def __init__(self, bundle, records, views: int, grounds=None, epochs=1.0, turns=0, mild=False):
        super().__init__(bundle.processor, records, range(1 + views), epochs, turns)
        self.view = Views(bundle.processor, records, grounds, mild)

    def _seen(self, number: int, shown: int) -> dict[str, torch.Tensor]:
        picture = self.view(number, shown)
        return dict(self.processor.image_processor([picture], return_tensors="pt"))


def _mixed(number: int) -> int:
    """A multiplicative hash (Knuth)."""
    return number * 2654435761 >> 7
