"""How fast a model answers and how much memory it takes, one picture at a time and in batches."""

import dataclasses
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from vlm import generate, memory
from vlm.config import DESCRIBE, GenerateConfig
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.types import Bundle

Picture = bytes | Path | str | Image.Image

SIZES = (1, 8)  # pictures at a time
REPEATS = 5
WARM_UP = 4  # tokens
MEGABYTE = 10**6
_DIGITS = {"first_token_s": 4, "answer_s": 4, "peak_memory_mb": 1}


def measure(
    bundle: Bundle,
    pictures: Sequence[Picture],
    sizes: Sequence[int] = SIZES,
    repeats: int = REPEATS,
    config: GenerateConfig | None = None,
) -> dict[str, dict[str, float | int | str]]:
    """What speed.json holds: batch size -> figures, each the median of several repeats.

    first_token_s: from the pictures, still encoded, to the first token; the tower is included.
    answer_s: from the pictures to the last token.
    tokens_per_second: after the first token, all answers of a batch together; not there when no
        answer is longer than a token.
    pictures_per_second: of whole answers. tokens: of one answer, with its end.
    peak_memory_mb: 10^6 bytes; `memory` says of what.
    repeats, threads, device, dtype: how it was measured.

    Args:
        pictures: taken in turn, so that repeats see different ones.

    Raises:
        UserError: when there is no picture, or one cannot be opened.
    """
    if not pictures:
        raise UserError("There is no picture to measure the speed with; give at least one.")
    config = config or GenerateConfig()
    found = {}
    for size in sorted(
        sizes
    ):  # the other way round the small one would hold the large one's memory
        groups = [
            [pictures[(start * size + n) % len(pictures)] for n in range(size)]
            for start in range(repeats)
        ]
        found[str(size)] = _figures(bundle, groups, config)
    return found


def _figures(
    bundle: Bundle, groups: Sequence[Sequence[Picture]], config: GenerateConfig
) -> dict[str, float | int | str]:
    """The medians over groups of one size, after a short answer that is not counted."""
    device = bundle.model.device
    _timed(bundle, groups[0], dataclasses.replace(config, max_new_tokens=WARM_UP))
    what = memory.forget_peak(device)
    bar = tqdm(groups, f"speed at batch {len(groups[0])}", leave=False)
    rounds = [_timed(bundle, group, config) for group in bar]
    row = {"peak_memory_mb": memory.peak(device, what) / MEGABYTE}
    names = [name for name in rounds[0] if all(name in found for found in rounds)]
    row |= {name: statistics.median(found[name] for found in rounds) for name in names}
    row = {name: round(value, _DIGITS.get(name, 2)) for name, value in row.items()}
    return row | {"memory": what, "repeats": len(groups), **_circumstances(bundle, device)}


def _timed(bundle: Bundle, pictures: Sequence[Picture], config: GenerateConfig) -> dict[str, float]:
    """Ask about the pictures at once; seconds and rates."""
    stats, started, count = generate.Stats(), time.monotonic(), len(pictures)
    opened = [open_image(picture) for picture in pictures]
    if count == 1:  # as the app asks
        generate.answer(bundle, opened[0], DESCRIBE, config, stats=stats)
    else:
        generate.batch(bundle, opened, [DESCRIBE] * count, config, stats=stats)
    before, decoding = stats.began - started, stats.seconds - stats.first_token
    whole = before + stats.seconds
    row = {"first_token_s": before + stats.first_token, "answer_s": whole}
    row |= {"pictures_per_second": count / whole, "tokens": stats.tokens / count}
    if stats.tokens > count and decoding > 0:  # the first token of each came with first_token
        row["tokens_per_second"] = (stats.tokens - count) / decoding
    return row


def _circumstances(bundle: Bundle, device: torch.device) -> dict[str, int | str]:
    gpu = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
    dtype = str(bundle.model.dtype).removeprefix("torch.")
    return {"threads": torch.get_num_threads(), "device": device.type + gpu, "dtype": dtype}
