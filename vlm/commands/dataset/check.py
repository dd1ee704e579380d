"""Flag captions of a data set that may be wrong, with reasons."""

import argparse
from pathlib import Path

from vlm.captioning import labels
from vlm.captioning.review import check_report
from vlm.commands.flags import add_shared, split, split_flag
from vlm.data import mixture
from vlm.errors import UserError
from vlm.evaluation import results

HELP = "flag captions that may be wrong: contradictions, text, persons, refusals, duplicates"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("source", metavar="SOURCE", help="fashion, cifar10 or folder=DIR")
    text = "evaluation folder: check its descriptions of these images instead"
    parser.add_argument("--predictions", type=Path, metavar="DIR", help=text)
    split_flag(parser)
    add_shared(parser, "data_path", "columns", limit="images checked, 0 = all (default: 0)")
    text = "look for duplicate images (default: yes)"
    both = argparse.BooleanOptionalAction
    parser.add_argument("--pictures", action=both, default=True, help=text)
    add_shared(parser, out="folder for flags.jsonl and check.html (default: none)")


def run(args: argparse.Namespace) -> int:
    """Check, print, write."""
    part = split(args, args.source)
    records = mixture.load([args.source], part, args.data_path, args.limit, args.columns).records
    if args.predictions:
        texts = {row["id"]: row["text"] for row in results.read_predictions(args.predictions)}
    else:
        texts = {record.id: text for record in records if (text := labels.caption(record))}
    records = [record for record in records if record.id in texts]
    if not records:
        raise UserError(f"{args.source}, {part}, has no captions; try another --split.")
    rows = check_report.check(records, [texts[record.id] for record in records], args.pictures)
    print(check_report.table(rows))
    if args.out:
        print(f"Page: {check_report.write(rows, args.source, args.out)}")
    return 0
