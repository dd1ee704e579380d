"""The `labels` writer: descriptions from the metadata, without a model or a network."""

from collections.abc import Iterator, Sequence

from vlm.captioning import labels
from vlm.captioning.writers.base import BATCH_SIZE, Caption, Request
from vlm.errors import UserError

NAME = "labels"


class LabelWriter:
    """As teacher, uses the metadata's descriptions; as refiner, replaces flagged texts by them."""

    name, revision, prompt, batch_size = NAME, "", "", BATCH_SIZE

    def write(self, requests: Sequence[Request]) -> Iterator[Caption]:
        """Yield one caption per request, in order."""
        for record, text in requests:
            try:
                text = labels.refine(record, text) if text else labels.describe(record)
                yield Caption(text, requests=0)
            except UserError:
                yield Caption("", requests=0, fault="no metadata; use a model instead of labels")

    def summary(self) -> str:
        """An empty string: labels cost nothing."""
        return ""
