"""Labelled pictures as multiple-choice questions: CIFAR-10, or a folder of your own.

A folder has one subfolder per class (the Hub's ImageFolder layout), or pictures next to a
metadata.jsonl or metadata.csv with `file_name` and `label`. If it has subfolders named after
splits, one of them is used.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from PIL import Image

from vlm.data import cifar10, tables
from vlm.data.formats import is_picture_name
from vlm.data.grammar import scenes
from vlm.errors import UserError
from vlm.evaluation.benchmarks.question import Benchmark, Question, spread

NAME = "naming"
TEXT = "What is shown in this picture?"
OPTIONS = 4
SPLITS = ("validation", "val", "test", "train")

Labelled = tuple[str, bytes | Path | Image.Image, str]  # id, picture, label


def load(split: str = "", path: str | Path | None = None, limit: int = 0) -> Benchmark:
    """Load one question per picture, with up to four labels to choose from.

    The wrong labels are drawn with a seed derived from the picture's id. Without a path, or with
    that of a CIFAR-10 table, the pictures are CIFAR-10's.

    Raises:
        UserError: when there are no pictures, or fewer than two labels.
    """
    folder = Path(path) if path is not None else None
    if folder is None or folder.is_file() or (folder / "train.parquet").is_file():
        return _cifar(split or "validation", path, limit)
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist; give a folder with one subfolder per class.")
    pictures, problems = _read_folder(_split_folder(folder, split))
    labels = tuple((label,) for label in sorted({label for _, _, label in pictures}))
    return _benchmark(folder.name, pictures, labels, limit, problems)


def _split_folder(folder: Path, split: str) -> Path:
    """Return the subfolder of the split if there are splits, else the folder."""
    splits = [name for name in SPLITS if (folder / name).is_dir()]
    if split and split not in splits:
        has = f"only {', '.join(splits)}" if splits else "no splits"
        raise UserError(f"{folder} has no subfolder {split}, {has}; change --split.")
    return folder / (split or splits[0]) if splits else folder


def _cifar(split: str, path: str | Path | None, limit: int) -> Benchmark:
    data = cifar10.load(split, path)
    pictures = [(record.id, record.image, record.facts["kind"]) for record in data.records]
    labels = tuple((kind, *scenes.ALIASES[kind]) for kind in scenes.KINDS)
    return _benchmark(data.name, pictures, labels, limit, data.problems)


def _benchmark(
    name: str,
    pictures: Sequence[Labelled],
    labels: tuple[tuple[str, ...], ...],
    limit: int,
    problems: Iterable[str],
) -> Benchmark:
    if len(labels) < 2:
        raise UserError(
            f"The number of labels in {name} is {len(labels)}, but naming needs two or more; add "
            "pictures of other classes."
        )
    names = [label for label, *_ in labels]
    pictures = [pictures[index] for index in spread(len(pictures), limit)]
    questions = tuple(_question(id, image, label, names) for id, image, label in pictures)
    return Benchmark(f"{NAME}-{name}", questions, tuple(problems), labels=labels)


def _question(
    id: str, image: bytes | Path | Image.Image, label: str, labels: Sequence[str]
) -> Question:
    draw = Random(f"{NAME}/{id}")
    others = [other for other in labels if other != label]
    options = [label, *draw.sample(others, min(OPTIONS - 1, len(others)))]
    draw.shuffle(options)
    return Question(id, (image,), TEXT, options.index(label), tuple(options), label)


def _read_folder(folder: Path) -> tuple[list[Labelled], list[str]]:
    """Return the pictures, and one line for each row of the table that is unusable."""
    table = tables.find(folder)
    if table:
        return _read_table(table)
    pictures: list[Labelled] = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        label = _clean(place.name)
        files = sorted(file for file in place.rglob("*") if is_picture_name(file.name))
        pictures += [(str(file.relative_to(folder)), file, label) for file in files if label]
    if not pictures:
        raise UserError(
            f"{folder} has no pictures in subfolders; give a folder with one subfolder per class."
        )
    return pictures, []


def _read_table(table: Path) -> tuple[list[Labelled], list[str]]:
    pictures, problems, root = {}, [], table.parent.resolve()
    for number, cells in enumerate(tables.read_parsed(table)):
        name, label = (str(cells.get(key) or "").strip() for key in ("file_name", "label"))
        file = root / name
        if not name or not label:
            problems.append(f"row {number}: no {'label' if name else 'file_name'}")
        elif not file.resolve().is_relative_to(root) or not file.is_file():
            problems.append(f"row {number}: {name} is not in the folder")
        else:
            pictures[name] = (name, file, _clean(label))
    if not pictures:
        raise UserError(
            f"{table} has no usable row; it needs the columns file_name and label, and the files "
            "next to it."
        )
    return list(pictures.values()), problems


def _clean(label: str) -> str:
    return " ".join(label.replace("_", " ").split())
