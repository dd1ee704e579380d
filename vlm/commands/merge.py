"""Merge an adapter into its base and save one plain model."""

import argparse
from pathlib import Path

from vlm.commands.flags import add_shared, out_path
from vlm.errors import UserError
from vlm.system import files

HELP = "write an adapter and its base as one plain model"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="folder of the adapter")
    parser.add_argument("out", type=out_path, metavar="OUT", help="folder of the new model")
    add_shared(parser, base="its base (default: the one the adapter names)")


def run(args: argparse.Namespace) -> int:
    """Open, merge in float32, save."""
    from vlm.loading import load, lora  # import torch

    if not lora.is_adapter(args.adapter):
        raise UserError(f"{args.adapter} is not an adapter: it has no {lora.CONFIG}.")
    files.check_empty(args.out)
    name, adapter = (args.base, str(args.adapter)) if args.base else (str(args.adapter), None)
    bundle = load.load(name, adapter=adapter, device="cpu", dtype="float32")
    scratch = args.out.with_name(f".{args.out.name}.merging")
    with files.new_folder(args.out, scratch):
        load.save(bundle, scratch)
    print(f"Merged. Try: loupe describe PICTURE --model {args.out}")
    return 0
