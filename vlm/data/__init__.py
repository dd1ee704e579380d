"""The data sets by name, each with its `load(split, path, limit) -> Dataset`."""

from pathlib import Path

from vlm.data import cifar10, fashion, folder, scenes
from vlm.data.drawing import dataset as drawn
from vlm.data.folder import hub
from vlm.data.negatives import dataset as negatives
from vlm.types import Dataset


def _composited(split: str = "train", path: str | Path | None = None, limit: int = 0) -> Dataset:
    """Call `composited.load`; torch takes seconds to import, so do it only when needed."""
    from vlm.data.views import composited

    return composited.load(split, path, limit)


OWN = ("folder", "hub")  # data sets of your own, whose columns may have any names
DATASETS = {
    "fashion": fashion.load,
    "cifar10": cifar10.load,
    "folder": folder.load,
    "hub": hub.load,
    "scenes": scenes.load,
    "negatives": negatives.load,
    "drawn": drawn.load,
    "composited": _composited,
}
