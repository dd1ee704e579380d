"""Train variants of image features and projector side by side, for the same time each.

    python bench/moda_variants.py --vision runs/align/tower --data fashion cifar10 --limit 6000

Every variant gets the same data and the same minutes of training (its steps follow from its own
speed, so that the schedule comes to its end), then describes the same held-out pictures. Prints one
table, writes variants.json and variants.png into --out. Variants that are finished are not trained
again: a stopped comparison continues.
"""

import argparse
import json
import shutil
from pathlib import Path

from vlm.commands.train import moda
from vlm.errors import UserError, exit_on_user_error
from vlm.system import files
from vlm.training import runs

VARIANTS: dict[str, list[str]] = {
    "pooled-expand-reduce": ["--image-features", "pooled", "--projector", "mlp"],
    "pooled-linear": ["--image-features", "pooled", "--projector", "linear"],
    "pooled-mlp2x": ["--image-features", "pooled", "--projector", "mlp2x"],
    "pooled-words": ["--image-features", "pooled", "--projector", "words"],
    "patches-expand-reduce": ["--image-features", "patches", "--projector", "mlp"],
    "patches-linear": ["--image-features", "patches", "--projector", "linear"],
    "patches-pixel-shuffle": ["--image-features", "patches", "--projector", "pixel_shuffle"],
    "pooled-unfrozen-block": ["--image-features", "pooled", "--projector", "mlp", "--unfreeze"],
}
_EVERYDAY = ["--preset", "everyday", "--batch-size", "20", "--set"]
_EVERYDAY += ["tasks=caption", "words=6", "lora=32", "warmup_steps=20", "turns=0"]
VARIANTS |= {
    "everyday-1-token": [*_EVERYDAY, "--image-features", "pooled"],
    "everyday-17-tokens": [*_EVERYDAY, "--image-features", "grid"],
    "everyday-49-tokens": [*_EVERYDAY, "--image-features", "patches"],
    "everyday-no-words": [*_EVERYDAY, "words=0"],
    "everyday-separate": [*_EVERYDAY, "packed=no"],
    "everyday-full": [*_EVERYDAY, "lora=0", "projector_rate=1e-3", "--learning-rate", "1.5e-4"],
    "everyday-half-rate": [*_EVERYDAY, "--learning-rate", "5e-4"],
}
MODA = [name for name in VARIANTS if not name.startswith("everyday")]
TRIAL, FIRST = 16, 4  # steps that the speed is measured with, the first of them left out
FIGURES = ("subCategory", "articleType", "baseColour", "gender", "usage", "kind")
CAPTIONS = ("cider_d", "bleu_4", "chair_i")


def main(argv: list[str] | None = None) -> None:
    """Train, measure and print every variant."""
    with exit_on_user_error():
        args = parse(argv)
        rows = {name: variant(name, VARIANTS[name], args) for name in args.only}
        files.write_json(args.out / "variants.json", rows)
        chart(args)
        print(table(rows))


def variant(name: str, flags: list[str], args: argparse.Namespace) -> dict[str, float]:
    """Return one variant's figures, from its folder if it is finished."""
    folder = args.out / name
    done = folder / "figures.json"
    steps = planned(folder, flags, args)
    if not done.exists():
        again = ["--resume"] if (folder / runs.STATUS).exists() else []
        often = str(max(1, steps // 6))
        every = ["--eval-every", often, "--save-every", often, "--set", "measure=0", "keep=1"]
        moda.main(
            [*common(args), *flags, "--out", str(folder), *every, *again, "--max-steps", str(steps)]
        )
        files.write_json(done, {"steps": steps} | measured(folder, args))
    return json.loads(done.read_text())


def planned(folder: Path, flags: list[str], args: argparse.Namespace) -> int:
    """Return the steps that fit into the minutes; a stopped variant keeps its number of steps.

    Raises:
        UserError: when it was started with other flags.
    """
    kept, asked = folder / "plan.json", [*common(args), *flags, f"{args.minutes:g} minutes"]
    if kept.exists():
        plan = json.loads(kept.read_text())
        if plan["flags"] != asked:
            raise UserError(f"{folder} was started with other flags; give another --out.")
        return plan["steps"]
    steps = max(1, round(60 * args.minutes / seconds_a_step(flags, args)))
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(kept, {"flags": asked, "steps": steps})
    return steps


def common(args: argparse.Namespace) -> list[str]:
    """Return the flags that all variants share; the epochs suffice for the steps of any."""
    words = ["--data", *args.data, "--set", "panel=0", f"turns={args.turns}"]
    words += ["--vision", str(args.vision)] if args.vision else []
    words += ["--limit", str(args.limit), "--held-out", str(args.held_out), "--views", "1"]
    words += ["--features", str(args.features), "--threads", str(args.threads)]
    return [*words, "--epochs", "50"]


def seconds_a_step(flags: list[str], args: argparse.Namespace) -> float:
    """Measure the time of a step in a short training."""
    folder = args.out / "trial"
    shutil.rmtree(folder, ignore_errors=True)
    moda.main(
        [
            *common(args),
            *flags,
            "--out",
            str(folder),
            "--max-steps",
            str(TRIAL),
            "--set",
            f"log_every={FIRST}",
            "measure=0",
        ]
    )
    rows = [row for row in files.read_jsonl(folder / runs.METRICS) if "loss" in row]
    shutil.rmtree(folder)
    return (rows[-1]["time"] - rows[0]["time"]) / (rows[-1]["step"] - rows[0]["step"])


def measured(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Return held-out loss, tokens seen, and the exact labels named in descriptions."""
    from vlm.data import mixture
    from vlm.evaluation import evaluate
    from vlm.loading import load

    last = [row for row in files.read_jsonl(folder / runs.METRICS) if "eval_loss" in row][-1]
    found = {"loss": last["eval_loss"], "million tokens": last["tokens_seen"] / 1e6}
    adapter = folder / runs.ADAPTER
    bundle = load.load(str(adapter if adapter.is_dir() else folder / runs.MODEL), device="cpu")
    for part in mixture.load(args.data, "validation", limit=args.held_out):
        result = evaluate.evaluate(bundle, part.records, with_probes=False)
        figures = result["exact"] | result.get("captions", {})
        figures |= {"overall": result.get("scores", {}).get("overall")}
        names = (*FIGURES, "overall", *CAPTIONS)
        means = {name: figures[name]["mean"] for name in names if figures.get(name)}
        found |= {
            name: mean for name, mean in means.items() if name not in found
        }  # the first set's
    return found


def chart(args: argparse.Namespace) -> None:
    """Draw held-out loss over tokens seen, one line per variant."""
    from vlm.reporting import catalog, curves

    lines = [catalog.Run(name, args.out / name) for name in args.only]
    curves.chart(lines, "loss", args.out / "variants.png")


def table(rows: dict[str, dict[str, float]]) -> str:
    """Return the figures as a Markdown table."""
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    lines = [["variant", *columns], ["---"] * (1 + len(columns))]
    for name, row in rows.items():
        lines.append([name, *(f"{row[key]:.4g}" if key in row else "" for key in columns)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--vision", type=Path, help="an aligned tower's folder (default: the shipped model's)")
    add(
        "--data", nargs="+", default=["fashion"], help="as of `loupe train moda` (default: fashion)"
    )
    add("--minutes", type=float, default=5, help="of training for each variant (default: 5)")
    add("--turns", type=int, default=3, help="questions per image per epoch (default: 3)")
    add("--limit", type=int, default=0, help="pictures of a set, 0 = all (default: 0)")
    add("--held-out", type=int, default=500, help="held-out pictures of a set (default: 500)")
    add("--threads", type=int, default=0, help="CPU threads, 0 = all (default: 0)")
    add("--features", type=Path, default=Path("features"), help="store (default: features)")
    add("--out", type=Path, default=Path("runs/variants"), help="(default: runs/variants)")
    text = "(default: those of moda-mini; the others need --data scenes)"
    add("--only", nargs="+", choices=VARIANTS, default=MODA, help=text)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
