"""Measure how fast a model answers and how much memory it takes, alone and in batches."""

import dataclasses
import statistics
import time
from collections.abc import Sequence

import torch
from tqdm import tqdm

from vlm.config import DESCRIBE, GenerateConfig
from vlm.data.images import Picture, open_image
from vlm.errors import UserError
from vlm.inference import generate
from vlm.system import memory
from vlm.types import Bundle

SIZES = (1, 8)  # pictures in a batch
REPEATS = 5
WARM_UP = 4  # tokens
MEGABYTE = 10**6
DIGITS = {"first_token_s": 4, "answer_s": 4, "peak_memory_mb": 1}


def measure(
    bundle: Bundle,
    pictures: Sequence[Picture],
    sizes: Sequence[int] = SIZES,
    repeats: int = REPEATS,
    config: GenerateConfig | None = None,
) -> dict[str, dict[str, float | int | str]]:
    """Return the content of speed.json: batch size -> measurements, medians over the repeats.

    first_token_s: from encoded pictures to the first token; the vision tower is included.
    answer_s: from encoded pictures to the last token.
    tokens_per_second: after the first token, summed over the answers of a batch; absent when no
        answer has more than one token.
    pictures_per_second: complete answers per second.
    tokens: tokens per answer, end token included.
    peak_memory_mb: in 10^6 bytes; `memory` names the kind of memory.
    repeats, threads, device, dtype: the conditions of the measurement.

    Args:
        pictures: used in rotation, so that repeats see different ones.

    Raises:
        UserError: when there is no picture, or one cannot be opened.
    """
    if not pictures:
        raise UserError("No picture was given to measure the speed with; give at least one.")
    config = config or GenerateConfig()
    rows = {}
    for size in sorted(sizes):  # ascending: a large batch keeps memory that a small one would show
        groups = [
            [pictures[(start * size + n) % len(pictures)] for n in range(size)]
            for start in range(repeats)
        ]
        rows[str(size)] = _measure_size(bundle, groups, config)
    return rows


def _measure_size(
    bundle: Bundle, groups: Sequence[Sequence[Picture]], config: GenerateConfig
) -> dict[str, float | int | str]:
    """Return the medians over groups of one size, after a short warm-up that is not counted."""
    device = bundle.model.device
    _time_answers(bundle, groups[0], dataclasses.replace(config, max_new_tokens=WARM_UP))
    memory_kind = memory.reset_peak(device)
    bar = tqdm(groups, f"speed at batch size {len(groups[0])}", leave=False)
    timings = [_time_answers(bundle, group, config) for group in bar]
    row = {"peak_memory_mb": memory.peak_since_reset(device, memory_kind) / MEGABYTE}
    names = [name for name in timings[0] if all(name in timing for timing in timings)]
    row |= {name: statistics.median(timing[name] for timing in timings) for name in names}
    row = {name: round(value, DIGITS.get(name, 2)) for name, value in row.items()}
    return row | {"memory": memory_kind, "repeats": len(groups), **_conditions(bundle, device)}


def _time_answers(
    bundle: Bundle, pictures: Sequence[Picture], config: GenerateConfig
) -> dict[str, float]:
    """Describe the pictures in one batch and return seconds and rates."""
    stats, started, count = generate.Stats(), time.monotonic(), len(pictures)
    images = [open_image(picture) for picture in pictures]
    if count == 1:  # as the app does
        generate.answer(bundle, images[0], DESCRIBE, config, stats=stats)
    else:
        generate.answers(bundle, images, [DESCRIBE] * count, config, stats=stats)
    preparing, decoding = stats.started - started, stats.seconds - stats.first_token
    total = preparing + stats.seconds
    row = {"first_token_s": preparing + stats.first_token, "answer_s": total}
    row |= {"pictures_per_second": count / total, "tokens": stats.tokens / count}
    if stats.tokens > count and decoding > 0:  # first_token covers the first token of each answer
        row["tokens_per_second"] = (stats.tokens - count) / decoding
    return row


def _conditions(bundle: Bundle, device: torch.device) -> dict[str, int | str]:
    gpu = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
    dtype = str(bundle.model.dtype).removeprefix("torch.")
    return {"threads": torch.get_num_threads(), "device": device.type + gpu, "dtype": dtype}
