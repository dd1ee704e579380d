"""Flags that several commands have."""

import argparse

from vlm.config import count
from vlm.types import Bundle


def model_flags(parser: argparse.ArgumentParser) -> None:
    """--model, --device and --threads."""
    add = parser.add_argument
    add("--model", default="moda-mini", help="preset, folder or Hub id (default: moda-mini)")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--threads", type=count, default=0, help="CPU threads, 0 = one for each core (default: 0)")


def data_flags(parser: argparse.ArgumentParser) -> None:
    """--data, --data-path, --split and --limit."""
    from vlm.data import DATASETS

    add, splits = parser.add_argument, ("train", "validation")
    add("--data", default="fashion", choices=DATASETS, help="data set (default: fashion)")
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add("--split", default="validation", choices=splits, help="(default: validation)")
    add("--limit", type=count, default=0, help="use so many pictures only, 0 = all (default: 0)")


def open_model(args: argparse.Namespace) -> Bundle:
    """The model that `model_flags` name."""
    from vlm import load, runtime

    runtime.set_threads(args.threads)
    return load.load(args.model, device=args.device)
