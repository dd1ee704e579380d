"""Repeat a short training of each shipped model and check its losses against the expected band.

    python bench/reproduce.py                           a new seed; checks the losses
    python bench/reproduce.py --write --only everyday   five seeds; writes the band

A short version is the MODA stage on the shipped tower, on a part of the data; its band is the
range of the held-out losses of five seeds at each measurement, widened by as much as it is wide and
by 2 % of the loss. It is in expected.json beside the shipped weights.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from vlm.commands.train import moda
from vlm.errors import UserError, exit_on_user_error
from vlm.loading.presets import BAND, EVERYDAY, SHIPPED
from vlm.system import files
from vlm.training import runs

SEEDS, FRESH = (0, 1, 2, 3, 4), 5
MODA_MINI_FLAGS = ["--data", "fashion", "cifar10", "negatives", "--limit", "1500"]
MODA_MINI_FLAGS += ["--views", "1", "--epochs", "50", "--max-steps", "150", "--batch-size", "64"]
MODA_MINI_FLAGS += ["--eval-every", "50", "--save-every", "150", "--held-out", "300"]
MODA_MINI_FLAGS += ["--set", "turns=3", "panel=0", "measure=0", "packed=no"]
EVERYDAY_FLAGS = ["--preset", "everyday", "--recipe", "everyday", "--data", "scenes", "fashion"]
EVERYDAY_FLAGS += ["--limit", "160", "--views", "1", "--epochs", "50", "--max-steps", "15"]
EVERYDAY_FLAGS += ["--eval-every", "5", "--save-every", "15", "--held-out", "30", "--batch-size"]
EVERYDAY_FLAGS += ["40", "--set", "turns=1", "names=0", "words=3", "panel=0", "measure=0"]
# model -> flags of its short training, and its folder
RUNS = {"moda-mini": (MODA_MINI_FLAGS, SHIPPED), "everyday": (EVERYDAY_FLAGS, EVERYDAY)}
ROOM = 0.02  # of a loss, for machines that round otherwise


def main(argv: list[str] | None = None) -> int:
    """Write the bands, or check new runs against them; return 1 if one leaves its band."""
    with exit_on_user_error():
        args = parse(argv)
        if args.band and len(args.only) != 1:
            raise UserError("--band is the file of one model; name it with --only.")
        names = [name for name in args.only if can_repeat(name, args)]
        return max([repeat(name, args) for name in names], default=0)


def repeat(name: str, args: argparse.Namespace) -> int:
    """Write one model's band, or check it; return 1 if the run leaves the band."""
    flags, path = RUNS[name][0], band_file(name, args)
    if args.write:
        rows = [losses(flags, seed, args) for seed in SEEDS]
        files.write_json(path, {"flags": flags, "band": band(rows)})
        print(f"Wrote {path}.")
        return 0
    print(f"{name}:")
    return int(not inside(losses(flags, args.seed, args), json.loads(path.read_text())["band"]))


def band_file(name: str, args: argparse.Namespace) -> Path:
    """Return the file of a model's band."""
    return args.band or RUNS[name][1] / BAND


def can_repeat(name: str, args: argparse.Namespace) -> bool:
    """Return False, with a notice, for a model without weights.

    Raises:
        UserError: when its band is missing, before anything is trained.
    """
    if not (args.band or (RUNS[name][1] / "config.json").is_file()):
        print(f"{name} is not shipped here, so its training is not repeated.")
        return False
    path = band_file(name, args)
    if not (args.write or path.is_file()):
        raise UserError(f"There is no {path}; write it with --write first.")
    return True


def losses(flags: list[str], seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Return the held-out loss by step of one short run."""
    folder = Path(tempfile.mkdtemp(prefix="loupe-reproduce-"))
    try:
        moda.main(
            [
                *flags,
                *args.more,
                "--seed",
                str(seed),
                "--out",
                str(folder / "run"),
                "--features",
                str(args.features),
            ]
        )
        rows = files.read_jsonl(folder / "run" / runs.METRICS)
        return {str(row["step"]): row["eval_loss"] for row in rows if "eval_loss" in row}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def band(found: list[dict[str, float]]) -> dict[str, list[float]]:
    """Return the lowest and the highest expected loss by step."""
    edges = {}
    for step in found[0]:
        values = [row[step] for row in found]
        wider = max(values) - min(values) + ROOM * max(values)
        edges[step] = [round(min(values) - wider, 4), round(max(values) + wider, 4)]
    return edges


def inside(found: dict[str, float], expected: dict[str, list[float]]) -> bool:
    """Print each measurement and its band; return True if all are inside."""
    fine = found.keys() == expected.keys()
    for step, loss in found.items():
        low, high = expected.get(step, (0.0, 0.0))
        good = low <= loss <= high
        fine &= good
        print(
            f"step {step:>5}: held-out loss {loss:.4f}, expected {low:.4f} to {high:.4f}: "
            f"{'in the band' if good else 'OUTSIDE'}"
        )
    return fine


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--write", action="store_true", help="write the band from five seeds")
    add("--seed", type=int, default=FRESH, help=f"of the repeat (default: {FRESH})")
    add("--only", nargs="+", choices=RUNS, default=[*RUNS], help="models (default: all)")
    add("--band", type=Path, help="the band's file (default: the shipped one)")
    add("--features", type=Path, default=Path("features"), help="store (default: features)")
    add("more", nargs="*", help="further flags of `loupe train moda`, after --")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
