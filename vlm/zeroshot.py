"""What alignment is good for by itself: naming without a head, and finding the right caption."""

from collections.abc import Sequence
from typing import Any

import torch

from vlm.align import normalised, tokenized
from vlm.data import cifar10, phrases, words
from vlm.metrics import intervals
from vlm.pictures import CAPTIONS, is_product, resized
from vlm.types import Record

BATCH = 128
RANKS = (1, 5)
# attribute -> label -> the sentence that a picture of it is held against
CLASSES: dict[str, dict[str, str]] = {
    "articleType": {k: f"A {phrases.describe_kind(k)}." for k in words.SINGULAR},
    "baseColour": {k: f"The item is {phrases.describe_colour(k)}." for k in words.COLOURS},
    "gender": {k: f"It is for {gender.people}." for k, gender in words.GENDERS.items()},
    "usage": {k: f"It is for {usage.occasions[0]}." for k, usage in words.USAGES.items()},
    "kind": {k: f"A picture of {phrases.with_article(k)}." for k in cifar10.KINDS},
}


@torch.inference_mode()
def measure(model, tokenizer, records: Sequence[Record], size: int) -> dict[str, Any]:
    """Zero-shot accuracy of each attribute and image-to-text retrieval, percent.

    Args:
        model: an `align.AlignModel`.
        size: side of a picture, pixels.

    Returns:
        `zeroshot`: attribute -> mean, low, high, n; `retrieval`: R@1 and R@5 of the first
        description among those of all records of its data set; a description that reads the same
        is as right.
    """
    model = model.eval()
    images = _images(model, records, size)  # [n, E]
    named = {name: _named(model, tokenizer, images, records, name) for name in CLASSES}
    found = {name: intervals.mean(rows).row() for name, rows in named.items() if rows}
    return {"zeroshot": found, "retrieval": _retrieval(model, tokenizer, images, records)}


def _images(model, records: Sequence[Record], size: int) -> torch.Tensor:
    rows, device = [], next(model.parameters()).device
    for start in range(0, len(records), BATCH):
        some = [resized(record, size) for record in records[start : start + BATCH]]
        pixels = normalised(torch.stack(some).to(device))
        rows.append(model.embed_images(model.pooled(pixels)).cpu())
    return torch.cat(rows)


def embed(model, tokenizer, texts: Sequence[str]) -> torch.Tensor:
    """float[n, E] of texts."""
    rows, device = [], next(model.parameters()).device
    for start in range(0, len(texts), BATCH):
        part = tokenized(tokenizer, texts[start : start + BATCH])
        inputs = (part[name].to(device) for name in ("input_ids", "attention_mask"))
        rows.append(model.embed_texts(*inputs).cpu())
    return torch.cat(rows)


def _named(model, tokenizer, images, records, name: str) -> list[float]:
    """100 for each picture whose own class is nearest, 0 for the others."""
    known = [n for n, record in enumerate(records) if record.facts.get(name) in CLASSES[name]]
    if not known:
        return []
    labels = sorted({records[n].facts[name] for n in known})
    nearest = images[known] @ embed(model, tokenizer, [CLASSES[name][v] for v in labels]).T
    guesses = [labels[n] for n in nearest.argmax(1).tolist()]
    return [100.0 * (records[n].facts[name] == g) for n, g in zip(known, guesses, strict=True)]


def _retrieval(model, tokenizer, images, records) -> dict[str, dict]:
    """R@1 and R@5 of product pictures against all their descriptions."""
    told = {n: turn.answer for n, record in enumerate(records) if is_product(record)
            for turn in record.turns[::-1] if turn.task in CAPTIONS}  # fmt: skip
    if not told:
        return {}
    numbers, texts = list(told), list(told.values())
    scores = images[numbers] @ embed(model, tokenizer, texts).T
    order = scores.topk(min(max(RANKS), len(texts)), 1).indices.tolist()
    found = {}
    for rank in RANKS:
        hits = [100.0 * (texts[row] in {texts[n] for n in best[:rank]})
                for row, best in enumerate(order)]  # fmt: skip
        found[f"R@{rank}"] = intervals.mean(hits).row()
    return found


def table(found: dict[str, Any]) -> str:
    """The figures, one line each."""
    rows = [(f"zero-shot {name}", row) for name, row in found["zeroshot"].items()]
    rows += [(f"picture to text {name}", row) for name, row in found["retrieval"].items()]
    return "\n".join(
        f"{name:24}{row['mean']:7.2f} %  [{row['low']:.1f}, {row['high']:.1f}]  n = {row['n']}"
        for name, row in rows
    )
