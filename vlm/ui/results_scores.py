"""The Results tab's evaluations: scores with intervals, probes, confusions, best and worst."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from vlm.curves import METRICS, Evaluation, is_number
from vlm.errors import UserError
from vlm.evaluations import ABILITIES, EXACT, PROBES, read_scores
from vlm.ui.results_parts import (
    card,
    estimate,
    folded,
    interval,
    local_pictures,
    note,
    said,
    span,
    table,
)

BEST, PERCENT = 10.0, 100.0
SAYING = {  # part of scores.json -> its title, and what its figures are called
    "probes": ("Does it look?", PROBES),
    "abilities": ("Asked in other ways", ABILITIES),
}
WORDS = {"prompt": "asked:", "judge": "judged by", "unjudged": "unjudged:"}
VERDICTS = {
    "equal": "the same for every picture",
    "noise": "no more than chance",
    "better": "{} is better",
    "worse": "{} is worse",
}
ENDS = {"best": "Best", "worst": "Worst"}
MOST = 12  # rows of a list whose length a file decides
HUNG = 6  # pictures of a gallery; the report shows them all
NOTHING = (
    "No evaluation was found: make one with `python -m vlm evaluate --out runs/NAME/evaluation`, "
    "then press Refresh."
)
log = logging.getLogger(__name__)


def view(evaluation: Evaluation | None) -> str:
    """Everything that scores.json says; what it lacks is left out or said."""
    if evaluation is None:
        return note(NOTHING)
    try:
        scores = read_scores(evaluation.folder)
    except RecursionError:  # brackets without end
        scores = {}
    if not _part(scores, "scores") and not _part(scores, "exact"):
        return note(f"{evaluation.name} has no scores yet: scores.json is missing or incomplete.")
    columns = Markup('<div class="pair"><div>{}{}</div><div>{}</div></div>').format(
        _scores(scores), _exact(scores), _join(_sayings(scores, part) for part in SAYING)
    )
    return _join([_head(scores), columns, _confusions(scores), _galleries(scores)])


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _part(scores: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = scores.get(key)
    return found if isinstance(found, dict) else {}


def _head(scores: Mapping[str, Any]) -> Markup:
    """The overall grade in large letters, else an exact label, and what it was measured on."""
    facts = [
        f"{said(scores.get('model')) or 'a model'} on {said(scores.get('data')) or 'pictures'}"
    ]
    if is_number(scores.get("pictures")):
        facts.append(f"{scores['pictures']:,} pictures")
    facts += [f"{word} {said(scores[key])}" for key, word in WORDS.items() if scores.get(key)]
    grade, unit = _grade(scores)
    return Markup(
        '<p class="grade"><strong>{}</strong><span>{}</span></p><p class="note">{}</p>'
    ).format(grade, unit, " · ".join(facts))


def _grade(scores: Mapping[str, Any]) -> tuple[str, str]:
    """The figure in large letters, and what it is."""
    if overall := estimate(_part(scores, "scores").get("overall")):
        return f"{overall['mean']:.1f}", f"of 10 overall ({interval(overall, 2)})"
    for key, value in _part(scores, "exact").items():
        if figure := estimate(value):
            name = EXACT.get(key, said(key)).lower()
            return f"{figure['mean']:.1f}", f"% {name} ({interval(figure, 1)})"
    return "–", "of 10 overall"


def _figures(part: Mapping[str, Any], names: Mapping[str, str], best: float) -> list[tuple]:
    """Rows of name, mean, interval, bar and count; known names first, in their order."""
    rows, digits = [], 2 if best == BEST else 1
    for key in [*(k for k in names if k in part), *(k for k in part if k not in names)][:MOST]:
        if figure := estimate(part[key]):
            mean, n = f"{figure['mean']:.{digits}f}", figure.get("n", "–")
            name = names.get(key, said(key))
            rows.append((name, mean, interval(figure, digits), span(figure, best), n))
    return rows


def _scores(scores: Mapping[str, Any]) -> Markup:
    names = {key: metric.label for key, metric in METRICS.items()}
    rows = _figures(_part(scores, "scores"), names, BEST)
    head = ("Metric", "Mean", "95 % interval", Markup(""), "Pictures")
    return table("Scores, 0 to 10", head, rows) if rows else Markup("")


def _exact(scores: Mapping[str, Any]) -> Markup:
    rows = _figures(_part(scores, "exact"), EXACT, PERCENT)
    head = ("Attribute", "%", "95 % interval", Markup(""), "Pictures")
    return table("Named exactly as in the metadata", head, rows) if rows else Markup("")


def _sayings(scores: Mapping[str, Any], part: str) -> Markup:
    """One line each, in the evaluation's own words, which go on where the figure ends."""
    (title, names), lines = SAYING[part], []
    for key, value in [*_part(scores, part).items()][:MOST]:
        if figure := estimate(value):
            parts = (names.get(key, said(key)), f"{figure['mean']:.3g}", said(value.get("says")))
            range_ = interval(figure, 1)
            line = Markup('<li>{}: <b>{}</b> {} <span class="why">({})</span></li>')
            lines.append(line.format(*parts, range_))
    if not lines:
        return Markup("")
    return Markup('<h3>{}</h3><ul class="lines">{}</ul>').format(title, _join(lines))


def _confusions(scores: Mapping[str, Any]) -> Markup:
    parts = []
    for key, value in [*_part(scores, "confusions").items()][:MOST]:
        cells = value if isinstance(value, list) else []
        good = [row for row in cells if isinstance(row, list) and len(row) == 3][:MOST]
        rows = [tuple(said(cell) for cell in row) for row in good]
        if rows:
            head = ("In the metadata", "Said", "Times")
            parts.append(table(EXACT.get(key, said(key)), head, rows))
    inside = Markup('<div class="pair">{}</div>').format(_join(parts))
    return folded("What is taken for what", inside) if parts else Markup("")


def _galleries(scores: Mapping[str, Any]) -> Markup:
    gallery = _part(scores, "gallery")
    ends = {key: _usable(gallery.get(key)) for key in ENDS}
    ids = {said(row.get("id")) for rows in ends.values() for row in rows}
    pictures = local_pictures(said(scores.get("data")), ids) if ids else {}
    return _join(
        Markup('<h3>{}</h3><ul class="cards">{}</ul>').format(
            ENDS[key], _join(_card(row, pictures) for row in rows)
        )
        for key, rows in ends.items()
        if rows
    )


def _usable(rows: object) -> list[dict[str, Any]]:
    found = rows if isinstance(rows, list) else []
    return [row for row in found if isinstance(row, dict) and "id" in row][:HUNG]


def _card(row: Mapping[str, Any], pictures: Mapping[str, str]) -> Markup:
    name, overall = said(row["id"]), row.get("overall")
    grade = f"{overall:.1f} of 10" if is_number(overall) else "not judged"
    lines = [Markup("<b>{}</b>").format(grade), said(row.get("text")) or "(empty answer)"]
    if row.get("why"):
        lines.append(Markup('<span class="why">{}</span>').format(said(row["why"])))
    return card(pictures.get(name, ""), name, lines)


def comparison(first: Evaluation | None, second: Evaluation | None) -> str:
    """Second minus first, with intervals, and whether a difference is noise."""
    if first is None or second is None:
        return ""
    if first == second:
        return note("Choose another evaluation to compare with.")
    try:
        from vlm import evaluate  # scipy, and all that opens a model

        return _differences(evaluate.compare(first.folder, second.folder), first.name, second.name)
    except UserError as error:
        text = str(error).replace(str(first.folder), first.name)
        return note(text.replace(str(second.folder), second.name))  # no paths for visitors
    except Exception:
        log.exception("%s and %s were not compared", first.folder, second.folder)
        return note("These two could not be compared; the server's log says why.")


def _differences(rows: Sequence[Mapping[str, Any]], first: str, second: str) -> Markup:
    shown = []
    for row in rows:
        metric, unit = row["metric"], said(row.get("unit"))
        label = METRICS[metric].label if metric in METRICS and not unit else _exact_name(metric)
        verdict = VERDICTS.get(row["verdict"], said(row["verdict"])).replace("{}", second)
        range_ = f"{row['low']:+.2f} to {row['high']:+.2f}"
        shown.append((label, f"{row['difference']:+.2f} {unit}".strip(), range_, verdict))
    head = ("Metric", "Difference", "95 % interval", "Verdict")
    return table(f"{second} minus {first}", head, shown)


def _exact_name(key: str) -> str:
    return EXACT.get(key, said(key))
