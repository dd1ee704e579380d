"""python -m vlm benchmark: multiple choice, yes or no, and naming, beside what guessing gives."""

import argparse
from functools import partial
from pathlib import Path

from vlm.commands import shared
from vlm.config import count

HELP = "put the questions of a benchmark to a model"
SCORES = "scores.json"


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    from vlm.benchmarks import BENCHMARKS

    add = parser.add_argument
    add("name", metavar="NAME", choices=BENCHMARKS, help=f"one of: {', '.join(BENCHMARKS)}")
    add("--data-path", help="table or folder (default: $VLM_DATA/NAME, then the Hub)")
    add("--split", default="", help="(default: the one that is usually reported)")
    add("--limit", type=count, default=0,
        help="questions asked, evenly spread, 0 = all (default: 0)")  # fmt: skip
    add("--out", type=Path, help="folder for answers.jsonl and scores.json")
    add("--resume", action="store_true", help="ask only what --out has no answer to yet")
    circular = {"action": argparse.BooleanOptionalAction, "default": None}
    add("--circular", **circular, help="ask every rotation (default: as published)")
    add("--free", action="store_true", help="show no options: the answer must name the right one")
    add("--batch-size", type=partial(count, low=1), default=16, help="at a time (default: 16)")
    shared.model_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, print the table; exit code 1 when a question could not be asked."""
    from vlm import runs
    from vlm.benchmarks import BENCHMARKS, asking, scoring
    from vlm.errors import UserError

    if args.resume and not args.out:
        raise UserError("--resume needs the folder to go on with; give it with --out.")
    benchmark = BENCHMARKS[args.name](args.split, args.data_path, args.limit)
    print(benchmark.report())
    if not benchmark.questions:
        raise UserError(f"{benchmark.name} has no usable question; see above.")
    if args.free and args.circular:
        raise UserError("--free shows no options to rotate; leave --circular away.")
    benchmark = benchmark.free() if args.free else benchmark
    circular = benchmark.circular if args.circular is None else args.circular
    about = {"benchmark": benchmark.name, "model": args.model}
    answers = asking.ask(
        asking.plan(benchmark, circular), asking.of_model(shared.open_model(args)), out=args.out,
        resume=args.resume, about=about, batch_size=args.batch_size,
    )  # fmt: skip
    found = scoring.score(answers, benchmark.takes_last)
    print(f"\n{args.model} on {benchmark.name}, percent\n\n{scoring.table(found)}")
    if args.out:
        runs.write_json(args.out / SCORES, about | {"left_out": len(benchmark.problems)} | found)
    return int(bool(found["not_asked"]))
