"""python -m vlm describe: pictures, folders and tables, one line each."""

import argparse
import json
import sys
from functools import partial

from vlm.commands import shared
from vlm.config import DESCRIBE, GenerateConfig, add_flags, count, from_args

HELP = "describe pictures"


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    add, some = parser.add_argument, partial(count, low=1)
    add("paths", nargs="+", metavar="PATH", help="pictures, folders, or parquet (image or img)")
    add("--prompt", default=DESCRIBE, help="the question (default: %(default)s)")
    text = "a further question about the same picture, may be given again (default: none)"
    add("--then", action="append", default=[], metavar="QUESTION", help=text)
    add("--jsonl", action="store_true", help="one JSON object a line instead of plain text")
    add("--batch-size", type=some, default=16, help="pictures at a time (default: 16)")
    shared.model_flags(parser)
    add_flags(parser, GenerateConfig)


def run(args: argparse.Namespace) -> int:
    """Describe pictures; exit code 1 when one of them could not be."""
    from vlm.describe import describe, items

    config = from_args(GenerateConfig, args)
    bundle = shared.open_model(args)
    failed = False
    pictures = items(args.paths)
    for row in describe(bundle, pictures, args.prompt, config, args.batch_size, args.then):
        failed |= "error" in row
        if args.jsonl:
            print(json.dumps(row, ensure_ascii=False), flush=True)
        else:
            place = f"{row['source']}[{row['index']}]" if row["source"].endswith("parquet") else ""
            said = row["text"] if "text" in row else row["error"]
            stream = sys.stderr if "error" in row else sys.stdout
            print(f"{place or row['source']}: {said}", file=stream, flush=True)
            for later in row.get("then", ()):
                print(f"  {later['prompt']} {later['text']}", flush=True)
    return int(failed)
