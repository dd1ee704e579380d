"""Score how likely a model finds given answers."""

from collections.abc import Sequence

import torch

from vlm.errors import UserError
from vlm.inference import encoding, likelihood
from vlm.types import IGNORE_INDEX, Bundle, Turn

from .inputs import ModelInput


def losses(
    bundle: Bundle, inputs: Sequence[ModelInput], answers: Sequence[str]
) -> list[tuple[float, bool]]:
    """Return for each answer its mean loss, and whether greedy decoding produces it.

    The loss is teacher-forced, in nats per token of the answer; the end-of-answer token is not
    counted. White space at the start of an answer is dropped: it joins a choice to a continuous
    text, and here the answer is a turn of its own.

    The interface's documentation asks for log-probabilities, but lmms-eval 0.7.3 picks the choice
    with the *smallest* value, and its own models return the mean loss, so this returns the loss.

    Raises:
        UserError: for an answer without tokens.
    """
    processor, examples = bundle.processor, []
    for item, answer in zip(inputs, answers, strict=True):
        if not answer.strip():
            raise UserError("This task scores an empty answer; choose another task.")
        turn = Turn(item.prompt, answer.lstrip())
        examples.append(encoding.encode(processor, item.picture, turn))
    batch = encoding.collator(processor)(examples)
    logits = likelihood.forward(bundle.model, batch)  # float[B, T, V]
    targets = likelihood.next_tokens(batch["labels"])  # int64[B, T]
    return [_loss(*row) for row in zip(logits, targets, strict=True)]


def _loss(logits: torch.Tensor, targets: torch.Tensor) -> tuple[float, bool]:
    """Score one row, float[T, V] and int64[T], whose last target is the end of the answer."""
    places = (targets != IGNORE_INDEX).nonzero().squeeze(1)[:-1]
    targets, logits = targets[places], logits[places]
    loss = torch.nn.functional.cross_entropy(logits, targets)
    return loss.item(), bool((logits.argmax(dim=-1) == targets).all())
