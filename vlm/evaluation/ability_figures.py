"""The figures of the task-specific tests, each with what it says.

A figure is computed from the replies of one test; see `abilities`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vlm.evaluation.benchmarks.scenes import boxes
from vlm.evaluation.benchmarks.scenes.questions import read_number
from vlm.evaluation.metrics import intervals, reply_checks
from vlm.evaluation.metrics.intervals import Estimate
from vlm.evaluation.metrics.replies import read_yes_no
from vlm.types import Record, Turn


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


def _percent(values: Sequence[bool], says: str) -> tuple[Estimate, str]:
    return intervals.mean([100.0 * value for value in values]), says.format(n=len(values))


def json_objects(replies: Sequence[Reply]) -> Figures:
    """Measure how many answers are a JSON object, and how many agree with the description."""
    objects = [reply_checks.is_json_object(reply.text) for reply in replies]
    agreeing = [reply_checks.json_agrees(reply.text, reply.description) for reply in replies]
    return {
        "json": _percent(objects, "% of {n} answers to questions for JSON are a JSON object"),
        "json_agrees": _percent(agreeing, "% of {n} JSON answers agree with the description"),
    }


def yes_no(name: str, replies: Sequence[Reply]) -> Figures:
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


def counts(replies: Sequence[Reply]) -> Figures:
    """Measure how many numbers are right."""
    correct = [read_number(reply.text) == read_number(reply.turn.answer) for reply in replies]
    return {"count": _percent(correct, "% of {n} answers to how many there are are right")}


def places(replies: Sequence[Reply]) -> Figures:
    """Measure how many boxes overlap with the true one; a box in the centre is the baseline."""
    hits, centre = boxes.compare([(reply.text, reply.turn.answer) for reply in replies])
    says = "% of {n} boxes overlap with the true one by half or more; a box in the centre "
    return {"where": _percent(hits, f"{says}{100 * centre:.1f}")}


def what_it_is_not(replies: Sequence[Reply]) -> Figures:
    """Measure how many answers name something that the item is not."""
    correct = [reply_checks.names_other_item(reply.text, reply.record.facts) for reply in replies]
    return {"not": _percent(correct, "% of {n} answers name something that the item is not")}


def brief(replies: Sequence[Reply]) -> Figures:
    """Measure how many brief answers are brief."""
    brief = [reply_checks.is_brief(reply.text) for reply in replies]
    limit = reply_checks.BRIEF_WORDS
    return {"brief": _percent(brief, f"% of {{n}} brief answers have fewer than {limit} words")}


def details(replies: Sequence[Reply]) -> Figures:
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


def conversations(replies: Sequence[Reply]) -> Figures:
    """Measure how many conversations end with a correct answer."""
    correct = [
        bool(reply_checks.last_answer_is_right(reply.text, reply.turn, reply.record.facts))
        for reply in replies
    ]
    return {"chat": _percent(correct, "% of {n} conversations end with a correct answer")}
