"""Measure what a model forgets in fine-tuning: the base model's own answers to general questions.

Twenty questions that training does not cover are put to the base model before fine-tuning and to
the adapted one after it. Besides the texts, the likelihood of the base model's answers shows how
far the model has moved.
"""

from collections.abc import Sequence
from typing import Any

import torch

from vlm.data.images import Picture, open_image
from vlm.inference import encoding, likelihood
from vlm.inference.batch import batch
from vlm.types import Bundle, Record, Turn

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
    """Return the model's answers to all questions, each about the next picture in rotation."""
    texts = batch(bundle, _pictures(records), QUESTIONS, batch_size=4)
    return [Turn(prompt, text) for prompt, text in zip(QUESTIONS, texts, strict=True)]


def compare(bundle: Bundle, records: Sequence[Record], before: Sequence[Turn]) -> dict[str, Any]:
    """Compare the model's answers with those of the base model.

    Returns:
        `same`: percent of the answers that are identical; `likelihood`: geometric mean probability
        of the tokens of the base model's answers; `rows`: the answers side by side.
    """
    after = ask(bundle, records)
    rows = [
        {"prompt": old.prompt, "before": old.answer, "after": new.answer}
        for old, new in zip(before, after, strict=True)
    ]
    same = 100 * sum(row["before"] == row["after"] for row in rows) / len(rows)
    return {"same": same, "likelihood": mean_probability(bundle, records, before), "rows": rows}


def mean_probability(bundle: Bundle, records: Sequence[Record], turns: Sequence[Turn]) -> float:
    """Return the geometric mean probability, 0 to 1, of the answers' tokens."""
    total_loss, tokens = 0.0, 0
    for picture, turn in zip(_pictures(records), turns, strict=True):
        example = encoding.encode(bundle.processor, open_image(picture), turn)
        loss, count = likelihood.mean_loss(bundle.model, example)
        total_loss += loss * count
        tokens += count
    return float(torch.exp(torch.tensor(-total_loss / tokens)))


def summary(comparison: dict[str, Any]) -> str:
    """Return the comparison as one line for a card."""
    return (
        f"General questions: {comparison['same']:.0f} % of {len(comparison['rows'])} answers "
        "unchanged; mean probability of the base model's answers after fine-tuning: "
        f"{comparison['likelihood']:.2f}."
    )


def _pictures(records: Sequence[Record]) -> list[Picture]:
    return [records[number % len(records)].image for number in range(len(QUESTIONS))]
