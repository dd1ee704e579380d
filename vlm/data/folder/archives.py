"""Data sets that the library `datasets` reads: WebDataset tars, save_to_disk, the Hub's ids."""

import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vlm.data import source
from vlm.data.tables.rows import Row
from vlm.errors import UserError

if TYPE_CHECKING:
    import datasets

FAULTS = (OSError, ValueError, KeyError, TypeError, RuntimeError, tarfile.TarError)
_TEXTS = ("txt", "caption", "text", "cls", "class")  # WebDataset's parts with a text


def is_saved(path: Path) -> bool:
    """Return True for a folder that `save_to_disk` wrote."""
    return (path / "state.json").is_file() and (path / "dataset_info.json").is_file()


def read_saved(path: Path) -> Iterator[Row]:
    """Yield the rows that `Dataset.save_to_disk` wrote.

    Raises:
        UserError: when they cannot be read.
    """
    import datasets

    try:
        yield from _rows(datasets.load_from_disk(str(path)))
    except FAULTS as error:
        raise UserError(f"{path} is not a readable saved data set ({error}).") from error


def read_tars(files: Sequence[Path]) -> Iterator[Row]:
    """Yield the samples of WebDataset tars.

    Raises:
        UserError: when they cannot be read.
    """
    import datasets

    names = [str(file) for file in files]
    try:
        data = datasets.load_dataset("webdataset", data_files=names, split="train", streaming=True)
        for row in _rows(data):
            yield Row(row.number, _sample(row.cells))
    except FAULTS as error:
        raise UserError(
            f"{files[0]} is not a readable WebDataset tar ({type(error).__name__}); each sample "
            "needs a picture and a text of the same name, such as 1.jpg and 1.txt."
        ) from error


def _sample(cells: dict) -> dict:
    """Return a sample as a row: the fields of its json become columns."""
    fields = cells.get("json")
    fields = fields if isinstance(fields, dict) else {}
    texts = {
        k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v
        for k, v in cells.items()
        if k in _TEXTS
    }
    plain = {key: value for key, value in cells.items() if key not in ("json", "__url__")}
    return {"id": cells.get("__key__")} | plain | fields | texts


def read_hub(name: str, config: str | None, split: str) -> Iterator[Row]:
    """Yield the rows of a split of a data set on the Hub, streamed.

    Raises:
        UserError: when it is not found, or has no such split.
    """
    import datasets

    with _explaining(f"{name} ({config or 'default'}, {split})"):
        yield from _rows(datasets.load_dataset(name, config, split=split, streaming=True))


def hub_splits(name: str, config: str | None) -> list[str]:
    """Return the names of a data set's splits; a `UserError` as from `read_hub`."""
    import datasets

    with _explaining(f"{name} ({config or 'default'})"):
        return datasets.get_dataset_split_names(name, config)


@contextmanager
def _explaining(what: str) -> Iterator[None]:
    """Turn what a data set on the Hub raises into a `UserError`."""
    try:
        yield
    except FAULTS as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{what} could not be read from the Hub: {reason}") from error


def _rows(data: "datasets.Dataset | datasets.IterableDataset") -> Iterator[Row]:
    """Yield rows with encoded pictures and the names of classes."""
    import datasets

    features = data.features or {}
    labels = {k: f for k, f in features.items() if isinstance(f, datasets.ClassLabel)}
    encoded = data.decode(False) if hasattr(data, "decode") else source.undecoded(data)
    for number, cells in enumerate(encoded):
        names = {k: f.int2str(cells[k]) for k, f in labels.items() if cells[k] is not None}
        yield Row(number, dict(cells) | names)
