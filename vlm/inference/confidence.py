"""Measure how confident a model was in an answer: the probability of each token it chose."""

import torch
from transformers import LogitsProcessor


class Confidence(LogitsProcessor):
    """Record the probability of each chosen token; each step sees the choice of the step before.

    transformers calls custom processors after its own penalties and before its warpers
    (temperature, top-k, top-p). Nothing leaves the device before the end, so a GPU never waits.
    """

    def __init__(self) -> None:
        self.chosen: list[torch.Tensor] = []  # each float[B]
        self.last: torch.Tensor | None = None  # float[B, V]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._choose(input_ids[:, -1])
        self.last = scores.softmax(-1)
        return scores

    def _choose(self, tokens: torch.Tensor) -> None:
        if self.last is not None:
            self.chosen.append(self.last.gather(1, tokens[:, None])[:, 0])

    def mean(self, ids: torch.Tensor, mask: torch.Tensor) -> float:
        """Return the mean probability of the generated `ids` int64[B, T] where `mask` is true."""
        if len(self.chosen) < ids.shape[1]:
            self._choose(ids[:, -1])
        probabilities = torch.stack(self.chosen[: ids.shape[1]], dim=1)  # float[B, T]
        return probabilities[mask].mean().item()


def answer_mask(ids: torch.Tensor, end_ids: int | list[int] | None) -> torch.Tensor:
    """Return bool[B, T]: true up to and including each row's first end token, false for padding."""
    is_end = torch.isin(ids, torch.tensor([] if end_ids is None else end_ids, device=ids.device))
    return (is_end.cumsum(1) - is_end.long()) == 0
