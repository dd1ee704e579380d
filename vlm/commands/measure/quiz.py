"""Make a multiple-choice benchmark from your own metadata."""

import argparse
from functools import partial

from vlm.commands.flags import add_shared, count
from vlm.data import DATASETS
from vlm.data.mixture import usable_records
from vlm.data.tables.load import load as load_table
from vlm.errors import UserError
from vlm.evaluation.benchmarks import quiz_maker
from vlm.evaluation.benchmarks.question import LETTERS

HELP = "make a multiple-choice benchmark from metadata"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add, names = parser.add_argument, ", ".join(DATASETS)
    add("data", metavar="DATA", help=f"CSV, JSON-lines or parquet file, its folder, or: {names}")
    split = "split of a named data set (default: validation)"
    add_shared(
        parser,
        "limit",
        out={"required": True, "help": "new folder for the questions and pictures"},
        data_path="folder of a named data set (default: $VLM_DATA, then the Hub)",
        split={"default": "validation", "help": split},
        seed="seed for drawing the options (default: 0)",
    )
    most = "most questions per picture (default: 2)"
    add("--per-picture", type=partial(count, low=1), default=2, metavar="N", help=most)
    options = "options per question (default: 4)"
    add("--options", type=partial(count, low=2), default=4, metavar="N", help=options)


def run(args: argparse.Namespace) -> int:
    """Make the quiz and print what it contains."""
    if args.options > len(LETTERS):
        raise UserError(f"--options is {args.options}; at most {len(LETTERS)}, one per letter.")
    if args.data in DATASETS and args.data != "folder":
        data = DATASETS[args.data](args.split, args.data_path, args.limit)
    else:
        path = (args.data_path or "") if args.data == "folder" else args.data
        if not path:
            raise UserError("The data set 'folder' needs its folder; give it with --data-path.")
        data = load_table(path, args.limit)
    records = usable_records(data)
    quiz = quiz_maker.make(records, args.per_picture, args.options, args.seed)
    about = {"source": data.name, "seed": args.seed, "per_picture": args.per_picture}
    quiz_maker.write(args.out, quiz, records, about)
    print(quiz.report())
    print(f"next: loupe benchmark quiz --data-path {args.out} --out FOLDER")
    return 0
