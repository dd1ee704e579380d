"""The attributes of pictures that a classifier can predict, their classes and class numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence

from vlm.types import IGNORE_INDEX, Record

ATTRIBUTES = ("articleType", "subCategory", "baseColour", "gender", "usage", "season")
ATTRIBUTES += ("pattern", "neckline", "sleeve", "fit", "material", "style")
ATTRIBUTES += ("kind", "colour", "ground")
MIN_COUNT = 5  # rarer values do not become a class


def attribute_values(
    records: Sequence[Record], names: Sequence[str] = ATTRIBUTES
) -> dict[str, list[str]]:
    """Return the classes of each attribute: its values that occur at least `MIN_COUNT` times.

    Attributes with fewer than two classes are left out.
    """
    classes = {}
    for name in names:
        counts = Counter(record.facts[name] for record in records if name in record.facts)
        classes[name] = sorted(value for value, count in counts.items() if count >= MIN_COUNT)
    return {name: values for name, values in classes.items() if len(values) > 1}


def class_labels(record: Record, values: Mapping[str, Sequence[str]]) -> list[int]:
    """Return the record's class number for each attribute, `IGNORE_INDEX` where it has none."""
    facts = [record.facts.get(name) for name in values]
    return [
        classes.index(fact) if fact in classes else IGNORE_INDEX
        for fact, classes in zip(facts, values.values(), strict=True)
    ]
