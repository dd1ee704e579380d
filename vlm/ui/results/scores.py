"""The Results tab's evaluations: scores, probes, confusions, best and worst answers."""

import logging
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from vlm.errors import UserError
from vlm.evaluation.results import CAPTION_NAMES, LABEL_NAMES
from vlm.reporting import reliability, report_data
from vlm.reporting.catalog import Evaluation
from vlm.reporting.report_data import Difference, EvaluationData, Figure, GalleryRow
from vlm.reporting.values import column_label
from vlm.ui.results.parts import (
    bar,
    card,
    details,
    interval,
    join,
    load_local_pictures,
    note,
    table,
)

VERDICTS = {
    "equal": "identical for every picture",
    "noise": "not significant",
    "better": "{} is better",
    "worse": "{} is worse",
}
MAX_PICTURES = 6  # at each end of the gallery; the report shows all of them
NOTHING = (
    "No evaluations found: run `loupe evaluate --out runs/NAME/evaluation`, then press Refresh."
)
log = logging.getLogger(__name__)


def render(evaluation: Evaluation | None) -> str:
    """Return an evaluation as HTML; parts missing from its scores.json are omitted."""
    if evaluation is None:
        return note(NOTHING)
    try:
        data = report_data.read(evaluation.folder)
    except UserError:
        return note(f"{evaluation.name} has no scores yet: scores.json is missing or incomplete.")
    tables = _render_metrics(data) + _render_captions(data) + _render_exact(data)
    lists = _render_list("Image ablation", data.probes)
    lists += _render_list("Task-specific tests", data.abilities)
    columns = Markup('<div class="pair"><div>{}</div><div>{}</div></div>').format(tables, lists)
    return join(
        [
            _render_head(data),
            columns,
            _render_calibration(data),
            _render_confusions(data),
            _render_galleries(data),
        ]
    )


def _render_head(data: EvaluationData) -> Markup:
    """Return the headline figure, model, data and judge."""
    facts = [f"{data.model or 'a model'} on {data.data or 'pictures'}"]
    if data.pictures:
        facts.append(f"{data.pictures:,} pictures")
    details_by_label = {"prompt:": data.prompt, "judge:": data.judge, "unjudged:": data.unjudged}
    facts += [f"{label} {value}" for label, value in details_by_label.items() if value]
    figure = data.headline
    name = figure.name if figure in data.captions else figure.name.lower()
    name = "overall" if data.metrics else name
    unit = f"{figure.unit} {name} ({interval(figure)})"
    return Markup(
        '<p class="grade"><strong>{}</strong><span>{}</span></p><p class="note">{}</p>'
    ).format(f"{figure.mean:.1f}", unit, " · ".join(facts))


def _render_metrics(data: EvaluationData) -> Markup:
    """Return the table of metrics, the overall grade first."""
    head = ("Metric", "Mean", "95 % interval", Markup(""), "Pictures")
    figures = [*data.metrics[-1:], *data.metrics[:-1]]
    return table("Scores, 0 to 10", head, map(_make_row, figures)) if figures else Markup("")


def _render_captions(data: EvaluationData) -> Markup:
    """Return the table of caption scores, with the reasons why some are missing."""
    if not data.captions:
        return Markup("")
    head = ("Score", "Points or %", "95 % interval", Markup(""), "Pictures")
    rows = table("Captions compared with people's", head, map(_make_row, data.captions))
    missing = (
        note(f"{CAPTION_NAMES.get(name, name)} was not measured: {reason}")
        for name, reason in data.not_measured.items()
    )
    return rows + join(missing)


def _render_exact(data: EvaluationData) -> Markup:
    head = ("Attribute", "%", "95 % interval", Markup(""), "Pictures")
    caption = "Exact labels from the metadata"
    return table(caption, head, map(_make_row, data.exact)) if data.exact else Markup("")


def _make_row(figure: Figure) -> tuple:
    mean = f"{figure.mean:.{figure.digits}f}"
    return figure.name, mean, interval(figure), bar(figure), figure.n


def _render_list(title: str, figures: Sequence[Figure]) -> Markup:
    """Return figures as a list of sentences, each with its number and interval."""
    if not figures:
        return Markup("")
    line = Markup('<li>{}: <b>{}</b> {} <span class="why">({})</span></li>')
    lines = join(line.format(f.name, f"{f.mean:.3g}", f.says, interval(f, 1)) for f in figures)
    return Markup('<h3>{}</h3><ul class="lines">{}</ul>').format(title, lines)


def _render_calibration(data: EvaluationData) -> Markup:
    """Return the reliability diagram beside its figures, if the model is calibrated."""
    shown = data.calibration
    if not shown:
        return Markup("")
    chart = Markup('<div class="diagram">{}</div>').format(Markup(reliability.svg(shown)))
    head = ("Figure (95 % interval)", "Mean token probability", "Calibrated")
    caption = f"Calibration, on {shown.answers:,} answers that it was not fitted to"
    figures = table(caption, head, shown.figures)
    head = ("Pictures", "Given, %", "Right, %", "Answers")
    figures += table("Probability given, and answers that are right", head, shown.data)
    return Markup('<div class="pair">{}<div>{}</div></div>').format(chart, figures)


def _render_confusions(data: EvaluationData) -> Markup:
    head = ("Label", "Predicted", "Count")
    tables = join(
        table(LABEL_NAMES.get(key, column_label(key)), head, rows)
        for key, rows in data.confusions.items()
    )
    content = Markup('<div class="pair">{}</div>').format(tables)
    return details("Confusions", content) if tables else Markup("")


def _render_galleries(data: EvaluationData) -> Markup:
    ends = {"Best": data.best[:MAX_PICTURES], "Worst": data.worst[:MAX_PICTURES]}
    ids = {row.id for rows in ends.values() for row in rows}
    pictures = load_local_pictures(data.data, ids) if ids else {}
    return join(
        Markup('<h3>{}</h3><ul class="cards">{}</ul>').format(
            title, join(_render_card(row, pictures) for row in rows)
        )
        for title, rows in ends.items()
        if rows
    )


def _render_card(row: GalleryRow, pictures: Mapping[str, str]) -> Markup:
    grade = "not judged" if row.overall is None else f"{row.overall:.1f} of 10"
    graded = [] if row.overall is None and row.why else [Markup("<b>{}</b>").format(grade)]
    lines = [*graded, row.text or "(empty answer)"]
    if row.why:
        lines.append(Markup('<span class="why">{}</span>').format(row.why))
    return card(pictures.get(row.id, ""), row.id, lines)


def render_comparison(first: Evaluation | None, second: Evaluation | None) -> str:
    """Return second minus first, with intervals and a verdict for each difference."""
    if first is None or second is None:
        return ""
    if first == second:
        return note("Choose another evaluation to compare with.")
    try:
        from vlm.evaluation import compare  # imports scipy and torch

        rows = report_data.differences(compare.compare(first.folder, second.folder))
    except UserError as error:
        text = str(error).replace(str(first.folder), first.name)
        return note(text.replace(str(second.folder), second.name))  # users must not see paths
    except Exception:
        log.exception("%s and %s could not be compared", first.folder, second.folder)
        return note("These two could not be compared; see the server's log for details.")
    head = ("Metric", "Difference", "95 % interval", "Verdict")
    return table(
        f"{second.name} minus {first.name}", head, [_make_change(r, second.name) for r in rows]
    )


def _make_change(row: Difference, second: str) -> tuple[str, str, str, str]:
    mean = f"{row.mean:+.2f} {row.unit}".strip()
    verdict = VERDICTS.get(row.verdict, row.verdict).replace("{}", second)
    return row.name, mean, f"{row.low:+.2f} to {row.high:+.2f}", verdict
