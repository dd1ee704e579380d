"""python -m vlm caption: pictures of a data set and what a teacher says of them, as a new one."""

import argparse
from pathlib import Path

from vlm.config import count

HELP = "make a data set: pictures and what a teacher says of them"


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    add = parser.add_argument
    add("source", metavar="SOURCE", help="fashion, cifar10, negatives or folder=DIR")
    add("out", type=Path, metavar="OUT", help="a new folder")
    add("--teacher", default="labels", metavar="MODEL",
        help="labels (the metadata) or a model: preset, folder, Hub (default: labels)")  # fmt: skip
    add("--per-class", type=count, default=0, help="pictures of each class, 0 = all (default: 0)")
    add("--split", default="train", choices=("train", "validation"), help="(default: train)")
    add("--seed", type=count, default=0, help="which pictures are drawn (default: 0)")
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")


def run(args: argparse.Namespace) -> int:
    """Draw, describe, write."""
    from vlm import mixture
    from vlm.teach import caption

    records = mixture.load([args.source], args.split, args.data_path).records
    if args.per_class:
        records = caption.per_class(records, args.per_class, args.seed)
    made = caption.write(records, caption.texts(records, args.teacher, args.device), args.out)
    print(f"Wrote {made} pairs. Go on with: python finetune/run_qlora.py --data folder={args.out}")
    return 0
