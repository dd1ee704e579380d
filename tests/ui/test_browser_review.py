"""The Review tab in a real browser: approve, edit, reject, skip, undo, by button and by key."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import tiny
from tests.pages import CHROMIUM
from tests.run_folders import HOSTILE
from tests.ui.test_browser import CONTRAST, NAMELESS, launch, load_tiny
from vlm.captioning.review import reviews
from vlm.ui import build_app
from vlm.ui.model_holder import Models
from vlm.ui.review import desk as review_desk
from vlm.ui.review import tab as review

playwright = pytest.importorskip("playwright.sync_api")
READY = ("#reviewed img",)  # selectors that `visit` waits for
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: set CHROMIUM to its path")
TEXTS = ("A red shirt for men.", "A blue shirt for men.", HOSTILE, "A man wearing a shirt.")


@pytest.fixture
def texts(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Return four captions, two of them doubtful and one hostile."""
    return getattr(request, "param", TEXTS)


@pytest.fixture
def data(tmp_path: Path, texts: tuple[str, ...]) -> Path:
    """Write a data set with these captions."""
    folder = tmp_path / "data"
    (folder / "train").mkdir(parents=True)
    (folder / "validation").mkdir()
    rows = []
    for number, text in enumerate(texts):
        tiny.noise(number, 96).save(folder / "train" / f"{number}.png")
        facts = {"articleType": "Shirts", "baseColour": "Red", "gender": "Men"}
        rows.append({"file_name": f"{number}.png", "text": text, **facts})
    for split, split_rows in (("train", rows), ("validation", [])):
        lines = "".join(json.dumps(row) + "\n" for row in split_rows)
        (folder / split / "metadata.jsonl").write_text(lines)
    return folder


@pytest.fixture
def address(data: Path, tmp_path: Path) -> Iterator[str]:
    """Serve the app on this data set; return the URL of its Review tab."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(review_desk.VARIABLE, str(data))
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
        app, url = launch(Models(load_tiny, "moda-mini"))
        yield f"{url}/?tab=review"
        app.close()


def wait_for_caption(page: "playwright.Page", text: str) -> None:
    """Wait until the caption box contains the text."""
    page.wait_for_function(
        "text => document.querySelector('#caption textarea')?.value === text", arg=text
    )


def read_decisions(data: Path) -> list[tuple]:
    """Read the id, decision, text and reason of each review."""
    rows = [json.loads(line) for line in (data / reviews.FILE).read_text().splitlines()]
    return [(row["id"], row["decision"], row["text"], row["reason"]) for row in rows]


def test_a_data_set_is_reviewed_by_keyboard(address: str, data: Path, visit: Callable) -> None:
    page = visit(address)
    wait_for_caption(page, TEXTS[0])
    page.keyboard.press("a")
    wait_for_caption(page, TEXTS[1])
    assert "says blue, the metadata says Red" in page.inner_text("#doubts")
    page.keyboard.press("e")
    page.fill("#caption textarea", "A red shirt with buttons.")
    page.keyboard.press("Control+Enter")
    wait_for_caption(page, TEXTS[2])
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    wait_for_caption(page, TEXTS[3])
    page.keyboard.press("r")
    page.wait_for_selector("text=No pictures are left")
    page.keyboard.press("u")
    wait_for_caption(page, TEXTS[3])
    assert "3 of 4 by you" in page.inner_text("#review-progress")
    assert read_decisions(data) == [
        ("0.png", "approve", "", ""),
        ("1.png", "edit", "A red shirt with buttons.", ""),
        ("2.png", "skip", "", ""),
        ("3.png", "reject", "", reviews.REASONS[0]),
        ("-", "undo", "", ""),
    ]


def test_fast_keys_do_not_mix_up_captions(address: str, data: Path, visit: Callable) -> None:
    page = visit(address)
    wait_for_caption(page, TEXTS[0])
    page.evaluate("for (const id of ['skip', 'approve']) document.getElementById(id).click()")
    page.wait_for_function(
        "() => document.querySelector('#caption textarea').value === " + json.dumps(TEXTS[1])
    )
    deadline = time.monotonic() + 60
    while len(read_decisions(data)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sorted(read_decisions(data)) == [("0.png", "approve", "", ""), ("0.png", "skip", "", "")]


@pytest.mark.parametrize(
    "texts", [tuple(f"A red shirt for men, number {n:02}." for n in range(24))], indirect=True
)
def test_reviews_and_undos_survive_a_reload(
    texts: tuple[str, ...], address: str, data: Path, visit: Callable
) -> None:
    page = visit(address)
    for number in range(20):
        wait_for_caption(page, texts[number])
        page.keyboard.press("a")
    wait_for_caption(page, texts[20])
    for number in (19, 18, 17):
        page.keyboard.press("u")
        wait_for_caption(page, texts[number])
    page.reload()
    wait_for_caption(page, texts[17])
    page.keyboard.press("a")
    wait_for_caption(page, texts[18])
    assert "18 of 24 by you" in page.inner_text("#review-progress")
    assert [row[1] for row in read_decisions(data)] == ["approve"] * 20 + ["undo"] * 3 + ["approve"]


def test_buttons_filters_and_a_second_reviewer(address: str, data: Path, visit: Callable) -> None:
    page = visit(address)
    page.click("#which input")
    page.get_by_role("option", name="Doubtful, not yet reviewed", exact=True).click()
    wait_for_caption(page, TEXTS[1])
    page.click("#reject")
    page.wait_for_selector("text=1 rejected")
    wait_for_caption(page, TEXTS[2])  # else bob's first caption is already there
    page.fill("[aria-label='Your name'], label:has-text('Your name') input", "bob")
    page.keyboard.press("Enter")
    wait_for_caption(page, TEXTS[1])  # bob has not seen it
    page.click("#approve")
    page.wait_for_selector("text=agreement with me: kappa")
    assert [row[:2] for row in read_decisions(data)] == [("1.png", "reject"), ("1.png", "approve")]


def test_text_is_readable_in_both_themes(address: str, visit: Callable) -> None:
    for theme in ("light", "dark"):
        page = visit(f"{address}&__theme={theme}", 400, 800)
        rows = page.evaluate(CONTRAST)
        assert len(rows) > 20 and not [row for row in rows if row[0] < 4.5]
        assert not page.evaluate(NAMELESS)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_review_events_run_one_at_a_time() -> None:
    """A click also blurs the name box, whose event shows the picture again."""
    app = build_app(Models(load_tiny, "moda-mini"))
    events = [fn for fn in app.fns.values() if getattr(fn.fn, "__module__", "") == review.__name__]
    assert len(events) >= 7
    assert {(fn.concurrency_id, fn.concurrency_limit) for fn in events} == {("review", 1)}


def test_without_a_data_set_the_tab_says_how_to_open_one(monkeypatch) -> None:
    monkeypatch.delenv(review_desk.VARIABLE, raising=False)
    assert "loupe app --review DIR" in review.refresh("me", "left", "")[3]
    monkeypatch.setenv(review_desk.VARIABLE, "/nowhere")
    assert "nowhere" in review.refresh("me", "left", "")[3]
