"""Measure how long a shipped model takes for brief, detailed and caption answers, side by side.

    python bench/answering.py
    python bench/answering.py --model everyday --dtype bfloat16

One picture at a time, from the encoded file to the first and to the last token, greedily; medians
over the example pictures, the prompts in turns. The ratio printed is detailed to brief.
"""

import argparse
import json
import statistics
from pathlib import Path

from vlm.config import CAPTION
from vlm.data.images import open_image
from vlm.inference import generate
from vlm.loading import load
from vlm.system import runtime

ROOT = Path(__file__).resolve().parents[1]
PROMPTS = {"brief": "Describe this picture briefly.", "detailed": "Describe this image in detail."}
PROMPTS |= {"caption": CAPTION}
ROUNDS = 3


def main(argv: list[str] | None = None) -> None:
    """Time both prompts in turns, print one table and write one JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="moda-mini", help="(default: moda-mini)")
    parser.add_argument("--dtype", default="float32", help="(default: float32)")
    parser.add_argument("--threads", type=int, default=0, help="0 = one a core (default: 0)")
    args = parser.parse_args(argv)
    runtime.set_threads(args.threads)
    bundle = load.load(args.model, device="cpu", dtype=args.dtype)
    files = sorted((ROOT / "examples").glob("*.jpg"))
    timed(bundle, files[0], PROMPTS["brief"])  # warm-up
    rows = {name: [] for name in PROMPTS}
    for _ in range(ROUNDS):
        for file in files:
            for name, prompt in PROMPTS.items():
                rows[name].append(timed(bundle, file, prompt))
    report({name: medians(values) for name, values in rows.items()})


def timed(bundle, file: Path, prompt: str) -> dict[str, float]:
    """Return seconds to the first and the last token, and the number of tokens, of one answer."""
    import time

    started, stats = time.perf_counter(), generate.Stats()
    picture = open_image(file)
    opened = time.perf_counter() - started
    generate.answer(bundle, picture, prompt, stats=stats)
    whole = time.perf_counter() - started
    return {"first_token_s": opened + stats.first_token, "answer_s": whole, "tokens": stats.tokens}


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def report(found: dict[str, dict[str, float]]) -> None:
    """Print the table and write it as JSON."""
    for name, row in found.items():
        print(
            f"{name:10} first token {row['first_token_s']:.3f} s, whole answer "
            f"{row['answer_s']:.3f} s, {row['tokens']:.0f} tokens"
        )
    ratio = found["detailed"]["answer_s"] / found["brief"]["answer_s"]
    print(f"{'ratio':10} {ratio:.2f} x the time for the detailed answer")
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
