"""python -m vlm evaluate: how good a model is on a data set with metadata, and which of two is."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vlm.commands import shared
from vlm.config import DESCRIBE, count
from vlm.errors import UserError
from vlm.judges.base import from_flags, judge_flags
from vlm.types import Record

HELP = "measure a model, or compare two"
FASTEST = 16  # pictures that the speed is measured with
SAYING = {"probes": "does it look?", "abilities": "asked in other ways"}  # parts of scores.json


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    add, both = parser.add_argument, argparse.BooleanOptionalAction
    shared.data_flags(parser)
    add("--out", type=Path, help="folder for predictions, judgements, scores and report.html")
    add("--prompt", default=DESCRIBE, help="the question (default: %(default)s)")
    add("--resume", action="store_true", help="keep the answers that are in --out already")
    add("--probes", action=both, default=True, help="does it look? (default: yes)")
    add("--abilities", action=both, default=True, help="JSON, yes/no, talks (default: yes)")
    text = "pictures asked for each probe and ability, 0 = all (default: 200)"
    add("--asked", type=count, default=200, help=text)
    add("--speed", action=both, default=True, help="seconds and memory (default: yes)")
    text = "two evaluation folders: paired differences B - A, nothing is measured anew"
    add("--compare", nargs=2, type=Path, metavar=("A", "B"), help=text)
    add("--against", type=Path, metavar="DIR",
        help="an earlier evaluation that the report compares with (default: none)")  # fmt: skip
    shared.model_flags(parser)
    judge_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Measure a model and print the tables; exit code 1 when a description was not judged.

    Where the metadata leaves a judge nothing to judge by, none is missing.
    """
    if args.compare:
        return _compare(args)
    from vlm import evaluate, judges, report, runs, speed
    from vlm.data import DATASETS
    from vlm.data.readable import usable
    from vlm.judges.prompt import judgeable

    _check_against(args)
    source = DATASETS[args.data](args.split, args.data_path, args.limit)
    records = usable(source)
    if args.against:
        _check_common(args, records)
    judge = judges.open_judge(args.judge, from_flags(args, args.out))
    bundle = shared.open_model(args)
    found = evaluate.evaluate(
        bundle, records, judge, args.out, data=f"{args.data}/{args.split}",
        prompt=args.prompt, probed=args.probes, able=args.abilities, asked=args.asked,
        resume=args.resume,
    )  # fmt: skip
    print_scores(found)
    pictures = [record.image for record in records[:FASTEST]]
    quick = speed.measure(bundle, pictures) if args.speed else {}
    print_speed(quick)
    if judge.summary():
        print(judge.summary())
    if args.out:
        runs.write_json(args.out / "speed.json", quick)
        other = evaluate.compare(args.against, args.out, judge.name) if args.against else ()
        pictures = {record.id: record.image for record in records}
        print(f"Report: {report.write(args.out, pictures, other, str(args.against or ''))}")
    known = [evaluate.judged_by(record.facts) for record in records]
    return int(found["unjudged"] > 0 and any(map(judgeable, known)))


def _check_against(args: argparse.Namespace) -> None:
    """Refuse an --against that could not be compared with, before anything is measured."""
    from vlm import evaluations

    if args.against and not args.out:
        raise UserError("--against is for the report; name its folder with --out too.")
    if args.against and not evaluations.read_scores(args.against):
        raise UserError(f"{args.against} holds no evaluation; give a folder that --out named.")


def _check_common(args: argparse.Namespace, records: Sequence[Record]) -> None:
    """Refuse an --against of other pictures."""
    from vlm import evaluations

    seen = {row["id"] for row in evaluations.read_predictions(args.against)}
    if seen.isdisjoint(record.id for record in records):
        raise UserError(f"{args.against} has none of these pictures; give one of the same data.")


def print_scores(found: Mapping[str, Any]) -> None:
    """The tables of scores.json."""
    unjudged = f", {found['unjudged']} not judged" if found["unjudged"] else ""
    print(f"{found['model']} on {found['data']}: {found['pictures']} pictures{unjudged}")
    for reason, number in found.get("why_unjudged", {}).items():
        print(f"not judged by {found['judge']}: {number} x {reason}")
    _table(f"judge: {found['judge']}, 0 to 10", found["scores"])
    _table("exact labels, percent", found["exact"])
    for name, number in found["left_out"].items():
        print(f"{name}: {number} pictures left out, their metadata lacks it or it is unknown")
    for part, title in SAYING.items():
        _sayings(title, found.get(part, {}))


def _sayings(title: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """A line each: figure, interval, and the words that go on where they end."""
    if rows:
        print(f"\n{title}")
    for name, row in rows.items():
        interval = f"[{row['low']:.1f}, {row['high']:.1f}]"
        print(f"{name:17}{row['mean']:7.2f}  {interval:16} {row['says']}")


def _table(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    if rows:
        print(f"\n{title:25}mean     95 % interval      n")
    for name, row in rows.items():
        print(f"{name:22}{row['mean']:7.2f}  {row['low']:7.2f} to {row['high']:6.2f}  {row['n']:5}")


def print_speed(quick: Mapping[str, Mapping[str, Any]]) -> None:
    """Time to the first token, tokens/s and memory at each batch size."""
    if quick:
        print("\nbatch  first token    tokens/s  pictures/s  peak memory")
    for size, row in quick.items():
        print(
            f"{size:>5}  {row['first_token_s']:9.3f} s  {row.get('tokens_per_second', 0):10.1f}  "
            f"{row['pictures_per_second']:10.1f}  {row['peak_memory_mb']:8.0f} MB"
        )


def _compare(args: argparse.Namespace) -> int:
    """Paired differences of two evaluations, each with its verdict."""
    from vlm import evaluate

    first, second = args.compare
    rows = evaluate.compare(first, second, args.judge)
    exact = any(row.get("unit") for row in rows)
    scale = "exact labels, percent" if exact else f"judge {args.judge}, 0 to 10"
    print(f"{second} minus {first}, {scale}")
    print("metric        difference     95 % interval      n  verdict")
    for row in rows:
        interval = f"{row['low']:+.2f} to {row['high']:+.2f}"
        mark = f"{row['metric']:14}{row['difference']:+10.2f}  {interval:>16}"
        print(f"{mark}  {row['n']:5}  {row['verdict']}")
    return 0
