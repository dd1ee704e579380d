"""ImageNet as an open question: "What is this?", answered in the model's own words.

A table has the columns image and wnid (or label: the class's number, as on the Hub). The scores are
the shares of answers that name the class, only a broader kind that it belongs to, another kind, or
no kind (`judging`); Russakovsky et al., 2015 (arXiv 1409.0575).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vlm.data.kinds import kinds
from vlm.data.kinds.kinds import Kind
from vlm.data.tables.pictures import picture_problem
from vlm.evaluation.benchmarks.imagenet.judging import (
    BROADER,
    EXACT,
    VERDICTS,
    KindJudge,
)
from vlm.evaluation.benchmarks.question import Answer, Benchmark, Question, spread, table
from vlm.evaluation.metrics import intervals

NAME, HUB_ID = "imagenet", "ILSVRC/imagenet-1k"
TEXT = "What is this?"
ALL, NAMED = "all", "named"  # named: exact or broader
RIGHT, WRONG = "classifier right", "classifier wrong"
TITLES = {NAMED: "named", EXACT: "exact", BROADER: "broader", "false": "false kind"}
TITLES |= {"none": "no kind"}


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """Load one question per picture.

    Raises:
        UserError: when the table is not found, or has no column of pictures.
    """
    split = split or "validation"
    rows = table(NAME, HUB_ID, split, path, ("image",))
    rows = rows.take(spread(rows.num_rows, limit)).to_pylist()
    by_id = {kind.id: kind for kind in kinds.load()}
    questions, problems = [], []
    for number, row in enumerate(rows):
        kind = _kind(row, by_id)
        reason = picture_problem(row["image"]) or ("" if kind else "no class of ImageNet")
        if reason:
            problems.append(f"row {number}: {reason}")
        else:
            images = (row["image"]["bytes"],)
            questions.append(Question(str(number), images, TEXT, (kind.id,), instructed=False))
    name = f"{NAME}/{split}" if path is None else f"{NAME}-{Path(path).stem}"
    judge = _judge()
    return Benchmark(name, tuple(questions), tuple(problems), False, scoring=KindScoring(*judge))


def _kind(row: Mapping, by_id: Mapping[str, Kind]) -> Kind | None:
    """Return the class of a row, by its id or by its number."""
    label, classes = row.get("label"), kinds.load()
    if isinstance(label, int) and 0 <= label < len(classes):
        return classes[label]
    return by_id.get(str(row.get("wnid") or label))


def _judge() -> tuple[KindJudge, dict[str, Kind]]:
    classes = kinds.load()
    return KindJudge(classes, kinds.imagenet_synonyms()), {kind.id: kind for kind in classes}


def mark(benchmark: Benchmark, named: Sequence[str]) -> Benchmark:
    """Return the benchmark with a category for the pictures that a classifier gets right.

    Args:
        named: the id of the class that it gives each picture.
    """
    questions = tuple(
        replace(question, category=RIGHT if id in question.answer else WRONG)
        for question, id in zip(benchmark.questions, named, strict=True)
    )
    return replace(benchmark, questions=questions)


@dataclass(frozen=True)
class KindScoring:
    """Scores answers by the kinds that they name."""

    judge: KindJudge
    by_id: Mapping[str, Kind]

    def score(self, answers: Sequence[Answer], last_letter: bool = False) -> dict[str, Any]:
        """Return shares with 95 % intervals: `scores` over all, `categories` for each category."""
        asked = [answer for answer in answers if not answer.error]
        parts: dict[str, list[str]] = {}
        for answer in asked:
            truth = self.by_id[answer.question.answer[0]]
            verdict = self.judge.verdict(answer.text, truth)
            for part in (ALL, answer.question.category):
                parts.setdefault(part, []).append(verdict)
        parts.pop("", None)
        return {
            "questions": len(asked),
            "not_asked": len(answers) - len(asked),
            "scores": shares(parts.pop(ALL)) if asked else {},
            "categories": {name: shares(part) for name, part in sorted(parts.items())},
        }

    def format_table(self, result: Mapping[str, Any]) -> str:
        """Format the result of `score` as a text table, in percent."""
        if not result["scores"]:
            return "No question could be asked."
        lines = []
        for part, row in {ALL: result["scores"], **result["categories"]}.items():
            lines.append(f"{part} ({row[NAMED]['n']} pictures)")
            for name, title in TITLES.items():
                mean, low, high = (100 * row[name][key] for key in ("mean", "low", "high"))
                lines.append(f"  {title:12}{mean:7.1f}   95 % interval {low:.1f} - {high:.1f}")
        if RIGHT in result["categories"]:
            share = result["categories"][RIGHT][NAMED]["n"] / result["questions"]
            lines.append(f"The classifier itself is right about {share:.1%} of them.")
        if result["not_asked"]:
            lines.append(f"Questions that could not be asked (excluded): {result['not_asked']}")
        return "\n".join(lines)


def shares(verdicts: Sequence[str]) -> dict[str, dict[str, float | int]]:
    """Return the share of each verdict, and of exact or broader ones, with 95 % intervals."""
    counts = Counter(verdicts)
    named = [float(verdict in (EXACT, BROADER)) for verdict in verdicts]
    rows = {NAMED: intervals.mean(named).row()}
    for name in VERDICTS:
        is_it = [1.0] * counts[name] + [0.0] * (len(verdicts) - counts[name])
        rows[name] = intervals.mean(is_it).row()
    return rows
