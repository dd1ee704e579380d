"""The page in a real browser, with a slow fake of the model; once with the shipped model.

CHROMIUM=/usr/bin/chromium python -m pytest tests/test_browser.py
LOUPE_SCREENSHOT=docs/describe.png python -m pytest tests/test_browser.py -k shipped
"""

import dataclasses
import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import tiny
from tests.pages import CHROMIUM
from vlm import generate, presets
from vlm.errors import UserError
from vlm.types import Bundle
from vlm.ui import build_app, examples, settings
from vlm.ui.models import Models
from vlm.ui.serving import serve

playwright = pytest.importorskip("playwright.sync_api")

SHIPPED = (presets.SHIPPED / "config.json").is_file()
WORDS = "A navy blue polo T-shirt with a plain front and short sleeves for men.".split()
TICK = 0.02  # seconds a fake token takes
ENDED: list[int] = []  # tokens of each answer
PACE: list[threading.Semaphore] = []  # a test that lets tokens come one by one puts its own here
READY = ("#describe", "#examples button img")  # what `visit` waits for
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: set CHROMIUM to its path")


def opener(name: str) -> Bundle:
    """Two tiny models by name."""
    if name not in ("moda-mini", "smolvlm-256m"):
        raise UserError(f"No model {name!r} here.")
    return dataclasses.replace(tiny.bundle(), name=name)


def fake_stream(
    bundle, image, prompt, config=None, *, history=(), stop=None, stats=None
) -> Iterator[str]:
    """The words of one sentence over and over, a word a token."""
    started = time.monotonic()
    try:
        for number in range(config.max_new_tokens):
            if not (PACE and PACE[0].acquire(timeout=20)):
                time.sleep(TICK)
            if stop.is_set():
                stats.stopped = "stop"
                return
            stats.tokens, stats.seconds = number + 1, time.monotonic() - started
            stats.first_token = stats.first_token or stats.seconds
            yield WORDS[number % len(WORDS)] + " "
    finally:
        ENDED.append(stats.tokens)


def launch(models: Models) -> tuple[object, str]:
    """Serve the page on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = build_app(models)
    serve(app, server_port=port, prevent_thread_lock=True, quiet=True)
    return app, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """The fake model, two stored answers, and a folder of our own for gradio's files."""
    folder = tmp_path_factory.mktemp("browser")
    stored = [
        {"file": "polo.jpg", "title": "Polo", "prompt": "What is this?", "answer": "A polo."},
        {"file": "car.jpg", "title": "Car", "prompt": "My own words", "answer": "A car."},
    ]
    for row in stored:
        shutil.copy(examples.FOLDER / row["file"], folder)
        row["model"] = "moda-mini"
    (folder / examples.TABLE).write_text(json.dumps(stored))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        patch.setattr(generate, "stream", fake_stream)
        patch.setattr(examples.read, "__defaults__", (folder,))
        yield patch


@pytest.fixture(scope="module")
def address(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """The page with the fake model."""
    app, url = launch(Models(opener, "moda-mini"))
    yield url
    app.close()


def give(page: "playwright.Page", name: str = "polo.jpg") -> None:
    """Upload an example picture."""
    page.set_input_files("#picture input[type=file]", str(examples.FOLDER / name))
    page.wait_for_selector("#picture img[src*='gradio_api']")


def answer(page: "playwright.Page") -> str:
    """The text in the answer box."""
    return page.input_value("#answer textarea")


def ask(page: "playwright.Page", tokens: int) -> None:
    """Set the length of the answer and press Describe."""
    if not page.is_visible("#max-new-tokens"):
        page.click("#settings >> text=Settings")
        page.wait_for_selector("#reset")
    length = "#max-new-tokens input[type=number]"
    for _ in range(50):  # a slider just shown loses what is typed at once
        page.fill(length, str(tokens))
        page.press(length, "Tab")
        page.wait_for_timeout(100)
        if page.input_value(length) == str(tokens):
            break
    page.click("#describe")


WORDS_SHOWN = "document.querySelector('#answer textarea').value.split(' ').filter(Boolean).length"


def test_upload_describe_and_watch_it_grow(
    address: str, visit: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, tokens = visit(address), threading.Semaphore(0)
    monkeypatch.setattr(f"{__name__}.PACE", [tokens])
    give(page)
    ask(page, 60)
    page.wait_for_selector("#stop")
    for count in (1, 11, 21):  # the answer is seen growing
        time.sleep(0.2)  # more than answers.INTERVAL: of ten tokens at once the first is shown
        tokens.release(10)
        page.wait_for_function(f"{WORDS_SHOWN} >= {count}")
        assert count <= len(answer(page).split()) < 31
    tokens.release(30)
    page.wait_for_selector("[data-state=done]")
    assert len(answer(page).split()) == 60
    line = page.inner_text("#status")
    assert re.search(r"moda-mini · on CPU · first token after [\d.]+ s · 60 tokens · [\d.]+", line)
    page.wait_for_selector("#describe")
    assert not page.is_visible("#stop")
    assert page.inner_text(".spoken").strip() == answer(page).strip()


def test_stop_leaves_no_error(address: str, visit: Callable) -> None:
    page = visit(address)
    give(page)
    for _ in range(3):
        ask(page, 1000)
        page.wait_for_selector(r"#status >> text=/answers… \d\d/")  # ten tokens or more
        page.click("#stop")
        page.wait_for_selector("#describe")
        page.wait_for_selector("#status :text('stopped by you')")
        assert 3 < len(answer(page).split()) < 500
        assert not page.is_visible("text=Error")
        assert not page.query_selector("[data-testid=toast-body]")


def test_leaving_the_page_ends_the_answer(address: str, visit: Callable) -> None:
    page = visit(address)
    ENDED.clear()
    give(page)
    ask(page, 1000)
    page.wait_for_selector("#status :text('answers…')")
    page.close()
    other = visit(address)
    give(other)
    ask(other, 3)
    other.wait_for_selector("[data-state=done]")  # the model is free again
    ends = time.monotonic() + 60
    while len(ENDED) < 2 and time.monotonic() < ends:
        time.sleep(0.05)
    assert max(ENDED) < 1000


def test_settings_reset(address: str, visit: Callable) -> None:
    page = visit(address)
    give(page)
    ask(page, 7)
    page.wait_for_selector("[data-state=done]")
    assert "7 tokens" in page.inner_text("#status")
    page.fill("#temperature input[type=number]", "1.5")
    page.click("#reset")
    for field in settings.SHOWN:
        box = f"#{field.name.replace('_', '-')} input[type=number]"
        page.wait_for_function(
            "([box, value]) => Number(document.querySelector(box).value) === value",
            arg=[box, field.default],
        )


def test_a_broken_model_keeps_the_old_one(address: str, visit: Callable) -> None:
    page = visit(address)
    page.fill("#model input", "nobody/nothing")
    page.press("#model input", "Enter")
    page.wait_for_selector("#status [data-state=failed]")
    assert "No model 'nobody/nothing' here. moda-mini goes on answering." in (
        page.inner_text("#status")
    )
    give(page)
    ask(page, 3)
    page.wait_for_selector("[data-state=done]")
    assert page.inner_text("#status").startswith("moda-mini · ")


def test_another_model_answers_under_its_own_name(address: str, visit: Callable) -> None:
    page = visit(address)
    for name in ("smolvlm-256m", "moda-mini"):
        page.click("#model input")
        page.click(f"[role=option]:has-text('{name}')")
        page.wait_for_selector(f"#chip :text('{name}')")
        page.wait_for_selector(f"#status :text('{name} is open')")
    give(page)
    ask(page, 3)
    page.wait_for_selector("#status :text('moda-mini · on CPU')")


def test_examples_show_their_stored_answer(address: str, visit: Callable) -> None:
    page = visit(address)
    page.get_by_role("button", name="Polo", exact=True).click()
    page.wait_for_selector("#status [data-state=stored]")
    assert answer(page) == "A polo."
    assert page.input_value("#prompt textarea") == "What is this?"
    assert page.is_checked("#preset input[value='What is it?']")
    assert page.inner_text("#status").strip() == (
        "Stored answer of moda-mini; press Describe to run it live."
    )
    page.wait_for_selector("#picture img[src*='polo.jpg']")
    page.get_by_role("button", name="Car", exact=True).click()
    page.wait_for_function("document.querySelector('#answer textarea').value === 'A car.'")
    assert page.is_checked("#preset input[value='Custom']")
    ask(page, 3)
    page.wait_for_selector("[data-state=done]")
    assert answer(page).split() == WORDS[:3]


def test_presets_fill_the_prompt(address: str, visit: Callable) -> None:
    page = visit(address)
    page.check("#preset input[value='Which colour?']")
    page.wait_for_function("document.querySelector('#prompt textarea').value.includes('colour')")
    page.fill("#prompt textarea", "How many sleeves?")
    page.wait_for_selector("#preset input[value=Custom]:checked")
    assert page.input_value("#prompt textarea") == "How many sleeves?"


def test_no_picture_and_a_bad_one_are_a_sentence(
    address: str, visit: Callable, tmp_path: Path
) -> None:
    page = visit(address)
    page.click("#describe")
    page.wait_for_selector("#status [data-state=failed]")
    assert "There is no picture yet" in page.inner_text("#status")
    page.wait_for_selector("[data-testid=toast-body] :text('There is no picture yet')")
    page.wait_for_selector("#describe")
    assert not page.is_visible(":text-is('Error')")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, cut short")
    page.set_input_files("#picture input[type=file]", str(tmp_path / "broken.png"))
    page.wait_for_selector("#picture img[src*='gradio_api']", state="attached")
    page.click("#describe")
    page.wait_for_selector("#status :text('This picture is damaged')")
    page.wait_for_selector("#describe")


def test_the_keyboard_is_enough(address: str, visit: Callable) -> None:
    page = visit(address)
    give(page)
    page.focus("#prompt textarea")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-state=done]")
    assert page.evaluate("document.activeElement.closest('#prompt') !== null")
    page.focus("#describe")
    page.keyboard.press("Enter")
    page.wait_for_selector("#stop")
    page.wait_for_function("document.activeElement.id === 'stop'")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'describe'")


def test_the_answer_can_be_copied(address: str, visit: Callable) -> None:
    page = visit(address)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Polo", exact=True).click()
    page.wait_for_selector("#status [data-state=stored]")
    page.click("#copy")
    page.wait_for_selector("#copy:text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == "A polo."


def test_pictures_of_the_data_sets(address: str, visit: Callable, real_data: Path) -> None:
    page = visit(address)
    page.click("#more >> text=More pictures")
    page.wait_for_selector("#more-pictures button img")
    first = page.get_attribute("#more-pictures button img", "src")
    page.click("#shuffle")
    page.wait_for_function(
        "(old) => document.querySelector('#more-pictures button img').src !== old", arg=first
    )
    page.click("#more-pictures button")
    page.wait_for_selector("#picture img[src*='gradio_api']")


CONTRAST = """() => {
  const numbers = (colour) => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => (v /= 255) <= 0.03928 ? v / 12.92
      : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = [];
  const UNREAD = "input:is([type=checkbox], [type=radio], [type=range]), option";  // no text shown
  for (const node of document.querySelectorAll("body *")) {
    const box = node.getBoundingClientRect();
    const own = [...node.childNodes].filter((n) => n.nodeType === 3 && n.data.trim());
    const text = own.map((n) => n.data.trim()).join(" ") || node.value?.trim?.();
    const shown = box.width > 1 && box.height > 1 && node.checkVisibility({checkOpacity: true});
    if (!text || !shown || node.matches(UNREAD)) continue;
    const ground = behind(node), style = getComputedStyle(node);
    const [a, b] = [light(over(numbers(style.color), ground)), light(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, text.slice(0, 40), style.color, ground.join()]);
  }
  return found.sort((x, y) => x[0] - y[0]);
}"""

NAMELESS = """() => [...document.querySelectorAll(
    "button, input, textarea, select, a[href], [role=combobox], [role=slider]")]
  .filter((node) => node.checkVisibility() && node.type !== "file")
  .filter((node) => {
    const labels = [...(node.labels ?? [])].map((label) => label.innerText).join("");
    const by = node.getAttribute("aria-labelledby");
    const other = by ? document.getElementById(by)?.innerText : "";
    return !(node.getAttribute("aria-label") || labels || other || node.innerText
      || node.title || node.querySelector("img[alt]:not([alt=''])"))?.trim();
  }).map((node) => node.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_and_controls_have_names(
    address: str, visit: Callable, theme: str
) -> None:
    page = visit(f"{address}/?__theme={theme}")
    page.get_by_role("button", name="Polo", exact=True).click()
    page.wait_for_selector("#status [data-state=stored]")
    page.click("#settings >> text=Settings")
    page.wait_for_selector("#reset")
    page.click("#more >> text=More pictures")
    page.wait_for_selector("#data-set")
    page.mouse.move(0, 0)
    rows = page.evaluate(CONTRAST)
    assert len(rows) > 30
    assert not [row for row in rows if row[0] < 4.5]
    assert not page.evaluate(NAMELESS)


def test_a_phone_needs_no_sideways_scrolling(address: str, visit: Callable) -> None:
    page = visit(address, 390, 844)
    page.get_by_role("button", name="Polo", exact=True).click()
    page.wait_for_selector("#status [data-state=stored]")
    page.click("#settings >> text=Settings")
    page.wait_for_selector("#reset")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    order = ["#picture", "#describe", "#answer", "#settings", "#examples"]
    tops = [page.locator(part).bounding_box()["y"] for part in order]
    assert tops == sorted(tops)


@pytest.mark.skipif(not SHIPPED, reason="the shipped model's weights are not here")
def test_the_shipped_model_describes_its_example(
    patched: pytest.MonkeyPatch, visit: Callable, real_stream: None
) -> None:
    """No fake: the app as it is shipped; LOUPE_SCREENSHOT=path keeps a picture of the page."""
    app, url = launch(Models())
    try:
        page = visit(url)
        page.wait_for_selector("#chip :text('CPU'), #chip :text('parameters')", timeout=60_000)
        page.locator("#examples button").first.click()
        page.wait_for_selector("#picture img[src*='gradio_api']")
        page.click("#describe")
        page.wait_for_selector("[data-state=done]", timeout=60_000)
        assert len(answer(page).split()) >= 4
        assert page.inner_text("#status").startswith("moda-mini · ")
        if os.environ.get("LOUPE_SCREENSHOT"):
            page.wait_for_function(
                "[...document.images].every((image) => image.complete && image.naturalWidth)"
            )
            page.mouse.move(0, 0)
            page.screenshot(path=os.environ["LOUPE_SCREENSHOT"], full_page=True)
    finally:
        app.close()


REAL_STREAM, REAL_EXAMPLES = generate.stream, examples.read.__defaults__


@pytest.fixture
def real_stream(patched: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the fakes away for one test."""
    with pytest.MonkeyPatch.context() as undo:
        undo.setattr(generate, "stream", REAL_STREAM)
        undo.setattr(examples.read, "__defaults__", REAL_EXAMPLES)
        yield
