"""Calibrate a model: answer, judge, fit on one half of the pictures, measure on the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from tqdm import tqdm

from vlm.data.source import name_hash
from vlm.errors import UserError, lookup
from vlm.evaluation.calibration.correctness import ANSWER_JUDGES
from vlm.evaluation.calibration.fit import fit
from vlm.evaluation.calibration.measure import error_by_chance, measure
from vlm.inference.batch import scored_batch
from vlm.inference.calibration import Calibrator
from vlm.inference.confidence import Evidence
from vlm.types import Bundle, Record

BATCH_SIZE = 32


@dataclass(frozen=True)
class JudgedAnswer:
    """An answer to a question about one picture of a data set, and whether it is right."""

    data: str
    id: str
    evidence: Evidence
    is_right: bool

    @property
    def is_for_fitting(self) -> bool:
        """Whether the picture is in the half that is fitted to; a hash of its name decides."""
        return name_hash(f"{self.data}/{self.id}") % 2 == 0


def judge_answers(
    bundle: Bundle, records: Mapping[str, Sequence[Record]], prompt: str
) -> list[JudgedAnswer]:
    """Ask one question about every picture; leave out what cannot be judged.

    Args:
        records: by the name of their data set, which has a row in ANSWER_JUDGES.
    """
    judged = []
    for data, part in records.items():
        judge = lookup(ANSWER_JUDGES, data, "data set")
        answers = scored_batch(bundle, [record.image for record in part], prompt, BATCH_SIZE)
        answers = tqdm(answers, f"answers: {data}", len(part), leave=False)
        for record, (text, evidence) in zip(part, answers, strict=True):
            is_right = judge(record, text)
            if is_right is not None:
                judged.append(JudgedAnswer(data, record.id, evidence, is_right))
    return judged


def calibrate(
    bundle: Bundle, records: Mapping[str, Sequence[Record]], prompt: str
) -> dict[str, Any]:
    """Return one question's row of calibration.json: the calibrator, and what it was measured at.

    Raises:
        UserError: when too few answers can be judged.
    """
    judged = judge_answers(bundle, records, prompt)
    fitted = [answer for answer in judged if answer.is_for_fitting]
    others = [answer for answer in judged if not answer.is_for_fitting]
    calibrator, candidates = fit([a.evidence for a in fitted], [a.is_right for a in fitted])
    if not others:
        raise UserError("No picture is left to measure with; raise --limit, or add data sets.")
    measured = {"fitted_to": len(fitted), "candidates": candidates}
    return calibrator.row() | {"measured": measured | _measure(calibrator, others)}


def _measure(calibrator: Calibrator, answers: Sequence[JudgedAnswer]) -> dict[str, Any]:
    """Measure the probabilities before (mean over the tokens) and after the calibration."""
    right = [answer.is_right for answer in answers]
    before = [fmean(answer.evidence.token_probabilities) for answer in answers]
    after = [calibrator.probability(answer.evidence) for answer in answers]
    by_data: dict[str, list[tuple[float, float]]] = {}
    for answer, probability in zip(answers, after, strict=True):
        by_data.setdefault(answer.data, []).append((probability, float(answer.is_right)))
    return {
        "answers": len(answers),
        "before": measure(before, right),
        "after": measure(after, right),
        "by_chance": round(error_by_chance(after), 4),
        "data": {name: _means(rows) for name, rows in by_data.items()},
    }


def _means(rows: Sequence[tuple[float, float]]) -> dict[str, float]:
    probabilities, right = zip(*rows, strict=True)
    means = {"probability": fmean(probabilities), "right": fmean(right)}
    return {key: round(value, 4) for key, value in means.items()} | {"n": len(rows)}
