"""python -m vlm evaluate: how good a model is on a data set with metadata."""

import argparse
from pathlib import Path

from vlm.commands import shared

HELP = "measure a model"


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    shared.data_flags(parser)
    parser.add_argument("--out", type=Path, help="folder for predictions.jsonl and scores.json")
    shared.model_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Measure a model on a data set and print the table."""
    from vlm import evaluate
    from vlm.data import DATASETS
    from vlm.data.readable import usable

    records = usable(DATASETS[args.data](args.split, args.data_path, args.limit))
    scores = evaluate.evaluate(shared.open_model(args), records, args.out)
    for name, value in scores.items():
        print(f"{name:28}{value:8.2f} %")
    return 0
