"""python -m vlm merge: an adapter and its base become one plain model."""

import argparse
from pathlib import Path

from vlm.errors import UserError

HELP = "write an adapter and its base as one plain model"


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="folder of the adapter")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the new model")
    parser.add_argument("--base", help="its base (default: the one the adapter names)")


def run(args: argparse.Namespace) -> int:
    """Open, merge in float32, save."""
    from vlm import load, lora, runs  # transformers takes seconds

    if not lora.is_adapter(args.adapter):
        raise UserError(f"{args.adapter} is no adapter: it holds no {lora.CONFIG}.")
    runs.check_new(args.out)
    name, adapter = (args.base, str(args.adapter)) if args.base else (str(args.adapter), None)
    bundle = load.load(name, adapter=adapter, device="cpu", dtype="float32")
    load.save(bundle, args.out)
    print(f"Merged. Try: python -m vlm describe PICTURE --model {args.out}")
    return 0
