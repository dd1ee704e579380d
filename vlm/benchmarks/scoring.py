"""The scores of a benchmark: with intervals, beside what guessing would give, for each category.

A question that could not be asked (picture, length) is left out of all of them and counted; an
answer that cannot be read counts as wrong, and is counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlm.benchmarks.question import YES_NO, Answer, Question
from vlm.metrics import choices, intervals

CIRCULAR, PLAIN, ALL = "circular", "plain", "all"
TITLES = {CIRCULAR: "CircularEval", PLAIN: "plain accuracy"}


@dataclass(frozen=True)
class Judged:
    """One answer: what was chosen, None when it cannot be read, and whether that is right."""

    question: Question
    chosen: int | str | None
    right: bool


def judge(answer: Answer, takes_last: bool = False) -> Judged:
    """Read one answer and compare it with the right one."""
    question, text = answer.question, answer.text
    if not question.options and isinstance(question.answer, tuple):
        right = choices.matches_open(text, question.answer)
        return Judged(question, None if choices.is_silent(text) and not right else text, right)
    if not question.options:
        chosen: int | str | None = choices.read_yes_no(text)
    elif question.lettered:
        chosen = choices.read_choice(text, question.options, last=takes_last)
    else:
        chosen = choices.read_text(text, question.options, question.also)
    return Judged(question, chosen, chosen == question.answer)


def score(answers: Sequence[Answer], takes_last: bool = False) -> dict[str, Any]:
    """Everything that scores.json holds.

    Returns:
        `scores`: `plain`, over the unmoved questions, and `circular` where rotations were asked;
        `categories`: the same for each; `yes_no`: POPE's figures for each category;
        `answers`, `no_answer`, `questions`, `not_asked`: counts.
    """
    failed = {answer.question.id for answer in answers if answer.error}
    judged = [judge(a, takes_last) for a in answers if a.question.id not in failed]
    asked = {one.question.id for one in judged}
    found: dict[str, Any] = {"questions": len(asked), "not_asked": len(failed)}
    found |= {"answers": len(judged), "no_answer": sum(one.chosen is None for one in judged)}
    if not judged:
        return found | {"scores": {}, "categories": {}}
    parts = defaultdict(list)
    for one in judged:
        parts[one.question.category].append(one)
    named = sorted(parts.items()) if len(parts) > 1 else []
    favourites = _favourites(judged)
    found["always"] = _always(judged)
    found["scores"] = _figures(judged, favourites)
    found["categories"] = {name or "(none)": _figures(part, favourites) for name, part in named}
    if any(_is_yes_no(one.question) for one in judged):
        found["yes_no"] = {name: yes_no(part) for name, part in [(ALL, judged), *named]}
    return found


def _figures(judged: Sequence[Judged], favourites: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Plain accuracy, and the circular one where there are rotations, each with its baselines."""
    turns = Counter(one.question.id for one in judged)
    plain = [one for one in judged if one.question.rotation == 0]
    figures = {PLAIN: _figure(plain, Counter(dict.fromkeys(turns, 1)), favourites)}
    if max(turns.values()) > 1:
        figures = {CIRCULAR: _figure(judged, turns, favourites)} | figures
    return figures


def _figure(
    judged: Sequence[Judged], turns: Counter, favourites: Mapping[str, str]
) -> dict[str, Any]:
    right = choices.circular((one.question.id, one.right) for one in judged)
    first = [(one.question.id, _is_first(one.question, favourites)) for one in judged]
    always = choices.circular(first)
    sizes = {one.question.id: len(_choices(one.question)) for one in judged}
    chance = [choices.random_guess(size, turns[id]) for id, size in sizes.items()]
    estimate = intervals.mean([float(fine) for fine in right.values()])
    guess, share = sum(chance) / len(chance), sum(always.values()) / len(always)
    return estimate.row() | {
        "random_guess": round(guess, 4),
        "always": round(share, 4),
        "above_random": bool(estimate.low > guess),
        "above_always": bool(estimate.low > share),
    }


def _choices(question: Question) -> tuple[str, ...]:
    return question.options or (YES_NO if _is_yes_no(question) else ())


def _is_yes_no(question: Question) -> bool:
    return not question.options and isinstance(question.answer, str)


def _favourites(judged: Iterable[Judged]) -> dict[str, str]:
    """Question text -> its commonest right answer, where it is asked of several pictures."""
    named: dict[str, Counter] = defaultdict(Counter)
    for question in (one.question for one in judged):
        if question.options and not question.lettered:
            named[question.text][question.options[question.answer]] += 1
    asked = {text: counts for text, counts in named.items() if counts.total() > 1}
    return {text: min(counts, key=lambda k: (-counts[k], k)) for text, counts in asked.items()}


def _always(judged: Iterable[Judged]) -> str:
    """What the answerer of the second baseline always says."""
    said = []
    for question in (one.question for one in judged):
        if question.options:
            said.append("A" if question.lettered else "commonest")
        elif _is_yes_no(question):
            said.append("yes")
    return "/".join(dict.fromkeys(said))


def _is_first(question: Question, favourites: Mapping[str, str]) -> bool:
    """Whether somebody who always says A, yes, or the commonest answer would be right."""
    if question.options and not question.lettered:
        return question.options[question.answer] == favourites.get(question.text)
    return question.answer == ("yes" if _is_yes_no(question) else 0)


def yes_no(judged: Sequence[Judged]) -> dict[str, float]:
    """POPE's figures: accuracy, precision, recall and F1 of "yes", and how often it was said.

    An answer that cannot be read is no yes, so that it lowers the recall.
    """
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    asked = [one for one in judged if _is_yes_no(one.question)]
    truth = [str(one.question.answer) for one in asked]
    said = [str(one.chosen or "none") for one in asked]
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, said, labels=["yes"], average=None, zero_division=0
    )
    figures = {"accuracy": accuracy_score(truth, said), "precision": precision[0]}
    figures |= {"recall": recall[0], "f1": f1[0], "yes_ratio": said.count("yes") / len(said)}
    return {name: round(float(value), 4) for name, value in figures.items()}


def table(found: dict[str, Any]) -> str:
    """The scores as lines of text, in percent."""
    if not found["scores"]:
        return "No question could be asked."
    main = next(iter(found["scores"]))
    rows = [(TITLES[name], figure) for name, figure in found["scores"].items()]
    parts = found["categories"].items()
    rows += [(f"  {name}", part.get(main) or part[PLAIN]) for name, part in parts]
    wide = max(len(name) for name, _ in rows) + 2
    always = f"always {found['always']}" if found["always"] else "always -"
    head = f"{'':{wide}}{'score':>8}{'95 % interval':>17}{'n':>7}{'random guess':>14}{always:>18}"
    lines = [head, *(f"{name:{wide}}{_line(figure, always)}" for name, figure in rows)]
    return "\n".join([*lines, *_yes_no_lines(found), *_counts(found)])


def _line(figure: dict[str, Any], always: str) -> str:
    between = f"{100 * figure['low']:.1f} - {100 * figure['high']:.1f}"
    line = f"{100 * figure['mean']:8.1f}{between:>17}{figure['n']:7}"
    line += f"{100 * figure['random_guess']:14.1f}{100 * figure['always']:18.1f}"
    if not figure["above_random"]:
        return f"{line}   not above random guess"
    return line if figure["above_always"] else f"{line}   not above {always}"


def _yes_no_lines(found: dict[str, Any]) -> list[str]:
    parts = found.get("yes_no", {})
    names = ("accuracy", "precision", "recall", "f1", "yes_ratio")
    wide = max((len(part) for part in parts), default=0) + 4
    lines = ["", " " * wide + "".join(f"{name:>11}" for name in names)] if parts else []
    for part, row in parts.items():
        lines.append(f"  {part:{wide - 2}}" + "".join(f"{100 * row[name]:11.1f}" for name in names))
    return lines


def _counts(found: dict[str, Any]) -> list[str]:
    unread = f"{found['no_answer']} of {found['answers']} answers"
    lines = ["", f"{unread} could not be read; they count as wrong."]
    if found["not_asked"]:
        lines.append(f"{found['not_asked']} questions could not be asked; they are left out.")
    return lines
