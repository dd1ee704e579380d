"""MODA's steps over a data set: the teacher describes, the refiner corrects, a judge may grade.

A stopped run resumes where it stopped: rows in the history are not requested again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tqdm import tqdm

from vlm.captioning import prompts
from vlm.captioning.history import CaptionHistory
from vlm.captioning.review import checks
from vlm.captioning.writers import REFINER, TEACHER, Caption, Request, Writer
from vlm.evaluation.judges.base import Judge
from vlm.evaluation.metrics.rubric import OVERALL
from vlm.types import Record

JUDGE = "judge"
MAX_REASONS = 3  # that are printed


class CaptionedImage(NamedTuple):
    """An image with its final description.

    Attributes:
        rows: its rows in the history.
        name: its file name, by its number in the history, which does not change when images are
            added or removed.
    """

    record: Record
    text: str
    rows: tuple[dict, ...]
    name: str


def run(
    records: Sequence[Record], teacher: Writer, refiner: Writer | None, history: CaptionHistory
) -> Counter[str]:
    """Run all steps that are not done; returns how often each fault prevented a description."""
    writers = {TEACHER: teacher} | ({REFINER: refiner} if refiner else {})
    for step, writer in writers.items():
        history.check_writer(step, writer.name, _prompt_hash(writer))
    history.create()
    faults: Counter[str] = Counter()
    for step, writer in writers.items():
        faults += _run_step(records, step, writer, history)
    return faults


def _run_step(
    records: Sequence[Record], step: str, writer: Writer, history: CaptionHistory
) -> Counter[str]:
    """Run one writer over all images; unusable answers are counted and not kept."""
    requests = [r for record in records if (r := _request(record, step, history))]
    faults: Counter[str] = Counter()
    bar = tqdm(total=len(requests), desc=step, unit=" images", disable=None, leave=False)
    with bar:
        for start in range(0, len(requests), writer.batch_size):
            batch = requests[start : start + writer.batch_size]
            for request, caption in zip(batch, writer.write(batch), strict=True):
                if caption.fault:
                    faults[f"{step}: {caption.fault}"] += 1
                else:
                    history.add(step, request.record.id, _row(caption, writer))
                bar.update()
    return faults


def _request(record: Record, step: str, history: CaptionHistory) -> Request | None:
    """The request for an image; None when the step is done, or there is nothing to refine."""
    if history.get(step, record.id):
        return None
    if step == TEACHER:
        return Request(record)
    teacher_row = history.get(TEACHER, record.id)
    return Request(record, teacher_row["text"]) if teacher_row else None


def _row(caption: Caption, writer: Writer) -> dict:
    row = {"by": writer.name, "revision": writer.revision, "prompt": _prompt_hash(writer)}
    row |= {"requests": caption.requests, "text": caption.text}
    return row | ({"fields": caption.fields} if caption.fields else {})


def _prompt_hash(writer: Writer) -> str:
    return prompts.prompt_hash(writer.prompt) if writer.prompt else ""


def grade(
    records: Sequence[Record], judge: Judge, history: CaptionHistory, last: str
) -> float | None:
    """Judge each description of the last step once; returns the mean overall grade, 0 to 10.

    Failed judgements are not kept, so that a resumed run repeats them.
    """
    step = f"{JUDGE} of {last}"
    history.check_writer(step, judge.name, "")
    texts = [(record, row["text"]) for record in records if (row := history.get(last, record.id))]
    todo = [(record, text) for record, text in texts if not history.get(step, record.id)]
    judgements = judge.judge([text for _, text in todo], [record.facts for record, _ in todo])
    bar = tqdm(zip(todo, judgements, strict=True), JUDGE, len(todo), disable=None, leave=False)
    for (record, _), judgement in bar:
        if judgement.scores:
            overall = {"overall": round(judgement.scores[OVERALL], 3)}
            history.add(step, record.id, {"by": judge.name, **judgement.row(), **overall})
    rows = (history.get(step, record.id) for record, _ in texts)
    grades = [row["overall"] for row in rows if row]
    return sum(grades) / len(grades) if grades else None


def finished(
    records: Sequence[Record], history: CaptionHistory, last: str
) -> Iterator[CaptionedImage]:
    """Yield the images that have been through all steps, with the last step's description."""
    numbers = history.numbers()
    for record in records:
        if row := history.get(last, record.id):
            name = f"{numbers[record.id]:05}.png"
            yield CaptionedImage(record, row["text"], tuple(history.rows(record.id)), name)


def count_flagged(records: Sequence[Record], history: CaptionHistory, step: str) -> tuple[int, int]:
    """Count the step's descriptions that a check flags, and all of its descriptions."""
    rows = [(record, row) for record in records if (row := history.get(step, record.id))]
    return sum(bool(checks.flags(row["text"], record.facts)) for record, row in rows), len(rows)


def fault_summary(faults: Counter[str]) -> str:
    """Say how many answers were unusable and why, the most frequent reasons first."""
    reasons = "; ".join(f"{count} x {reason}" for reason, count in faults.most_common(MAX_REASONS))
    return f"{sum(faults.values())} answers could not be used ({reasons})."
