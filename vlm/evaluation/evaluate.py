"""Evaluate a model on a data set with metadata or captions.

records --predict--> predictions.jsonl --the data set's suite--> scores.json

If the metadata has nothing for a judge to compare with, scores.json has exact labels only.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tqdm import tqdm

from vlm.config import CAPTION, DESCRIBE
from vlm.data.images import image_bytes
from vlm.evaluation import results, suites
from vlm.evaluation.abilities import SAMPLE_SIZE
from vlm.evaluation.judges.base import Judge
from vlm.evaluation.judges.rules import RulesJudge
from vlm.evaluation.metrics import rubric, rules
from vlm.evaluation.metrics.attributes import normalise_facts
from vlm.evaluation.metrics.captioning.measure import measure
from vlm.evaluation.scores import label_columns
from vlm.evaluation.suites import Answered, facts_for_judge
from vlm.inference import calibration
from vlm.inference.batch import batch
from vlm.loading.parts import weights_hash
from vlm.system import files
from vlm.types import Bundle, Record

BATCH_SIZE = 32
DIGITS = 16  # hex digits of the weight and picture hashes in each row


def evaluate(
    bundle: Bundle,
    records: Sequence[Record],
    judge: Judge | None = None,
    out: Path | None = None,
    *,
    data: str = "",
    prompt: str = "",
    with_probes: bool = True,
    with_abilities: bool = False,
    sample_size: int = SAMPLE_SIZE,
    resume: bool = False,
) -> dict[str, Any]:
    """Describe and measure; return the content of scores.json, the same on every run.

    Args:
        judge: see `vlm.evaluation.judges`; the rules judge if omitted.
        out: folder for predictions.jsonl, judgements, scores.json and abilities.jsonl.
        data: name of the data set, for the files; it decides what is measured, see `suites`.
        prompt: the question, "" = the data set's.
        with_probes: run the image-ablation probes of `vlm.evaluation.perturbations`.
        with_abilities: run the task-specific tests of `vlm.evaluation.abilities`.
        sample_size: pictures used for each probe and ability; 0 = all.
        resume: keep matching predictions in `out`.

    Raises:
        UserError: when no description could be judged and there are no labels to compare with, or
            the model's calibration.json is damaged.
    """
    suite = suites.find(data)
    prompt = prompt or suite.prompt
    calibrator = calibration.find(bundle).get(prompt)
    rows = predict(bundle, records, prompt, out, resume, data=data)
    answered = Answered(bundle, records, rows, judge or RulesJudge(), prompt, sample_size, out)
    scores = {"model": bundle.name, "data": data, "pictures": len(records), "prompt": prompt}
    skipped = {"probes": not with_probes, "abilities": not with_abilities}
    for part in suite.parts:
        if not skipped.get(part):
            scores |= suites.PARTS[part](answered)
    scores |= {"calibration": calibrator.measured} if calibrator else {}
    if out:
        files.write_json(out / results.SCORES, scores)
    return scores


def predict(
    bundle: Bundle,
    records: Sequence[Record],
    prompt: str = DESCRIBE,
    out: Path | None = None,
    resume: bool = False,
    *,
    data: str = "",
) -> list[dict[str, Any]]:
    """Return one row for each record: id, model, data, prompt, picture, greedy answer and facts.

    Args:
        out: folder for predictions.jsonl, written as the answers come.
        resume: keep the rows there that have the same weights, data, prompt and picture, and answer
            the rest.
        data: name of the data set.
    """
    source = {"model": bundle.name, "weights": weights_hash(bundle)[:DIGITS], "data": data}
    source |= {"prompt": prompt}
    rows = _reusable_rows(source, records, out) if out and resume else {}
    todo = [record for record in records if record.id not in rows]
    if out:
        out.mkdir(parents=True, exist_ok=True)
        kept = [rows[record.id] for record in records if record.id in rows]
        files.write_text(out / results.PREDICTIONS, "".join(map(files.json_line, kept)))
    answers = batch(bundle, [record.image for record in todo], [prompt] * len(todo), BATCH_SIZE)
    for record, text in zip(todo, tqdm(answers, "descriptions", len(todo)), strict=True):
        row = {"id": record.id, **source, "picture": _picture_hash(record), "text": text}
        rows[record.id] = row | {"facts": normalise_facts(record.facts)}
        if out:
            files.append_jsonl(out / results.PREDICTIONS, rows[record.id])
    return [rows[record.id] for record in records]


def _reusable_rows(source: dict[str, str], records: Sequence[Record], out: Path) -> dict[str, dict]:
    """Return by id the existing rows of the same source and picture, with current metadata."""
    rows = files.read_jsonl(out / results.PREDICTIONS)
    by_id = {row["id"]: row for row in rows if source.items() <= row.items()}
    same = [r for r in records if by_id.get(r.id, {}).get("picture") == _picture_hash(r)]
    return {r.id: by_id[r.id] | {"facts": normalise_facts(r.facts)} for r in same}


def _picture_hash(record: Record) -> str:
    """Identify the content of a picture, whose id may have been used for another one."""
    return hashlib.sha256(image_bytes(record.image)).hexdigest()[:DIGITS]


def curve_scores(bundle: Bundle, records: Sequence[Record], limit: int) -> dict[str, Any]:
    """Return one point of a learning curve, from the first `limit` pictures of each kind.

    Of pictures with people's captions it has CIDEr-D and BLEU-4 and their number as `captioned`; of
    the others the rules judge's mean scores, 0 to 10, exact labels in percent, and the number of
    pictures, if there are scores or labels.
    """
    captioned = [record for record in records if suites.CAPTIONS in record.facts][:limit]
    others = [record for record in records if suites.CAPTIONS not in record.facts][:limit]
    return _label_scores(bundle, others) | _caption_scores(bundle, captioned)


def _label_scores(bundle: Bundle, records: Sequence[Record]) -> dict[str, Any]:
    if not records:
        return {}
    rows = [
        {"text": text, "facts": normalise_facts(record.facts)}
        for text, record in zip(_answers(bundle, records, DESCRIBE), records, strict=True)
    ]
    judgements = [rules.judge(row["text"], facts_for_judge(row["facts"])) for row in rows]
    scores = {
        name: _mean(values)
        for name, values in rubric.scores_by_metric(judgements).items()
        if values
    }
    labels = {name: _mean(values) for name, values in label_columns(rows).items()}
    scores |= {"exact": labels} if labels else {}
    return {"pictures": len(rows)} | scores if scores else {}


def _caption_scores(bundle: Bundle, records: Sequence[Record]) -> dict[str, Any]:
    if not records:
        return {}
    references = [suites.lines(record.facts[suites.CAPTIONS]) for record in records]
    figures = measure(list(_answers(bundle, records, CAPTION)), references, with_java=False).figures
    scores = {name: round(figures[name]["mean"], 2) for name in ("cider_d", "bleu_4")}
    return {"captioned": len(records)} | scores


def _answers(bundle: Bundle, records: Sequence[Record], prompt: str) -> Iterator[str]:
    return batch(bundle, [r.image for r in records], [prompt] * len(records), BATCH_SIZE)


def _mean(values: Sequence[float]) -> float:
    return round(fmean(values), 4)
