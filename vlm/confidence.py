"""How sure a model was of an answer: the probability of each token that it chose."""

import torch
from transformers import LogitsProcessor


class Confidence(LogitsProcessor):
    """Remembers what probability each chosen token had; a step learns of the choice of the last.

    transformers calls the processors it is given after its own penalties and before its warpers.
    Nothing leaves the device before the end, so that a GPU need not wait.
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

    def mean(self, made: torch.Tensor, own: torch.Tensor) -> float:
        """The mean over the tokens int64[B, T] that were made, where `own` bool[B, T] is true."""
        if len(self.chosen) < made.shape[1]:
            self._choose(made[:, -1])
        each = torch.stack(self.chosen[: made.shape[1]], dim=1)
        return each[own].mean().item()


def own_tokens(ids: torch.Tensor, ends: int | list[int] | None) -> torch.Tensor:
    """Which of int64[B, T] are a row's own tokens, up to its end, that included; the rest pads."""
    is_end = torch.isin(ids, torch.tensor([] if ends is None else ends, device=ids.device))
    return (is_end.cumsum(1) - is_end.long()) == 0
