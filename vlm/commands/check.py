"""python -m vlm check: which captions of a data set are doubtful, and why."""

import argparse
from pathlib import Path

from vlm.commands import shared
from vlm.config import count
from vlm.errors import UserError

HELP = "look for doubtful captions: contradictions, text, persons, refusals, the same picture twice"


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    add = parser.add_argument
    add("source", metavar="SOURCE", help="fashion, cifar10 or folder=DIR")
    add("--predictions", type=Path, metavar="DIR",
        help="an evaluation's folder: check what it said of these pictures instead")  # fmt: skip
    shared.split_flag(parser)
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add("--limit", type=count, default=0, help="pictures checked, 0 = all (default: 0)")
    add("--pictures", action=argparse.BooleanOptionalAction, default=True,
        help="look for the same picture twice (default: yes)")  # fmt: skip
    add("--out", type=Path, help="folder for flags.jsonl and check.html (default: none)")


def run(args: argparse.Namespace) -> int:
    """Check, print, write."""
    from vlm import evaluations, mixture
    from vlm.teach import checked, labels

    split = shared.split(args, args.source)
    records = mixture.load([args.source], split, args.data_path, args.limit).records
    if args.predictions:
        said = {row["id"]: row["text"] for row in evaluations.read_predictions(args.predictions)}
    else:
        said = {record.id: text for record in records if (text := labels.caption(record))}
    records = [record for record in records if record.id in said]
    if not records:
        raise UserError(f"No caption of {args.source}, {split}, is there; try another --split.")
    texts = [said[record.id] for record in records]
    rows = checked.check(records, texts, args.pictures)
    print(checked.table(rows))
    if args.out:
        print(f"Written: {checked.write(rows, args.source, args.out)}")
    return 0
