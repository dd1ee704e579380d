"""The data sets by name; each loads as `load(split, path, limit) -> Dataset`."""

from vlm.data import cifar10, composited, fashion, folder, negatives

DATASETS = {
    "fashion": fashion.load,
    "cifar10": cifar10.load,
    "folder": folder.load,
    "negatives": negatives.load,
    "composited": composited.load,
}
