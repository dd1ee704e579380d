"""An evaluation as data: the one view of scores.json that report.html and the Results tab share.

Parts that the file lacks stay empty; values of the wrong type are skipped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

from vlm.errors import UserError
from vlm.evaluation import results
from vlm.evaluation.metrics import rubric
from vlm.reporting import reliability
from vlm.reporting.curves import METRICS
from vlm.reporting.reliability import Reliability
from vlm.reporting.values import as_dict, as_list, as_text, column_label, is_estimate, is_number

PERCENT = 100.0  # the best value of a share
MOST = 24  # rows of one table; the evaluation writes fewer
MOST_CONFUSIONS = 10  # rows for one attribute


@dataclass(frozen=True)
class Figure:
    """A number with its 95 % interval.

    Attributes:
        key: its key in the file.
        name: its label on a page.
        best: the largest possible value, where a bar ends.
        n: how many pictures it is measured on, a dash where the file does not say.
        says: the rest of the sentence that begins with the number, its unit first.
        is_points: True for scores that are given times a hundred, without a unit.
    """

    key: str
    name: str
    mean: float
    low: float
    high: float
    best: float
    n: int | float | str = "–"
    says: str = ""
    is_points: bool = False

    @property
    def digits(self) -> int:
        """Decimal places to show: two for marks out of ten, one for percentages."""
        return 1 if self.best == PERCENT else 2

    @property
    def unit(self) -> str:
        """The words after the number: "of 10", "%" or "points"."""
        if self.is_points:
            return "points"
        return "%" if self.best == PERCENT else f"of {self.best:g}"


@dataclass(frozen=True)
class GalleryRow:
    """A description shown as an example; `overall` is None where no judge graded it."""

    id: str
    text: str
    overall: float | None
    why: str


@dataclass(frozen=True)
class Difference:
    """A metric of one evaluation minus the same metric of another, with the verdict on it."""

    key: str
    name: str
    unit: str
    mean: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class EvaluationData:
    """The contents of scores.json, checked and in the order in which pages show them.

    Attributes:
        model, data, judge: names without folders of this machine.
        judge_name: the judge's name as the evaluation wrote it, which names the judge's file.
        metrics: the rubric's metrics in its order, the overall grade last.
        captions: agreement with people's captions; shares of unbacked things, in percent.
        exact: shares of descriptions that use the metadata's label, in percent.
        confusions: attribute -> rows of (metadata, description, count).
        calibration: how honest the probability beside an answer is, if the model has one.
    """

    model: str
    data: str
    judge: str
    judge_name: str
    prompt: str
    command: str
    pictures: int
    unjudged: int
    metrics: tuple[Figure, ...]
    captions: tuple[Figure, ...]
    exact: tuple[Figure, ...]
    probes: tuple[Figure, ...]
    abilities: tuple[Figure, ...]
    confusions: dict[str, list[tuple[str, str, str]]]
    best: tuple[GalleryRow, ...]
    worst: tuple[GalleryRow, ...]
    left_out: dict[str, str]
    why_unjudged: dict[str, str]
    not_measured: dict[str, str]
    versions: dict[str, str]
    calibration: Reliability | None = None

    @property
    def headline(self) -> Figure:
        """The figure in large type: overall grade, else the first caption score or exact label."""
        return (self.metrics[-1:] or self.captions or self.exact)[0]


def read(folder: Path) -> EvaluationData:
    """Read scores.json; where the judge gave no marks, it must have exact labels or captions.

    Raises:
        UserError: when there is no such file, or it has no usable figures.
    """
    scores = _read_scores(folder)
    metrics, exact = _metrics(scores), _figures(scores, "exact", results.LABEL_NAMES)
    captions = _figures(scores, "captions", results.CAPTION_NAMES)
    if not metrics and not exact and not captions:
        raise UserError(
            f"{folder} has no {results.SCORES} with metrics; write one with `loupe evaluate --out`."
        )
    names = {key: as_text(scores.get(key)) for key in ("model", "data", "judge")}
    gallery = as_dict(scores.get("gallery"))
    return EvaluationData(
        **{key: strip_folders(name) for key, name in names.items()},
        judge_name=names["judge"],
        prompt=as_text(scores.get("prompt")),
        command=as_text(scores.get("command")),
        pictures=_count(scores.get("pictures")),
        unjudged=_count(scores.get("unjudged")),
        metrics=metrics,
        captions=captions,
        exact=exact,
        probes=_figures(scores, "probes", results.PROBE_NAMES),
        abilities=_figures(scores, "abilities", results.ABILITY_NAMES),
        confusions=_confusions(scores),
        best=_gallery_rows(gallery.get("best")),
        worst=_gallery_rows(gallery.get("worst")),
        left_out=_texts(scores.get("left_out")),
        why_unjudged=_texts(scores.get("why_unjudged")),
        not_measured=_texts(scores.get("not_measured")),
        versions=_texts(scores.get("versions")),
        calibration=reliability.read(scores.get("calibration")),
    )


def _read_scores(folder: Path) -> dict[str, Any]:
    try:
        return results.read_scores(folder)
    except RecursionError:  # endless brackets
        return {}


def _count(value: object) -> int:
    return int(value) if is_number(value) else 0


def _texts(table: object) -> dict[str, str]:
    return {as_text(key): as_text(value) for key, value in [*as_dict(table).items()][:MOST]}


def _metrics(scores: Mapping[str, Any]) -> tuple[Figure, ...]:
    rows = as_dict(scores.get("scores"))
    names = [name for name in (*rubric.NAMES, rubric.OVERALL) if is_estimate(rows.get(name))]
    return tuple(_figure(name, METRICS[name].label, rows[name], rubric.BEST) for name in names)


def _figures(scores: Mapping[str, Any], part: str, names: Mapping[str, str]) -> tuple[Figure, ...]:
    """Return the estimates in one part of the file; `says` tells shares from other numbers."""
    figures = []
    for key, row in as_dict(scores.get(part)).items():
        if is_estimate(row):
            share = part == "exact" or as_text(row.get("says")).startswith("%")
            best = PERCENT if share or part == "captions" else rubric.BEST
            figure = _figure(key, names.get(key, column_label(key)), row, best)
            figures.append(replace(figure, is_points=part == "captions" and not share))
    return tuple(figures[:MOST])


def _figure(key: str, name: str, row: Mapping[str, Any], best: float) -> Figure:
    n = row.get("n")
    ends = (row["mean"], row["low"], row["high"])
    return Figure(key, name, *ends, best, n if is_number(n) else "–", as_text(row.get("says")))


def _confusions(scores: Mapping[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    tables = {}
    for name, value in [*as_dict(scores.get("confusions")).items()][:MOST]:
        rows = [row for row in as_list(value) if isinstance(row, list) and len(row) == 3]
        if rows:
            tables[name] = [tuple(map(as_text, row)) for row in rows[:MOST_CONFUSIONS]]
    return tables


def _gallery_rows(value: object) -> tuple[GalleryRow, ...]:
    rows = [row for row in as_list(value) if isinstance(row, dict) and "id" in row]
    return tuple(
        GalleryRow(
            id=as_text(row["id"]),
            text=as_text(row.get("text")),
            overall=row["overall"] if is_number(row.get("overall")) else None,
            why=as_text(row.get("why")),
        )
        for row in rows[:MOST]
    )


def differences(rows: Iterable[Mapping[str, Any]]) -> list[Difference]:
    """Return what `compare` computed; metrics have no unit, labels and captions have theirs."""
    changes = []
    for row in rows:
        key, unit = row["metric"], row.get("unit", "")
        names = results.CAPTION_NAMES | results.LABEL_NAMES
        label = names.get(key, column_label(key))
        name = METRICS[key].label if key in METRICS and not unit else label
        ends = (row["difference"], row["low"], row["high"])
        if all(map(is_number, ends)):
            changes.append(Difference(key, name, unit, *ends, row["verdict"]))
    return changes


def strip_folders(name: str) -> str:
    """Return the name of a model, judge or data set without the folders of this machine."""
    kind, _, rest = name.partition(":")
    if kind in ("model", "endpoint") and rest:
        return f"{kind}:{strip_folders(rest)}"
    absolute = Path(name).is_absolute() or PureWindowsPath(name).is_absolute()
    return PureWindowsPath(name).name if absolute or name.startswith("~") else name
