"""Measure how often a model's answers are right, so that the app can say so beside each answer.

The table is fitted to one half of the held-out pictures and measured on the other, then stored as
calibration.json beside the model's weights. For example:

    loupe calibrate --model runs/everyday/model --data fashion cifar10 scenes negatives
"""

import argparse
from collections.abc import Mapping
from typing import Any

from vlm.commands.flags import add_shared, model_flags, open_model
from vlm.config import DESCRIBE
from vlm.data import folder, mixture
from vlm.errors import UserError, lookup

HELP = "measure how often answers are right"
WORLDS = ("fashion", "cifar10", "scenes", "negatives")
LIMIT = 500
STATISTICS = {
    "ece": "expected calibration error, %",
    "brier": "Brier score, 0 is best",
    "auroc": "right answers above wrong ones, %",
}


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    text = f"data sets, each [NAME][=PATH] (default: {' '.join(WORLDS)})"
    add_shared(parser, data={"nargs": "+", "default": WORLDS, "metavar": "DATA", "help": text})
    text = "part of each data set (default: %(default)s)"
    split = {"default": "validation", "choices": folder.SPLITS, "help": text}
    add_shared(parser, "data_path", split=split)
    text = "pictures of each data set, 0 = all (default: %(default)s)"
    add_shared(parser, limit={"default": LIMIT, "help": text})
    text = f"questions, each measured by itself (default: {DESCRIBE})"
    add_shared(parser, prompt={"nargs": "+", "default": [DESCRIBE], "help": text})
    model_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Calibrate each question, print the figures and write calibration.json."""
    from vlm.evaluation.calibration.correctness import ANSWER_JUDGES
    from vlm.evaluation.calibration.run import calibrate
    from vlm.inference import calibration

    place = calibration.model_folder(args.model)
    if place is None:
        raise UserError(
            f"The model {args.model!r} is not a folder on this machine; calibration.json is kept "
            "beside the weights, so download the model and give its folder."
        )
    for text in args.data:
        lookup(ANSWER_JUDGES, mixture.parse_part(text).name, "data set that can be judged")
    parts = mixture.load(args.data, args.split, args.data_path, args.limit)
    records = {part.name.partition("=")[0]: () for part in parts}
    for part in parts:
        records[part.name.partition("=")[0]] += part.records
    bundle = open_model(args)
    questions = {prompt: calibrate(bundle, records, prompt) for prompt in args.prompt}
    for prompt, row in questions.items():
        print_measured(prompt, row)
    print(f"\nWritten to {calibration.write(place, questions)}")
    return 0


def print_measured(prompt: str, row: Mapping[str, Any]) -> None:
    """Print what was measured of one question, before and after."""
    measured = row["measured"]
    print(f"\n{prompt}\nfitted to {measured['fitted_to']} answers by {row['score']}")
    print(f"{measured['answers']:<6} other answers{'before':>25}{'after':>24}")
    for name, label in STATISTICS.items():
        cells = [_interval(name, measured[when][name]) for when in ("before", "after")]
        print(f"{label:34}" + "".join(f"{cell:>24}" for cell in cells))
    print(f"perfect probabilities would have an error of {100 * measured['by_chance']:.1f} % here")
    for data, means in measured["data"].items():
        shares = (
            f"{100 * means['probability']:6.1f} % promised, {100 * means['right']:5.1f} % right"
        )
        print(f"{data:12}{shares}, {means['n']} answers")


def _interval(name: str, figure: Mapping[str, float]) -> str:
    scale, digits = (1, 3) if name == "brier" else (100, 1)
    mean, low, high = (f"{scale * figure[key]:.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"
