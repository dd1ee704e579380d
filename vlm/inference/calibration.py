"""Turn token probabilities into the probability that an answer is right, by a measured table.

`loupe calibrate` writes calibration.json beside the model's weights. It holds for the questions
that it was measured with, answered greedily, and for no others.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vlm.config import GenerateConfig
from vlm.errors import UserError
from vlm.inference.confidence import Evidence
from vlm.inference.generate import Stats
from vlm.loading.load import CALIBRATION, locate
from vlm.system import files
from vlm.types import Bundle

LEAST = 1e-6  # of a token's probability, before its logarithm

RawScore = Callable[[Evidence], float]


def _logs(evidence: Evidence) -> list[float]:
    return [math.log(max(probability, LEAST)) for probability in evidence.token_probabilities]


def mean_log(evidence: Evidence) -> float:
    """Return the mean log-probability of an answer's tokens, in nats."""
    logs = _logs(evidence)
    return sum(logs) / len(logs)


def sum_log(evidence: Evidence) -> float:
    """Return the log-probability of the whole answer, in nats."""
    return sum(_logs(evidence))


def least_log(evidence: Evidence) -> float:
    """Return the log-probability of the answer's least probable token, in nats."""
    return min(_logs(evidence))


TEXT_SCORES: dict[str, RawScore] = {
    "mean_log": mean_log,
    "sum_log": sum_log,
    "least_log": least_log,
}
PROBE = "probe"  # the score of a linear model


def probe_inputs(evidence: Evidence) -> list[float]:
    """Return what the probe sees: the text scores, then the picture's features."""
    return [*(score(evidence) for score in TEXT_SCORES.values()), *evidence.features]


@dataclass(frozen=True)
class Calibrator:
    """A monotone table for one question.

    Attributes:
        score: the raw score: a key of TEXT_SCORES, or PROBE, a linear model of `probe_inputs`
            that predicts whether the model knows the answer ("P(IK)"; Kadavath et al., 2022,
            arXiv 2207.05221).
        points: (raw score, probability that the answer is right), both rising.
        weights: the probe's, its constant last.
        measured: what `loupe calibrate` measured on answers that it was not fitted to.
    """

    score: str
    points: tuple[tuple[float, float], ...]
    weights: tuple[float, ...] = ()
    measured: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, evidence: Evidence) -> bool:
        """Return False if the probe was fitted to features of another size."""
        return self.score != PROBE or len(self.weights) == len(probe_inputs(evidence)) + 1

    def raw(self, evidence: Evidence) -> float:
        """Return the raw score.

        Raises:
            ValueError: when the probe was fitted to features of another size.
        """
        if self.score != PROBE:
            return TEXT_SCORES[self.score](evidence)
        pairs = zip(self.weights, [*probe_inputs(evidence), 1.0], strict=True)
        return sum(weight * value for weight, value in pairs)

    def probability(self, evidence: Evidence) -> float:
        """Return the probability that an answer is right, linear between two points.

        Raises:
            ValueError: as `raw`.
        """
        import numpy as np

        scores, values = zip(*self.points, strict=True)
        return float(np.interp(self.raw(evidence), scores, values))

    def row(self) -> dict[str, Any]:
        """Return the table as stored in JSON."""
        return asdict(self)


def read(folder: Path) -> dict[str, Calibrator]:
    """Read the calibrators of a model's folder by question; empty if it has none.

    Raises:
        UserError: when calibration.json is damaged.
    """
    path = folder / CALIBRATION
    if not path.is_file():
        return {}
    try:
        questions = json.loads(path.read_text(encoding="utf-8"))["questions"]
        return {question: _calibrator(row) for question, row in questions.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is not a calibration; write it again with `loupe calibrate`, or delete it."
        ) from error


def _calibrator(row: Mapping[str, Any]) -> Calibrator:
    """Return one question's calibrator.

    Raises:
        ValueError: when the table is not monotone or not of probabilities.
    """
    points = tuple((float(score), float(value)) for score, value in row["points"])
    scores, values = zip(*points, strict=True)
    is_rising = list(points) == sorted(points) and list(values) == sorted(values)
    weights = tuple(map(float, row.get("weights", ())))
    is_known = row["score"] in TEXT_SCORES or (row["score"] == PROBE and weights)
    if not is_known or not is_rising or not 0 <= values[0] <= values[-1] <= 1:
        raise ValueError("not a rising table of probabilities")
    if not all(map(math.isfinite, (*scores, *values, *weights))):
        raise ValueError("not finite")
    return Calibrator(row["score"], points, weights, dict(row.get("measured", {})))


def write(folder: Path, questions: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write calibration.json: for each question a calibrator's row and what was measured."""
    lines = [f"{json.dumps(text)}: {json.dumps(row)}" for text, row in questions.items()]
    files.write_text(folder / CALIBRATION, '{"questions": {\n' + ",\n".join(lines) + "\n}}\n")
    return folder / CALIBRATION


def model_folder(name: str) -> Path | None:
    """Return the folder of a model on this machine; None for a Hub id and an unknown name."""
    try:
        folder = Path(locate(name))
    except UserError:
        return None
    return folder if folder.is_dir() else None


def find(bundle: Bundle) -> dict[str, Calibrator]:
    """Read the calibrators of a loaded model by question; empty if it has none.

    Raises:
        UserError: when its calibration.json is damaged.
    """
    folder = model_folder(bundle.name)
    return read(folder) if folder else {}


def probabilities_right(
    calibrators: Mapping[str, Calibrator], question: str, config: GenerateConfig, stats: Stats
) -> list[float | None]:
    """Return for each answer the probability that it is right, None where that is not measured.

    It is measured for complete, greedy answers to the calibrated questions, asked first.
    """
    default = GenerateConfig()
    same = ("temperature", "repetition_penalty", "num_beams")
    is_greedy = all(getattr(config, name) == getattr(default, name) for name in same)
    calibrator = calibrators.get(question.strip())
    if not calibrator or not is_greedy or stats.stopped:
        return [None] * len(stats.evidence)
    return [
        calibrator.probability(one)
        if len(one.token_probabilities) < config.max_new_tokens and calibrator.fits(one)
        else None
        for one in stats.evidence
    ]
