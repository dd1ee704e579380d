"""Draw products and scenes with their metadata, as a folder to train on.

    loupe draw pictures                          the pictures of --data drawn
    loupe draw pictures --count 500 --seed 7 --size 112

The folder gets train/ and validation/ (a tenth), each with JPEGs and a metadata.jsonl.
"""

import argparse

from vlm.commands.flags import add_shared, count, out_path
from vlm.data.drawing import dataset

HELP = "draw products and scenes to train on"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("out", type=out_path, metavar="FOLDER", help="a new folder")
    text = "pictures of both splits (default: %(default)s)"
    parser.add_argument("--count", type=count, default=dataset.COUNT, metavar="N", help=text)
    seed = "the same seed draws the same pictures (default: %(default)s)"
    add_shared(parser, seed={"default": dataset.SEED, "help": seed})
    text = "side of a picture in pixels (default: %(default)s)"
    parser.add_argument("--size", type=count, default=dataset.SIZE, metavar="N", help=text)


def run(args: argparse.Namespace) -> int:
    """Draw the pictures."""
    dataset.draw(args.out, args.count, args.seed, args.size)
    print(f"Drawn. Train with: loupe train moda --data folder={args.out}")
    return 0
