"""What a model forgets while it is fine-tuned: the base's own answers to general questions.

Twenty questions that the training does not ask are put to the base before, and again after. Besides
the texts, the likelihood of the base's answers tells how far the model has moved.
"""

from collections.abc import Sequence
from typing import Any

import torch

from vlm import describe, encoding
from vlm.data.images import open_image
from vlm.types import IGNORE_INDEX, Bundle, Record, Turn

FILE = "forgetting.json"
QUESTIONS = (
    "What is in this picture?",
    "What is it?",
    "What colour is it?",
    "What is the main colour of the picture?",
    "What is in the background?",
    "Is there a person in this picture?",
    "Is it an animal?",
    "Is it a shoe?",
    "Is it red?",
    "Is it for women?",
    "Who is it made for?",
    "When would one use it?",
    "What is it not?",
    "Is this a photograph or a drawing?",
    "How many things do you see?",
    "Name one detail of it.",
    "Answer in one word: what is it?",
    "Describe it briefly.",
    "Describe it in detail.",
    "Give its attributes as JSON.",
)


def ask(bundle: Bundle, records: Sequence[Record]) -> list[Turn]:
    """The model's answers to all questions, one picture after another in turn."""
    images = _images(records)
    texts = describe.texts(bundle, images, QUESTIONS, batch_size=4)
    return [Turn(prompt, text) for prompt, text in zip(QUESTIONS, texts, strict=True)]


def compare(bundle: Bundle, records: Sequence[Record], before: Sequence[Turn]) -> dict[str, Any]:
    """The answers now, beside those of before.

    Returns:
        `same`: percent of the answers that are the same word by word; `likelihood`: geometric
        mean probability that the model now gives the tokens of the answers of before; `rows`.
    """
    after = ask(bundle, records)
    rows = [
        {"prompt": old.prompt, "before": old.answer, "after": new.answer}
        for old, new in zip(before, after, strict=True)
    ]
    same = 100 * sum(row["before"] == row["after"] for row in rows) / len(rows)
    return {"same": same, "likelihood": likelihood(bundle, records, before), "rows": rows}


@torch.inference_mode()
def likelihood(bundle: Bundle, records: Sequence[Record], told: Sequence[Turn]) -> float:
    """Geometric mean probability, 0 to 1, of the tokens of the answers."""
    losses, tokens = 0.0, 0
    for image, turn in zip(_images(records), told, strict=True):
        example = encoding.encode(bundle.processor, open_image(image), turn)
        inputs = {name: value.to(bundle.model.device) for name, value in example.items()}
        count = int((inputs["labels"] != IGNORE_INDEX).sum())
        losses += float(bundle.model(**inputs).loss) * count
        tokens += count
    return float(torch.exp(torch.tensor(-losses / tokens)))


def line(found: dict[str, Any]) -> str:
    """What was found, in one line."""
    return (
        f"General questions: {found['same']:.0f} % of {len(found['rows'])} answers unchanged; the "
        f"tokens of the answers of before now have a mean probability of {found['likelihood']:.2f}."
    )


def _images(records: Sequence[Record]) -> list:
    return [records[number % len(records)].image for number in range(len(QUESTIONS))]
