"""report.html: an evaluation as one page to read, complete in itself.

Nothing in it is fetched from anywhere and nothing in it runs. Everything that a model, a judge or a
data set wrote is escaped. A repeated evaluation gives the same bytes, apart from the speed.
"""

import contextlib
import platform
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path, PureWindowsPath
from typing import Any

from PIL import Image

from vlm import evaluations, report_parts, runs
from vlm.config import DESCRIBE
from vlm.data.images import BadImage, as_url, open_image
from vlm.metrics import intervals, rubric

Picture = bytes | Path | str | Image.Image
THUMBNAIL, QUALITY = 224, 80  # pixels of the longer side; of JPEG
LONGEST = 1200  # letters of a text that the gallery shows
PACKAGES = ("torch", "transformers", "tokenizers", "Pillow", "numpy", "scipy")
UNKNOWN = {"model": "", "data": "", "judge": "rules", "prompt": "", "command": ""}
UNKNOWN |= {"pictures": 0, "unjudged": 0}
TEMPLATE = Path(__file__).with_name("report.html.jinja")


def write(
    folder: Path,
    pictures: Mapping[str, Picture],
    comparison: Sequence[Mapping[str, Any]] = (),
    against: str = "",
) -> Path:
    """Write report.html into an evaluation folder, from the other files there.

    Args:
        pictures: by id; of those in the gallery, any may be missing.
        comparison: rows of metric, difference, low, high and verdict: these marks minus
            another evaluation's.
        against: what the other evaluation is called.

    Raises:
        UserError: when the folder has no predictions or no scores.
    """
    page = {
        **_page(folder, pictures),
        "comparison": report_parts.comparison_rows(comparison),
        "against": nameable(against),
    }
    path = folder / evaluations.REPORT
    runs.write_text(path, _render(page))
    return path


def _page(folder: Path, pictures: Mapping[str, Picture]) -> dict[str, Any]:
    """All that the template shows of one evaluation."""
    scores = UNKNOWN | report_parts.read_scores(folder)
    predictions = evaluations.read_predictions(folder)
    judged, broken = report_parts.judges(folder)
    own = _slug(str(scores["judge"]))
    judged = {own: judged.get(own, {})} | judged  # the one that the scores come from leads
    shown = scores | {key: nameable(str(scores[key])) for key in ("model", "data", "judge")}
    metrics, exact = report_parts.metric_rows(scores), report_parts.exact_rows(scores)
    gallery = {
        end: _hang(report_parts.gallery_rows(scores, end, predictions, judged[own]), pictures)
        for end in ("worst", "best")
    }
    return {
        "scores": shown,
        "metrics": metrics,
        "extremes": report_parts.extremes(metrics),
        "flawless": report_parts.flawless(judged[own]),
        "headline": report_parts.headline(metrics, exact),
        "exact": exact,
        "probes": report_parts.saying_rows(scores, "probes"),
        "abilities": report_parts.saying_rows(scores, "abilities"),
        "gallery": gallery,
        "confusions": report_parts.confusion_rows(scores),
        "agreements": report_parts.agreements(judged),
        "broken": broken,
        "speed": report_parts.speed(folder),
        "left_out": report_parts.mapping(scores.get("left_out")),
        "why_unjudged": report_parts.mapping(scores.get("why_unjudged")),
        "versions": report_parts.mapping(scores.get("versions")) or versions(),
        "command": _command(shown),
        "predictions": len(predictions),
        "resamples": intervals.RESAMPLES,
        "best": rubric.BEST,
    }


def _render(page: Mapping[str, Any]) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    html = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(page)
    return html.encode("utf-8", "replace").decode()  # halves of surrogate pairs cannot be written


def _hang(
    rows: Iterable[Mapping[str, Any]], pictures: Mapping[str, Picture]
) -> list[dict[str, Any]]:
    """Rows of the gallery with a thumbnail, empty where there is no picture."""
    hung = []
    for row in rows:
        picture, text = pictures.get(row["id"]), row["text"]
        cut = text if len(text) <= LONGEST else text[:LONGEST] + "…"
        small = "" if picture is None else thumbnail(picture)
        hung.append(row | {"text": cut, "thumbnail": small})
    return hung


def thumbnail(source: Picture, side: int = THUMBNAIL) -> str:
    """The picture, small, as a `data:` address; empty when it does not open."""
    try:
        picture = open_image(source)
    except BadImage:
        return ""
    picture.thumbnail((side, side))
    return as_url(picture, QUALITY)


def _slug(judge: str) -> str:
    """The judge's name as its file has it."""
    return Path(evaluations.judgement_file(judge)).stem.removeprefix("judgements-")


def _command(scores: Mapping[str, Any]) -> str:
    """The command that was given, else the one that does the same to all pictures."""
    given = str(scores["command"] or "")
    if not given:
        name, _, split = scores["data"].partition("/")
        flags = {"model": scores["model"], "data": name, "split": split, "judge": scores["judge"]}
        flags |= (
            {"data-path": "DIR"} if name == "folder" else {}
        )  # where it lay is nobody's concern
        flags |= {"prompt": scores["prompt"]} if scores["prompt"] != DESCRIBE else {}
        parts = [part for key, value in flags.items() if value for part in (f"--{key}", str(value))]
        given = shlex.join(["python", "-m", "vlm", "evaluate", *parts])
    with contextlib.suppress(ValueError):  # an open quote
        given = shlex.join(map(nameable, shlex.split(given)))
    return given


def versions() -> dict[str, str]:
    """What the figures depend on: package -> version."""
    found = {"loupe": _own_version(), "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name.lower()] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {name: version for name, version in found.items() if version}


def _own_version() -> str:
    """Of the installed package, else of the checkout; empty when neither tells."""
    try:
        return metadata.version("loupe-vlm")
    except metadata.PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"
        return tomllib.loads(project.read_text())["project"]["version"] if project.is_file() else ""


def nameable(text: str) -> str:
    """A model, judge or data set without the folders of the machine that it lies on."""
    kind, _, rest = text.partition(":")
    if kind in ("model", "endpoint") and rest:
        return f"{kind}:{nameable(rest)}"
    absolute = Path(text).is_absolute() or PureWindowsPath(text).is_absolute()
    return PureWindowsPath(text).name if absolute or text.startswith("~") else text
