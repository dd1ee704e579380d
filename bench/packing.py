"""Time a training step with a picture's answers in one sequence and in separate ones.

    python bench/packing.py --preset everyday --data scenes --tasks caption

Both get the same pictures, questions and answers, so both have the same loss; the ratio of their
times is the gain. They alternate, so that noise of the machine meets both.
"""

import argparse
import time
from statistics import median

import torch

from vlm.data import mixture
from vlm.errors import exit_on_user_error
from vlm.inference import encoding
from vlm.loading import build
from vlm.loading.presets import PRESETS
from vlm.training import packing
from vlm.training.examples import FeatureExamples
from vlm.training.freezing import freeze
from vlm.types import Bundle

ROUNDS = 3


def main(argv: list[str] | None = None) -> None:
    """Print losses, tokens, seconds and the ratio."""
    with exit_on_user_error():
        args = parse(argv)
        print(compare(*batches(args)))


def batches(args: argparse.Namespace) -> tuple[Bundle, dict, dict]:
    """Return a model and the same answers as separate and as packed sequences."""
    records = mixture.load([args.data], "validation", limit=args.pictures)
    records = mixture.only_tasks(records, args.tasks).records
    corpus = (turn.answer for record in records for turn in record.turns)
    bundle = build.build(PRESETS[args.preset], args.preset, corpus)
    freeze(bundle.model, "moda")
    config, width = bundle.model.config, bundle.model.config.vision_width
    tokens = bundle.processor.num_image_tokens if config.image_features != "pooled" else 1
    features = torch.rand(1, len(records), tokens, width).half().numpy()
    examples = FeatureExamples(bundle.processor, records, features, turns=args.turns)
    packed = packing.PackedExamples(examples)
    collate = encoding.collator(bundle.processor), packing.collator(bundle.processor)
    separate = collate[0]([examples[number] for number in range(len(examples))])
    return bundle, separate, collate[1]([packed[number] for number in range(len(packed))])


def compare(bundle: Bundle, separate: dict, packed: dict) -> str:
    """Return the comparison as a Markdown table."""
    rows = {"separate": separate, "packed": packed}
    times: dict[str, list[float]] = {name: [] for name in rows}
    losses = {}
    for number in range(ROUNDS + 1):
        for name, batch in rows.items():
            start = time.perf_counter()
            losses[name] = step(bundle.model.train(), batch)
            times[name] += [time.perf_counter() - start] if number else []  # the first warms up
    lines = ["| sequences | tokens, with padding | loss | s per step |", "|---|---|---|---|"]
    for name, batch in rows.items():
        size = batch["input_ids"].numel()
        lines.append(f"| {name} | {size:,} | {losses[name]:.4f} | {median(times[name]):.2f} |")
    ratios = [a / b for a, b in zip(times["separate"], times["packed"], strict=True)]
    return "\n".join([*lines, f"\npacked sequences are {median(ratios):.2f} times as fast"])


def step(model, batch: dict) -> float:
    """Make a forward and a backward pass; return the loss."""
    model.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    return float(loss.detach())


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--preset", choices=PRESETS, default="everyday", help="(default: everyday)")
    add("--data", default="scenes", help="data set (default: scenes)")
    add("--tasks", default="caption", help="kinds of questions (default: caption)")
    add("--pictures", type=int, default=8, help="in a batch (default: 8)")
    add("--turns", type=int, default=0, help="answers of a picture, 0 = all (default: 0)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
