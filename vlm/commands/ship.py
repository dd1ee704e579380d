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
    text = "files that the card speaks of, copied beside it (default: none)"
    parser.add_argument("--also", type=Path, nargs="+", default=[], metavar="FILE", help=text)


def run(args: argparse.Namespace) -> int:
    """Check, clear, copy."""
    ship(args.folder, args.to, args.also)
    print(f"Shipped {args.folder} to {args.to}; bring its README.md up to date, run the tests.")
    return 0


def ship(run: Path, to: Path, also: Sequence[Path] = ()) -> None:
    """Copy what is shipped of a run: besides `evaluation` every folder named evaluation-SOMETHING.

    Raises:
        UserError: when the run lacks its model, a log or its evaluation, or a file is not there.
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
    bundle = load.load(str(run / "model"), device="cpu")  # what does not open is not shipped
    for stale in [*to.glob("panel/*.jpg"), *to.glob(BAND)]:
        stale.unlink()
    load.save(bundle, to)
    shutil.copytree(run / "panel", to / "panel", dirs_exist_ok=True)
    for name in runs.LOGS:
        shutil.copy(run / name, to / name)
    for stale in to.glob("evaluation*"):
        shutil.rmtree(stale)
    for folder in sorted(run.glob("evaluation*")):
        _evaluation(folder, to / folder.name)
    for path in also:
        shutil.copy(path, to / path.name)
    curves.chart_all(curves.Run(to.name, to), to / CHART)


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
