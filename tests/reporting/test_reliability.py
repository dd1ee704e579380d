"""The reliability diagram: read from scores.json, drawn for light and dark pages, in both pages."""

import copy
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests import evaluation_folder, run_folders
from tests.reporting.test_plots import SVG, texts
from vlm.evaluation.calibration import measure
from vlm.evaluation.metrics import intervals
from vlm.reporting import plots, reliability
from vlm.reporting.catalog import Evaluation
from vlm.ui.results import scores as results_scores

RIGHT = [number % 3 > 0 for number in range(60)]


@pytest.fixture(scope="module")
def measured() -> dict:
    """What `loupe calibrate` stores: before, all answers are given 90 % or more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "RESAMPLES", 20)
        before = measure.measure([0.9 + number / 1000 for number in range(60)], RIGHT)
        after = measure.measure([0.9 if right else 0.1 for right in RIGHT], RIGHT)
    data = {"fashion": {"probability": 0.634, "right": 0.667, "n": 60}}
    rest = {"answers": 60, "by_chance": 0.021, "data": data}
    return json.loads(json.dumps({"before": before, "after": after, **rest}))


def test_what_was_measured_is_read(measured: dict) -> None:
    shown = reliability.read(measured)
    assert shown.answers == 60 and shown.by_chance == pytest.approx(2.1)
    assert shown.data == (("fashion", "63.4", "66.7", 60),)
    assert [(p.probability, p.mean, p.n) for p in shown.curves["after"]] == [
        (10, 0, 20),
        (90, 100, 40),
    ]
    labels = [label for label, _, _ in shown.figures]
    assert labels == [label for label, _, _ in reliability.STATISTICS.values()]
    assert shown.figures[0][2].startswith("10.0 (")


def test_the_diagram_has_real_text_in_the_pages_colours(measured: dict) -> None:
    text = reliability.svg(reliability.read(measured))
    words = {reliability.TITLE, reliability.GIVEN, reliability.RIGHT, *reliability.NAMES.values()}
    assert words <= {*texts(text)}
    colours = set(re.findall(r"(?:fill|stroke): ?([^;\"]+)", text)) - {"none", "currentColor"}
    assert colours == set(plots.COLOURS[:2])
    chart = ElementTree.fromstring(text)
    told = {node.get("id"): node.text for node in chart.iter() if node.get("id")}
    assert told[chart.get("aria-labelledby")] == reliability.TITLE
    assert (
        "from 0 % right where 10 % is given to 100 % right" in told[chart.get("aria-describedby")]
    )
    assert chart.find(f".//{SVG}style") is None


JUNK = [None, "x", -1, [], {}, [1], {"mean": 1}, float("nan"), True, 1e400]


def test_junk_is_never_drawn(measured: dict) -> None:
    assert reliability.read(None) is None and reliability.read({}) is None
    keys = [(k,) for k in measured] + [(k, i) for k in ("before", "after") for i in measured[k]]
    for path, junk in itertools.product(keys, JUNK):
        changed = copy.deepcopy(measured)
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = junk
        shown = reliability.read(changed)
        assert shown is None or all(shown.curves.values())


def test_the_report_shows_it_beside_its_figures(measured: dict, tmp_path: Path) -> None:
    evaluation_folder.write(tmp_path)
    without = evaluation_folder.Page(evaluation_folder.html(tmp_path))
    assert "calibration" not in without.text
    evaluation_folder.change(tmp_path, calibration=measured)
    page = evaluation_folder.Page(evaluation_folder.html(tmp_path))
    shown = page.of("calibration")
    assert reliability.GIVEN in shown and "on 60 answers" in shown and "2.1 %" in shown
    assert "fashion 63.4 66.7 60" in shown
    assert {"href": "#calibration"} in page.attributes("a")


def test_the_results_tab_shows_it_too(measured: dict, tmp_path: Path) -> None:
    table = run_folders.scores() | {"calibration": measured}
    (tmp_path / "scores.json").write_text(json.dumps(table))
    shown = results_scores.render(Evaluation("e", tmp_path))
    assert '<div class="diagram"><svg' in shown and "Calibration, on 60 answers" in shown
