"""The aligned tower that ships: it opens, it is small, and its card tells its figures."""

import json
import re

import pytest

from vlm import build, zeroshot
from vlm.presets import TOWER

FOUND = json.loads((TOWER / "zeroshot.json").read_text())
ROWS = {
    (name, figure): row
    for name, parts in FOUND.items()
    for rows in parts.values()
    for figure, row in rows.items()
}


def test_it_opens_as_a_tower_for_a_new_model() -> None:
    tower, processor = build.load_tower(TOWER, "pooled")
    assert tower.num_parameters() == 11_176_512
    assert processor.size == {"height": 128, "width": 128}


def test_files_fit_a_space_without_lfs() -> None:
    files = [path for path in TOWER.rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) < 10_000_000


def test_it_names_more_than_guessing_would() -> None:
    named = {("fashion", name) for name in ("articleType", "baseColour", "gender", "usage")}
    assert named | {("cifar10", "kind"), ("fashion", "R@1"), ("fashion", "R@5")} <= set(ROWS)
    for (name, figure), row in ROWS.items():
        classes = len(zeroshot.CLASSES.get(figure, range(100)))
        assert row["low"] > 100 / classes, (name, figure)


@pytest.mark.parametrize(("name", "figure"), ROWS)
def test_the_card_tells_what_was_measured(name: str, figure: str) -> None:
    row, card = ROWS[name, figure], (TOWER / "README.md").read_text()
    told = re.search(
        rf"\| `{name}` \| `{figure}` \| ([\d.]+) % \| ([\d.]+) to ([\d.]+) \| ([\d,]+) \|", card
    )
    assert told is not None
    figures = [f"{row['mean']:.2f}", f"{row['low']:.1f}", f"{row['high']:.1f}", f"{row['n']:,}"]
    assert list(told.groups()) == figures
