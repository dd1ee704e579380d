"""The data sets by name; each loads as `load(split, path, limit) -> Dataset`."""

from pathlib import Path

from vlm.data import cifar10, fashion, folder, negatives
from vlm.types import Dataset


def _composited(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """`composited.load`, without torch's seconds until it is asked for."""
    from vlm.data import composited

    return composited.load(split, path, limit)


DATASETS = {
    "fashion": fashion.load,
    "cifar10": cifar10.load,
    "folder": folder.load,
    "negatives": negatives.load,
    "composited": _composited,
}
