"""python -m vlm describe|evaluate: the commands."""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from vlm.config import DESCRIBE, GenerateConfig, add_flags, count, from_args
from vlm.errors import one_sentence


def describe(args: argparse.Namespace) -> int:
    """Describe pictures; exit code 1 when one of them could not be."""
    from vlm import load, runtime
    from vlm.describe import describe, items

    config = from_args(GenerateConfig, args)
    runtime.set_threads(args.threads)
    bundle = load.load(args.model, device=args.device)
    failed = False
    for row in describe(bundle, items(args.paths), args.prompt, config, args.batch_size):
        failed |= "error" in row
        if args.jsonl:
            print(json.dumps(row, ensure_ascii=False), flush=True)
        else:
            place = f"{row['source']}[{row['index']}]" if row["source"].endswith("parquet") else ""
            said = row["text"] if "text" in row else row["error"]
            stream = sys.stderr if "error" in row else sys.stdout
            print(f"{place or row['source']}: {said}", file=stream, flush=True)
    return int(failed)


def evaluate(args: argparse.Namespace) -> int:
    """Measure a model on a data set and print the table."""
    from vlm import evaluate, load, runtime
    from vlm.data import DATASETS
    from vlm.data.readable import usable

    runtime.set_threads(args.threads)
    records = usable(DATASETS[args.data](args.split, args.data_path, args.limit))
    scores = evaluate.evaluate(load.load(args.model, device=args.device), records, args.out)
    for name, value in scores.items():
        print(f"{name:28}{value:8.2f} %")
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their flags."""
    top = argparse.ArgumentParser(prog="python -m vlm", description="Loupe's commands")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    add = common.add_argument
    add("--model", default="moda-mini", help="preset, folder or Hub id (default: moda-mini)")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--threads", type=count, default=0, help="CPU threads, 0 = one for each core (default: 0)")
    _describe_flags(commands.add_parser("describe", parents=[common], help="describe pictures"))
    _evaluate_flags(commands.add_parser("evaluate", parents=[common], help="measure a model"))
    return top


def _describe_flags(command: argparse.ArgumentParser) -> None:
    add, some = command.add_argument, partial(count, low=1)
    add("paths", nargs="+", metavar="PATH", help="pictures, folders, or parquet (image or img)")
    add("--prompt", default=DESCRIBE, help="the question (default: %(default)s)")
    add("--jsonl", action="store_true", help="one JSON object a line instead of plain text")
    add("--batch-size", type=some, default=16, help="pictures at a time (default: 16)")
    add_flags(command, GenerateConfig)
    command.set_defaults(run=describe)


def _evaluate_flags(command: argparse.ArgumentParser) -> None:
    from vlm.data import DATASETS

    add = command.add_argument
    add("--data", default="fashion", choices=DATASETS, help="data set (default: fashion)")
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add(
        "--split",
        default="validation",
        choices=("train", "validation"),
        help="(default: validation)",
    )
    add("--limit", type=count, default=0, help="use so many pictures only, 0 = all (default: 0)")
    add("--out", type=Path, help="folder for predictions.jsonl and scores.json")
    command.set_defaults(run=evaluate)


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    with one_sentence():
        args = parser().parse_args(argv)
        return args.run(args)


if __name__ == "__main__":
    raise SystemExit(main())
