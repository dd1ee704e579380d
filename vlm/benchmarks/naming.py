"""What is this? Labelled pictures as multiple choice: CIFAR-10, or any folder of yours.

A folder has one subfolder a class (the Hub's ImageFolder layout), or pictures beside a
metadata.jsonl or metadata.csv with `file_name` and `label`. Where it has subfolders named after
splits, the split's one is taken.
"""

import csv
from pathlib import Path
from random import Random

from vlm import runs
from vlm.benchmarks.question import Benchmark, Question, spread
from vlm.data import cifar10
from vlm.data.images import SUFFIXES
from vlm.errors import UserError

NAME = "naming"
TEXT = "What is shown in this picture?"
OPTIONS = 4
SPLITS = ("validation", "val", "test", "train")
TABLES = ("metadata.jsonl", "metadata.csv")


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """One question a picture with four labels to choose from, drawn by a seed out of its id.

    Without a path, or with one to a CIFAR-10 table, the pictures are CIFAR-10's.

    Raises:
        UserError: when there are no pictures, or fewer than two labels.
    """
    folder = Path(path) if path is not None else None
    if folder is None or folder.is_file() or (folder / "train.parquet").is_file():
        return _cifar(split or "validation", path, limit)
    if not folder.is_dir():
        raise UserError(f"{folder} is not there; give a folder with one subfolder a class.")
    rows, problems = _labelled(_part(folder, split))
    names = tuple((label,) for label in sorted({label for _, _, label in rows}))
    return _benchmark(folder.name, rows, names, limit, problems)


def _part(folder: Path, split: str) -> Path:
    """The split's subfolder where the folder is parted, else the folder."""
    parts = [name for name in SPLITS if (folder / name).is_dir()]
    if split and split not in parts:
        has = f"those of {', '.join(parts)}" if parts else "no splits"
        raise UserError(f"{folder} has no subfolder {split}, it has {has}; change --split.")
    return folder / (split or parts[0]) if parts else folder


def _cifar(split: str, path: str | Path | None, limit: int) -> Benchmark:
    data = cifar10.load(split, path)
    rows = [(record.id, record.image, record.facts["kind"]) for record in data.records]
    names = tuple((kind, *cifar10.ALIASES[kind]) for kind in cifar10.KINDS)
    return _benchmark(data.name, rows, names, limit, data.problems)


def _benchmark(name: str, rows: list, names: tuple, limit: int, problems) -> Benchmark:
    labels = [name[0] for name in names]
    if len(labels) < 2:
        raise UserError(f"{name} has {len(labels)} labels; naming needs two or more.")
    rows = [rows[place] for place in spread(len(rows), limit)]
    questions = tuple(_question(id, image, label, labels) for id, image, label in rows)
    return Benchmark(f"{NAME}-{name}", questions, tuple(problems), names=names)


def _question(id: str, image, label: str, labels: list[str]) -> Question:
    draw = Random(f"{NAME}/{id}")
    others = [other for other in labels if other != label]
    options = [label, *draw.sample(others, min(OPTIONS - 1, len(others)))]
    draw.shuffle(options)
    return Question(id, (image,), TEXT, options.index(label), tuple(options), label)


def _labelled(folder: Path) -> tuple[list[tuple[str, Path, str]], list[str]]:
    """(id, picture, label) of each picture, and a line for each row that cannot be used."""
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if table:
        return _listed(table)
    rows = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        label = _readable(place.name)
        files = sorted(file for file in place.rglob("*") if file.suffix.lower() in SUFFIXES)
        rows += [(str(file.relative_to(folder)), file, label) for file in files if label]
    if not rows:
        raise UserError(f"{folder} has no pictures in subfolders; give one subfolder a class.")
    return rows, []


def _listed(table: Path) -> tuple[list[tuple[str, Path, str]], list[str]]:
    if table.suffix == ".csv":
        try:
            lines = table.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        except UnicodeDecodeError as error:
            raise UserError(f"{table.name} is not UTF-8 text; save it as UTF-8.") from error
        found = list(csv.DictReader(lines))
    else:
        found = runs.read_jsonl(table)
    rows, problems, root = {}, [], table.parent.resolve()
    for number, row in enumerate(found):
        name, label = (str(row.get(key) or "").strip() for key in ("file_name", "label"))
        file = root / name
        if not name or not label:
            problems.append(f"row {number}: no {'label' if name else 'file_name'}")
        elif not file.resolve().is_relative_to(root) or not file.is_file():
            problems.append(f"row {number}: {name} is not in the folder")
        else:
            rows[name] = (name, file, _readable(label))
    if not rows:
        raise UserError(f"{table} has no row with file_name and label; name the columns so.")
    return list(rows.values()), problems


def _readable(label: str) -> str:
    return " ".join(label.replace("_", " ").split())
