"""A quiz: a folder of multiple-choice questions, as written by `loupe quiz`.

questions.jsonl   {"id", "file_name", "question", "options", "answer", "category"}; the answer is
                  the text of one of the options. The file may be written or edited by hand.
"""

from collections.abc import Mapping
from pathlib import Path

from vlm.errors import UserError
from vlm.evaluation.benchmarks.question import LETTERS, Benchmark, Question, spread
from vlm.system import files

NAME = "quiz"
QUESTIONS = "questions.jsonl"


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """Load a quiz folder, which has no splits.

    Raises:
        UserError: when no folder is given, or it has no questions.
    """
    if path is None or not (Path(path) / QUESTIONS).is_file():
        problem = "" if path is None else f"{path} contains no {QUESTIONS}; "
        raise UserError(f"{problem}use --data-path to give the folder that `loupe quiz` wrote.")
    if split:
        raise UserError(f"A quiz has no splits, but --split is {split}; omit --split.")
    folder = Path(path)
    rows = files.read_jsonl(folder / QUESTIONS)
    questions, problems = {}, []
    for number, row in enumerate(rows[index] for index in spread(len(rows), limit)):
        reason = _problem(row, folder)
        reason = reason or ("duplicate id" if str(row["id"]) in questions else "")
        if reason:
            problems.append(f"row {number}: {reason}")
        else:
            questions[str(row["id"])] = _question(row, folder)
    return Benchmark(f"{NAME}-{folder.name}", tuple(questions.values()), tuple(problems))


def _problem(row: object, folder: Path) -> str:
    """Return the reason a row is unusable, or an empty string."""
    if not isinstance(row, Mapping):
        return "not a JSON object"
    for key in ("id", "file_name", "question", "answer"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            return f"no {key}"
    options = row.get("options")
    if not isinstance(options, list) or not all(isinstance(o, str) and o.strip() for o in options):
        return "options is not a list of texts"
    if not 2 <= len(options) <= len(LETTERS) or options.count(row["answer"]) != 1:
        return f"the answer {row['answer']!r} is not one of two to {len(LETTERS)} options"
    file = (folder / row["file_name"]).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        return f"{row['file_name']} is not in the folder"
    return ""


def _question(row: Mapping, folder: Path) -> Question:
    return Question(
        id=row["id"],
        images=(folder / row["file_name"],),
        text=row["question"],
        answer=row["options"].index(row["answer"]),
        options=tuple(row["options"]),
        category=str(row.get("category") or ""),
    )
