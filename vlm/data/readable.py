"""Finds the pictures of a data set that cannot be opened, before anything is trained on it."""

import os
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from vlm.data.images import BadImage, open_image
from vlm.errors import UserError
from vlm.types import Dataset, Record


def readable(dataset: Dataset) -> Dataset:
    """The same data set without the pictures that do not open; each is named with its reason."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(_reason, dataset.records)
        reasons = list(tqdm(answers, "checking pictures", len(dataset.records), leave=False))
    bad = [
        f"picture {record.id}: {reason}"
        for record, reason in zip(dataset.records, reasons, strict=True)
        if reason
    ]
    good = [r for r, reason in zip(dataset.records, reasons, strict=True) if not reason]
    return Dataset(dataset.name, tuple(good), dataset.problems + tuple(bad))


def usable(dataset: Dataset) -> tuple[Record, ...]:
    """The records whose pictures open; what was left out, and why, is printed first.

    Raises:
        UserError: when nothing is left.
    """
    checked = readable(dataset)
    print(checked.report())
    if not checked.records:
        raise UserError(f"{checked.name} has no usable picture; see above, or give more pictures.")
    return checked.records


def _reason(record: Record) -> str:
    try:
        open_image(record.image)
    except BadImage as error:
        return str(error)
    return ""
