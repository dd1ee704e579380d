"""Compare batches of examples of similar length with random batches, side by side.

    python bench/batching.py

Both sides train the shipped model on the same questions of the caption grammar, batch by batch in
turns, in one process. Prints the share of tokens that are not padding, the seconds per example, and
their ratio.
"""

import argparse
import json
import statistics
from pathlib import Path
from random import Random

import numpy as np
import torch
from feature_store import shipped_model, step

from vlm.data.grammar import products
from vlm.data.grammar.question_words import SHARES
from vlm.training import batching
from vlm.training.examples import FeatureExamples
from vlm.types import Record

BATCH, STEPS, PICTURES = 64, 20, 500
KEYS = ("articleType", "baseColour", "gender", "usage")


def main(argv: list[str] | None = None) -> None:
    """Time both sides in turns, print one table and write one JSON."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(argv)
    bundle = shipped_model()
    examples = FeatureExamples(bundle.processor, records(), np.zeros((1, PICTURES, 1, 512)))
    blind = np.random.default_rng(0).permutation(len(examples)).tolist()
    sides = {
        "random": blind,
        "similar length": list(batching.LengthGroupedSampler(examples.lengths(), BATCH)),
    }
    optimiser = torch.optim.AdamW(p for p in bundle.model.parameters() if p.requires_grad)
    rows = {name: [] for name in sides}
    for number in range(-1, STEPS):  # the first of each warms up
        for name, order in sides.items():
            start = max(number, 0) * BATCH
            batch = [examples[n] for n in order[start : start + BATCH]]
            row = (step(bundle, lambda batch=batch: batch, optimiser), filled(batch))
            rows[name] += [row] if number >= 0 else []
    report(rows)


def records() -> list[Record]:
    """Return products as frequent as in the fashion data, with the grammar's questions."""
    chance = Random(0)
    made = []
    for number in range(PICTURES):
        facts = {key: chance.choices(*zip(*SHARES[key].items(), strict=True))[0] for key in KEYS}
        made.append(Record(str(number), b"", products.turns(facts, str(number)), facts))
    return made


def filled(batch: list[dict]) -> float:
    """Return the share of a batch's tokens that are not padding."""
    sizes = [example["input_ids"].shape[1] for example in batch]
    return statistics.mean(sizes) / max(sizes)


def report(rows: dict[str, list[tuple[float, float]]]) -> None:
    """Print the table and write it as JSON; lengths differ by batch, so means are compared."""
    found = {
        name: {
            "seconds": statistics.mean(s for s, _ in steps) / BATCH,
            "filled": statistics.mean(f for _, f in steps),
        }
        for name, steps in rows.items()
    }
    for name, row in found.items():
        print(
            f"{name:16}{1000 * row['seconds']:8.2f} ms an example, "
            f"{100 * row['filled']:.0f} % filled"
        )
    ratio = found["random"]["seconds"] / found["similar length"]["seconds"]
    print(f"{'ratio':16}{ratio:8.2f} x")
    Path(__file__).with_suffix(".json").write_text(json.dumps(found | {"ratio": ratio}, indent=1))


if __name__ == "__main__":
    main()
