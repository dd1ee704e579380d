"""Is an adapter as it was saved the one that was trained, and is it the same once merged?"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from vlm import encoding, load, lora, quantize
from vlm.data.images import open_image
from vlm.types import Bundle, Record

PICTURES = 10
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 1e-2}  # of the largest logit


class Found(NamedTuple):
    """The largest differences of logits, as shares of the largest logit, and what is allowed."""

    reloaded: float
    merged: float
    tolerance: float
    pictures: int

    @property
    def holds(self) -> bool:
        """True when both stay within the tolerance."""
        return max(self.reloaded, self.merged) <= self.tolerance

    def line(self) -> str:
        """One line for a card."""
        verdict = "the same" if self.holds else "NOT THE SAME"
        return (
            f"Adapter as trained, reloaded and merged: {verdict} on {self.pictures} pictures "
            f"(largest difference of logits {self.reloaded:.1e} and {self.merged:.1e} of the "
            f"largest logit, allowed {self.tolerance:.0e})."
        )


def check(trained: Bundle, folder: Path, records: Sequence[Record]) -> Found:
    """Compare logits over whole held-out examples.

    Args:
        trained: the model with its adapter, as training left it.
        folder: the adapter as it was saved. Its base is opened anew: in the same number format for
            the saved adapter, unquantised for the merged one.
    """
    examples = [_example(trained, record) for record in records[:PICTURES] if record.turns]
    live, kind = _logits(trained.model, examples), quantize.kind_of(trained.model)
    place, dtype = str(trained.model.device), trained.model.dtype
    base, revision = lora.base_of(folder)
    same = {"device": place, "dtype": str(dtype).removeprefix("torch."), "revision": revision}
    plain = load.open_base(base, **same, quantize=kind)
    opened = lora.open_on(plain, folder)
    again = _logits(opened, examples)
    if kind != "none":
        opened = lora.open_on(load.open_base(base, **same), folder)
    apart = again if kind == "none" else _logits(opened, examples)
    merged = _far(apart, _logits(lora.merged(opened), examples))
    return Found(_far(live, again), merged, TOLERANCE[dtype], len(examples))


def _example(bundle: Bundle, record: Record) -> dict[str, torch.Tensor]:
    return encoding.encode(bundle.processor, open_image(record.image), record.turns[0])


@torch.inference_mode()
def _logits(model, examples: Sequence[dict]) -> list[torch.Tensor]:
    model.eval()
    rows = []
    for example in examples:
        inputs = {key: value.to(model.device) for key, value in example.items() if key != "labels"}
        rows.append(model(**inputs).logits.float().cpu())
    return rows


def _far(first: Sequence[torch.Tensor], second: Sequence[torch.Tensor]) -> float:
    """The largest difference as a share of the largest logit."""
    pairs = list(zip(first, second, strict=True))
    scale = max(float(one.abs().max()) for one, _ in pairs)
    return max(float((one - other).abs().max()) for one, other in pairs) / scale
