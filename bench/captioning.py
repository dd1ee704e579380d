"""Measure how many pictures per second a local teacher describes, in batches and one by one.

    python bench/captioning.py --teacher moda-mini

The same pictures both ways, in turns; medians, and the ratio.
"""

import argparse
import statistics
import time
from pathlib import Path

from vlm.captioning import writers
from vlm.system import runtime
from vlm.types import Record

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
ROUNDS = 3


def main(argv: list[str] | None = None) -> None:
    """Describe, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", default="moda-mini", help="(default: moda-mini)")
    parser.add_argument("--threads", type=int, default=0, help="0 = one a core (default: 0)")
    args = parser.parse_args(argv)
    runtime.set_threads(args.threads)
    settings = writers.WriterSettings(device="cpu")
    teacher = writers.open_writer(args.teacher, writers.TEACHER, settings)
    files = sorted(EXAMPLES.glob("*.jpg"))
    size = teacher.batch_size
    requests = [writers.Request(Record(file.name, file)) for file in files * -(-size // len(files))]
    rates: dict[int, list[float]] = {1: [], size: []}
    list(teacher.write(requests[:1]))  # warm-up
    for _ in range(ROUNDS):
        for many, found in rates.items():
            found.append(len(requests) / seconds(teacher, requests, many))
    slow, fast = (statistics.median(found) for found in rates.values())
    print(f"one by one {slow:.1f} pictures/s, {size} at a time {fast:.1f}: {fast / slow:.1f} x")


def seconds(teacher: writers.Writer, asks: list, size: int) -> float:
    """Return the seconds for all pictures, `batch_size` at a time."""
    started = time.perf_counter()
    for start in range(0, len(asks), size):
        list(teacher.write(asks[start : start + size]))
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
