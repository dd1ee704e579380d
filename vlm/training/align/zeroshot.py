"""Zero-shot classification and retrieval with an aligned model."""

from collections.abc import Sequence
from typing import Any

import torch

from vlm.data.grammar import phrases, scenes, words
from vlm.data.views.views import CAPTIONS, is_product, resize
from vlm.evaluation.metrics import intervals
from vlm.training.align.model import tokenize
from vlm.types import Record

BATCH = 128
RANKS = (1, 5)

# attribute -> class -> the prompt whose embedding represents the class
CLASSES: dict[str, dict[str, str]] = {
    "articleType": {k: f"A {phrases.describe_kind(k)}." for k in words.SINGULAR},
    "baseColour": {k: f"The item is {phrases.describe_colour(k)}." for k in words.COLOURS},
    "gender": {k: f"It is for {gender.people}." for k, gender in words.GENDERS.items()},
    "usage": {k: f"It is for {usage.occasions[0]}." for k, usage in words.USAGES.items()},
    "kind": {k: f"A picture of {phrases.with_article(k)}." for k in scenes.KINDS},
}


@torch.inference_mode()
def measure(model, tokenizer, records: Sequence[Record], size: int) -> dict[str, Any]:
    """Return the zero-shot accuracy of each attribute and image-to-text retrieval, percent.

    Args:
        model: an `AlignModel`.
        size: side of a picture, pixels.

    Returns:
        `zeroshot`: attribute -> mean, low, high, n; `retrieval`: R@1 and R@5 of the first
        description among those of all records of the data set; identical descriptions count as
        correct.
    """
    model = model.eval()
    images = _embed_images(model, records, size)  # [n, E]
    hits = {name: _classify(model, tokenizer, images, records, name) for name in CLASSES}
    accuracies = {name: intervals.mean(rows).row() for name, rows in hits.items() if rows}
    return {"zeroshot": accuracies, "retrieval": _retrieve(model, tokenizer, images, records)}


def _embed_images(model, records: Sequence[Record], size: int) -> torch.Tensor:
    """Return float[n, E] of the records' pictures."""
    rows, device = [], next(model.parameters()).device
    for start in range(0, len(records), BATCH):
        pictures = [resize(record, size) for record in records[start : start + BATCH]]
        pixels = model.normalise(torch.stack(pictures).to(device))
        rows.append(model.embed_images(model.encode_images(pixels)).cpu())
    return torch.cat(rows)


def _embed_texts(model, tokenizer, texts: Sequence[str]) -> torch.Tensor:
    """Return float[n, E] of texts."""
    rows, device = [], next(model.parameters()).device
    for start in range(0, len(texts), BATCH):
        tokens = tokenize(tokenizer, texts[start : start + BATCH])
        inputs = (tokens[name].to(device) for name in ("input_ids", "attention_mask"))
        rows.append(model.embed_texts(*inputs).cpu())
    return torch.cat(rows)


def _classify(model, tokenizer, images, records, name: str) -> list[float]:
    """Return 100 for each picture whose own class is the nearest, 0 for the others."""
    labelled = [n for n, record in enumerate(records) if record.facts.get(name) in CLASSES[name]]
    if not labelled:
        return []
    labels = [records[n].facts[name] for n in labelled]
    classes = sorted(set(labels))
    prompts = [CLASSES[name][value] for value in classes]
    similarities = images[labelled] @ _embed_texts(model, tokenizer, prompts).T
    predictions = [classes[n] for n in similarities.argmax(1).tolist()]
    return [100.0 * (label == p) for label, p in zip(labels, predictions, strict=True)]


def _retrieve(model, tokenizer, images, records) -> dict[str, dict]:
    """Return R@1 and R@5 of product pictures against all their descriptions."""
    captions = {
        n: turn.answer
        for n, record in enumerate(records)
        if is_product(record)
        for turn in record.turns[::-1]
        if turn.task in CAPTIONS
    }
    if not captions:
        return {}
    numbers, texts = list(captions), list(captions.values())
    similarities = images[numbers] @ _embed_texts(model, tokenizer, texts).T
    order = similarities.topk(min(max(RANKS), len(texts)), 1).indices.tolist()
    scores = {}
    for rank in RANKS:
        hits = [
            100.0 * (texts[row] in {texts[n] for n in best[:rank]})
            for row, best in enumerate(order)
        ]
        scores[f"R@{rank}"] = intervals.mean(hits).row()
    return scores


def format_table(scores: dict[str, Any]) -> str:
    """Return the scores of `measure` as text, one line each."""
    rows = [(f"zero-shot {name}", row) for name, row in scores["zeroshot"].items()]
    rows += [(f"image to text {name}", row) for name, row in scores["retrieval"].items()]
    return "\n".join(
        f"{name:24}{row['mean']:7.2f} %  [{row['low']:.1f}, {row['high']:.1f}]  n = {row['n']}"
        for name, row in rows
    )
