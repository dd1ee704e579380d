"""Record what shows how sure a model is: the probabilities of tokens, the picture's features."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from transformers import LogitsProcessor

from vlm.loading import parts


@dataclass(frozen=True)
class Evidence:
    """What shows how sure the model is of one answer.

    Attributes:
        token_probabilities: of each generated token, the end token included.
        features: the vision tower's features of the picture, averaged over its patches; empty for
            a model without a tower, or one that cuts pictures into tiles.
    """

    token_probabilities: tuple[float, ...]
    features: tuple[float, ...] = ()


class Confidence(LogitsProcessor):
    """Record the probability of each chosen token; each step sees the choice of the step before.

    transformers calls custom processors after its own penalties and before its warpers
    (temperature, top-k, top-p). Nothing leaves the device before the end, so a GPU never waits.
    """

    def __init__(self) -> None:
        self.chosen: list[torch.Tensor] = []  # each float[B]
        self.last: torch.Tensor | None = None  # float[B, V]
        self.features: torch.Tensor | None = None  # float[B, Dv]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._choose(input_ids[:, -1])
        self.last = scores.softmax(-1)
        return scores

    def _choose(self, tokens: torch.Tensor) -> None:
        if self.last is not None:
            self.chosen.append(self.last.gather(1, tokens[:, None])[:, 0])

    @contextmanager
    def watching(self, model: nn.Module, batch_size: int) -> Iterator[None]:
        """Record the features that reach the projector while the model answers a batch."""

        def record(projector: nn.Module, inputs: tuple) -> None:
            if inputs and inputs[0].dim() == 3 and len(inputs[0]) == batch_size:  # else tiles
                self.features = inputs[0].detach().float().mean(1)

        name = parts.part_name(model, parts.CONNECTORS)
        if not name or not parts.part_name(model, parts.TOWERS):
            yield
            return
        hook = model.get_submodule(name).register_forward_pre_hook(record)
        try:
            yield
        finally:
            hook.remove()

    def of_answers(self, ids: torch.Tensor, mask: torch.Tensor) -> list[Evidence]:
        """Return the evidence for each answer of `ids` int64[B, T], whose tokens are in `mask`."""
        if len(self.chosen) < ids.shape[1]:
            self._choose(ids[:, -1])
        probabilities = torch.stack(self.chosen[: ids.shape[1]], dim=1).cpu()  # float[B, T]
        pairs = zip(probabilities, mask.cpu(), strict=True)
        chosen = [tuple(row[in_answer].tolist()) for row, in_answer in pairs]
        if self.features is None:
            return [Evidence(row) for row in chosen]
        features = [tuple(row) for row in self.features.cpu().tolist()]
        return [Evidence(*pair) for pair in zip(chosen, features, strict=True)]


def answer_mask(ids: torch.Tensor, end_ids: int | list[int] | None) -> torch.Tensor:
    """Return bool[B, T]: true up to and including each row's first end token, false for padding."""
    is_end = torch.isin(ids, torch.tensor([] if end_ids is None else end_ids, device=ids.device))
    return (is_end.cumsum(1) - is_end.long()) == 0
