"""Choose the images of a data set: some of each class, or a stratified sample."""

from collections.abc import Sequence
from random import Random

from vlm.errors import UserError
from vlm.types import Record

CLASS = ("kind", "articleType")  # facts that name the class, the preferred one first
STRATA = ("articleType", "kind", "baseColour", "gender")


def per_class(records: Sequence[Record], count: int, seed: int = 0) -> list[Record]:
    """Draw `count` images of each class, in the order of the data set.

    Raises:
        UserError: when the images have no class, or a class has fewer.
    """
    classes = _group(records, CLASS[:1]) or _group(records, CLASS[1:])
    if not classes:
        raise UserError("These images have no classes; omit --per-class.")
    smallest = min(classes, key=lambda name: len(classes[name]))
    if len(classes[smallest]) < count:
        size = len(classes[smallest])
        raise UserError(
            f"--per-class is {count}, but {smallest[0]} has only {size} images; use {size} or less."
        )
    samples = (Random(f"{seed}/{key[0]}").sample(rows, count) for key, rows in classes.items())
    return [records[row] for row in sorted(row for rows in samples for row in rows)]


def stratified(records: Sequence[Record], count: int, seed: int = 0) -> list[Record]:
    """Draw `count` images with the same shares of kinds, colours and genders as all of them.

    Each combination gets its share of the images; the rest goes to those with the largest
    remainders (Hamilton's method), within each kind first, so that kinds keep their shares.

    Raises:
        UserError: when there are fewer images.
    """
    if count > len(records):
        raise UserError(
            f"The sample is {count:,} images, but there are only {len(records):,}; use a smaller "
            "--sample."
        )
    kinds = _group(records, STRATA[:2], complete=False)
    chosen: list[int] = []
    for kind, kind_count in _shares(_sizes(kinds), count).items():
        rows = kinds[kind]
        cells = _group([records[row] for row in rows], STRATA[2:], complete=False)
        for cell, cell_count in _shares(_sizes(cells), kind_count).items():
            cell_rows = [rows[number] for number in cells[cell]]
            chosen += Random(f"{seed}/{kind}/{cell}").sample(cell_rows, cell_count)
    return [records[row] for row in sorted(chosen)]


def _sizes(groups: dict[tuple[str, ...], list[int]]) -> dict[tuple[str, ...], int]:
    return {key: len(rows) for key, rows in groups.items()}


def _shares(sizes: dict[tuple[str, ...], int], count: int) -> dict[tuple[str, ...], int]:
    """Divide `count` in proportion to the sizes, rounding up the largest remainders."""
    total = sum(sizes.values())
    exact = {key: size * count / total for key, size in sizes.items()}
    shares = {key: int(share) for key, share in exact.items()}
    by_remainder = sorted(exact, key=lambda key: (shares[key] - exact[key], key))
    for key in by_remainder[: count - sum(shares.values())]:
        shares[key] += 1
    return shares


def _group(
    records: Sequence[Record], keys: tuple[str, ...], complete: bool = True
) -> dict[tuple[str, ...], list[int]]:
    """Group the rows by their values; with `complete`, skip records that lack one."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, record in enumerate(records):
        values = tuple(record.facts.get(key, "") for key in keys)
        if all(values) or not complete:
            groups.setdefault(values, []).append(row)
    return groups
