"""Show the history of one image's description."""

import argparse
from pathlib import Path

from vlm.captioning.history import FILE, CaptionHistory
from vlm.errors import UserError

HELP = "show who wrote a description, step by step"
IN_HEADING = {"step", "by", "revision", "prompt", "time", "requests"}  # keys of a row
ELSEWHERE = {"id", "text", "fields"}


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder from `loupe caption`")
    parser.add_argument("id", metavar="ID", help="id of the image")


def run(args: argparse.Namespace) -> int:
    """Print the image's rows of the history."""
    if not (args.folder / FILE).is_file():
        raise UserError(f"{args.folder} has no {FILE}; give a folder written by `loupe caption`.")
    rows = CaptionHistory(args.folder / FILE, resume=True).rows(args.id)
    if not rows:
        raise UserError(
            f"{args.folder} has no image {args.id!r}; use an id from its metadata.jsonl."
        )
    for row in rows:
        print_row(row)
    return 0


def print_row(row: dict) -> None:
    """Print a heading with the writer, then the result."""
    writer = row["by"] + (f" at {row['revision']}" if row.get("revision") else "")
    prompt = f", prompt {row['prompt']}" if row.get("prompt") else ""
    print(
        f"{row['step']}: {writer}{prompt}, {row.get('time', '')}, "
        f"requests: {row.get('requests', 0)}"
    )
    others = {key: value for key, value in row.items() if key not in IN_HEADING | ELSEWHERE}
    result = {"text": row.get("text", "")} | others | row.get("fields", {})
    for key, value in result.items():
        if value not in ("", None):
            print(f"  {key}: {value}")
