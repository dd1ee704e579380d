"""Describe pictures, folders and tables, one line each."""

import argparse
import json
import sys

from vlm.commands.flags import add_flags, add_shared, from_args, open_model
from vlm.config import GenerateConfig
from vlm.loading.presets import explain_default

HELP = "describe pictures"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="pictures, folders, or parquet (image or img)")
    add_shared(parser, "prompt")
    text = "a further question about the same picture; can be repeated (default: none)"
    add("--then", action="append", default=[], metavar="QUESTION", help=text)
    add("--jsonl", action="store_true", help="print one JSON object per line, not plain text")
    add_shared(parser, batch_size="pictures at a time (default: 16)")
    text = "preset, folder or Hub id (default: everyday if its weights are here, else moda-mini)"
    add_shared(parser, model={"default": None, "help": text})
    add_shared(parser, "device", "threads")
    add_flags(parser, GenerateConfig)


def run(args: argparse.Namespace) -> int:
    """Describe pictures; exit code 1 when one of them could not be."""
    from vlm.inference.pictures import describe_items, find_items

    config = from_args(GenerateConfig, args)
    notice = explain_default() if args.model is None else ""
    bundle = open_model(args)
    failed = False
    items = find_items(args.paths)
    for row in describe_items(bundle, items, args.prompt, config, args.batch_size, args.then):
        failed |= "error" in row
        if notice and "error" not in row:
            print(notice, file=sys.stderr)
            notice = ""
        if args.jsonl:
            print(json.dumps(row, ensure_ascii=False), flush=True)
        else:
            place = f"{row['source']}[{row['index']}]" if row["source"].endswith("parquet") else ""
            text = row["text"] if "text" in row else row["error"]
            stream = sys.stderr if "error" in row else sys.stdout
            chance = f" [right: {row['probability']:.0%}]" if "probability" in row else ""
            print(f"{place or row['source']}: {text}{chance}", file=stream, flush=True)
            for later in row.get("then", ()):
                print(f"  {later['prompt']} {later['text']}", flush=True)
    return int(failed)
