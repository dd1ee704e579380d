"""How the MODA training feeds and adapts the decoder: packed answers, LoRA."""

import argparse
from collections.abc import Callable

from vlm.config import AdapterConfig
from vlm.inference import encoding
from vlm.loading import lora
from vlm.training import packing
from vlm.training.freezing import freeze
from vlm.types import Bundle


def packs(bundle: Bundle, args: argparse.Namespace) -> bool:
    """Return True if a picture's answers share a sequence; print a notice if they cannot."""
    if not args.packed:
        return False
    supported = packing.is_supported(bundle)
    if not supported:
        print("Notice: this decoder does not support packed answers; each gets its own sequence.")
    return supported


def collator(bundle: Bundle, packed: bool) -> Callable:
    """Return the collator for packed or separate answers."""
    return (packing if packed else encoding).collator(bundle.processor)


def attach(bundle: Bundle, args: argparse.Namespace) -> Bundle:
    """Attach LoRA to the decoder if --set lora=RANK asks for it; the projector is trained whole."""
    if not args.lora:
        return bundle
    config = AdapterConfig(rank=args.lora, alpha=args.lora, dropout=0.0)
    model = lora.attach(bundle.model, config)
    freeze(model, "adapters")
    return Bundle(model, bundle.processor, bundle.name)
