"""The Results tab's view of one picture's stored answers at each checkpoint of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup
from PIL import Image

from vlm.data.images import data_url
from vlm.errors import UserError
from vlm.reporting import catalog, plots
from vlm.reporting.catalog import Run
from vlm.reporting.values import as_text, is_number
from vlm.training.runs import SAMPLES
from vlm.ui.results.parts import card, make_placeholder, make_thumbnail, note

MAX_SAMPLES = 24  # pictures of a panel
NOTHING = (
    "No run has stored answers: a training run answers questions about its panel of pictures at "
    "every evaluation and stores the answers in samples.jsonl."
)


@dataclass(frozen=True)
class Step:
    """A training step with stored answers; `tokens` (seen so far) is None if not recorded."""

    number: int
    tokens: int | None

    def __str__(self) -> str:
        if self.tokens is None:
            return f"step {self.number:,}"
        return f"step {self.number:,}, {plots.millions(self.tokens)} million tokens seen"


@dataclass(frozen=True)
class Sample:
    """A picture of the panel with its question and reference answer.

    `answers` maps each step to the model's answer.
    """

    id: str
    prompt: str
    answer: str
    image: Path | None
    answers: dict[int, str] = field(default_factory=dict)

    def make_thumbnail(self) -> Image.Image:
        """Return the shrunk picture, or a grey tile with its id."""
        try:
            return make_thumbnail(self.image) if self.image else make_placeholder(self.id)
        except UserError:
            return make_placeholder(self.id)


@dataclass(frozen=True)
class Panel:
    """The stored answers of a run, with its steps in order."""

    run: Run
    samples: tuple[Sample, ...]
    steps: tuple[Step, ...]


def read_panel(run: Run) -> Panel:
    """Read the panel of a run; skip rows that are not samples."""
    samples: dict[tuple[str, str], Sample] = {}
    steps: dict[int, Step] = {}
    for row in catalog.read_rows(run.folder / SAMPLES):
        number, tokens = row.get("step"), row.get("tokens_seen")
        if not is_number(number) or not isinstance(row.get("text"), str):
            continue
        key = (as_text(row.get("id")), as_text(row.get("prompt")))
        if key not in samples and len(samples) == MAX_SAMPLES:
            continue
        image = _resolve(run.folder, row.get("image"))
        sample = samples.setdefault(key, Sample(*key, as_text(row.get("answer")), image))
        sample.answers[int(number)] = as_text(row["text"])
        steps[int(number)] = Step(int(number), int(tokens) if is_number(tokens) else None)
    return Panel(run, tuple(samples.values()), tuple(steps[n] for n in sorted(steps)))


def _resolve(folder: Path, name: object) -> Path | None:
    """Return the file's path, None when it is missing or outside the run's folder."""
    if not isinstance(name, str) or "\0" in name:
        return None
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except OSError:
        return None


def read_panels(runs: Sequence[Run]) -> list[Panel]:
    """Return the panels of the runs that have stored answers."""
    return [panel for run in runs if (panel := read_panel(run)).samples]


def list_pictures(panel: Panel) -> list[tuple[Image.Image, str]]:
    """Return (thumbnail, caption) for each picture of the panel."""
    return [
        (sample.make_thumbnail(), f"Picture {number}: {sample.id}")
        for number, sample in enumerate(panel.samples, start=1)
    ]


def to_index(value: Any, count: int) -> int:
    """Return a client's number as an index from 0 to count - 1."""
    return min(max(int(value), 0), count - 1) if is_number(value) else 0


def render(panel: Panel | None, picture: Any, position: Any) -> str:
    """Return one picture's stored answer as HTML; `picture` counts from 0, `position` from 1."""
    if panel is None:
        return str(note(NOTHING))
    sample = panel.samples[to_index(picture, len(panel.samples))]
    number = to_index(position, len(panel.steps) + 1) or 1
    step = panel.steps[number - 1]
    text = sample.answers.get(step.number)
    answer = Markup('<span class="answer">{}</span>').format(text or "(empty answer)")
    lines = [
        Markup("<b>{}</b>").format(f"Checkpoint {number} of {len(panel.steps)}: {step}"),
        sample.prompt or "(question not recorded)",
        "No answer was stored for this picture at this step." if text is None else answer,
        Markup('<span class="why">{}</span>').format(
            f"Stored answer of {panel.run.name} at this step; the model is not run now."
        ),
    ]
    if sample.answer:
        lines.append(Markup("Reference answer: <b>{}</b>").format(sample.answer))
    item = card(data_url(sample.make_thumbnail()), sample.id, lines)
    return str(Markup('<ul class="cards one" aria-live="polite">{}</ul>').format(item))
