"""Check that the saved, the reloaded and the merged adapter match the trained one."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from vlm.data.images import open_image
from vlm.inference import encoding, likelihood
from vlm.loading import load, lora, quantize
from vlm.types import Bundle, Record

PICTURES = 10
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 1e-2}  # of the largest logit


class Equivalence(NamedTuple):
    """The largest differences of logits and the tolerance, as shares of the largest logit."""

    reloaded: float
    merged: float
    tolerance: float
    pictures: int

    @property
    def matches(self) -> bool:
        """True when both differences are within the tolerance."""
        return max(self.reloaded, self.merged) <= self.tolerance

    def summary(self) -> str:
        """Return the result as one line for a card."""
        verdict = "match" if self.matches else "DO NOT MATCH"
        return (
            f"Adapter as trained, reloaded and merged: outputs {verdict} on {self.pictures} "
            f"pictures (largest differences of logits {self.reloaded:.1e} and {self.merged:.1e} of "
            f"the largest logit; tolerance {self.tolerance:.0e})."
        )


def check(trained: Bundle, folder: Path, records: Sequence[Record]) -> Equivalence:
    """Compare the logits over complete held-out examples.

    Args:
        trained: the model with its adapter at the end of training.
        folder: the saved adapter. Its base model is opened again: in the same number format for the
            reloaded adapter, unquantised for the merged one.
    """
    examples = [_example(trained, record) for record in records[:PICTURES] if record.turns]
    live, kind = _logits(trained.model, examples), quantize.kind_of(trained.model)
    device, dtype = str(trained.model.device), trained.model.dtype
    base, revision = lora.base_of(folder)
    same = {"device": device, "dtype": str(dtype).removeprefix("torch."), "revision": revision}
    reloaded = lora.open_adapter(load.open_base(base, **same, quantize=kind), folder)
    again = unquantised = _logits(reloaded, examples)
    if kind != "none":
        reloaded = lora.open_adapter(load.open_base(base, **same), folder)
        unquantised = _logits(reloaded, examples)
    merged = _relative_difference(unquantised, _logits(lora.merge(reloaded), examples))
    return Equivalence(_relative_difference(live, again), merged, TOLERANCE[dtype], len(examples))


def _example(bundle: Bundle, record: Record) -> dict[str, torch.Tensor]:
    return encoding.encode(bundle.processor, open_image(record.image), record.turns[0])


def _logits(model, examples: Sequence[dict]) -> list[torch.Tensor]:
    model.eval()
    return [likelihood.forward(model, example) for example in examples]


def _relative_difference(first: Sequence[torch.Tensor], second: Sequence[torch.Tensor]) -> float:
    """Return the largest difference as a share of the largest logit."""
    pairs = list(zip(first, second, strict=True))
    scale = max(float(one.abs().max()) for one, _ in pairs)
    return max(float((one - other).abs().max()) for one, other in pairs) / scale
