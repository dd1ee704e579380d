"""An image classifier beside a model: what it reads from a picture, and its classes by name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from transformers import AutoConfig, AutoModelForImageClassification

from vlm.data.kinds import kinds
from vlm.errors import UserError
from vlm.loading import weights
from vlm.loading.towers.tower import LOAD_ERRORS, SAFE, open_image_processor

UNNAMED = re.compile(r"LABEL_\d+")  # transformers' label of a class without a name
BATCH = 32


@dataclass(frozen=True, eq=False)
class Classifier:
    """An image classifier with a linear last layer.

    Attributes:
        kinds: its classes, in the order of its outputs.
        layer: the last layer, Linear(Dv -> K).
    """

    model: nn.Module
    image_processor: object
    kinds: tuple[kinds.Kind, ...]
    layer: nn.Linear

    @torch.inference_mode()
    def classify(self, pictures: Iterable[Image.Image]) -> Iterator[int]:
        """Yield the most probable class of each RGB picture."""
        rest = iter(pictures)
        while group := list(islice(rest, BATCH)):
            pixels = self.image_processor(group, return_tensors="pt")["pixel_values"]
            yield from self.model(pixel_values=pixels).logits.argmax(-1).tolist()


def load(name: str, table: Path | None = None) -> Classifier:
    """Open an image classifier.

    Args:
        name: a fetched name such as efficientnet-lite0, a folder or a Hub id.
        table: the classes' names and broader kinds, as `kinds.load`; without it, ImageNet's for
            1,000 classes without names or with ImageNet's ids, else the classifier's labels.

    Raises:
        UserError: when it cannot be opened, its last layer is not linear, or the table has another
            number of classes.
    """
    place = weights.resolve(name)
    try:
        config = AutoConfig.from_pretrained(place, trust_remote_code=False)
        model, report = AutoModelForImageClassification.from_pretrained(
            place, dtype=torch.float32, output_loading_info=True, **SAFE
        )
        processor = open_image_processor(place)
        if report["missing_keys"]:  # transformers would initialise them at random
            raise ValueError(f"{place} lacks {sorted(report['missing_keys'])[0]}")
    except LOAD_ERRORS as error:
        raise UserError(
            f"The classifier {name!r} could not be opened; give the folder of an image classifier, "
            f"or {weights.advise(name)}."
        ) from error
    layer = last_linear(model, name)
    classes = _classes(config, layer.out_features, table)
    if len(classes) != layer.out_features:
        raise UserError(
            f"{table} has {len(classes)} classes, but {name} has {layer.out_features}; give a "
            "table with one row for each of its classes."
        )
    return Classifier(model.eval(), processor, classes, layer)


def last_linear(model: nn.Module, name: str) -> nn.Linear:
    """Return the layer that gives the logits.

    Raises:
        UserError: when the last layer with parameters is not linear.
    """
    layers = [part for part in model.modules() if list(part.parameters(recurse=False))]
    if not layers or not isinstance(layers[-1], nn.Linear):
        raise UserError(f"The last layer of {name} is not linear; give another classifier.")
    return layers[-1]


def _classes(config, count: int, table: Path | None) -> tuple[kinds.Kind, ...]:
    """Return the classes from the table, ImageNet's, or the configuration's labels."""
    if table is not None:
        return kinds.load(Path(table))
    labels = [str(config.id2label.get(number, "")) for number in range(count)]
    return kinds.load() if _are_imagenet(labels) else kinds.from_labels(labels)


def _are_imagenet(labels: Sequence[str]) -> bool:
    """Return True for ImageNet's classes in order, by id, WordNet's first name, or no name."""
    imagenet = kinds.load()
    if len(labels) != len(imagenet):
        return False
    first = kinds.imagenet_synonyms()
    return all(
        UNNAMED.fullmatch(label) or label.split(",")[0] in (kind.id, first[kind.id][0])
        for label, kind in zip(labels, imagenet, strict=True)
    )
