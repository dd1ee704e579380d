"""How likely a model finds a given answer."""

from collections.abc import Sequence

import torch

from vlm import encoding
from vlm.errors import UserError
from vlm.types import IGNORE_INDEX, Bundle, Turn

from .questions import Question


@torch.inference_mode()
def losses(
    bundle: Bundle, questions: Sequence[Question], answers: Sequence[str]
) -> list[tuple[float, bool]]:
    """For each answer: its mean negative log-probability, and whether greedy decoding gives it.

    Teacher-forced, in nats per token of the answer; the end-of-answer token is not counted. White
    space in front of an answer is dropped: it joins a choice to a text that goes on, and ours is a
    turn of its own.

    The interface's description asks for log-probabilities, but lmms-eval 0.7.3 picks the choice
    with the *smallest* figure, and its own models return the mean loss, so that is what it gets.

    Raises:
        UserError: for an answer without tokens.
    """
    processor, examples = bundle.processor, []
    for question, answer in zip(questions, answers, strict=True):
        if not answer.strip():
            raise UserError("This task asks how likely an empty answer is; choose another task.")
        turn = Turn(question.prompt, answer.lstrip())
        examples.append(encoding.encode(processor, question.picture, turn))
    batch = encoding.collator(processor)(examples)
    labels = batch.pop("labels")[:, 1:]  # int64[B, T-1]: what each place has to say next
    inputs = {name: value.to(bundle.model.device) for name, value in batch.items()}
    logits = bundle.model(**inputs).logits[:, :-1].float().cpu()  # float[B, T-1, V]
    return [_loss(*row) for row in zip(logits, labels, strict=True)]


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> tuple[float, bool]:
    """One row: float[T-1, V] and int64[T-1], whose last label is the end of the answer."""
    places = (labels != IGNORE_INDEX).nonzero().squeeze(1)[:-1]
    wanted, said = labels[places], logits[places]
    loss = torch.nn.functional.cross_entropy(said, wanted)
    return loss.item(), bool((said.argmax(dim=-1) == wanted).all())
