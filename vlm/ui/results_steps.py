"""The Results tab's walk through a training run: one picture, its answer at each checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup
from PIL import Image

from vlm import curves, plots
from vlm.curves import Run, is_number
from vlm.data.images import as_url
from vlm.errors import UserError
from vlm.ui.results_parts import blank, card, note, said, thumbnail

MOST = 24  # pictures of a panel
NOTHING = (
    "No run has stored answers: a training run describes its panel of pictures at every "
    "evaluation and keeps them in samples.jsonl."
)


@dataclass(frozen=True)
class Step:
    """A measured place of a run; tokens is None where the run does not say."""

    number: int
    tokens: int | None

    def __str__(self) -> str:
        seen = "" if self.tokens is None else f", {plots.millions(self.tokens)} million tokens seen"
        return f"step {self.number:,}{seen}"


@dataclass(frozen=True)
class Sample:
    """A picture of the panel with a question; `told` has the answer at each step."""

    id: str
    prompt: str
    answer: str
    image: Path | None
    told: dict[int, str] = field(default_factory=dict)

    def picture(self) -> Image.Image:
        """The picture made small, or its id on grey."""
        try:
            return thumbnail(self.image) if self.image else blank(self.id)
        except UserError:
            return blank(self.id)


@dataclass(frozen=True)
class Panel:
    """All that a run has stored: its pictures and its steps, in order."""

    run: Run
    samples: tuple[Sample, ...]
    steps: tuple[Step, ...]


def read(run: Run) -> Panel:
    """The panel of a run; rows that are no samples are left out."""
    samples: dict[tuple[str, str], Sample] = {}
    steps: dict[int, Step] = {}
    for row in curves.rows(run.folder / curves.SAMPLES_FILE):
        number, tokens = row.get("step"), row.get("tokens_seen")
        if not is_number(number) or not isinstance(row.get("text"), str):
            continue
        key = (said(row.get("id")), said(row.get("prompt")))
        if key not in samples and len(samples) == MOST:
            continue
        image = _inside(run.folder, row.get("image"))
        sample = samples.setdefault(key, Sample(*key, said(row.get("answer")), image))
        sample.told[int(number)] = said(row["text"])
        steps[int(number)] = Step(int(number), int(tokens) if is_number(tokens) else None)
    return Panel(run, tuple(samples.values()), tuple(steps[n] for n in sorted(steps)))


def _inside(folder: Path, name: object) -> Path | None:
    """The file of that name in the run's folder; a name that leads out of it is no picture."""
    if not isinstance(name, str) or "\0" in name:
        return None
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except OSError:
        return None


def panels(runs: Sequence[Run]) -> list[Panel]:
    """The panels of the runs that have stored answers."""
    return [panel for run in runs if (panel := read(run)).samples]


def gallery(panel: Panel) -> list[tuple[Image.Image, str]]:
    """The pictures to choose from, with their names."""
    return [
        (sample.picture(), f"Picture {number}: {sample.id}")
        for number, sample in enumerate(panel.samples, start=1)
    ]


def place(value: Any, count: int) -> int:
    """A client's number as an index from 0 to count - 1."""
    return min(max(int(value), 0), count - 1) if is_number(value) else 0


def view(panel: Panel | None, picture: Any, position: Any) -> str:
    """The stored answer of one picture (index from 0) at one step (position from 1)."""
    if panel is None:
        return str(note(NOTHING))
    sample = panel.samples[place(picture, len(panel.samples))]
    number = place(position, len(panel.steps) + 1) or 1
    step = panel.steps[number - 1]
    text = sample.told.get(step.number)
    answer = Markup('<span class="told">{}</span>').format(text or "(empty answer)")
    lines = [
        Markup("<b>{}</b>").format(f"Checkpoint {number} of {len(panel.steps)}: {step}"),
        sample.prompt or "(no question kept)",
        "Nothing was stored for this picture at this step." if text is None else answer,
        Markup('<span class="why">{}</span>').format(
            f"Stored answer of {panel.run.name} at this step; nothing is computed now."
        ),
    ]
    if sample.answer:
        lines.append(Markup("Right answer: <b>{}</b>").format(sample.answer))
    shown = card(as_url(sample.picture()), sample.id, lines)
    return str(Markup('<ul class="cards one" aria-live="polite">{}</ul>').format(shown))
