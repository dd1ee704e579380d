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
    from vlm.data import DATASETS, folder

    add = parser.add_argument
    add("--data", default="fashion", choices=DATASETS, help="data set (default: fashion)")
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add("--split", default="validation", choices=folder.SPLITS, help="(default: validation)")
    add("--limit", type=count, default=0, help="pictures used, 0 = all (default: 0)")


def split_flag(parser: argparse.ArgumentParser) -> None:
    """--split, of a source that may be a folder without any."""
    from vlm.data import folder

    parser.add_argument("--split", choices=folder.SPLITS,
        help="(default: train; of a folder without splits, everything)")  # fmt: skip


def split(args: argparse.Namespace, source: str) -> str:
    """The split that is meant when none is named."""
    from vlm import mixture
    from vlm.data import folder

    part = mixture.part(source, args.data_path)
    whole = part.name == "folder" and not folder.has_splits(part.path or "")
    return args.split or (folder.UNSPLIT if whole else "train")


def open_model(args: argparse.Namespace) -> Bundle:
    """The model that `model_flags` name."""
    from vlm import load, runtime

    runtime.set_threads(args.threads)
    return load.load(args.model, device=args.device)
