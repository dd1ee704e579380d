"""Finds the folders of runs and evaluations, and reads their files.

Runs may be read while they train: a file that is missing, cut short or not JSON has no rows, which
is never an error.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlm.errors import UserError
from vlm.evaluation import results
from vlm.loading.presets import EVERYDAY, SHIPPED
from vlm.system.files import read_jsonl
from vlm.training import runs

DEPTH = 3  # levels below the folder of runs
MAX_BYTES = 64_000_000  # of a file of rows; ours have kilobytes
RUN_FILES, EVALUATION_FILES = set(runs.LOGS), {results.SCORES, results.PREDICTIONS}


@dataclass(frozen=True)
class Run:
    """A training run; its name is unique in the catalog."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Evaluation:
    """An evaluation; its name is unique in the catalog."""

    name: str
    folder: Path


def root() -> Path:
    """Return the folder of runs and evaluations: $VLM_RUNS, else `runs` in the current folder."""
    return Path(os.environ.get("VLM_RUNS") or "runs")


def find_runs() -> list[Run]:
    """Return the shipped models' runs first, then those under `root()` by name."""
    shipped = {name: folder for name, folder in _shipped().items() if RUN_FILES & _files(folder)}
    return [Run(name, folder) for name, folder in _search(RUN_FILES, shipped).items()]


def find_evaluations() -> list[Evaluation]:
    """Return the shipped models' evaluations first, then those under `root()` by name."""
    inside = {name: folder / "evaluation" for name, folder in _shipped().items()}
    shipped = {name: path for name, path in inside.items() if EVALUATION_FILES & _files(path)}
    return [Evaluation(name, folder) for name, folder in _search(EVALUATION_FILES, shipped).items()]


def _shipped() -> dict[str, Path]:
    return {"moda-mini": SHIPPED, "everyday": EVERYDAY}


def open_run(name: str) -> Run:
    """Open a run by the path of its folder or by its name in the catalog.

    Raises:
        UserError: when it is neither.
    """
    if RUN_FILES & _files(Path(name)):
        return Run(_printable(name.rstrip("/") or name), Path(name))
    by_name = {run.name: run for run in find_runs()}
    if name not in by_name:
        raise UserError(
            f"{name!r} is not a run; give a folder with a {runs.METRICS} or {runs.SCORES}, "
            f"or one of: {', '.join(by_name) or '(no runs found)'}."
        )
    return by_name[name]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON-lines file that are objects; none when it cannot be read."""
    try:
        rows = read_jsonl(path) if path.stat().st_size <= MAX_BYTES else []
    except (OSError, RecursionError):  # no permission; endless brackets
        return []
    return [row for row in rows if isinstance(row, dict)]


def _search(wanted: set[str], shipped: dict[str, Path]) -> dict[str, Path]:
    """Return name -> folder, the shipped ones first; a name in use gets the root's name as prefix.

    `wanted` holds the file names of which a folder must have at least one.
    """
    top, folders = root(), dict(shipped)
    packages = [path.resolve() for path in _shipped().values()]
    for place, subfolders, names in os.walk(top):
        folder = Path(place)
        parts = folder.relative_to(top).parts
        deeper = sorted(f for f in subfolders if not f.startswith((".", "checkpoint-")))
        subfolders[:] = deeper if len(parts) < DEPTH else []
        if not wanted & set(names) or any(map(folder.resolve().is_relative_to, packages)):
            continue
        inner = parts[:-1] if len(parts) > 1 and parts[-1] == "evaluation" else parts
        name = _printable("/".join(inner) or top.resolve().name)
        while name in folders:
            name = f"{_printable(top.resolve().name)}/{name}"
        folders[name] = folder
    return folders


def _files(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder) if entry.is_file()}
    except (OSError, ValueError):
        return set()


def _printable(name: str) -> str:
    """Replace characters that cannot be shown by question marks."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)
