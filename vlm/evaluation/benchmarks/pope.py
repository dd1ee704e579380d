"""POPE (Li et al., 2023, arXiv 2305.10355): yes/no questions about whether an object is present.

The layout is that of the Hub's `lmms-lab/POPE`. Absent objects are chosen in three ways: random,
popular (common in all pictures) and adversarial (often seen with the objects that are present).
"""

from collections.abc import Mapping
from pathlib import Path

from vlm.data.tables.pictures import picture_problem
from vlm.evaluation.benchmarks.question import YES_NO, Benchmark, Question, spread, table

NAME, HUB_ID = "pope", "lmms-lab/POPE"
COLUMNS = ("question_id", "question", "answer", "image")


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """Load a split: `test` has all three categories; each category is also a split of its own.

    Question ids start again in each category, so the category becomes part of them.

    Raises:
        UserError: when the table is not found or lacks a column.
    """
    split = split or "test"
    config = None if split == "test" else "Full"  # the Hub's config with a split per category
    rows = table(NAME, HUB_ID, split, path, COLUMNS, config)
    rows = rows.take(spread(rows.num_rows, limit)).to_pylist()
    questions, problems = {}, []
    for number, row in enumerate(rows):
        category = str(row.get("category") or "")
        id = "-".join(filter(None, (category, str(row["question_id"] or number))))
        reason = _problem(row) or ("duplicate id" if id in questions else "")
        if reason:
            problems.append(f"question {id}: {reason}")
        else:
            text, answer = row["question"].strip(), row["answer"].strip().lower()
            images = (row["image"]["bytes"],)
            questions[id] = Question(id, images, text, answer, category=category)
    return Benchmark(f"{NAME}/{split}", tuple(questions.values()), tuple(problems), circular=False)


def _problem(row: Mapping) -> str:
    """Return the reason a row is unusable, or an empty string."""
    if not row["question"]:
        return "no question"
    if str(row["answer"]).strip().lower() not in YES_NO:
        return f"the answer {row['answer']!r} is neither yes nor no"
    return picture_problem(row["image"])
