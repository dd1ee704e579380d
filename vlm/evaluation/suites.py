"""What is measured on each data set: the question asked, and the parts of scores.json.

Records with labels are judged, probed and tested; photographs with captions are compared with them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vlm.config import CAPTION, DESCRIBE
from vlm.data.grammar.words import UNKNOWN
from vlm.errors import UserError
from vlm.evaluation import results
from vlm.evaluation.abilities import measure_abilities
from vlm.evaluation.judges.base import Judge
from vlm.evaluation.metrics.attributes import normalise_facts
from vlm.evaluation.metrics.captioning.measure import measure
from vlm.evaluation.perturbations import run_probes
from vlm.evaluation.scores import caption_gallery, label_estimates, summarise
from vlm.types import Bundle, Record

CAPTIONS = "captions"  # the fact that has them
LINES = "\n"  # separates the texts of one fact


@dataclass(frozen=True)
class Answered:
    """A model's answers about records, and how they are to be measured.

    Attributes:
        rows: of predictions.jsonl, one for each record.
        sample_size: pictures used for each probe and ability, 0 = all.
        out: folder for further files.
    """

    bundle: Bundle
    records: Sequence[Record]
    rows: Sequence[Mapping[str, Any]]
    judge: Judge
    prompt: str
    sample_size: int
    out: Path | None

    @property
    def texts(self) -> list[str]:
        """The answers."""
        return [row["text"] for row in self.rows]


@dataclass(frozen=True)
class Suite:
    """What is measured on a data set.

    Attributes:
        prompt: asked about each picture, unless the user gives another.
        parts: names in PARTS, in the order of scores.json.
    """

    prompt: str
    parts: tuple[str, ...]


def find(data: str) -> Suite:
    """Return the suite of a data set named as in scores.json: `scenes/validation`."""
    return SUITES.get(data.partition("/")[0], LABELLED)


def facts_for_judge(facts: Mapping[str, str]) -> dict[str, str]:
    """Return the facts that a judge may use: none for a picture of kind "unknown"."""
    return {} if facts.get("kind") == UNKNOWN else normalise_facts(facts)


def _judged(answered: Answered) -> dict[str, Any]:
    """Judge the answers by the records' labels, and compare them with the labels exactly."""
    judge, rows = answered.judge, answered.rows
    facts = [facts_for_judge(row["facts"]) for row in rows]
    judgements = tqdm(judge.judge(answered.texts, facts), "judged", len(rows))
    judged = dict(zip((record.id for record in answered.records), judgements, strict=True))
    if answered.out:
        results.write_judgements(answered.out, judge.name, judged.items())
    return {"judge": judge.name} | summarise(rows, judged)


def _probes(answered: Answered) -> dict[str, Any]:
    a = answered
    return {"probes": run_probes(a.bundle, a.records, a.texts, a.prompt, a.sample_size)}


def _abilities(answered: Answered) -> dict[str, Any]:
    a = answered
    return {"abilities": measure_abilities(a.bundle, a.records, a.texts, a.sample_size, a.out)}


def _captions(answered: Answered) -> dict[str, Any]:
    """Compare the answers with the captions that people wrote.

    Raises:
        UserError: when a record has no captions.
    """
    facts = [row["facts"] for row in answered.rows]
    references = [lines(row.get(CAPTIONS, "")) for row in facts]
    if not all(references):
        raise UserError(
            f"{references.count([])} of {len(references)} pictures have no captions to compare "
            "with; give a data set with captions."
        )
    phrases = [lines(row.get("phrases", "")) for row in facts]
    scores = measure(answered.texts, references, phrases)
    ids = [row["id"] for row in answered.rows]
    by_picture = [{"id": id} | row for id, row in zip(ids, scores.by_picture, strict=True)]
    if answered.out:
        results.write_caption_scores(answered.out, by_picture)
    return {
        "captions": scores.figures,
        "exact": label_estimates(answered.rows),
        "not_measured": scores.left_out,
        "gallery": caption_gallery(answered.rows, by_picture),
    }


def lines(text: str) -> list[str]:
    """Return the texts of a fact that has several."""
    return [line for line in text.split(LINES) if line.strip()]


PARTS: Mapping[str, Callable[[Answered], dict[str, Any]]] = {
    "judged": _judged,
    "probes": _probes,
    "abilities": _abilities,
    "captions": _captions,
}
LABELLED = Suite(DESCRIBE, ("judged", "probes", "abilities"))
SUITES: Mapping[str, Suite] = {"scenes": Suite(CAPTION, ("captions",))}  # others: LABELLED
