"""MODA's steps over a data set: the teacher describes, the refiner corrects; each row is kept.

A stopped run goes on where it was: what stands in the history is not asked for again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tqdm import tqdm

from vlm.judges.base import Judge
from vlm.metrics.rubric import OVERALL
from vlm.teach import checks, prompts
from vlm.teach.history import History
from vlm.teach.writers import REFINER, TEACHER, Ask, Said, Writer
from vlm.types import Record

JUDGE = "judge"
FEW = 3  # reasons that are printed


class Captioned(NamedTuple):
    """A picture with its final description and everything that was said on the way.

    `name` is its file's, by its place in the history: it stays when pictures come or go.
    """

    record: Record
    text: str
    rows: tuple[dict, ...]
    name: str


def run(
    records: Sequence[Record], teacher: Writer, refiner: Writer | None, history: History
) -> Counter:
    """Take every step that is not yet done; why pictures have no description, counted."""
    writers = {TEACHER: teacher} | ({REFINER: refiner} if refiner else {})
    for step, writer in writers.items():
        history.check_writer(step, writer.name, _digest(writer))
    history.begin()
    faults: Counter[str] = Counter()
    for step, writer in writers.items():
        faults += _step(records, step, writer, history)
    return faults


def _step(records: Sequence[Record], step: str, writer: Writer, history: History) -> Counter:
    """One writer over all pictures; an answer that cannot be used is counted, not kept."""
    asks = [ask for record in records if (ask := _ask(record, step, history))]
    faults: Counter[str] = Counter()
    bar = tqdm(total=len(asks), desc=step, unit=" pictures", disable=None, leave=False)
    with bar:
        for start in range(0, len(asks), writer.batch):
            group = asks[start : start + writer.batch]
            for ask, said in zip(group, writer.write(group), strict=True):
                if said.fault:
                    faults[f"{step}: {said.fault}"] += 1
                else:
                    history.add(step, ask.record.id, _row(said, writer))
                bar.update()
    return faults


def _ask(record: Record, step: str, history: History) -> Ask | None:
    """What is asked about a picture; None when it is done, or there is nothing to refine."""
    if history.get(step, record.id):
        return None
    if step == TEACHER:
        return Ask(record)
    described = history.get(TEACHER, record.id)
    return Ask(record, described["text"]) if described else None


def _row(said: Said, writer: Writer) -> dict:
    row = {"by": writer.name, "revision": writer.revision, "prompt": _digest(writer)}
    return row | {
        "requests": said.requests,
        "text": said.text,
        **({"fields": said.fields} if said.fields else {}),
    }


def _digest(writer: Writer) -> str:
    return prompts.digest(writer.prompt) if writer.prompt else ""


def judged(records: Sequence[Record], judge: Judge, history: History, last: str) -> float | None:
    """Have the last step's descriptions judged, each once; their mean overall grade, 0 to 10.

    What could not be judged is not kept, so that it is asked for again.
    """
    step = f"{JUDGE} of {last}"
    history.check_writer(step, judge.name, "")
    told = [(record, row["text"]) for record in records if (row := history.get(last, record.id))]
    todo = [(record, text) for record, text in told if not history.get(step, record.id)]
    marks = judge.judge([text for _, text in todo], [record.facts for record, _ in todo])
    bar = tqdm(zip(todo, marks, strict=True), JUDGE, len(todo), disable=None, leave=False)
    for (record, _), judgement in bar:
        if judgement.scores:
            overall = {"overall": round(judgement.scores[OVERALL], 3)}
            history.add(step, record.id, {"by": judge.name, **judgement.row(), **overall})
    rows = (history.get(step, record.id) for record, _ in told)
    grades = [row["overall"] for row in rows if row]
    return sum(grades) / len(grades) if grades else None


def finished(records: Sequence[Record], history: History, last: str) -> Iterator[Captioned]:
    """The pictures that have been through all steps, with what the last one made of them."""
    places = history.places()
    for record in records:
        if row := history.get(last, record.id):
            name = f"{places[record.id]:05}.png"
            yield Captioned(record, row["text"], tuple(history.of(record.id)), name)


def doubts(records: Sequence[Record], history: History, step: str) -> tuple[int, int]:
    """Descriptions of a step that a check doubts, and how many there are."""
    rows = [(record, row) for record in records if (row := history.get(step, record.id))]
    return sum(bool(checks.flags(row["text"], record.facts)) for record, row in rows), len(rows)


def told(faults: Counter) -> str:
    """Why pictures have no description, the most frequent reasons first."""
    reasons = "; ".join(f"{count} x {reason}" for reason, count in faults.most_common(FEW))
    return f"{sum(faults.values())} answers could not be used ({reasons})."
