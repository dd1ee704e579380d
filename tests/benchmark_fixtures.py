"""Small tables in the layouts that the benchmarks are published in, with pictures of our own."""

import base64
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests import tiny
from vlm.evaluation.benchmarks.question import Question

TURN = 10**6
MMBENCH = ("index", "question", "hint", "answer", "A", "B", "C", "D", "category", "image")
MMBENCH += ("source", "L2-category", "comment", "split")


def png(number: int = 0) -> bytes:
    """An encoded picture."""
    file = io.BytesIO()
    tiny.noise(number).save(file, "PNG")
    return file.getvalue()


def cell(number: int = 0) -> dict:
    """A cell of a picture column, as the Hub stores it."""
    return {"bytes": png(number), "path": None}


def write(path: Path, rows: Sequence[dict]) -> Path:
    """Write a parquet table; give its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path.parent


def questions(count: int, size: int = 4) -> tuple[Question, ...]:
    """Multiple choice with the right answer equally often in each place."""
    words = ("one", "two", "three", "four", "five")[:size]
    return tuple(
        Question(str(n), (tiny.picture(),), f"Which number has question {n}?", n % size, words)
        for n in range(count)
    )


def mmbench_row(index: int, answer: str = "A", **changes) -> dict:
    """One row of the Hub's en table; an option that is not there is "nan"."""
    row = dict.fromkeys(MMBENCH, "nan")
    row |= {"index": index, "question": f"Which colour is {index}?", "answer": answer}
    row |= {"A": "red", "B": "green", "C": "blue", "category": f"kind {index % 2}"}
    row |= {"image": cell(index), "L2-category": "perception", "split": "dev", "source": "ours"}
    return row | changes


def mmbench_turned(row: dict, options: int = 3) -> list[dict]:
    """A row's rotations as MMBench stores them: a million more for each."""
    letters = "ABCD"[:options]
    texts, rows = [row[letter] for letter in letters], []
    for turn in range(1, options):
        moved = texts[turn:] + texts[:turn]
        right = letters[moved.index(row[row["answer"]])]
        index = {"index": row["index"] + turn * TURN, "answer": right}
        rows.append({**row, **index, **dict(zip(letters, moved, strict=True))})
    return rows


def mmbench_tsv(path: Path, rows: Sequence[dict]) -> Path:
    """The publishers' layout: base64, or the index of the row that has the picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, MMBENCH, delimiter="\t")
        writer.writeheader()
        for row in rows:
            image = row["image"]
            if isinstance(image, dict):
                image = base64.b64encode(image["bytes"]).decode()
            cells = {key: "" if value == "nan" else value for key, value in row.items()}
            writer.writerow(cells | {"image": image})
    return path


def mmmu_row(number: int, subject: str = "Art_Theory", pictures: int = 1, **changes) -> dict:
    """One row of a subject's table."""
    row = {f"image_{n}": cell(n) if n <= pictures else None for n in range(1, 8)}
    named = " ".join(f"<image {n}>" for n in range(1, pictures + 1))
    row |= {"id": f"validation_{subject}_{number}", "question": f"What is in {named}?"}
    row |= {"options": "['a fugue', \"a painter's easel\", 'none']", "answer": "B"}
    row |= {"question_type": "multiple-choice", "subfield": "Painting", "explanation": ""}
    return row | {"img_type": "['Paintings']", "topic_difficulty": "Easy"} | changes


def mmmu_open(number: int, answer: str, **changes) -> dict:
    """A question to be answered in free words."""
    open_ended = {"question_type": "open", "options": "[]", "answer": answer}
    return mmmu_row(number, **open_ended, **changes)


def pope_row(number: int, answer: str = "yes", category: str = "popular", **changes) -> dict:
    """One row of the test table; the numbers begin anew in each category."""
    row = {"id": str(number), "question_id": str(number), "image_source": "COCO_val2014_1"}
    row |= {"question": "Is there a dog in the image?", "answer": answer, "category": category}
    return row | {"image": cell(number)} | changes


def image_folder(path: Path, labels: Sequence[str], each: int = 2) -> Path:
    """One subfolder a class."""
    for place, label in enumerate(labels):
        (path / label).mkdir(parents=True)
        for number in range(each):
            (path / label / f"{number}.png").write_bytes(png(10 * place + number))
    return path
