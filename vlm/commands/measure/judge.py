"""Score existing descriptions with another judge, and compare judges."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vlm.commands.flags import add_shared, judge_flags, judge_settings
from vlm.errors import UserError
from vlm.evaluation import results
from vlm.evaluation.judges import open_judge
from vlm.evaluation.judges.base import Judge
from vlm.evaluation.metrics import intervals, rubric
from vlm.evaluation.metrics.agreement import KeyRow, agreement, count_caught
from vlm.evaluation.metrics.rubric import Judgement
from vlm.system import files

HELP = "judge descriptions again, compare judges"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add = parser.add_argument
    add("folder", nargs="?", type=Path, metavar="DIR", help="folder from `loupe evaluate --out`")
    text = "judge this hand-made key and compare; DIR then only caches answers (default: none)"
    add("--key", type=Path, metavar="FILE", help=text)
    text = "use this judge's cached answers; --no-resume requests all of them again"
    resume = {"action": argparse.BooleanOptionalAction, "default": True, "help": text}
    add_shared(parser, resume=resume, limit="rows judged, 0 = all (default: 0)")
    add_shared(parser, "threads", device="for model:NAME: auto, cpu, cuda or mps (default: auto)")
    judge_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Judge and print the tables; exit code 1 when a row could not be judged."""
    if args.key:
        return _judge_key(args)
    if not args.folder:
        raise UserError("There is nothing to judge; give the folder of an evaluation, or --key.")
    return _judge_folder(args)


def _judge_folder(args: argparse.Namespace) -> int:
    """Judge an evaluation's descriptions; judgements of rows beyond --limit are unchanged."""
    rows = results.read_predictions(args.folder)
    judge = open_judge(args.judge, judge_settings(args, args.folder, args.resume))
    others = _other_judges(args.folder, judge.name)
    judged = _judge_rows(judge, rows[: args.limit or None])
    previous = results.read_judgements(args.folder, judge.name) if args.limit else {}
    results.write_judgements(args.folder, judge.name, (previous | judged).items())
    _print_scores(judge, judged)
    for name, judgements in others.items():
        _print_agreement(name, judged, judgements)
    return _exit_code(judged)


def _judge_key(args: argparse.Namespace) -> int:
    """Judge the descriptions of a hand-made key, and compare with its scores."""
    rows = read_key(args.key)[: args.limit or None]
    judge = open_judge(args.judge, judge_settings(args, args.folder, args.resume))
    items = [{"id": row.id, "text": row.text, "facts": row.facts} for row in rows]
    judged = _judge_rows(judge, items)
    _print_scores(judge, judged)
    _print_agreement(f"the key {args.key.name}", judged, {row.id: row.key for row in rows})
    print("\nplanted fault           caught")
    for fault, (hits, planted) in count_caught(rows, judged).items():
        print(f"{fault:20} {hits:3} of {planted:3} {hits / planted:8.1%}")
    return _exit_code(judged)


def _judge_rows(judge: Judge, rows: Sequence[Mapping[str, Any]]) -> dict[str, Judgement]:
    """Return a judgement by row id, with a progress bar."""
    facts = [row["facts"] if isinstance(row.get("facts"), Mapping) else {} for row in rows]
    judgements = judge.judge([str(row["text"]) for row in rows], facts)
    bar = tqdm(judgements, judge.name, len(rows), disable=None)
    return {str(row["id"]): judgement for row, judgement in zip(rows, bar, strict=True)}


def _other_judges(folder: Path, judge: str) -> dict[str, dict[str, Judgement]]:
    """The judgements of the folder's other judges, by the names of their files."""
    judgements, broken = results.read_judges(folder)
    own_file = results.judgement_file(judge)
    for name in broken:
        if name != own_file:
            print(f"{name} is ignored: not every row of it is a judgement")
    return {
        name: rows for name, rows in judgements.items() if results.judgement_file(name) != own_file
    }


def _exit_code(judged: Mapping[str, Judgement]) -> int:
    return int(any(judgement.unjudged for judgement in judged.values()))


def _print_scores(judge: Judge, judged: Mapping[str, Judgement]) -> None:
    """Print the mean of each metric with its 95 % interval, failed rows with reasons, and the cost.

    Reasons are grouped by the text before the colon; the first of each group is shown.
    """
    print(f"{judge.name}: {len(judged)} descriptions")
    if any(row.scores for row in judged.values()):
        print("metric        mean   95 % interval     n")
    for name, scores in rubric.scores_by_metric(judged.values()).items():
        if scores:
            mean = intervals.mean(scores)
            print(f"{name:12}{mean.mean:6.2f}   {mean.low:5.2f} to {mean.high:5.2f} {mean.n:5}")
    reasons = [row.unjudged for row in judged.values() if row.unjudged]
    for group, number in Counter(reason.partition(":")[0] for reason in reasons).most_common():
        example = next(reason for reason in reasons if reason.startswith(group))
        print(f"unjudged: {number} x {example}")
    if judge.summary():
        print(judge.summary())


def _print_agreement(
    name: str, judged: Mapping[str, Judgement], others: Mapping[str, Judgement]
) -> None:
    """Print the share of equal verdicts and kappa for each metric."""
    by_metric = agreement(judged, others)
    if not by_metric:
        print(f"\nagreement with {name} is unknown: no description was scored by both judges")
        return
    print(f"\nagreement with {name} (full marks or not)")
    print("metric       equal   kappa   95 % interval     n")
    for metric, row in by_metric.items():
        kappa = row.kappa
        print(
            f"{metric:12}{row.equal:6.1%}  {kappa.mean:6.2f}   "
            f"{kappa.low:5.2f} to {kappa.high:5.2f} {kappa.n:5}"
        )


def read_key(path: Path) -> list[KeyRow]:
    """Read a hand-made key: rows {"id", "facts", "text", "key": {metric: score}, "fault"}.

    Raises:
        UserError: when there are no rows, or one of them has another form.
    """
    try:
        rows = [_key_row(row) for row in files.read_jsonl(path)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} contains a row that does not belong in a key ({error!r}); a row is "
            '{"id", "facts", "text", "key": {"colour": 10, ...}, "fault"}.'
        ) from None
    if not rows:
        raise UserError(f"{path} contains no rows; give the JSON lines of a hand-made key.")
    return rows


def _key_row(row: Mapping[str, Any]) -> KeyRow:
    return KeyRow(
        str(row["id"]),
        str(row["text"]),
        dict(row["facts"]),
        rubric.from_row(row["key"]),
        str(row.get("fault") or ""),
    )
