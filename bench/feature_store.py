"""Compare training on stored features with running the frozen tower in every step.

    python bench/feature_store.py

Both sides take the same steps of the shipped model's shape, in turns, in one process; the ratio of
the medians is printed. The stored side's own cost, each view computed once, is printed beside it.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vlm.inference import encoding
from vlm.loading import load
from vlm.system import runtime
from vlm.training.examples import FeatureExamples
from vlm.training.moda import features
from vlm.types import Bundle, Record, Turn

BATCH, ROUNDS = 32, 7
TURN = Turn("Describe this picture.", "This is a pair of men's black formal shoes.")


def main(argv: list[str] | None = None) -> None:
    """Time both sides in turns, print one table and write one JSON."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(argv)
    bundle = shipped_model()
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (BATCH, 224, 224, 3), dtype=np.uint8)
    records = [Record(str(n), Image.fromarray(p), (TURN,)) for n, p in enumerate(pixels)]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        store = np.array(features.compute(bundle, records, Path(folder)))
        once = time.perf_counter() - started
    stored = FeatureExamples(bundle.processor, records, store)
    sides = {
        "stored features": lambda: [stored[n] for n in range(BATCH)],
        "tower in every step": lambda: [
            encoding.encode(bundle.processor, record.image, TURN) for record in records
        ],
    }
    optimiser = torch.optim.AdamW(p for p in bundle.model.parameters() if p.requires_grad)
    times = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, examples in sides.items():
            times[name].append(step(bundle, examples, optimiser))
    report({name: statistics.median(values) for name, values in times.items()}, once)


def shipped_model() -> Bundle:
    """Open the shipped model on all cores, with a frozen tower."""
    runtime.set_threads()
    bundle = load.load(device="cpu")
    bundle.model.model.vision_tower.requires_grad_(False)
    return bundle


def step(bundle, examples, optimiser) -> float:
    """Return the seconds of a training step on the batch that `examples()` returns."""
    started = time.perf_counter()
    batch = encoding.collator(bundle.processor)(examples())
    bundle.model.train()(**batch).loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    return time.perf_counter() - started


def report(seconds: dict[str, float], once: float) -> None:
    """Print the table and write it as JSON."""
    for name, value in seconds.items():
        print(f"{name:24}{value:8.3f} s a step of {BATCH}")
    ratio = seconds["tower in every step"] / seconds["stored features"]
    print(f"{'ratio':24}{ratio:8.2f} x")
    print(f"{'computing the store once':24}{once:8.3f} s for {BATCH} pictures")
    rows = {**seconds, "ratio": ratio, "store once": once}
    Path(__file__).with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
