"""python -m vlm lineage: the whole history of one picture's description."""

import argparse
from pathlib import Path

from vlm.errors import UserError

KNOWN = {"id", "step", "by", "revision", "prompt", "time", "requests", "text", "fields"}
HELP = "show who wrote a description, step by step"


def flags(parser: argparse.ArgumentParser) -> None:
    """Which one."""
    parser.add_argument("folder", type=Path, metavar="OUT", help="what `vlm caption` wrote")
    parser.add_argument("id", metavar="ID", help="id of the picture")


def run(args: argparse.Namespace) -> int:
    """Print its rows."""
    from vlm.teach.history import FILE, History

    if not (args.folder / FILE).is_file():
        raise UserError(f"{args.folder} has no {FILE}; give a folder that `vlm caption` wrote.")
    rows = History(args.folder / FILE, resume=True).of(args.id)
    if not rows:
        raise UserError(f"No picture {args.id!r} in {args.folder}; take an id of its table.")
    for row in rows:
        who = row["by"] + (f" at {row['revision']}" if row.get("revision") else "")
        asked = f", question {row['prompt']}" if row.get("prompt") else ""
        print(f"{row['step']}: {who}{asked}, {row.get('time', '')}, requests: "
              f"{row.get('requests', 0)}")  # fmt: skip
        told = {key: value for key, value in row.items() if key not in KNOWN}
        for key, value in ({"text": row.get("text", "")} | told | row.get("fields", {})).items():
            if value not in ("", None):
                print(f"  {key}: {value}")
    return 0
