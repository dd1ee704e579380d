"""Replace the shipped model by a finished run.

    python bench/ship.py RUN --also FILE

Copies the model, or the adapter on a preset's parts, with logs, curve, panel and evaluation. Of the
data set it copies only ids and the descriptions. The card beside the weights is written by hand;
tests compare its figures with the evaluation.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from vlm.errors import UserError, exit_on_user_error
from vlm.evaluation import results
from vlm.loading import load, lora
from vlm.loading.presets import BAND, EVERYDAY, SHIPPED
from vlm.reporting import catalog, curves
from vlm.system import files
from vlm.training import runs

CHART, CAPTION_CHART = "curve.png", "curve-captions.png"


def main(argv: list[str] | None = None) -> None:
    """Read the command line, check, copy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="RUN", help="a finished, evaluated run")
    text = "folder of the model that is replaced (default: everyday for adapters, else moda-mini)"
    parser.add_argument("--to", type=Path, help=text)
    text = "run, or shipped model, that this one continued: its logs come first (default: none)"
    parser.add_argument("--after", type=Path, metavar="RUN", help=text)
    text = "files that the card refers to, copied beside it (default: none)"
    parser.add_argument("--also", type=Path, nargs="+", default=[], metavar="FILE", help=text)
    args = parser.parse_args(argv)
    to = args.to or (EVERYDAY if (args.folder / runs.ADAPTER).is_dir() else SHIPPED)
    with exit_on_user_error():
        ship(args.folder, to, args.also, args.after)
    print(f"Shipped {args.folder} to {to}; update its README.md, then run the tests.")


def ship(run: Path, to: Path, also: Sequence[Path] = (), after: Path | None = None) -> None:
    """Copy what is shipped of a run: besides `evaluation` every folder named evaluation-SOMETHING.

    Raises:
        UserError: when the run lacks its model, a log or its evaluation, a file does not exist, or
            `after` has no logs or described other pictures.
    """
    is_adapter = (run / runs.ADAPTER).is_dir()
    part = run / (runs.ADAPTER if is_adapter else runs.MODEL)
    needed = [part / "config.json", *(run / name for name in runs.LOGS)]
    needed.append(run / "evaluation" / results.SCORES)
    lacking = [str(path.relative_to(run)) for path in needed if not path.is_file()]
    absent = [str(path) for path in also if not path.is_file()]
    if absent:
        raise UserError(f"{', '.join(absent)} not found; give existing files with --also.")
    if lora.is_adapter(to) != is_adapter and (to / "config.json").is_file():
        raise UserError(f"{to} has a model of another kind than {run}; give another --to.")
    if lacking:
        raise UserError(f"{run} lacks {', '.join(lacking)}; finish and evaluate the run first.")
    logs = {name: joined(name, run, after) for name in runs.LOGS}
    bundle = load.load(str(part), device="cpu")  # a model that does not open is not shipped
    old_panel = [] if after and after.resolve() == to.resolve() else to.glob("panel/*.jpg")
    for stale in [*old_panel, *to.glob(BAND)]:
        stale.unlink()
    if is_adapter:
        _adapter(part, to)
    else:
        load.save(bundle, to)
    for panel in [after / "panel", run / "panel"] if after else [run / "panel"]:
        if panel.is_dir() and panel.resolve() != (to / "panel").resolve():
            shutil.copytree(panel, to / "panel", dirs_exist_ok=True)
    for name, rows in logs.items():
        files.write_text(to / name, "".join(map(files.json_line, rows)))
    for stale in to.glob("evaluation*"):
        shutil.rmtree(stale)
    for folder in sorted(run.glob("evaluation*")):
        _evaluation(folder, to / folder.name)
    for path in also:
        if path.resolve() != (to / path.name).resolve():  # it may be there from the last model
            shutil.copy(path, to / path.name)
    shipped = catalog.Run(to.name, to)
    curves.chart_all(shipped, to / CHART)
    if curves.points(shipped, "cider_d"):
        curves.chart([shipped], "cider_d", to / CAPTION_CHART)


def _adapter(source: Path, to: Path) -> None:
    """Copy an adapter, and remove the old one's weights and calibration."""
    for stale in [*to.glob("adapter_*"), *to.glob(load.CALIBRATION)]:
        stale.unlink()
    shutil.copytree(source, to, dirs_exist_ok=True)


def joined(name: str, run: Path, after: Path | None = None) -> list[dict]:
    """Append the rows of a run's log to those of the run it continued; steps are counted on.

    Rows of a second run have `part` 2, and so on: its questions may differ, so its losses are not
    comparable.

    Raises:
        UserError: when the earlier run has no logs, or described other pictures.
    """
    rows = files.read_jsonl(run / name)
    if after is None:
        return rows
    earlier, losses = files.read_jsonl(after / name), files.read_jsonl(after / runs.METRICS)
    if not earlier or not losses:
        raise UserError(f"{after} has no {name}; give the folder of a run.")
    shown = {row["image"]: row["id"] for row in earlier if "image" in row}
    if any(shown.get(row["image"], row["id"]) != row["id"] for row in rows if "image" in row):
        raise UserError(f"{after} and {run} described different pictures; omit --after.")
    more = {"part": max(row.get("part", 1) for row in earlier) + 1}
    keys = ("step", "tokens_seen")
    return earlier + [
        row | {key: row[key] + losses[-1][key] for key in keys if key in row} | more for row in rows
    ]


def _evaluation(source: Path, to: Path) -> None:
    """Copy scores, judgements and texts, but not the data set's own columns and pictures."""
    to.mkdir(exist_ok=True)
    for name in (results.SPEED, results.CAPTION_SCORES, results.judgement_file("rules")):
        if (source / name).is_file():
            shutil.copy(source / name, to / name)
    named = {"model": to.parent.name}  # instead of a folder of this machine
    files.write_json(to / results.SCORES, results.read_scores(source) | named)
    rows = results.read_predictions(source)
    lines = (files.json_line({key: row[key] for key in ("id", "prompt", "text")}) for row in rows)
    files.write_text(to / results.PREDICTIONS, "".join(lines))


if __name__ == "__main__":
    main()
