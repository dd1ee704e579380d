"""Measure a model on a data set with metadata, or compare two evaluations."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vlm.commands.flags import (
    add_shared,
    count,
    data_flags,
    judge_flags,
    judge_settings,
    model_flags,
    open_model,
)
from vlm.config import CAPTION, DESCRIBE
from vlm.data import mixture
from vlm.errors import UserError
from vlm.evaluation import compare, judges, results
from vlm.evaluation.judges.prompt import judgeable_metrics
from vlm.reporting import report
from vlm.system import files
from vlm.types import Bundle, Record

HELP = "measure a model, or compare two"
QUESTION = f"the question (default: {DESCRIBE} For captions: {CAPTION})"
SPEED_PICTURES = 16  # pictures that the speed is measured with
PARTS = {"probes": "image ablation", "abilities": "task-specific tests"}  # of scores.json


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    data_flags(parser)
    text = "folder for predictions, judgements, scores and report.html (default: none)"
    add_shared(parser, prompt={"default": "", "help": QUESTION})
    add_shared(parser, out=text, resume="keep the answers that are already in --out")
    add, both = parser.add_argument, {"action": argparse.BooleanOptionalAction, "default": True}
    add("--probes", **both, help="run image-ablation probes (default: yes)")
    add(
        "--abilities",
        **both,
        help="run task-specific tests: JSON, yes/no, details, ... (default: yes)",
    )
    text = "pictures used for each probe and test, 0 = all (default: 200)"
    add("--asked", type=count, default=200, metavar="N", help=text)
    add("--speed", **both, help="measure seconds and memory (default: yes)")
    text = "only compare two evaluation folders: paired differences B - A (default: none)"
    add("--compare", nargs=2, type=Path, metavar=("A", "B"), help=text)
    text = "an earlier evaluation that the report compares with (default: none)"
    add("--against", type=Path, metavar="DIR", help=text)
    model_flags(parser)
    judge_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Measure a model and print the tables; exit code 1 when a description was not judged.

    A description whose metadata gives a judge nothing to compare with does not count.
    """
    if args.compare:
        return _compare(args)
    from vlm.evaluation import evaluate  # imports torch

    _check_against(args)
    records = mixture.load(
        [args.data], args.split, args.data_path, args.limit, args.columns
    ).records
    if args.against:
        _check_common(args, records)
    judge = judges.open_judge(args.judge, judge_settings(args, args.out))
    bundle = open_model(args)
    scores = evaluate.evaluate(
        bundle,
        records,
        judge,
        args.out,
        data=f"{args.data}/{args.split}",
        prompt=args.prompt,
        with_probes=args.probes,
        with_abilities=args.abilities,
        sample_size=args.asked,
        resume=args.resume,
    )
    print_scores(scores)
    _speed(bundle, records, args)
    if judge.summary():
        print(judge.summary())
    if args.out:
        rows = compare.compare(args.against, args.out, judge.name) if args.against else ()
        pictures = {record.id: record.image for record in records}
        print(f"Report: {report.write(args.out, pictures, rows, str(args.against or ''))}")
    facts = [evaluate.facts_for_judge(record.facts) for record in records]
    return int(scores.get("unjudged", 0) > 0 and any(map(judgeable_metrics, facts)))


def _speed(bundle: Bundle, records: Sequence[Record], args: argparse.Namespace) -> None:
    """Measure, print and write the speed, if it is wanted."""
    from vlm.inference import speed  # imports torch

    pictures = [record.image for record in records[:SPEED_PICTURES]]
    rows = speed.measure(bundle, pictures) if args.speed else {}
    print_speed(rows)
    if args.out:
        files.write_json(args.out / results.SPEED, rows)


def _check_against(args: argparse.Namespace) -> None:
    """Refuse an unusable --against before anything is measured."""
    if args.against and not args.out:
        raise UserError("--against is for the report; add --out with the folder for it.")
    if args.against and not results.read_scores(args.against):
        raise UserError(
            f"{args.against} has no evaluation; give a folder written by `loupe evaluate --out`."
        )


def _check_common(args: argparse.Namespace, records: Sequence[Record]) -> None:
    """Refuse an --against of other pictures."""
    seen = {row["id"] for row in results.read_predictions(args.against)}
    if seen.isdisjoint(record.id for record in records):
        raise UserError(
            f"{args.against} has none of these pictures; give an evaluation of the same data."
        )


def print_scores(result: Mapping[str, Any]) -> None:
    """Print the tables of scores.json."""
    unjudged = f", {result['unjudged']} not judged" if result.get("unjudged") else ""
    print(f"{result['model']} on {result['data']}: {result['pictures']} pictures{unjudged}")
    for reason, number in result.get("why_unjudged", {}).items():
        print(f"not judged by {result['judge']}: {number} x {reason}")
    print_captions(result.get("captions", {}), result.get("not_measured", {}))
    _table(f"judge: {result.get('judge')}, 0 to 10", result.get("scores", {}))
    _table("exact labels, percent", result["exact"])
    for name, number in result.get("left_out", {}).items():
        print(f"{name}: {number} pictures excluded, their metadata lacks it or it is unknown")
    for part, title in PARTS.items():
        _print_part(title, result.get(part, {}))


def print_captions(rows: Mapping[str, Mapping[str, Any]], not_measured: Mapping[str, str]) -> None:
    """Print the caption scores, and why some were not measured."""
    _print_part("captions, points of 100", rows)
    for name, reason in not_measured.items():
        print(f"{results.CAPTION_NAMES.get(name, name)} was not measured: {reason}")


def _print_part(title: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a line each: figure, interval, and what the figure means."""
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


def print_speed(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the time to the first token, tokens/s and memory at each batch size."""
    if rows:
        print("\nbatch  first token    tokens/s  pictures/s  peak memory")
    for size, row in rows.items():
        print(
            f"{size:>5}  {row['first_token_s']:9.3f} s  {row.get('tokens_per_second', 0):10.1f}  "
            f"{row['pictures_per_second']:10.1f}  {row['peak_memory_mb']:8.0f} MB"
        )


def _compare(args: argparse.Namespace) -> int:
    """Print the paired differences of two evaluations, each with its verdict."""
    first, second = args.compare
    rows = compare.compare(first, second, args.judge)
    exact = any(row.get("unit") for row in rows)
    scale = "exact labels, percent" if exact else f"judge {args.judge}, 0 to 10"
    print(f"{second} minus {first}, {scale}")
    print("metric        difference     95 % interval      n  verdict")
    for row in rows:
        interval = f"{row['low']:+.2f} to {row['high']:+.2f}"
        mark = f"{row['metric']:14}{row['difference']:+10.2f}  {interval:>16}"
        print(f"{mark}  {row['n']:5}  {row['verdict']}")
    return 0
