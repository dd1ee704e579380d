"""How the MODA training feeds and adapts the decoder: packed answers, LoRA."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch.utils.data import ConcatDataset

from vlm.config import AdapterConfig, TrainConfig
from vlm.inference import encoding
from vlm.loading import lora
from vlm.loading.load import SHARD
from vlm.training import packing, runs
from vlm.training.examples import FeatureExamples
from vlm.training.freezing import freeze
from vlm.training.packing import PackedExamples
from vlm.types import Bundle


class Feed(NamedTuple):
    """Training and held-out examples, how they are batched, and the settings that fit them."""

    train: ConcatDataset
    held_out: ConcatDataset
    collate: Callable
    config: TrainConfig


def feed(
    bundle: Bundle,
    train: Sequence[FeatureExamples],
    held_out: Sequence[FeatureExamples],
    packed: bool,
    config: TrainConfig,
) -> Feed:
    """Put a picture's answers into one sequence if asked and if the decoder allows it.

    A batch has the same number of answers in both cases, so it has fewer packed pictures.
    """
    supported = packed and packing.is_supported(bundle)
    if packed and not supported:
        print("Notice: this decoder does not support packed answers; each gets its own sequence.")
    if not supported:
        parts = ConcatDataset(train), ConcatDataset(held_out)
        return Feed(*parts, encoding.collator(bundle.processor), config)
    pictures = ConcatDataset(PackedExamples(part) for part in train)
    answers = sum(map(len, train)) / max(1, len(pictures))
    size = max(1, round(config.batch_size / max(1.0, answers)))
    return Feed(
        pictures,
        ConcatDataset(PackedExamples(part) for part in held_out),
        packing.collator(bundle.processor),
        replace(config, batch_size=size),
    )


def attach(bundle: Bundle, args: argparse.Namespace) -> Bundle:
    """Attach LoRA to the decoder if --set lora=RANK asks for it; the projector is trained whole."""
    if not args.lora:
        return bundle
    config = AdapterConfig(rank=args.lora, alpha=args.lora, dropout=0.0)
    model = lora.attach(bundle.model, config)
    freeze(model, "adapters")
    return Bundle(model, bundle.processor, bundle.name)


def save(bundle: Bundle, args: argparse.Namespace) -> None:
    """Save the adapter, small enough for a Space, beside the name of its base."""
    lora.save(
        bundle.model,
        bundle.processor,
        args.out / runs.ADAPTER,
        args.model or args.preset,
        on_parts=not args.model,
        max_shard_size=SHARD,
        dtype=torch.float16,
    )
