"""python -m vlm ship: a finished run takes the place of the shipped model.

Weights, logs, curve, panel and evaluation are copied. Of the data set nothing goes with them but
ids and what was said of the pictures. The card beside the weights is written by hand; tests hold
its figures against the evaluation.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from vlm import curves, evaluations, runs
from vlm.errors import UserError
from vlm.presets import SHIPPED

HELP = "put a finished run in the place of the shipped model"
CHART = "curve.png"
BAND = "expected.json"  # of losses, see bench/reproduce.py: of the model before


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    parser.add_argument("folder", type=Path, metavar="RUN", help="a finished, evaluated run")
    text = "folder of the model that is replaced (default: the shipped one)"
    parser.add_argument("--to", type=Path, default=SHIPPED, help=text)
    text = "run, or shipped model, that this one went on from: its logs come first (default: none)"
    parser.add_argument("--after", type=Path, metavar="RUN", help=text)
    text = "files that the card speaks of, copied beside it (default: none)"
    parser.add_argument("--also", type=Path, nargs="+", default=[], metavar="FILE", help=text)


def run(args: argparse.Namespace) -> int:
    """Check, clear, copy."""
    ship(args.folder, args.to, args.also, args.after)
    print(f"Shipped {args.folder} to {args.to}; bring its README.md up to date, run the tests.")
    return 0


def ship(run: Path, to: Path, also: Sequence[Path] = (), after: Path | None = None) -> None:
    """Copy what is shipped of a run: besides `evaluation` every folder named evaluation-SOMETHING.

    Raises:
        UserError: when the run lacks its model, a log or its evaluation, a file is not there, or
            `after` has no logs or showed other pictures as it learned.
    """
    from vlm import load  # transformers takes seconds

    needed = [run / "model" / "config.json", *(run / name for name in runs.LOGS)]
    needed.append(run / "evaluation" / evaluations.SCORES)
    lacking = [str(path.relative_to(run)) for path in needed if not path.is_file()]
    absent = [str(path) for path in also if not path.is_file()]
    if absent:
        raise UserError(f"There is no file {', '.join(absent)}; give files that exist with --also.")
    if lacking:
        raise UserError(f"{run} lacks {', '.join(lacking)}; finish and evaluate the run first.")
    logs = {name: joined(name, run, after) for name in runs.LOGS}
    bundle = load.load(str(run / "model"), device="cpu")  # what does not open is not shipped
    of_before = [] if after and after.resolve() == to.resolve() else to.glob("panel/*.jpg")
    for stale in [*of_before, *to.glob(BAND)]:
        stale.unlink()
    load.save(bundle, to)
    for panel in [after / "panel", run / "panel"] if after else [run / "panel"]:
        if panel.is_dir() and panel.resolve() != (to / "panel").resolve():
            shutil.copytree(panel, to / "panel", dirs_exist_ok=True)
    for name, rows in logs.items():
        runs.write_text(to / name, "".join(map(runs.line, rows)))
    for stale in to.glob("evaluation*"):
        shutil.rmtree(stale)
    for folder in sorted(run.glob("evaluation*")):
        _evaluation(folder, to / folder.name)
    for path in also:
        if path.resolve() != (to / path.name).resolve():  # it may lie there from the model before
            shutil.copy(path, to / path.name)
    curves.chart_all(curves.Run(to.name, to), to / CHART)


def joined(name: str, run: Path, after: Path | None = None) -> list[dict]:
    """The rows of a run's log behind those of the run it went on from, counted on from its end.

    Rows of a second run have `part` 2, and so on: it may have been asked other questions, which
    makes its losses no longer comparable.

    Raises:
        UserError: when there is nothing to go on from, or other pictures were shown.
    """
    rows = runs.read_jsonl(run / name)
    if after is None:
        return rows
    earlier, losses = runs.read_jsonl(after / name), runs.read_jsonl(after / curves.METRICS_FILE)
    if not earlier or not losses:
        raise UserError(f"{after} has no {name} to go on from; give the folder of a run.")
    shown = {row["image"]: row["id"] for row in earlier if "image" in row}
    if any(shown.get(row["image"], row["id"]) != row["id"] for row in rows if "image" in row):
        raise UserError(f"{after} and {run} showed different pictures; leave --after out.")
    more = {"part": max(row.get("part", 1) for row in earlier) + 1}
    keys = ("step", "tokens_seen")
    return earlier + [
        row | {key: row[key] + losses[-1][key] for key in keys if key in row} | more for row in rows
    ]


def _evaluation(source: Path, to: Path) -> None:
    """Scores, judgements and texts; the data set's own columns and pictures stay behind."""
    to.mkdir(exist_ok=True)
    for name in (evaluations.SPEED, evaluations.judgement_file("rules")):
        if (source / name).is_file():
            shutil.copy(source / name, to / name)
    named = {"model": to.parent.name}  # it was a folder of this machine
    runs.write_json(to / evaluations.SCORES, evaluations.read_scores(source) | named)
    rows = evaluations.read_predictions(source)
    lines = (runs.line({key: row[key] for key in ("id", "prompt", "text")}) for row in rows)
    runs.write_text(to / evaluations.PREDICTIONS, "".join(lines))
