"""Train a new projector to say, in the decoder's own word embeddings, what a picture shows.

features float[B, N, Dv] --projector--> tokens float[B, N, D] --embeddings of W words--> [B, N, W]

The words are those of a picture's answers, so this is multi-label classification (Wu et al., 2016,
arXiv 1506.01144). The first token must know all words; of the others, the best one counts
(multiple-instance learning; Fang et al., 2015, arXiv 1411.4952). It needs no pass through the
decoder, so it takes minutes where training through the decoder takes hours.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import trange

from vlm.data.mixture import LoadedPart
from vlm.system import runtime
from vlm.training.caption_words import common_words, multi_hot, numbered, words_of
from vlm.types import Bundle, Record

BATCH, LEARNING_RATE, WEIGHT_DECAY = 128, 1e-3, 0.01

Part = tuple[LoadedPart, np.ndarray]  # records and their features, float16[views, n, N, Dv]


def align(
    bundle: Bundle, parts: Sequence[Part], epochs: float, seed: int = 0, bf16: bool = False
) -> float:
    """Train the projector; return the mean loss of the last tenth of the steps.

    Args:
        epochs: passes over the pictures, each time another view.
        bf16: compute in bfloat16 where the hardware has it.
    """
    projector, embeddings = bundle.model.model.projector, bundle.model.get_input_embeddings()
    owners = [(p, n) for p, (part, _) in enumerate(parts) for n in range(len(part.records))]
    words = [answer_words(part.records[n]) for part, _ in parts for n in range(len(part.records))]
    vocabulary = common_words(words)
    if not vocabulary:
        return 0.0
    targets = multi_hot(numbered(words, vocabulary), len(vocabulary))
    head = _Head(_word_embeddings(bundle, vocabulary), targets.mean(0))
    weights = [*projector.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(weights, LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    steps = max(1, round(epochs * len(owners) / BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    rng, losses = np.random.default_rng(seed), []
    projector.requires_grad_(True).train()
    for _ in trange(steps, desc="aligning the projector with words", unit="step"):
        rows = rng.integers(len(owners), size=BATCH)
        features = np.stack([_view(parts, *owners[row], rng) for row in rows])
        with runtime.autocast(bundle.model.device, bf16):
            tokens = projector(torch.from_numpy(features).to(embeddings.weight))
            loss = head(tokens, targets[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
    _rescale(projector, tokens.detach(), head.embeddings)
    return float(np.mean(losses[-max(1, steps // 10) :]))


def answer_words(record: Record) -> frozenset[str]:
    """Return the words of three letters and more in a record's answers, in lower case."""
    return words_of("\n".join(turn.answer for turn in record.turns))


def _word_embeddings(bundle: Bundle, vocabulary: Sequence[str]) -> torch.Tensor:
    """Return the mean embedding of each word's tokens, float[W, D]."""
    weight = bundle.model.get_input_embeddings().weight.detach()
    tokenize = bundle.processor.tokenizer
    ids = [tokenize(f" {word}", add_special_tokens=False)["input_ids"] for word in vocabulary]
    return torch.stack([weight[row].float().mean(0) for row in ids])


class _Head(nn.Module):
    """Word logits of image tokens: cosines with fixed embeddings, one scale, a bias for each."""

    def __init__(self, embeddings: torch.Tensor, frequencies: torch.Tensor):
        super().__init__()
        self.embeddings = embeddings
        centred = embeddings - embeddings.mean(0)
        self.directions = nn.functional.normalize(centred, dim=1)
        self.scale = nn.Parameter(torch.tensor(20.0))
        self.bias = nn.Parameter(torch.logit(frequencies.clamp(1e-4, 1 - 1e-4)))

    def forward(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss, averaged over pictures and summed over words, for tokens float[B, N, D]."""
        cosines = nn.functional.normalize(tokens, dim=2) @ self.directions.T
        logits = (self.scale * cosines).float()
        views = [logits[:, 0]] + ([logits[:, 1:].amax(1)] if logits.shape[1] > 1 else [])
        losses = [
            binary_cross_entropy_with_logits(scores + self.bias, targets, reduction="sum")
            for scores in views
        ]
        return sum(losses) / len(losses) / len(targets)


def _view(parts: Sequence[Part], part: int, number: int, rng) -> np.ndarray:
    features = parts[part][1]
    return np.asarray(features[rng.integers(len(features)), number], dtype=np.float32)


@torch.no_grad()
def _rescale(projector: nn.Module, tokens: torch.Tensor, embeddings: torch.Tensor) -> None:
    """Give the tokens the size of word embeddings, by the projector's last linear layer."""
    layers = [layer for layer in projector.modules() if isinstance(layer, nn.Linear)]
    ratio = embeddings.norm(dim=1).mean() / tokens.norm(dim=2).mean()
    for weight in layers[-1].parameters():
        weight *= ratio
