"""Measure boxes by their overlap with the true ones, beside a box that never looks at a picture."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from vlm.data.grammar.boxes import SIDE, Box, overlap, read_regions
from vlm.evaluation.metrics import intervals

HIT = 0.5  # intersection over union from which a box counts as right
CENTRE = "centre box"
MODEL = "model"


def read_box(text: str) -> Box | None:
    """Return the first box of an answer that makes sense, None if there is none."""
    regions = read_regions(text)
    return regions[0].box if regions else None


def is_hit(box: Box | None, truth: Box) -> bool:
    """Return True if a box overlaps enough with the true one."""
    return box is not None and overlap(box, truth) >= HIT


def centre_box(boxes: Sequence[Box]) -> Box:
    """Return the box of the mean width and height in the middle of the picture."""
    half_width = max(1, round(fmean(box.x2 - box.x1 for box in boxes) / 2))
    half_height = max(1, round(fmean(box.y2 - box.y1 for box in boxes) / 2))
    middle = SIDE // 2
    return Box(middle - half_width, middle - half_height, middle + half_width, middle + half_height)


def measure(pairs: Sequence[tuple[Box | None, Box]]) -> dict[str, dict[str, Any]]:
    """Return hits and mean overlap with intervals, of the model and of the centre box.

    Args:
        pairs: the box of each answer, None for none, and the true one.
    """
    truths = [truth for _, truth in pairs]
    centre = centre_box(truths)
    found = {MODEL: pairs, CENTRE: [(centre, truth) for truth in truths]}
    return {
        name: {
            "hits": intervals.mean([float(is_hit(*pair)) for pair in rows]).row(),
            "overlap": intervals.mean([overlap(b, t) if b else 0.0 for b, t in rows]).row(),
        }
        for name, rows in found.items()
    }


def compare(answers: Sequence[tuple[str, str]]) -> tuple[list[bool], float]:
    """Return whether each box is a hit, and the share of hits of the centre box.

    Args:
        answers: each answer and the true one.
    """
    pairs = [(read_box(text), read_box(truth)) for text, truth in answers]
    known = [(box, truth) for box, truth in pairs if truth]
    return [is_hit(*pair) for pair in known], measure(known)[CENTRE]["hits"]["mean"]


def format_lines(result: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Format the result of `measure` as lines of text, in percent."""
    width = len(CENTRE) + 4
    lines = ["", f"{'':{width}}{f'IoU >= {HIT}':>24}{'mean IoU':>24}"] if result else []
    for name, row in result.items():
        lines.append(f"  {name:{width - 2}}{_figure(row['hits'])}{_figure(row['overlap'])}")
    return lines


def _figure(row: Mapping[str, float]) -> str:
    interval = f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
    return f"{100 * row['mean']:8.1f}{interval:>16}"
