"""A quiz: the folder of questions that `python -m vlm quiz` made out of a table.

questions.jsonl   {"id", "file_name", "question", "options", "answer", "category"}, where the answer
                  is the text of one of the options; written or corrected by hand it is as good
"""

from collections.abc import Mapping
from pathlib import Path

from vlm import runs
from vlm.benchmarks.question import QUESTIONS, Benchmark, Question, spread
from vlm.errors import UserError
from vlm.metrics.choices import LETTERS

NAME = "quiz"


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """The questions of a quiz folder; it has no splits.

    Raises:
        UserError: when no folder is given, or it holds no questions.
    """
    if path is None or not (Path(path) / QUESTIONS).is_file():
        place = "" if path is None else f"{path} holds no {QUESTIONS}: "
        raise UserError(f"{place}give with --data-path the folder that `python -m vlm quiz` wrote.")
    if split:
        raise UserError(f"A quiz has no splits, but --split {split} was given; leave it away.")
    folder = Path(path)
    rows = runs.read_jsonl(folder / QUESTIONS)
    questions, problems = {}, []
    for number, row in enumerate(rows[place] for place in spread(len(rows), limit)):
        reason = bad_row(row, folder)
        reason = reason or ("its id came before" if str(row["id"]) in questions else "")
        if reason:
            problems.append(f"row {number}: {reason}")
        else:
            questions[str(row["id"])] = _question(row, folder)
    return Benchmark(f"{NAME}-{folder.name}", tuple(questions.values()), tuple(problems))


def bad_row(row: object, folder: Path) -> str:
    """Why a row cannot be asked, empty when it can."""
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
