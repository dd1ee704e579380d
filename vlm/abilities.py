"""What does it do when asked in other ways? JSON, yes/no, "what is it not", details, talks.

Each ability gives one figure or more with intervals and one line that says what they mean. Answers
are greedy; what comes before the last question of a conversation is the right answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vlm import runs
from vlm.data.captions import DETAIL_KEYS, PROMPTS
from vlm.data.question_words import NOT_PROMPTS
from vlm.data.replies import read_yes_no
from vlm.describe import texts
from vlm.metrics import intervals, marks
from vlm.metrics.attributes import ITEM, truths
from vlm.metrics.intervals import Estimate
from vlm.types import Bundle, Record, Turn

BATCH = 32
ASKED = 200  # pictures that are asked for each ability
ANSWERS = "abilities.jsonl"
IN_DETAIL = "Describe this image in detail."


@dataclass(frozen=True)
class Reply:
    """A question about a record and the model's answer; `sentence` describes the same picture."""

    record: Record
    sentence: str
    turn: Turn
    text: str = ""


Figures = dict[str, tuple[Estimate, str]]


@dataclass(frozen=True)
class Ability:
    """`ask` gives the questions about the n-th record, none where it allows none."""

    ask: Callable[[Record, int], Sequence[Turn]]
    figures: Callable[[Sequence[Reply]], Figures]


def abilities(
    bundle: Bundle,
    records: Sequence[Record],
    told: Sequence[str],
    asked: int = ASKED,
    out: Path | None = None,
) -> dict[str, dict]:
    """Every ability that these records allow: name -> mean, low, high, n, says.

    Args:
        told: the model's descriptions of the records, in the same order.
        asked: pictures that are asked for each ability, evenly out of those that allow it; 0 = all.
        out: folder for abilities.jsonl, every question with its answer.
    """
    found: Figures = {}
    lines = []
    for name, ability in ABILITIES.items():
        replies = _replies(bundle, name, _questions(ability, records, told, asked))
        found |= ability.figures(replies) if replies else {}
        lines += [runs.line(_row(name, reply)) for reply in replies]
    if out:
        runs.write_text(out / ANSWERS, "".join(lines))
    return {name: figure.row() | {"says": says} for name, (figure, says) in found.items()}


def _row(name: str, reply: Reply) -> dict[str, Any]:
    """A question and its answer as abilities.jsonl keeps them; `right` where one answer is."""
    turn = reply.turn
    row = {"id": reply.record.id, "ability": name, "prompt": turn.prompt, "text": reply.text}
    more = {"right": turn.answer, "history": [list(pair) for pair in turn.history]}
    return row | {key: value for key, value in more.items() if value}


def _questions(
    ability: Ability, records: Sequence[Record], told: Sequence[str], asked: int
) -> list[Reply]:
    """The questions of an ability, still without answers; rows of a kind often stand together."""
    pairs = enumerate(zip(records, told, strict=True))
    each = (
        [Reply(record, sentence, turn) for turn in ability.ask(record, number)]
        for number, (record, sentence) in pairs
    )
    some = [replies for replies in each if replies]
    if asked and len(some) > asked:
        some = [some[number * len(some) // asked] for number in range(asked)]
    return list(chain.from_iterable(some))


def _replies(bundle: Bundle, name: str, asked: Sequence[Reply]) -> list[Reply]:
    """The questions with the model's answers."""
    answers = texts(
        bundle,
        [reply.record.image for reply in asked],
        [reply.turn.prompt for reply in asked],
        BATCH,
        histories=[reply.turn.history for reply in asked],
    )
    said = tqdm(answers, f"asked: {name}", len(asked), leave=False)
    return [replace(reply, text=text) for reply, text in zip(asked, said, strict=True)]


# --- what is asked -------------------------------------------------------------------------------


def _worded(prompts: Sequence[str], task: str, record: Record, number: int) -> Sequence[Turn]:
    """One question of any record, in its different wordings."""
    return (Turn(prompts[number % len(prompts)], "", task),)


def _ask_not(record: Record, number: int) -> Sequence[Turn]:
    known = ITEM in truths(record.facts)
    return _worded(NOT_PROMPTS, "not", record, number) if known else ()


def _ask_yes_no(record: Record, number: int) -> Sequence[Turn]:
    """The record's own yes/no questions; "I am not sure" answers neither."""
    own = (turn for turn in record.turns if turn.task == "yesno")
    return [turn for turn in own if read_yes_no(turn.answer) is not None]


def _ask_details(record: Record, number: int) -> Sequence[Turn]:
    known = any(record.facts.get(key) for key in DETAIL_KEYS)
    return (Turn(IN_DETAIL, "", "detailed"),) if known else ()


def _ask_chat(record: Record, number: int) -> Sequence[Turn]:
    """The record's own conversations, but for those that its facts leave open."""
    own = (turn for turn in record.turns if turn.task == "chat")
    return [turn for turn in own if marks.last_answer("", turn, record.facts) is not None]


# --- what it is worth ----------------------------------------------------------------------------


def _percent(values: Sequence[bool], says: str) -> tuple[Estimate, str]:
    return intervals.mean([100.0 * value for value in values]), says.format(n=len(values))


def _json(replies: Sequence[Reply]) -> Figures:
    objects = [marks.is_object(reply.text) for reply in replies]
    agreeing = [marks.agree(reply.text, reply.sentence) for reply in replies]
    return {
        "json": _percent(objects, "% of {n} answers to questions for JSON are a JSON object"),
        "json_agrees": _percent(agreeing, "% of {n} say there what the description says"),
    }


def _yes_no(replies: Sequence[Reply]) -> Figures:
    """An answer that is neither yes nor no is wrong; without both kinds there is no figure."""
    right: dict[bool, list[float]] = {True: [], False: []}
    for reply in replies:
        wanted = bool(read_yes_no(reply.turn.answer))
        right[wanted].append(100.0 * (read_yes_no(reply.text) is wanted))
    if not all(right.values()):
        return {}
    says = f"% balanced accuracy on {len(replies)} yes/no questions; always yes would give 50"
    return {"yesno": (marks.balanced(right[True], right[False]), says)}


def _not(replies: Sequence[Reply]) -> Figures:
    right = [marks.is_not(reply.text, reply.record.facts) for reply in replies]
    return {"not": _percent(right, "% of {n} times it names something that the thing is not")}


def _brief(replies: Sequence[Reply]) -> Figures:
    short = [marks.is_brief(reply.text) for reply in replies]
    return {
        "brief": _percent(short, f"% of {{n}} brief answers have fewer than {marks.SHORT} words")
    }


def _details(replies: Sequence[Reply]) -> Figures:
    """Over all details of all pictures; see `marks.details` for what is left open."""
    marked = [marks.details(reply.text, reply.record.facts) for reply in replies]
    told = [value for row, _, _ in marked for value in row]
    right = [value for _, row, _ in marked for value in row]
    beyond = [float(count) for _, _, count in marked]
    found = {"detail_recall": _percent(told, "% of {n} details of the metadata are described")}
    if right:
        says = "% of {n} described details are those of the metadata, where it has such a detail"
        found["detail_precision"] = _percent(right, says)
    says = f"details in each of {len(beyond)} descriptions that the metadata leaves open"
    return found | {"detail_unbacked": (intervals.mean(beyond), says)}


def _chat(replies: Sequence[Reply]) -> Figures:
    right = [
        bool(marks.last_answer(reply.text, reply.turn, reply.record.facts)) for reply in replies
    ]
    return {"chat": _percent(right, "% of {n} conversations end with a right answer")}


ABILITIES: dict[str, Ability] = {
    "json": Ability(partial(_worded, PROMPTS["json"], "json"), _json),
    "yesno": Ability(_ask_yes_no, _yes_no),
    "not": Ability(_ask_not, _not),
    "brief": Ability(partial(_worded, PROMPTS["brief"], "brief"), _brief),
    "detail": Ability(_ask_details, _details),
    "chat": Ability(_ask_chat, _chat),
}
