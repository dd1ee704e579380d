"""Pseudo-labels: what a linear probe predicts from stored features, taught to the decoder.

Where a picture is between two classes, its description, JSON object and single answers may
disagree. So a probe is fitted to the frozen features, and it labels new inputs: mixtures of the
features of two similar pictures (mixup; Zhang et al., 2018, arXiv 1710.09412). The decoder sees
ambiguous inputs in training, each with consistent answers (distillation; Beyer et al., 2022, arXiv
2106.05237).

The views of real pictures can be labelled in the same way, so that only what is visible matters.

Product metadata contains few of the visible details. Those that the probe predicts with confidence
are added to the answers to questions about all details (pseudo-labels; Lee, 2013).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from vlm.data import attributes
from vlm.data.grammar import products
from vlm.data.grammar.choose import grammar_for, make_turns
from vlm.data.grammar.taxonomy import SUBCATEGORY
from vlm.data.mixture import LoadedPart, Mixture
from vlm.loading.towers.heads import embed_names
from vlm.models.projectors import VisualWords
from vlm.system import files
from vlm.training.moda import linear_probe
from vlm.training.moda.linear_probe import Probe, mean_pool
from vlm.types import Bundle, Record

BATCH = 512  # pictures compared at once
CANDIDATES = 32  # random pictures, of which the most similar one is mixed in
MIN_SHARE = 0.3  # of the second picture in a mixture
PRODUCT = "product"
SHARPNESS = 8.0  # initial scale of the visual words' logits; few pictures are between two words
# final scale of the logits of details, which are omitted if unsure, and of all other attributes
DETAIL_SCALE, OTHER_SCALE = 0.25, 3.0

Part = tuple[LoadedPart, np.ndarray]  # records and their features, float16[views, n, N, Dv]


def add_pseudo_labels(
    train: Mixture,
    stores: Sequence[np.ndarray],
    mixtures: int = 0,
    confidence: int = 0,
    relabel: bool = False,
    seed: int = 0,
) -> tuple[Probe, list[Part]]:
    """Fit a probe to all parts; return it and the parts with pseudo-labels, mixtures at the end.

    Args:
        stores: for each part float16[views, n, N, Dv], from `features.compute`.
        mixtures: number of mixtures in percent of the number of pictures, 0 = none.
        confidence: add details that the probe predicts with this probability in percent, 0 = none.
        relabel: label each view of the real pictures with the probe's predictions.
    """
    labelled = [with_product_kind(part.records) for part in train]
    probe = linear_probe.fit(stores, labelled, classes(train.records), seed)
    parts: list[Part] = list(zip(train, stores, strict=True))
    if relabel:
        parts = [relabel_views(probe, *part) for part in parts]
    for (name, records, times), store in zip(train, stores, strict=True):
        count = mixtures * times * len(records) // 100
        mixed, mixed_store = mix(probe, store, records, count, seed)
        parts += [(LoadedPart(name, mixed, 1), mixed_store)] if mixed else []
    if confidence:
        threshold = confidence / 100
        parts = [
            (part._replace(records=add_details(probe, store[0], part.records, threshold)), store)
            for part, store in parts
        ]
    return probe, parts


def classes(records: Sequence[Record]) -> dict[str, list[str]]:
    """Return the classes of each attribute; "product" is added to the kinds of scenes, if any."""
    table = attributes.attribute_values(records)
    if "kind" in table and any("articleType" in record.facts for record in records):
        table["kind"].append(PRODUCT)
    return table


def with_product_kind(records: Sequence[Record]) -> list[Record]:
    """Set the kind of products, so that the probe learns to tell them from other pictures."""
    kind = {"kind": PRODUCT}
    return [
        replace(record, facts=kind | record.facts) if "articleType" in record.facts else record
        for record in records
    ]


def relabel_views(probe: Probe, part: LoadedPart, store: np.ndarray) -> Part:
    """Return each view as a picture of its own, labelled with the probe's predictions."""
    relabelled = []
    for number, view in enumerate(store):
        for record, facts in zip(part.records, probe.predict(mean_pool(view)), strict=True):
            describable = grammar_for(record.facts) is not None
            new = _relabel(record, f"{record.id}/{number}", facts) if describable else record
            relabelled.append(new if new.turns else record)  # a scene predicted as "unknown"
    views = np.ascontiguousarray(store).reshape(1, -1, *store.shape[2:])
    return LoadedPart(part.name, tuple(relabelled), part.times / len(store)), views


def init_visual_words(projector: VisualWords, probe: Probe, bundle: Bundle) -> None:
    """Initialise visual words with the probe's classifier, sharpened, and its class names."""
    embedded, tokenizer = bundle.model.get_input_embeddings().weight, bundle.processor.tokenizer
    with torch.no_grad():
        projector.choose.weight.copy_(SHARPNESS * probe.linear.weight)
        projector.choose.bias.copy_(SHARPNESS * probe.linear.bias)
        for names, embeddings in zip(probe.values.values(), projector.spell, strict=True):
            names = [name.lower() for name in names]
            embeddings.weight.copy_(embed_names(names, embedded, tokenizer)[:, 0].T)


def sharpen_visual_words(projector: VisualWords, attributes: Iterable[str]) -> None:
    """Sharpen trained visual words: only training needs smooth choices (Jang et al., 2017).

    Those of details become softer, because a detail is mentioned only if it is probable.

    Args:
        attributes: the attribute of each group of words, in order.
    """
    parts = (part.split(projector.sizes) for part in projector.choose.parameters())
    with torch.no_grad():
        for name, *group in zip(attributes, *parts, strict=True):
            for part in group:
                part.mul_(DETAIL_SCALE if name in products.DETAIL_KEYS else OTHER_SCALE)


def report(probe: Probe, held_out: Mixture, plain: Sequence[np.ndarray], out: Path) -> None:
    """Print the probe's accuracy on held-out pictures and write it to probe.json.

    Args:
        plain: for each part float16[1, n, N, Dv], features without augmentation.
    """
    scores = {}
    for (name, records, _), store in zip(held_out, plain, strict=True):
        scores[name] = probe.accuracy(store[0], records)
        text = ", ".join(f"{key} {value:.1f} %" for key, value in scores[name].items())
        print(f"Accuracy of a linear probe on {name}: {text}")
    with files.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        files.write_json(out / "probe.json", scores)


def add_details(
    probe: Probe, features: np.ndarray, records: Sequence[Record], threshold: float
) -> tuple[Record, ...]:
    """Return the records with a description of all details, from metadata and the probe.

    Args:
        features: float16[n, N, Dv] of the records' pictures without augmentation.
        threshold: use the probe's predictions of at least this probability.
    """
    predictions = probe.predict(mean_pool(features), threshold)
    return tuple(
        _add_full_description(record, facts)
        for record, facts in zip(records, predictions, strict=True)
    )


def _add_full_description(record: Record, predicted: Mapping[str, str]) -> Record:
    """Return a product with one question about all details, unless no detail is known."""
    if grammar_for(record.facts) is not products.turns:
        return record
    facts = products.possible_details(predicted, record.facts["articleType"]) | record.facts
    if not any(facts.get(key) for key in products.DETAIL_KEYS):
        return record
    others = [turn for turn in record.turns if not products.asks_for_every_detail(turn)]
    return replace(record, turns=(*others, products.full_description(facts, record.id)))


def mix(
    probe: Probe, store: np.ndarray, records: Sequence[Record], count: int, seed: int = 0
) -> tuple[tuple[Record, ...], np.ndarray]:
    """Mix the features of pairs of similar pictures and label them with the probe's predictions.

    A mixture has the attributes of its first picture, which has the greater share. Records whose
    facts no caption grammar can describe are not mixed.

    Args:
        store: float16[views, n, N, Dv] of the records.
        count: the number of mixtures; those without turns are omitted.

    Returns:
        The m records, each with its first picture, and float16[1, m, N, Dv].
    """
    rng = np.random.default_rng(seed)
    describable = np.flatnonzero([grammar_for(record.facts) is not None for record in records])
    if not count or len(describable) < 2:
        return (), store[:1, :0]
    first = rng.choice(describable, count)
    candidates = rng.choice(describable, (count, CANDIDATES))
    second = _most_similar(mean_pool(store[0]), first, candidates)
    share = rng.uniform(MIN_SHARE, 0.5, (count, 1, 1)).astype(np.float32)
    views = rng.integers(len(store), size=(2, count))
    features = (1 - share) * store[views[0], first] + share * store[views[1], second]
    predictions = probe.predict(mean_pool(features))
    mixed = [
        _relabel(records[a], f"{records[a].id}+{records[b].id}/{number}", facts)
        for number, (a, b, facts) in enumerate(zip(first, second, predictions, strict=True))
    ]
    kept = [number for number, record in enumerate(mixed) if record.turns]
    return tuple(mixed[n] for n in kept), features[kept].astype(np.float16)[None]


def _most_similar(pooled: torch.Tensor, first: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return, for each row of candidates, the one whose features are most similar to `first`."""
    unit = normalize(pooled, dim=1)
    chosen = []
    for start in range(0, len(first), BATCH):
        options = torch.from_numpy(candidates[start : start + BATCH])
        anchor = torch.from_numpy(first[start : start + BATCH])
        similarity = torch.einsum("cd,crd->cr", unit[anchor], unit[options])
        similarity[options == anchor[:, None]] = -1  # never the picture itself
        chosen.append(options.gather(1, similarity.argmax(1, keepdim=True))[:, 0])
    return torch.cat(chosen).numpy()


def _relabel(record: Record, id: str, predicted: Mapping[str, str]) -> Record:
    """Return the record with a new id and predicted values for the facts that it has."""
    facts = {key: predicted.get(key, value) for key, value in record.facts.items()}
    group = SUBCATEGORY.get(facts.get("articleType", ""))
    facts |= {"subCategory": group} if group and "subCategory" in facts else {}
    return Record(id, record.image, make_turns(facts, id), facts)
