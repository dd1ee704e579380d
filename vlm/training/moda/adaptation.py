"""How the MODA training feeds and adapts the decoder: packed answers, LoRA."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch.utils.data import ConcatDataset

from vlm.config import AdapterConfig, TrainConfig
from vlm.errors import UserError
from vlm.inference import encoding
from vlm.loading import load, lora
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
    packed_parts = [PackedExamples(part) for part in train]
    pictures = ConcatDataset(packed_parts)
    answers = sum(part.answers() for part in packed_parts) / max(1, len(pictures))
    size = max(1, round(config.batch_size / max(1.0, answers)))
    return Feed(
        pictures,
        ConcatDataset(PackedExamples(part) for part in held_out),
        packing.collator(bundle.processor),
        replace(config, batch_size=size),
    )


def adapter_to_continue(args: argparse.Namespace) -> Path | None:
    """Return the adapter on a preset's parts that --model names, if --set lora=RANK continues it.

    Raises:
        UserError: if it has another rank or preset, or a new projector was asked for.
    """
    name = load.adapter_folder(args.model) if args.model and args.lora else ""
    if not name or not lora.is_on_parts(name):
        return None
    preset, rank = lora.base_of(name)[0], lora.rank(name)
    if (preset, rank) != (args.preset, args.lora):
        raise UserError(
            f"{args.model} is an adapter of rank {rank} on the parts of {preset}; to continue it, "
            f"give --preset {preset} --set lora={rank}."
        )
    if args.projector:
        raise UserError(f"{args.model} comes with its own projector; omit --projector.")
    return Path(name)


def attach(bundle: Bundle, args: argparse.Namespace) -> Bundle:
    """Attach LoRA to the decoder if --set lora=RANK asks for it; the projector is trained whole."""
    if not args.lora:
        return bundle
    if folder := adapter_to_continue(args):
        model = lora.open_adapter(bundle, folder)
    else:
        config = AdapterConfig(rank=args.lora, alpha=args.lora, dropout=0.0)
        model = lora.attach(bundle.model, config)
    freeze(model, "adapters")
    return Bundle(model, bundle.processor, bundle.name)


def save(bundle: Bundle, args: argparse.Namespace) -> None:
    """Save the adapter, small enough for a Space, beside the name of its base."""
    on_parts = not args.model or bool(adapter_to_continue(args))
    lora.save(
        bundle.model,
        bundle.processor,
        args.out / runs.ADAPTER,
        args.preset if on_parts else args.model,
        on_parts=on_parts,
        max_shard_size=SHARD,
        dtype=torch.float16,
    )
