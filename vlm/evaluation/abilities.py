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
from vlm.evaluation.benchmarks.scenes import boxes
from vlm.evaluation.benchmarks.scenes.questions import read_number
from vlm.evaluation.metrics import intervals, reply_checks
from vlm.evaluation.metrics.attributes import ITEM, true_attributes
from vlm.evaluation.metrics.intervals import Estimate
from vlm.evaluation.metrics.replies import read_yes_no
from vlm.inference.batch import batch
from vlm.system import files
from vlm.types import Bundle, Record, Turn

BATCH_SIZE = 32
SAMPLE_SIZE = 200  # pictures for each ability
ANSWERS = "abilities.jsonl"
IN_DETAIL = "Describe this image in detail."


@dataclass(frozen=True)
class Reply:
    """A question about a record and the model's answer, empty before it is asked.

    `description` is the model's description of the same picture.
    """

    record: Record
    description: str
    turn: Turn
    text: str = ""


Figures = dict[str, tuple[Estimate, str]]  # name -> figure, and what it says


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


# --- the figures ---------------------------------------------------------------------------------


def _percent(values: Sequence[bool], says: str) -> tuple[Estimate, str]:
    return intervals.mean([100.0 * value for value in values]), says.format(n=len(values))


def _json(replies: Sequence[Reply]) -> Figures:
    objects = [reply_checks.is_json_object(reply.text) for reply in replies]
    agreeing = [reply_checks.json_agrees(reply.text, reply.description) for reply in replies]
    return {
        "json": _percent(objects, "% of {n} answers to questions for JSON are a JSON object"),
        "json_agrees": _percent(agreeing, "% of {n} JSON answers agree with the description"),
    }


def _yes_no(name: str, replies: Sequence[Reply]) -> Figures:
    """Measure balanced accuracy, if there are questions of both kinds.

    An answer that is neither yes nor no is wrong.
    """
    correct: dict[bool, list[float]] = {True: [], False: []}
    for reply in replies:
        truth = bool(read_yes_no(reply.turn.answer))
        correct[truth].append(100.0 * (read_yes_no(reply.text) is truth))
    if not all(correct.values()):
        return {}
    says = f"% balanced accuracy on {len(replies)} yes/no questions; always yes would give 50"
    return {name: (intervals.balanced_accuracy(correct[True], correct[False]), says)}


def _count(replies: Sequence[Reply]) -> Figures:
    correct = [read_number(reply.text) == read_number(reply.turn.answer) for reply in replies]
    return {"count": _percent(correct, "% of {n} answers to how many there are are right")}


def _where(replies: Sequence[Reply]) -> Figures:
    hits, centre = boxes.compare([(reply.text, reply.turn.answer) for reply in replies])
    says = "% of {n} boxes overlap with the true one by half or more; a box in the centre "
    return {"where": _percent(hits, f"{says}{100 * centre:.1f}")}


def _not(replies: Sequence[Reply]) -> Figures:
    correct = [reply_checks.names_other_item(reply.text, reply.record.facts) for reply in replies]
    return {"not": _percent(correct, "% of {n} answers name something that the item is not")}


def _brief(replies: Sequence[Reply]) -> Figures:
    brief = [reply_checks.is_brief(reply.text) for reply in replies]
    limit = reply_checks.BRIEF_WORDS
    return {"brief": _percent(brief, f"% of {{n}} brief answers have fewer than {limit} words")}


def _details(replies: Sequence[Reply]) -> Figures:
    """Measure over all details of all pictures; see `reply_checks.DetailCheck`."""
    checks = [reply_checks.check_details(reply.text, reply.record.facts) for reply in replies]
    recalled = [value for check in checks for value in check.recalled]
    correct = [value for check in checks for value in check.correct]
    unverifiable = [float(check.unverifiable) for check in checks]
    figures = {"detail_recall": _percent(recalled, "% of {n} details of the metadata are named")}
    if correct:
        says = "% of {n} named details are correct, where the metadata has such a detail"
        figures["detail_precision"] = _percent(correct, says)
    says = f"details in each of {len(checks)} descriptions that the metadata cannot verify"
    return figures | {"detail_unbacked": (intervals.mean(unverifiable), says)}


def _chat(replies: Sequence[Reply]) -> Figures:
    correct = [
        bool(reply_checks.last_answer_is_right(reply.text, reply.turn, reply.record.facts))
        for reply in replies
    ]
    return {"chat": _percent(correct, "% of {n} conversations end with a correct answer")}


ABILITIES: dict[str, Ability] = {
    "json": Ability(partial(_ask_any, PROMPTS["json"], "json"), _json),
    "yesno": Ability(_ask_yes_no, partial(_yes_no, "yesno")),
    "not": Ability(_ask_not, _not),
    "brief": Ability(partial(_ask_any, PROMPTS["brief"], "brief"), _brief),
    "detail": Ability(_ask_details, _details),
    "chat": Ability(_ask_chat, _chat),
    "presence": Ability(partial(_ask_own, "presence"), partial(_yes_no, "presence")),
    "count": Ability(partial(_ask_own, "count"), _count),
    "where": Ability(partial(_ask_own, "where"), _where),
}
