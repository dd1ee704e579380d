"""python -m vlm judge: another judge for descriptions that are there, and how far judges agree."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlm.config import count
from vlm.errors import UserError
from vlm.judges import open_judge
from vlm.judges.base import Judge, from_flags, judge_flags
from vlm.metrics import rubric
from vlm.metrics.rubric import Judgement

if TYPE_CHECKING:
    from vlm.metrics.agreement import KeyRow

HELP = "judge descriptions again, compare judges"


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    add = parser.add_argument
    add("folder", nargs="?", type=Path, metavar="DIR", help="what `vlm evaluate --out` wrote")
    text = "judge this hand-made key instead and compare with it; DIR then only keeps the answers"
    add("--key", type=Path, metavar="FILE", help=text)
    text = "use the answers that this judge gave before; --no-resume asks for all anew"
    add("--resume", action=argparse.BooleanOptionalAction, default=True, help=text)
    add("--limit", type=count, default=0, help="rows judged, 0 = all (default: 0)")
    add("--device", default="auto", help="of model:NAME: auto, cpu, cuda or mps (default: auto)")
    add("--threads", type=count, default=0, help="CPU threads, 0 = one for each core (default: 0)")
    judge_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Judge and print the tables; exit code 1 when a row could not be judged."""
    if args.key:
        return _judge_key(args)
    if not args.folder:
        raise UserError("Nothing to judge was named; give the folder of an evaluation, or --key.")
    return _judge_folder(args)


def _judge_folder(args: argparse.Namespace) -> int:
    """The descriptions of an evaluation; judgements of rows beyond --limit stay as they are."""
    from vlm import evaluations

    rows = evaluations.read_predictions(args.folder)
    judge = open_judge(args.judge, from_flags(args, args.folder, args.resume))
    others = _others(args.folder, judge.name)
    judged = _judged(judge, rows[: args.limit or None])
    before = evaluations.read_judgements(args.folder, judge.name) if args.limit else {}
    evaluations.write_judgements(args.folder, judge.name, (before | judged).items())
    _print_scores(judge, judged)
    for name, theirs in others.items():
        _print_agreement(name, judged, theirs)
    return _unjudged(judged)


def _judge_key(args: argparse.Namespace) -> int:
    """The descriptions of a key, held against what is written there."""
    from vlm.metrics.agreement import caught

    rows = read_key(args.key)[: args.limit or None]
    judge = open_judge(args.judge, from_flags(args, args.folder, args.resume))
    judged = _judged(judge, [{"id": row.id, "text": row.text, "facts": row.facts} for row in rows])
    _print_scores(judge, judged)
    _print_agreement(f"the key {args.key.name}", judged, {row.id: row.key for row in rows})
    print("\nplanted fault           caught")
    for fault, (hits, planted) in caught(rows, judged).items():
        print(f"{fault:20} {hits:3} of {planted:3} {hits / planted:8.1%}")
    return _unjudged(judged)


def _judged(judge: Judge, rows: Sequence[Mapping[str, Any]]) -> dict[str, Judgement]:
    """Row id -> judgement, with a progress bar."""
    from tqdm import tqdm

    facts = [row["facts"] if isinstance(row.get("facts"), Mapping) else {} for row in rows]
    found = judge.judge([str(row["text"]) for row in rows], facts)
    bar = tqdm(found, judge.name, len(rows), disable=None)
    return {str(row["id"]): judgement for row, judgement in zip(rows, bar, strict=True)}


def _others(folder: Path, own: str) -> dict[str, dict[str, Judgement]]:
    """What the other judges of a folder said, by the name of their file."""
    from vlm import evaluations

    found, broken = evaluations.read_judges(folder)
    mine = evaluations.judgement_file(own)
    for name in broken:
        if name != mine:
            print(f"{name} is left out: not every row of it is a judgement")
    return {name: rows for name, rows in found.items() if f"judgements-{name}.jsonl" != mine}


def _unjudged(judged: Mapping[str, Judgement]) -> int:
    return int(any(judgement.unjudged for judgement in judged.values()))


def _print_scores(judge: Judge, judged: Mapping[str, Judgement]) -> None:
    """Mean of each metric with its 95 % interval, what is unjudged and why, and the cost.

    Of several reasons of one kind the first is shown; the file has them all.
    """
    from vlm.metrics import intervals

    print(f"{judge.name}: {len(judged)} descriptions")
    if any(row.scores for row in judged.values()):
        print("metric        mean   95 % interval     n")
    for name, marks in rubric.columns(judged.values()).items():
        if marks:
            found = intervals.mean(marks)
            print(f"{name:12}{found.mean:6.2f}   {found.low:5.2f} to {found.high:5.2f} {found.n:5}")
    unjudged = [row.unjudged for row in judged.values() if row.unjudged]
    for reason, number in Counter(why.partition(":")[0] for why in unjudged).most_common():
        first = next(why for why in unjudged if why.startswith(reason))
        print(f"unjudged: {number} x {first}")
    if judge.summary():
        print(judge.summary())


def _print_agreement(
    name: str, judged: Mapping[str, Judgement], theirs: Mapping[str, Judgement]
) -> None:
    """Share of equal verdicts and kappa for each metric."""
    from vlm.metrics.agreement import agreement

    found = agreement(judged, theirs)
    if not found:
        print(f"\nagreement with {name} is unknown: no description has marks of both")
        return
    print(f"\nagreement with {name} (full marks or not)")
    print("metric       equal   kappa   95 % interval     n")
    for metric, one in found.items():
        kappa = one.kappa
        print(
            f"{metric:12}{one.equal:6.1%}  {kappa.mean:6.2f}   "
            f"{kappa.low:5.2f} to {kappa.high:5.2f} {kappa.n:5}"
        )


def read_key(path: Path) -> "list[KeyRow]":
    """The rows of a hand-made key: {"id", "facts", "text", "key": {metric: score}, "fault"}.

    Raises:
        UserError: when there are none, or one of them is something else.
    """
    from vlm import runs
    from vlm.metrics.agreement import KeyRow

    rows = runs.read_jsonl(path)
    try:
        found = [
            KeyRow(str(row["id"]), str(row["text"]), dict(row["facts"]),
                   rubric.from_row(row["key"]), str(row.get("fault") or ""))
            for row in rows
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} holds a row that is none of a key ({error!r}); a row is "
            '{"id", "facts", "text", "key": {"colour": 10, ...}, "fault"}.'
        ) from None
    if not found:
        raise UserError(f"{path} holds no rows; give the JSON lines of a hand-made key.")
    return found
