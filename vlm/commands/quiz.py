"""python -m vlm quiz: a multiple-choice benchmark out of your own metadata."""

import argparse
from functools import partial
from pathlib import Path

from vlm.config import count

HELP = "make a multiple-choice benchmark out of metadata"


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    from vlm.data import DATASETS

    add, some, known = parser.add_argument, partial(count, low=1), ", ".join(DATASETS)
    add("data", metavar="DATA", help=f"csv, jsonl or parquet, a folder with one, or: {known}")
    add("--out", type=Path, required=True, help="new folder for the questions and pictures")
    add("--data-path", help="folder of a named data set (default: $VLM_DATA, then the Hub)")
    add("--split", default="validation", help="of a named data set (default: validation)")
    add("--limit", type=count, default=0, help="pictures used, 0 = all (default: 0)")
    add("--per-picture", type=some, default=2, help="questions a picture at most (default: 2)")
    options = partial(count, low=2)
    add("--options", type=options, default=4, help="options a question (default: 4)")
    add("--seed", type=count, default=0, help="of options and places (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Make the quiz and say what is in it."""
    from vlm.benchmarks import making, tables
    from vlm.data import DATASETS
    from vlm.data.readable import usable
    from vlm.errors import UserError
    from vlm.metrics.choices import LETTERS

    if args.options > len(LETTERS):
        raise UserError(f"--options {args.options} is more than {len(LETTERS)}, the letters.")
    if args.data in DATASETS and args.data != "folder":
        found = DATASETS[args.data](args.split, args.data_path, args.limit)
    else:
        place = (args.data_path or "") if args.data == "folder" else args.data
        if not place:
            raise UserError("The data set 'folder' needs its folder; give it with --data-path.")
        found = tables.load(place, args.limit)
    records = usable(found)
    quiz = making.make(records, args.per_picture, args.options, args.seed)
    about = {"source": found.name, "seed": args.seed, "per_picture": args.per_picture}
    making.write(args.out, quiz, records, about)
    print(quiz.report())
    print(f"put it to a model: python -m vlm benchmark quiz --data-path {args.out} --out FOLDER")
    return 0
