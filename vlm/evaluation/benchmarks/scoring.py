"""Compute a benchmark's scores with their intervals, next to what guessing would score.

A question that could not be asked (picture, length) is excluded and counted; an answer that cannot
be parsed counts as wrong, and is counted too.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlm.data.grammar.boxes import Box, Region
from vlm.evaluation.benchmarks import answer_parsing
from vlm.evaluation.benchmarks.question import YES_NO, Answer, Question
from vlm.evaluation.benchmarks.scenes import boxes
from vlm.evaluation.metrics import intervals

CIRCULAR, PLAIN, ALL = "circular", "plain", "all"
TITLES = {CIRCULAR: "CircularEval", PLAIN: "plain accuracy"}


@dataclass(frozen=True)
class Graded:
    """One answer: what it chose, None if it cannot be parsed, and whether that is correct."""

    question: Question
    choice: int | str | Box | None
    correct: bool


def grade(answer: Answer, last_letter: bool = False) -> Graded:
    """Parse an answer and compare it with the correct one; `last_letter` as in `Benchmark`."""
    question, text = answer.question, answer.text
    if isinstance(question.answer, Region):
        box = boxes.read_box(text)
        return Graded(question, box, boxes.is_hit(box, question.answer.box))
    if not question.options and isinstance(question.answer, tuple):
        correct = answer_parsing.matches_open(text, question.answer)
        is_unread = answer_parsing.is_unanswered(text) and not correct
        return Graded(question, None if is_unread else text, correct)
    if not question.options:
        choice: int | str | None = answer_parsing.read_yes_no(text)
    elif question.show_options:
        choice = answer_parsing.read_choice(text, question.options, last=last_letter)
    else:
        choice = answer_parsing.read_text(text, question.options, question.synonyms)
    return Graded(question, choice, choice == question.answer)


def score(answers: Sequence[Answer], last_letter: bool = False) -> dict[str, Any]:
    """Return the contents of scores.json.

    Returns:
        `scores`: `plain` over the original questions, and `circular` if rotations were asked;
        `categories`: the same for each category; `yes_no`: POPE's metrics for each category;
        `boxes`: overlap with the true boxes, of the answers and of a box in the centre;
        `always`: what the constant baseline answers;
        `answers`, `no_answer`, `questions`, `not_asked`: counts.
    """
    not_asked = {answer.question.id for answer in answers if answer.error}
    graded = [grade(a, last_letter) for a in answers if a.question.id not in not_asked]
    questions = {item.question.id for item in graded}
    result: dict[str, Any] = {"questions": len(questions), "not_asked": len(not_asked)}
    result |= {"answers": len(graded), "no_answer": sum(item.choice is None for item in graded)}
    if not graded:
        return result | {"scores": {}, "categories": {}}
    by_category = defaultdict(list)
    for item in graded:
        by_category[item.question.category].append(item)
    parts = sorted(by_category.items()) if len(by_category) > 1 else []
    commonest = _commonest_answers(graded)
    result["always"] = _constant_answer(graded)
    result["scores"] = _accuracies(graded, commonest)
    result["categories"] = {name or "(none)": _accuracies(part, commonest) for name, part in parts}
    if any(_is_yes_no(item.question) for item in graded):
        result["yes_no"] = {name: yes_no_metrics(part) for name, part in [(ALL, graded), *parts]}
    places = [(q.choice, q.question.answer.box) for q in graded if _is_place(q.question)]
    return result | ({"boxes": boxes.measure(places)} if places else {})


def _accuracies(
    graded: Sequence[Graded], commonest: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Return plain accuracy, and CircularEval if there are rotations, with their baselines."""
    rotations = Counter(item.question.id for item in graded)
    original = [item for item in graded if item.question.rotation == 0]
    accuracies = {PLAIN: _accuracy(original, Counter(dict.fromkeys(rotations, 1)), commonest)}
    if max(rotations.values()) > 1:
        accuracies = {CIRCULAR: _accuracy(graded, rotations, commonest)} | accuracies
    return accuracies


def _accuracy(
    graded: Sequence[Graded], rotations: Counter, commonest: Mapping[str, str]
) -> dict[str, Any]:
    correct = circular((item.question.id, item.correct) for item in graded)
    constant = circular(
        (item.question.id, _constant_is_correct(item.question, commonest)) for item in graded
    )
    sizes = {item.question.id: len(_choices(item.question)) for item in graded}
    chances = [random_guess(size, rotations[id]) for id, size in sizes.items()]
    estimate = intervals.mean([float(value) for value in correct.values()])
    guess, share = sum(chances) / len(chances), sum(constant.values()) / len(constant)
    return estimate.row() | {
        "random_guess": round(guess, 4),
        "always": round(share, 4),
        "above_random": bool(estimate.low > guess),
        "above_always": bool(estimate.low > share),
    }


def circular(graded: Iterable[tuple[Hashable, bool]]) -> dict[Hashable, bool]:
    """Compute MMBench's CircularEval: a question is correct if all of its rotations are.

    Args:
        graded: for each rotation, its question and whether the answer was correct.
    """
    questions: dict[Hashable, bool] = {}
    for question, correct in graded:
        questions[question] = questions.get(question, True) and correct
    return questions


def random_guess(options: int, rotations: int = 1) -> float:
    """Return the chance of guessing every rotation of a question with that many options."""
    return options**-rotations if options else 0.0


def _choices(question: Question) -> tuple[str, ...]:
    return question.options or (YES_NO if _is_yes_no(question) else ())


def _is_yes_no(question: Question) -> bool:
    return not question.options and isinstance(question.answer, str)


def _is_place(question: Question) -> bool:
    return isinstance(question.answer, Region)


def _commonest_answers(graded: Iterable[Graded]) -> dict[str, str]:
    """Return the commonest correct answer to each text asked more than once with hidden options."""
    answers: dict[str, Counter] = defaultdict(Counter)
    for question in (item.question for item in graded):
        if question.options and not question.show_options:
            answers[question.text][question.options[question.answer]] += 1
    repeated = {text: counts for text, counts in answers.items() if counts.total() > 1}
    return {text: min(counts, key=lambda k: (-counts[k], k)) for text, counts in repeated.items()}


def _constant_answer(graded: Iterable[Graded]) -> str:
    """Name the answer of a baseline that always gives the same one, per kind of question."""
    answers = []
    for question in (item.question for item in graded):
        if question.options:
            answers.append("A" if question.show_options else "commonest")
        elif _is_yes_no(question):
            answers.append("yes")
    return "/".join(dict.fromkeys(answers))


def _constant_is_correct(question: Question, commonest: Mapping[str, str]) -> bool:
    """Return True if "A", "yes" or the commonest answer is correct."""
    if question.options and not question.show_options:
        return question.options[question.answer] == commonest.get(question.text)
    return question.answer == ("yes" if _is_yes_no(question) else 0)


def yes_no_metrics(graded: Sequence[Graded]) -> dict[str, float]:
    """Return POPE's accuracy, precision, recall and F1 of "yes", and the share of "yes" answers.

    An answer that cannot be parsed is not a yes, so it lowers the recall.
    """
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    items = [item for item in graded if _is_yes_no(item.question)]
    labels = [str(item.question.answer) for item in items]
    answers = [str(item.choice or "none") for item in items]
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, answers, labels=["yes"], average=None, zero_division=0
    )
    metrics = {"accuracy": accuracy_score(labels, answers), "precision": precision[0]}
    metrics |= {"recall": recall[0], "f1": f1[0], "yes_ratio": answers.count("yes") / len(answers)}
    return {name: round(float(value), 4) for name, value in metrics.items()}


def format_table(result: Mapping[str, Any]) -> str:
    """Format the result of `score` as a text table, in percent."""
    if not result["scores"]:
        return "No question could be asked."
    first = next(iter(result["scores"]))
    rows = [(TITLES[name], accuracy) for name, accuracy in result["scores"].items()]
    parts = result["categories"].items()
    rows += [(f"  {name}", part.get(first) or part[PLAIN]) for name, part in parts]
    width = max(len(name) for name, _ in rows) + 2
    always = f"always {result['always']}" if result["always"] else "always -"
    head = f"{'':{width}}{'score':>8}{'95 % interval':>17}{'n':>7}{'random guess':>14}{always:>18}"
    lines = [head, *(f"{name:{width}}{_line(accuracy, always)}" for name, accuracy in rows)]
    lines += [*_yes_no_lines(result), *boxes.format_lines(result.get("boxes", {}))]
    return "\n".join([*lines, *_count_lines(result)])


def _line(accuracy: Mapping[str, Any], always: str) -> str:
    interval = f"{100 * accuracy['low']:.1f} - {100 * accuracy['high']:.1f}"
    line = f"{100 * accuracy['mean']:8.1f}{interval:>17}{accuracy['n']:7}"
    line += f"{100 * accuracy['random_guess']:14.1f}{100 * accuracy['always']:18.1f}"
    if not accuracy["above_random"]:
        return f"{line}   not above random guess"
    return line if accuracy["above_always"] else f"{line}   not above {always}"


def _yes_no_lines(result: Mapping[str, Any]) -> list[str]:
    parts = result.get("yes_no", {})
    names = ("accuracy", "precision", "recall", "f1", "yes_ratio")
    width = max((len(part) for part in parts), default=0) + 4
    lines = ["", " " * width + "".join(f"{name:>11}" for name in names)] if parts else []
    for part, row in parts.items():
        figures = "".join(f"{100 * row[name]:11.1f}" for name in names)
        lines.append(f"  {part:{width - 2}}{figures}")
    return lines


def _count_lines(result: Mapping[str, Any]) -> list[str]:
    unread = f"{result['no_answer']} of {result['answers']} answers"
    lines = ["", f"{unread} could not be parsed and count as wrong."]
    if result["not_asked"]:
        lines.append(f"Questions that could not be asked (excluded): {result['not_asked']}")
    return lines
