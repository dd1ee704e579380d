"""Which pictures a data set is made of: all, some of each class, or a fair part of the whole."""

from collections.abc import Sequence
from random import Random

from vlm.errors import UserError
from vlm.types import Record

CLASS = ("kind", "articleType")  # facts that say what class a picture is of
STRATA = ("articleType", "kind", "baseColour", "gender")


def per_class(records: Sequence[Record], count: int, seed: int = 0) -> list[Record]:
    """`count` pictures of each class, drawn by the seed, in the order of the data set.

    Raises:
        UserError: when the pictures have no class, or a class has fewer.
    """
    classes = _groups(records, CLASS[:1]) or _groups(records, CLASS[1:])
    if not classes:
        raise UserError("These pictures have no classes; leave out --per-class.")
    few = min(classes, key=lambda name: len(classes[name]))
    if len(classes[few]) < count:
        raise UserError(
            f"--per-class is {count}, but {few[0]} has {len(classes[few])} pictures; ask for fewer."
        )
    drawn = (
        Random(f"{seed}/{name[0]}").sample(numbers, count) for name, numbers in classes.items()
    )
    return [records[number] for number in sorted(number for some in drawn for number in some)]


def stratified(records: Sequence[Record], count: int, seed: int = 0) -> list[Record]:
    """`count` pictures with the shares of kinds, colours and genders that all of them have.

    Each combination gets its share of the places; what is left over goes to those with the largest
    remainders (Hamilton's method), within each kind first, so that kinds keep theirs.

    Raises:
        UserError: when there are fewer pictures.
    """
    if count > len(records):
        raise UserError(
            f"{count:,} pictures are asked for, {len(records):,} are there; ask for fewer."
        )
    kinds = _groups(records, STRATA[:2], whole=False)
    chosen: list[int] = []
    for name, places in _shares({kind: len(found) for kind, found in kinds.items()}, count).items():
        inside = _groups([records[number] for number in kinds[name]], STRATA[2:], whole=False)
        for cell, room in _shares(
            {key: len(found) for key, found in inside.items()}, places
        ).items():
            numbers = [kinds[name][number] for number in inside[cell]]
            chosen += Random(f"{seed}/{name}/{cell}").sample(numbers, room)
    return [records[number] for number in sorted(chosen)]


def _shares(sizes: dict, count: int) -> dict:
    """Places for each group, in proportion to its size; the largest remainders are rounded up."""
    total = sum(sizes.values())
    exact = {name: size * count / total for name, size in sizes.items()}
    found = {name: int(share) for name, share in exact.items()}
    by_rest = sorted(exact, key=lambda name: (found[name] - exact[name], name))
    for name in by_rest[: count - sum(found.values())]:
        found[name] += 1
    return found


def _groups(
    records: Sequence[Record], keys: tuple[str, ...], whole: bool = True
) -> dict[tuple[str, ...], list[int]]:
    """Numbers of the records by their values; with `whole` those that lack one are left out."""
    found: dict[tuple[str, ...], list[int]] = {}
    for number, record in enumerate(records):
        values = tuple(record.facts.get(key, "") for key in keys)
        if all(values) or not whole:
            found.setdefault(values, []).append(number)
    return found
