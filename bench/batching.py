"""Batches of examples of one length against batches drawn blindly, side by side.

    python bench/batching.py

Both sides train the shipped model on the same questions of the caption grammar, batch by batch in
turns, in one process. Printed are what part of a batch is no padding, the seconds for an example,
and their ratio.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from random import Random

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

from bench.feature_store import step  # noqa: E402
from vlm import batching, features, load, runtime  # noqa: E402
from vlm.data import captions  # noqa: E402
from vlm.data.question_words import SHARES  # noqa: E402
from vlm.types import Record  # noqa: E402

BATCH, STEPS, PICTURES = 64, 20, 500
KEYS = ("articleType", "baseColour", "gender", "usage")


def main(argv: list[str] | None = None) -> None:
    """Time both sides in turns, print one table and write one JSON."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args(argv)
    import torch

    runtime.set_threads()
    bundle = load.load(device="cpu")
    bundle.model.model.vision_tower.requires_grad_(False)
    examples = features.Examples(bundle.processor, records(), np.zeros((1, PICTURES, 1, 512)))
    blind = np.random.default_rng(0).permutation(len(examples)).tolist()
    sides = {
        "drawn blindly": blind,
        "of one length": list(batching.Grouped(examples.lengths(), BATCH)),
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
    """Products as frequent as the fashion data's, with the grammar's questions about them."""
    chance = Random(0)
    made = []
    for number in range(PICTURES):
        facts = {key: chance.choices(*zip(*SHARES[key].items(), strict=True))[0] for key in KEYS}
        made.append(Record(str(number), b"", captions.turns(facts, str(number)), facts))
    return made


def filled(batch: list[dict]) -> float:
    """The share of a batch that is no padding."""
    sizes = [example["input_ids"].shape[1] for example in batch]
    return statistics.mean(sizes) / max(sizes)


def report(rows: dict[str, list[tuple[float, float]]]) -> None:
    """Print the table and write it as JSON; lengths differ by batch, so means are compared."""
    found = {
        name: {"seconds": statistics.mean(s for s, _ in steps) / BATCH,
               "filled": statistics.mean(f for _, f in steps)}
        for name, steps in rows.items()
    }  # fmt: skip
    for name, row in found.items():
        print(f"{name:16}{1000 * row['seconds']:8.2f} ms an example, "
              f"{100 * row['filled']:.0f} % filled")  # fmt: skip
    ratio = found["drawn blindly"]["seconds"] / found["of one length"]["seconds"]
    print(f"{'ratio':16}{ratio:8.2f} x")
    Path(__file__).with_suffix(".json").write_text(json.dumps(found | {"ratio": ratio}, indent=1))


if __name__ == "__main__":
    main()
