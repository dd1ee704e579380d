"""Run task-specific tests: JSON, yes/no, "what is it not?", brief, details, conversations, places.

Each ability gives one or more figures with intervals, and for each a line that says what it means.
Answers are greedy; the earlier turns of a conversation are the correct ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vlm.data.grammar.products import DETAIL_KEYS, PROMPTS
from vlm.data.grammar.question_words import NOT_PROMPTS
from vlm.evaluation import ability_figures
from vlm.evaluation.ability_figures import Figures, Reply
from vlm.evaluation.metrics import reply_checks
from vlm.evaluation.metrics.attributes import ITEM, true_attributes
from vlm.evaluation.metrics.replies import read_yes_no
from vlm.inference.batch import batch
from vlm.system import files
from vlm.types import Bundle, Record, Turn

BATCH_SIZE = 32
SAMPLE_SIZE = 200  # pictures for each ability
ANSWERS = "abilities.jsonl"
IN_DETAIL = "Describe this image in detail."


@dataclass(frozen=True)
class Ability:
    """A test.

    Attributes:
        ask: returns the questions about the n-th record, none if the record allows none.
        measure: computes the figures from the replies.
    """

    ask: Callable[[Record, int], Sequence[Turn]]
    measure: Callable[[Sequence[Reply]], Figures]


def measure_abilities(
    bundle: Bundle,
    records: Sequence[Record],
    descriptions: Sequence[str],
    sample_size: int = SAMPLE_SIZE,
    out: Path | None = None,
) -> dict[str, dict]:
    """Run every test that the records allow; returns name -> mean, low, high, n, says.

    Args:
        descriptions: the model's descriptions of the records, in the same order.
        sample_size: pictures for each ability, evenly spaced among those that allow it; 0 = all.
        out: folder for abilities.jsonl, every question with its answer.
    """
    figures: Figures = {}
    lines = []
    for name, ability in ABILITIES.items():
        questions = _questions(ability, records, descriptions, sample_size)
        replies = _replies(bundle, name, questions)
        figures |= ability.measure(replies) if replies else {}
        lines += [files.json_line(_row(name, reply)) for reply in replies]
    if out:
        files.write_text(out / ANSWERS, "".join(lines))
    return {name: figure.row() | {"says": says} for name, (figure, says) in figures.items()}


def _row(name: str, reply: Reply) -> dict[str, Any]:
    """Return a line of abilities.jsonl; `right` is the correct answer if there is only one."""
    turn = reply.turn
    row = {"id": reply.record.id, "ability": name, "prompt": turn.prompt, "text": reply.text}
    optional = {"right": turn.answer, "history": [list(pair) for pair in turn.history]}
    return row | {key: value for key, value in optional.items() if value}


def _questions(
    ability: Ability, records: Sequence[Record], descriptions: Sequence[str], sample_size: int
) -> list[Reply]:
    """Return the unanswered questions of a test, spread because similar rows are often adjacent."""
    pairs = enumerate(zip(records, descriptions, strict=True))
    by_record = (
        [Reply(record, description, turn) for turn in ability.ask(record, number)]
        for number, (record, description) in pairs
    )
    sample = [replies for replies in by_record if replies]
    if sample_size and len(sample) > sample_size:
        sample = [sample[number * len(sample) // sample_size] for number in range(sample_size)]
    return list(chain.from_iterable(sample))


def _replies(bundle: Bundle, name: str, questions: Sequence[Reply]) -> list[Reply]:
    """Return the questions with the model's answers."""
    answers = batch(
        bundle,
        [reply.record.image for reply in questions],
        [reply.turn.prompt for reply in questions],
        BATCH_SIZE,
        histories=[reply.turn.history for reply in questions],
    )
    bar = tqdm(answers, f"ability: {name}", len(questions), leave=False)
    return [replace(reply, text=text) for reply, text in zip(questions, bar, strict=True)]


# --- the questions -------------------------------------------------------------------------------


def _ask_any(prompts: Sequence[str], task: str, record: Record, number: int) -> Sequence[Turn]:
    """Ask one question of any record, in its various wordings."""
    return (Turn(prompts[number % len(prompts)], "", task),)


def _ask_not(record: Record, number: int) -> Sequence[Turn]:
    is_known = ITEM in true_attributes(record.facts)
    return _ask_any(NOT_PROMPTS, "not", record, number) if is_known else ()


def _ask_own(task: str, record: Record, number: int) -> Sequence[Turn]:
    """Ask the record's own questions of a task."""
    return [turn for turn in record.turns if turn.task == task]


def _ask_yes_no(record: Record, number: int) -> Sequence[Turn]:
    """Ask the record's own yes/no questions; skip those answered by "I am not sure"."""
    turns = _ask_own("yesno", record, number)
    return [turn for turn in turns if read_yes_no(turn.answer) is not None]


def _ask_details(record: Record, number: int) -> Sequence[Turn]:
    is_known = any(record.facts.get(key) for key in DETAIL_KEYS)
    return (Turn(IN_DETAIL, "", "detailed"),) if is_known else ()


def _ask_chat(record: Record, number: int) -> Sequence[Turn]:
    """Ask the record's own conversations, except those that its facts cannot decide."""
    turns = _ask_own("chat", record, number)
    return [
        turn
        for turn in turns
        if reply_checks.last_answer_is_right("", turn, record.facts) is not None
    ]


ABILITIES: dict[str, Ability] = {
    "json": Ability(partial(_ask_any, PROMPTS["json"], "json"), ability_figures.json_objects),
    "yesno": Ability(_ask_yes_no, partial(ability_figures.yes_no, "yesno")),
    "not": Ability(_ask_not, ability_figures.what_it_is_not),
    "brief": Ability(partial(_ask_any, PROMPTS["brief"], "brief"), ability_figures.brief),
    "detail": Ability(_ask_details, ability_figures.details),
    "chat": Ability(_ask_chat, ability_figures.conversations),
    "presence": Ability(partial(_ask_own, "presence"), partial(ability_figures.yes_no, "presence")),
    "count": Ability(partial(_ask_own, "count"), ability_figures.counts),
    "where": Ability(partial(_ask_own, "where"), ability_figures.places),
}
