"""POPE (Li et al., 2023, arXiv 2305.10355): is an object in the picture, yes or no.

The layout of the Hub's `lmms-lab/POPE`. Three ways to choose the objects that are not there:
random, popular (often seen anywhere) and adversarial (often seen beside what is there).
"""

from collections.abc import Mapping
from pathlib import Path

from vlm.benchmarks.question import YES_NO, Benchmark, Question, spread, table
from vlm.data.source import bad_picture

NAME, HUB_ID = "pope", "lmms-lab/POPE"
NEEDED = ("question_id", "question", "answer", "image")


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """The questions of a split: `test` holds all three categories, or one by its name.

    Question ids begin anew in each category, so ours join the two.

    Raises:
        UserError: when the table is not found or lacks a column.
    """
    split = split or "test"
    config = None if split == "test" else "Full"  # the Hub's has a split for each category
    rows = table(NAME, HUB_ID, split, path, NEEDED, config)
    rows = rows.take(spread(rows.num_rows, limit)).to_pylist()
    questions, problems = {}, []
    for number, row in enumerate(rows):
        category = str(row.get("category") or "")
        id = "-".join(filter(None, (category, str(row["question_id"] or number))))
        reason = bad_row(row) or ("its id came before" if id in questions else "")
        if reason:
            problems.append(f"question {id}: {reason}")
        else:
            text, answer = row["question"].strip(), row["answer"].strip().lower()
            images = (row["image"]["bytes"],)
            questions[id] = Question(id, images, text, answer, category=category)
    return Benchmark(f"{NAME}/{split}", tuple(questions.values()), tuple(problems), circular=False)


def bad_row(row: Mapping) -> str:
    """Why a row cannot be asked, empty when it can."""
    if not row["question"]:
        return "no question"
    if str(row["answer"]).strip().lower() not in YES_NO:
        return f"the answer {row['answer']!r} is neither yes nor no"
    return bad_picture(row["image"])
