"""What a linear probe reads off the stored features, taught to the decoder.

Where a picture lies between two classes, the sentence, the JSON object and the single answers about
it may each fall on another side. So a probe is fitted to the frozen features, and pictures that do
not exist, mixtures of two similar ones (Zhang et al., 2018, arXiv 1710.09412), are described by
what the probe reads there: the decoder meets its doubtful cases in training, with one answer each
(Beyer et al., 2022, arXiv 2106.05237).

The same can be said of every view of a real picture, so that nothing but what is seen decides.

Product names tell few of the details that can be seen. Those that the probe is sure of are told
where a question wants them all (pseudo-labels; Lee, 2013).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from vlm import align, linear_probe, runs
from vlm.data import captions
from vlm.data.folder import grammar, grammar_of
from vlm.data.taxonomy import SUBCATEGORY
from vlm.linear_probe import Probe, pooled
from vlm.mixture import Loaded, Mixture
from vlm.models.projectors import VisualWords
from vlm.types import Bundle, Record

BATCH = 512  # pictures that are compared at once
RIVALS = 32  # pictures among which the most similar one is mixed in
LEAST = 0.3  # share of the lesser picture in a mixture
PRODUCT = "product"
SHARPNESS = 8.0  # of visual words: few pictures are left between two of them
HARDER, SOFTER = 3.0, 0.25  # once they are learnt: what it is; details, told where they are sure

Part = tuple[Loaded, np.ndarray]  # records and their features, float16[views, n, N, Dv]


def taught(
    train: Mixture,
    stores: Sequence[np.ndarray],
    mixtures: int = 0,
    sure: int = 0,
    every: bool = False,
    seed: int = 0,
) -> tuple[Probe, list[Part]]:
    """A probe of all parts, and the parts as it teaches them, followed by their mixtures.

    Args:
        stores: for each part float16[views, n, N, Dv], from `features.compute`.
        mixtures: percent of as many as there are pictures, 0 = none.
        sure: percent from which a detail is told, 0 = none.
        every: the probe's word goes for the views of real pictures too.
    """
    known = [_sorted(part.records) for part in train]
    probe = linear_probe.fit(stores, known, classes(train.records), seed)
    parts: list[Part] = list(zip(train, stores, strict=True))
    if every:
        parts = [matched(probe, *part) for part in parts]
    for (name, records, times), store in zip(train, stores, strict=True):
        told, made = mixed(probe, store, records, mixtures * times * len(records) // 100, seed)
        parts += [(Loaded(name, told, 1), made)] if told else []
    if sure:
        parts = [
            (part._replace(records=thorough(probe, store[0], part.records, sure / 100)), store)
            for part, store in parts
        ]
    return probe, parts


def classes(records: Sequence[Record]) -> dict[str, list[str]]:
    """The classes of each attribute; beside kinds of scenes a product is a kind of picture too."""
    table = align.attribute_values(records)
    if "kind" in table and any("articleType" in record.facts for record in records):
        table["kind"].append(PRODUCT)
    return table


def _sorted(records: Sequence[Record]) -> list[Record]:
    """Products with this kind, so that a probe tells them from scenes and from what is neither."""
    sort = {"kind": PRODUCT}
    return [replace(record, facts=sort | record.facts) if "articleType" in record.facts else record
            for record in records]  # fmt: skip


def matched(probe: Probe, part: Loaded, store: np.ndarray) -> Part:
    """The part's views, each as a picture of its own that is what the probe takes it for."""
    told = []
    for number, view in enumerate(store):
        for record, facts in zip(part.records, probe.read(pooled(view)), strict=True):
            able = grammar_of(record.facts) is not None
            seen = _record(record, f"{record.id}/{number}", facts) if able else record
            told.append(seen if seen.turns else record)  # a scene that is taken for none
    views = np.ascontiguousarray(store).reshape(1, -1, *store.shape[2:])
    return Loaded(part.name, tuple(told), part.times / len(store)), views


def spell(projector: VisualWords, probe: Probe, bundle: Bundle) -> None:
    """Set visual words to the probe's classes: chosen as it does, but surely, and so spelt."""
    embedded, tokenizer = bundle.model.get_input_embeddings().weight, bundle.processor.tokenizer
    with torch.no_grad():
        projector.choose.weight.copy_(SHARPNESS * probe.linear.weight)
        projector.choose.bias.copy_(SHARPNESS * probe.linear.bias)
        for names, spelt in zip(probe.values.values(), projector.spell, strict=True):
            for number, name in enumerate(names):
                ids = tokenizer(f" {name.lower()}", add_special_tokens=False)["input_ids"]
                spelt.weight[:, number] = embedded[ids].mean(0)


def harden(projector: VisualWords, attributes: Iterable[str]) -> None:
    """Sharpen finished visual words: gradients need a slope, answers none (Jang et al., 2017).

    Those of details become softer: whether one is told at all depends on how sure it is.

    Args:
        attributes: what the groups of words stand for, in their order.
    """
    parts = (part.split(projector.sizes) for part in projector.choose.parameters())
    with torch.no_grad():
        for name, *group in zip(attributes, *parts, strict=True):
            for part in group:
                part.mul_(SOFTER if name in captions.DETAIL_KEYS else HARDER)


def report(probe: Probe, held_out: Mixture, plain: Sequence[np.ndarray], out: Path) -> None:
    """Print what the probe is worth on held-out pictures, and keep it in probe.json."""
    found = {}
    for (name, records, _), store in zip(held_out, plain, strict=True):
        found[name] = probe.accuracy(store[0], records)
        told = ", ".join(f"{key} {value:.1f} %" for key, value in found[name].items())
        print(f"A linear probe reads off {name}: {told}")
    with runs.room(out):
        out.mkdir(parents=True, exist_ok=True)
        runs.write_json(out / "probe.json", found)


def thorough(
    probe: Probe, features: np.ndarray, records: Sequence[Record], least: float
) -> tuple[Record, ...]:
    """Products with an answer that tells all their details, the metadata's and the probe's.

    Args:
        features: float16[n, N, Dv] of the records' plain pictures.
        least: probability from which the probe is believed.
    """
    found = probe.sure(pooled(features), least)
    return tuple(_in_full(record, seen) for record, seen in zip(records, found, strict=True))


def _in_full(record: Record, seen: Mapping[str, str]) -> Record:
    """The record with one question of `words.THOROUGH`, unless no detail is known."""
    if grammar_of(record.facts) is not captions.turns:
        return record
    facts = captions.possible(seen, record.facts["articleType"]) | record.facts
    if not any(facts.get(key) for key in captions.DETAIL_KEYS):
        return record
    kept = [turn for turn in record.turns if not captions.is_thorough(turn)]
    return replace(record, turns=(*kept, captions.in_full(facts, record.id)))


def mixed(
    probe: Probe, store: np.ndarray, records: Sequence[Record], count: int, seed: int = 0
) -> tuple[tuple[Record, ...], np.ndarray]:
    """Mixtures of two similar pictures' features, described by what the probe reads off them.

    A mixture speaks of what its greater part speaks of; records whose facts no caption grammar
    knows (pictures that show nothing nameable) are left out.

    Args:
        store: float16[views, n, N, Dv] of the records.
        count: how many mixtures to try; about as many are returned.

    Returns:
        The records, each with its greater part's picture, and float16[1, m, N, Dv].
    """
    rng = np.random.default_rng(seed)
    able = np.flatnonzero([grammar_of(record.facts) is not None for record in records])
    if not count or len(able) < 2:
        return (), store[:1, :0]
    first = rng.choice(able, count)
    second = _similar(pooled(store[0]), first, rng.choice(able, (count, RIVALS)))
    share = rng.uniform(LEAST, 0.5, (count, 1, 1)).astype(np.float32)
    views = rng.integers(len(store), size=(2, count))
    made = (1 - share) * store[views[0], first] + share * store[views[1], second]
    told = [
        _record(records[a], f"{records[a].id}+{records[b].id}/{number}", facts)
        for number, (a, b, facts) in enumerate(
            zip(first, second, probe.read(pooled(made)), strict=True)
        )
    ]
    kept = [number for number, record in enumerate(told) if record.turns]
    return tuple(told[n] for n in kept), made[kept].astype(np.float16)[None]


def _similar(pooled: torch.Tensor, first: np.ndarray, rivals: np.ndarray) -> np.ndarray:
    """Of each row of rivals the one whose features are nearest to those of `first`."""
    unit = normalize(pooled, dim=1)
    chosen = []
    for start in range(0, len(first), BATCH):
        some = torch.from_numpy(rivals[start : start + BATCH])
        anchor = torch.from_numpy(first[start : start + BATCH])
        near = torch.einsum("cd,crd->cr", unit[anchor], unit[some])
        near[some == anchor[:, None]] = -1  # never with itself
        chosen.append(some.gather(1, near.argmax(1, keepdim=True))[:, 0])
    return torch.cat(chosen).numpy()


def _record(whole: Record, id: str, read: Mapping[str, str]) -> Record:
    """The record of a mixture: the probe's word for each fact that its greater part has."""
    facts = {key: read.get(key, value) for key, value in whole.facts.items()}
    group = SUBCATEGORY.get(facts.get("articleType", ""))
    facts |= {"subCategory": group} if group and "subCategory" in facts else {}
    return Record(id, whole.image, grammar(facts, id), facts)
