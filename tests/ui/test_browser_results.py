"""The Results tab in a real browser, on folders written by the test; no model runs.

LOUPE_SCREENSHOT=path python -m pytest tests/ui/test_browser_results.py -k chart   keeps a picture.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import run_folders
from tests.pages import CHROMIUM
from tests.run_folders import HOSTILE
from tests.ui.test_browser import CONTRAST, NAMELESS, launch, load_tiny
from vlm.loading.presets import SHIPPED
from vlm.reporting import catalog, plots
from vlm.system.files import read_jsonl
from vlm.ui.model_holder import Models

playwright = pytest.importorskip("playwright.sync_api")
READY = ("#stored-answer .card",)  # selectors that `visit` waits for
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: set CHROMIUM to its path")
PANEL = "#panel button.thumbnail-item"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write three runs and two evaluations; one of each contains hostile text."""
    folder = tmp_path_factory.mktemp("results") / "runs"
    run_folders.run(folder / "good", 6.0)
    run_folders.run(folder / "poor", 4.0)
    run_folders.evaluation(folder / "good" / "evaluation", 9.0)
    run_folders.evaluation(folder / "poor" / "evaluation", 6.0, HOSTILE)
    place = {"tokens_seen": 5_000_000, "id": HOSTILE, "prompt": HOSTILE, "answer": HOSTILE}
    rows = [place | {"step": step, "text": HOSTILE} for step in (1, 2)]
    run_folders.write_rows(folder / "<b>bad" / "samples.jsonl", rows)
    return folder


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    """Serve the app on these folders; return its URL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLM_RUNS", str(root))
        patch.setattr(catalog, "SHIPPED", root / "nothing shipped")
        patch.setattr(catalog, "EVERYDAY", root / "nothing shipped either")
        patch.delenv("VLM_DATA", raising=False)
        patch.setenv("GRADIO_TEMP_DIR", str(root.parent / "gradio"))
        app, url = launch(Models(load_tiny, "moda-mini"))
        yield url
        app.close()


def choose(page: "playwright.Page", dropdown: str, name: str) -> None:
    """Select an option of a dropdown."""
    page.locator("[role=option]").first.wait_for(
        state="detached"
    )  # the previous list fades out slowly
    page.click(f"{dropdown} input")
    page.get_by_role("option", name=name, exact=True).click()


def get_checkbox(page: "playwright.Page", name: str) -> "playwright.Locator":
    """Return the checkbox of a run."""
    return page.get_by_role("checkbox", name=name, exact=True)


def test_the_tab_shows_chart_scores_and_answers(address: str, visit: Callable) -> None:
    page = visit(f"{address}/?tab=results")
    assert page.get_by_role("tab", name="Results").get_attribute("aria-selected") == "true"
    chart = page.locator("#chart svg:visible")
    assert chart.count() == 1 and {"good", "poor"} <= {*chart.locator("text").all_text_contents()}
    page.click("#chart summary")
    assert page.locator("#chart tbody tr:visible").count() == 6
    get_checkbox(page, "poor").uncheck()
    page.wait_for_function("document.querySelectorAll('#chart tbody tr').length === 3")
    page.get_by_role("radio", name="Held-out loss").check()
    page.wait_for_selector("#chart svg:visible text:text('Held-out loss')")
    shot = os.environ.get("LOUPE_SCREENSHOT")
    if shot:
        page.screenshot(path=shot, full_page=True)


def test_opening_and_refreshing_the_tab_rereads_the_folders(
    address: str, visit: Callable, root: Path
) -> None:
    page = visit(f"{address}/?tab=results")
    assert not get_checkbox(page, "newest").count()
    run_folders.run(root / "newest", panel=False)
    try:
        get_checkbox(page, "poor").uncheck()
        page.click("#refresh")
        get_checkbox(page, "newest").wait_for()
        assert (
            not get_checkbox(page, "poor").is_checked() and get_checkbox(page, "good").is_checked()
        )
        assert not get_checkbox(page, "newest").is_checked()
    finally:
        shutil.rmtree(root / "newest")
    page.get_by_role("tab", name="Describe").click()
    page.wait_for_selector("#describe")
    page.get_by_role("tab", name="Results").click()
    get_checkbox(page, "newest").wait_for(state="detached")


def test_evaluations_are_shown_and_compared(address: str, visit: Callable) -> None:
    page = visit(f"{address}/?tab=results")
    assert "9.0\nof 10 overall (8.50 to 9.50)" in page.inner_text("#scores .grade")
    choose(page, "#against", "poor")
    page.wait_for_selector("#compared :text('poor is worse')")
    assert page.locator("#compared tbody tr").count() >= 2
    choose(page, "#evaluation", "poor")
    page.wait_for_selector("#scores .grade :text('6.0')")
    assert HOSTILE in page.inner_text("#scores")
    page.wait_for_selector("#compared :text('Choose another evaluation')")


def test_the_slider_selects_a_checkpoint(address: str, visit: Callable) -> None:
    page = visit(f"{address}/?tab=results")
    choose(page, "#panel-run", "<b>bad")  # so that the expected text is not there yet
    page.wait_for_selector("#stored-answer :text('Checkpoint 2 of 2')")
    choose(page, "#panel-run", "good")
    page.wait_for_selector("#stored-answer :text('A red thing, seen 3 times.')")
    page.focus("#checkpoint input[type=range]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#stored-answer :text('A red thing, seen 2 times.')")
    stored = page.inner_text("#stored-answer")
    assert "Checkpoint 2 of 3: step 1,000, 1.51 million tokens seen" in stored
    assert "Stored answer of good at this step; the model is not run now." in stored
    assert "Reference answer: A red square." in stored
    page.focus(f"{PANEL} >> nth=2")
    page.keyboard.press("Enter")
    page.wait_for_selector("#stored-answer :text('A blue thing, seen 2 times.')")
    assert page.locator(PANEL).nth(2).get_attribute("aria-label") == "Picture 3: blue"


def test_the_shipped_run_is_shown(
    address: str, visit: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "SHIPPED", SHIPPED)
    page = visit(f"{address}/?tab=results")
    assert get_checkbox(page, "moda-mini").is_checked()
    assert "of 10 overall" in page.inner_text("#scores .grade")
    choose(page, "#panel-run", "moda-mini")
    last = read_jsonl(SHIPPED / "scores.jsonl")[-1]
    place = f"step {last['step']:,}, {plots.millions(last['tokens_seen'])} million tokens seen"
    page.wait_for_selector(f"#stored-answer :text('{place}')")
    assert page.locator(PANEL).count() == 16


def test_text_of_a_run_is_escaped(address: str, visit: Callable) -> None:
    page = visit(f"{address}/?tab=results")
    choose(page, "#panel-run", "<b>bad")
    page.wait_for_selector("#stored-answer :text('Checkpoint 2 of 2')")
    assert page.inner_text("#stored-answer").count(HOSTILE) == 3
    assert not page.locator("#stored-answer b :text('bad')").count()


@pytest.mark.parametrize(
    ("theme", "width"),
    [("light", 1280), pytest.param("dark", 1280, marks=pytest.mark.slow), ("dark", 390)],
)
def test_text_is_readable_and_controls_have_names(
    address: str, visit: Callable, theme: str, width: int
) -> None:
    page = visit(f"{address}/?tab=results&__theme={theme}", width)
    page.click("#chart summary")
    page.click("#scores summary")
    choose(page, "#against", "poor")
    page.wait_for_selector("#compared table")
    page.mouse.move(0, 0)
    rows = page.evaluate(CONTRAST)
    assert len(rows) > 100
    assert not [row for row in rows if row[0] < 4.5]
    assert not page.evaluate(NAMELESS)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#chart svg:visible").count() == 1


def test_ctrl_enter_describes_on_the_describe_tab_only(address: str, visit: Callable) -> None:
    page = visit(f"{address}/?tab=results")
    page.get_by_role("tab", name="Describe").click()
    page.wait_for_selector("#describe")
    page.get_by_role("tab", name="Results").click()
    page.wait_for_selector("#refresh")
    page.focus("#refresh")
    page.keyboard.press("Control+Enter")
    time.sleep(0.5)
    page.get_by_role("tab", name="Describe").click()
    page.wait_for_selector("#status :text('Give a picture, then press Describe.')")
    page.focus("#prompt textarea")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#status :text('There is no picture yet')")
