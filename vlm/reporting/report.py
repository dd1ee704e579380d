"""report.html: one evaluation as a page to read, complete in itself.

The page loads nothing and runs nothing; all text from models, judges and data sets is escaped.
Repeating an evaluation gives the same bytes, apart from the speed.
"""

import contextlib
import platform
import shlex
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from vlm import __version__
from vlm.config import CAPTION, DESCRIBE
from vlm.data.images import Picture
from vlm.evaluation import results
from vlm.evaluation.metrics import intervals, rubric
from vlm.reporting import reliability, report_data, report_parts
from vlm.reporting.report_data import EvaluationData, strip_folders
from vlm.reporting.values import column_label
from vlm.system import files

PACKAGES = ("torch", "transformers", "tokenizers", "Pillow", "numpy", "scipy")
MEANING = {
    "colour": "correct colours named, out of the item's colours",
    "style": "what it is worn for: casual, formal, sports, …",
    "category": "what kind of item it is",
    "gender": "who it is made for",
    "factual": "mentioned details that the metadata supports",
    rubric.OVERALL: "mean of the five",
}
JUDGE = "rules"  # of an evaluation that names none
TEMPLATE = Path(__file__).with_name("report.html.jinja")


def write(
    folder: Path,
    pictures: Mapping[str, Picture],
    comparison: Sequence[Mapping[str, Any]] = (),
    against: str = "",
) -> Path:
    """Write report.html into an evaluation folder, from the other files there.

    Args:
        pictures: by id; any of those in the gallery may be missing.
        comparison: rows of metric, difference, low, high and verdict: these marks minus
            another evaluation's.
        against: the name of the other evaluation.

    Raises:
        UserError: when the folder has no predictions or no scores.
    """
    page = _page(folder, pictures)
    page["comparison"] = report_parts.comparison(comparison)
    page["against"] = strip_folders(against)
    path = folder / results.REPORT
    files.write_text(path, _render(page))
    return path


def _page(folder: Path, pictures: Mapping[str, Picture]) -> dict[str, Any]:
    """Return everything that the template shows of one evaluation."""
    evaluation = report_data.read(folder)
    predictions = results.read_predictions(folder)
    judged, broken = report_parts.judges(folder, evaluation.judge_name or JUDGE)
    judge = next(iter(judged.values()))
    gallery = {
        end: report_parts.cards(rows, predictions, judge, pictures)
        for end, rows in (("worst", evaluation.worst), ("best", evaluation.best))
    }
    return {
        "evaluation": evaluation,
        "judge": _judge(evaluation),
        "caption_names": results.CAPTION_NAMES,
        "pictures": evaluation.pictures or len(predictions),
        "extremes": report_parts.extremes(evaluation.metrics),
        "flawless": report_parts.flawless(judge),
        "gallery": gallery,
        "agreements": report_parts.agreements(judged),
        "broken": broken,
        "reliability": reliability.svg(evaluation.calibration) if evaluation.calibration else "",
        "speed": report_parts.speed(folder),
        "versions": evaluation.versions or versions(),
        "command": _command(evaluation),
        "resamples": intervals.RESAMPLES,
        "best": rubric.BEST,
        "meaning": MEANING,
        "column_label": column_label,
    }


def _render(page: Mapping[str, Any]) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    html = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(page)
    return html.encode("utf-8", "replace").decode()  # lone surrogates cannot be written


def _command(evaluation: EvaluationData) -> str:
    """Return the recorded command, else one that evaluates the same model on all pictures."""
    command = evaluation.command or shlex.join(_arguments(evaluation))
    with contextlib.suppress(ValueError):  # an open quote
        command = shlex.join(map(strip_folders, shlex.split(command)))
    return command


def _judge(evaluation: EvaluationData) -> str:
    """Return the judge's name; captions are compared with people's, without a judge."""
    return evaluation.judge or ("" if evaluation.captions else JUDGE)


def _arguments(evaluation: EvaluationData) -> list[str]:
    name, _, split = evaluation.data.partition("/")
    flags = {"model": evaluation.model, "data": name, "split": split}
    flags["judge"] = _judge(evaluation)
    flags["data-path"] = "DIR" if name == "folder" else ""  # the folder itself stays private
    flags["prompt"] = evaluation.prompt if evaluation.prompt not in (DESCRIBE, CAPTION) else ""
    parts = [part for key, value in flags.items() if value for part in (f"--{key}", value)]
    return ["python", "-m", "vlm", "evaluate", *parts]


def versions() -> dict[str, str]:
    """Return package -> version for the packages that the figures depend on."""
    table = {"loupe": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            table[name.lower()] = metadata.version(name)
    return {name: version for name, version in table.items() if version}
