"""The Describe tab in a real browser, with a slow fake model and once with the shipped model.

CHROMIUM=/usr/bin/chromium python -m pytest tests/ui/test_browser.py
LOUPE_SCREENSHOT=docs/describe.png python -m pytest tests/ui/test_browser.py -k shipped
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
from vlm.errors import UserError
from vlm.inference import generate
from vlm.loading import presets
from vlm.types import Bundle
from vlm.ui import build_app
from vlm.ui.describe import examples, settings
from vlm.ui.model_holder import Models
from vlm.ui.serving import serve

playwright = pytest.importorskip("playwright.sync_api")

SHIPPED = (presets.SHIPPED / "config.json").is_file()
PLACED = "There is a lion at <box>100,100,900,900</box>.".split()  # the answer to "Where ...?"
WORDS = "A navy blue polo T-shirt with a plain front and short sleeves for men.".split()
TICK = 0.02  # seconds per fake token
ENDED: list[int] = []  # number of tokens of each finished answer
PACE: list[
    threading.Semaphore
] = []  # a test that controls when tokens arrive puts its semaphore here
READY = ("#describe", "#examples button img")  # selectors that `visit` waits for
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: set CHROMIUM to its path")


def load_tiny(name: str) -> Bundle:
    """Load one of two tiny models."""
    if name not in ("moda-mini", "smolvlm-256m", "everyday"):
        raise UserError(f"No model {name!r} here.")
    return dataclasses.replace(tiny.bundle(), name=name)


def fake_stream(
    bundle, image, prompt, config=None, *, history=(), stop=None, stats=None
) -> Iterator[str]:
    """Yield the words of one sentence in a loop, one word per token."""
    started, words = time.monotonic(), PLACED if prompt.startswith("Where") else WORDS
    try:
        for number in range(config.max_new_tokens):
            if not (PACE and PACE[0].acquire(timeout=20)):
                time.sleep(TICK)
            if stop.is_set():
                stats.stopped = "stop"
                return
            stats.tokens, stats.seconds = number + 1, time.monotonic() - started
            stats.first_token = stats.first_token or stats.seconds
            yield words[number % len(words)] + " "
    finally:
        ENDED.append(stats.tokens)


def launch(models: Models) -> tuple[object, str]:
    """Serve the page on a free local port; return the app and its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = build_app(models)
    serve(app, server_port=port, prevent_thread_lock=True, quiet=True)
    return app, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """Install the fake model, two stored answers and a temporary folder for gradio's files."""
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
    """Serve the page with the fake model; return its URL."""
    app, url = launch(Models(load_tiny, "moda-mini"))
    yield url
    app.close()


def upload(page: "playwright.Page", name: str = "polo.jpg") -> None:
    """Upload an example picture."""
    page.set_input_files("#picture input[type=file]", str(examples.FOLDER / name))
    page.wait_for_selector("#picture img[src*='gradio_api']")


def get_answer(page: "playwright.Page") -> str:
    """Return the text in the answer box."""
    return page.input_value("#answer textarea")


def ask(page: "playwright.Page", tokens: int) -> None:
    """Set the length of the answer and press Describe."""
    if not page.is_visible("#max-new-tokens"):
        page.click("#settings >> text=Settings")
        page.wait_for_selector("#reset")
    length = "#max-new-tokens input[type=number]"
    for _ in range(50):  # a slider that has just appeared may lose its input
        page.fill(length, str(tokens))
        page.press(length, "Tab")
        page.wait_for_timeout(100)
        if page.input_value(length) == str(tokens):
            break
    page.click("#describe")


WORD_COUNT = "document.querySelector('#answer textarea').value.split(' ').filter(Boolean).length"


def test_an_uploaded_picture_gets_a_streamed_answer(
    address: str, visit: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, tokens = visit(address), threading.Semaphore(0)
    monkeypatch.setattr(f"{__name__}.PACE", [tokens])
    upload(page)
    ask(page, 60)
    page.wait_for_selector("#stop")
    for count in (1, 11, 21):  # the answer grows
        time.sleep(
            0.2
        )  # more than answers.INTERVAL, so that the page shows the first of ten tokens
        tokens.release(10)
        page.wait_for_function(f"{WORD_COUNT} >= {count}")
        assert count <= len(get_answer(page).split()) < 31
    tokens.release(30)
    page.wait_for_selector("[data-state=done]")
    assert len(get_answer(page).split()) == 60
    line = page.inner_text("#status")
    assert re.search(r"moda-mini · on CPU · first token after [\d.]+ s · 60 tokens · [\d.]+", line)
    page.wait_for_selector("#describe")
    assert not page.is_visible("#stop")
    assert page.inner_text(".spoken").strip() == get_answer(page).strip()


def test_stop_shows_no_error(address: str, visit: Callable) -> None:
    page = visit(address)
    upload(page)
    for _ in range(3):
        ask(page, 1000)
        page.wait_for_selector(r"#status >> text=/answers… \d\d/")  # ten tokens or more
        page.click("#stop")
        page.wait_for_selector("#describe")
        page.wait_for_selector("#status :text('stopped by you')")
        assert 3 < len(get_answer(page).split()) < 500
        assert not page.is_visible("text=Error")
        assert not page.query_selector("[data-testid=toast-body]")


def test_closing_the_page_stops_the_answer(address: str, visit: Callable) -> None:
    page = visit(address)
    ENDED.clear()
    upload(page)
    ask(page, 1000)
    page.wait_for_selector("#status :text('answers…')")
    page.close()
    other = visit(address)
    upload(other)
    ask(other, 3)
    other.wait_for_selector("[data-state=done]")  # the model is free again
    deadline = time.monotonic() + 60
    while len(ENDED) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert max(ENDED) < 1000


def test_settings_can_be_reset(address: str, visit: Callable) -> None:
    page = visit(address)
    upload(page)
    ask(page, 7)
    page.wait_for_selector("[data-state=done]")
    assert "7 tokens" in page.inner_text("#status")
    page.fill("#temperature input[type=number]", "1.5")
    page.click("#reset")
    for field in settings.FIELDS:
        box = f"#{field.name.replace('_', '-')} input[type=number]"
        page.wait_for_function(
            "([box, value]) => Number(document.querySelector(box).value) === value",
            arg=[box, field.default],
        )


def test_a_failed_switch_keeps_the_old_model(address: str, visit: Callable) -> None:
    page = visit(address)
    page.fill("#model input", "nobody/nothing")
    page.press("#model input", "Enter")
    page.wait_for_selector("#status [data-state=failed]")
    assert "No model 'nobody/nothing' here. moda-mini is still in use." in (
        page.inner_text("#status")
    )
    upload(page)
    ask(page, 3)
    page.wait_for_selector("[data-state=done]")
    assert page.inner_text("#status").startswith("moda-mini · ")


def test_the_status_names_the_chosen_model(address: str, visit: Callable) -> None:
    page = visit(address)
    for name in ("smolvlm-256m", "moda-mini"):
        page.click("#model input")
        page.click(f"[role=option]:has-text('{name}')")
        page.wait_for_selector(f"#chip :text('{name}')")
        page.wait_for_selector(f"#status :text('{name} is loaded')")
    upload(page)
    ask(page, 3)
    page.wait_for_selector("#status :text('moda-mini · on CPU')")


def test_examples_show_stored_answers(address: str, visit: Callable) -> None:
    page = visit(address)
    page.get_by_role("button", name="Polo", exact=True).click()
    page.wait_for_selector("#status [data-state=stored]")
    assert get_answer(page) == "A polo."
    assert page.input_value("#prompt textarea") == "What is this?"
    assert page.is_checked("#preset input[value='What is it?']")
    assert page.inner_text("#status").strip() == (
        "Stored answer of moda-mini; press Describe to ask the chosen model."
    )
    page.wait_for_selector("#picture img[src*='polo.jpg']")
    page.get_by_role("button", name="Car", exact=True).click()
    page.wait_for_function("document.querySelector('#answer textarea').value === 'A car.'")
    assert page.is_checked("#preset input[value='Custom']")
    ask(page, 3)
    page.wait_for_selector("[data-state=done]")
    assert get_answer(page).split() == WORDS[:3]


def test_presets_fill_the_prompt(address: str, visit: Callable) -> None:
    page = visit(address)
    page.check("#preset input[value='Which colour?']")
    page.wait_for_function("document.querySelector('#prompt textarea').value.includes('colour')")
    page.fill("#prompt textarea", "How many sleeves?")
    page.wait_for_selector("#preset input[value=Custom]:checked")
    assert page.input_value("#prompt textarea") == "How many sleeves?"


def test_prompts_and_photographs_follow_the_model(address: str, visit: Callable) -> None:
    page = visit(address)
    assert not page.is_visible("#photographs")
    page.fill("#model input", "everyday")
    page.press("#model input", "Enter")
    page.wait_for_selector("#preset input[value='Caption']:checked")
    page.wait_for_selector("#photographs button img")
    assert page.is_visible("#examples button img")
    prompt = "document.querySelector('#prompt textarea').value"
    assert page.evaluate(prompt) == "Caption this picture."
    page.check("#preset input[value='Count']")
    page.wait_for_function(f"{prompt}.startsWith('How many')")
    page.get_by_role("button", name="Lion", exact=True).click()
    page.wait_for_selector("#picture img[src*='lion']")
    ask(page, 3)
    page.wait_for_selector("#status :text('everyday · on CPU')")
    page.fill("#model input", "moda-mini")
    page.press("#model input", "Enter")
    page.wait_for_selector("#preset input[value='Detailed']:checked")
    page.wait_for_selector("#photographs", state="hidden")


MARKED = "#marked img"  # the picture, then one layer for each place
INSIDE = f"""() => {{
  const layer = document.querySelectorAll("{MARKED}")[1], pen = document.createElement("canvas");
  [pen.width, pen.height] = [layer.naturalWidth, layer.naturalHeight];
  const at = pen.getContext("2d");
  at.drawImage(layer, 0, 0);
  const alpha = (x, y) => at.getImageData(x * pen.width, y * pen.height, 1, 1).data[3];
  return [alpha(0.05, 0.5), alpha(0.5, 0.5), alpha(0.101, 0.5)];
}}"""


def test_a_place_in_the_answer_is_drawn_on_the_picture(address: str, visit: Callable) -> None:
    page = visit(address)
    upload(page)
    page.fill("#prompt textarea", "Where is the lion?")
    ask(page, len(PLACED))
    page.wait_for_selector("[data-state=done]")
    page.wait_for_function(f"document.querySelectorAll('{MARKED}').length === 2")
    page.wait_for_function(f"[...document.querySelectorAll('{MARKED}')].every((i) => i.complete)")
    assert get_answer(page).strip() == "There is a lion at the marked place."
    assert "a lion" in page.inner_text("#marked") and "There is" not in page.inner_text("#marked")
    outside, inside, edge = page.evaluate(INSIDE)
    assert outside == 0 and 0 < inside < 128 and edge == 255  # what is marked stays visible
    page.get_by_role("button", name="Car", exact=True).click()
    page.wait_for_selector("#marked", state="hidden")  # another picture


def test_missing_and_damaged_pictures_are_user_errors(
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


def test_the_page_works_with_the_keyboard(address: str, visit: Callable) -> None:
    page = visit(address)
    upload(page)
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


def test_data_set_pictures_can_be_chosen(address: str, visit: Callable, real_data: Path) -> None:
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
  const rows = [];
  const NO_TEXT = "input:is([type=checkbox], [type=radio], [type=range]), option";
  for (const node of document.querySelectorAll("body *")) {
    const box = node.getBoundingClientRect();
    const own = [...node.childNodes].filter((n) => n.nodeType === 3 && n.data.trim());
    const text = own.map((n) => n.data.trim()).join(" ") || node.value?.trim?.();
    const shown = box.width > 1 && box.height > 1 && node.checkVisibility({checkOpacity: true});
    if (!text || !shown || node.matches(NO_TEXT)) continue;
    const ground = behind(node), style = getComputedStyle(node);
    const [a, b] = [light(over(numbers(style.color), ground)), light(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    rows.push([ratio, text.slice(0, 40), style.color, ground.join()]);
  }
  return rows.sort((x, y) => x[0] - y[0]);
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


def test_the_page_fits_a_phone(address: str, visit: Callable) -> None:
    page = visit(address, 390, 844)
    page.get_by_role("button", name="Polo", exact=True).click()
    page.wait_for_selector("#status [data-state=stored]")
    page.click("#settings >> text=Settings")
    page.wait_for_selector("#reset")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    order = ["#picture", "#describe", "#answer", "#settings", "#examples"]
    tops = [page.locator(part).bounding_box()["y"] for part in order]
    assert tops == sorted(tops)


@pytest.mark.skipif(not SHIPPED, reason="the shipped model's weights are missing")
def test_the_shipped_model_describes_its_example(
    patched: pytest.MonkeyPatch, visit: Callable, real_stream: None
) -> None:
    """Run the real app without fakes; LOUPE_SCREENSHOT=path saves a screenshot."""
    app, url = launch(Models(first="moda-mini"))
    try:
        page = visit(url)
        page.wait_for_selector("#chip :text('CPU'), #chip :text('parameters')", timeout=60_000)
        page.locator("#examples button").first.click()
        page.wait_for_selector("#picture img[src*='gradio_api']")
        page.click("#describe")
        page.wait_for_selector("[data-state=done]", timeout=60_000)
        assert len(get_answer(page).split()) >= 4
        assert page.inner_text("#status").startswith("moda-mini · ")
        if os.environ.get("LOUPE_SCREENSHOT"):
            page.wait_for_function(
                "[...document.images].every((image) => image.complete && image.naturalWidth)"
            )
            page.mouse.move(0, 0)
            page.screenshot(path=os.environ["LOUPE_SCREENSHOT"], full_page=True)
        page.close()  # otherwise its next request finds no server, which is an error of the page
    finally:
        app.close()


REAL_STREAM, REAL_EXAMPLES = generate.stream, examples.read.__defaults__


@pytest.fixture
def real_stream(patched: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove the fakes for one test."""
    with pytest.MonkeyPatch.context() as undo:
        undo.setattr(generate, "stream", REAL_STREAM)
        undo.setattr(examples.read, "__defaults__", REAL_EXAMPLES)
        yield
