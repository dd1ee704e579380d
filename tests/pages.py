"""Pages in a headless Chromium, watched: no other host is asked, the console stays clean."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
QUIET = ("Method not implemented", "Vega-Lite")  # gradio's own, without consequence
AT_ONCE = "* { transition: none !important; animation: none !important }"  # colours are final
INSIDE = re.compile(r"(http://127\.0\.0\.1:|data:|blob:http://127\.0\.0\.1:)")


@contextmanager
def chromium() -> Iterator[Any]:
    """One browser context for many pages, so that the page's files are cached."""
    from playwright import sync_api

    with sync_api.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu"]
        started = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started.new_context()
        started.close()


@contextmanager
def watched(browser: Any, ready: tuple[str, ...]) -> Iterator[Callable[..., Any]]:
    """A function that opens a page and waits for what makes it ready.

    At the end nothing complained, and no script that a text smuggled in (`window.hacked`) ran.
    """
    pages: list[Any] = []
    complaints: list[str] = []

    def opened(url: str, width: int = 1280, height: int = 900) -> Any:
        page = browser.new_page()
        page.set_viewport_size({"width": width, "height": height})
        pages.append(page)
        page.set_default_timeout(20_000)
        page.on("request", lambda request: complaints.append(request.url))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url, wait_until="commit")
        for selector in ready:
            page.wait_for_selector(selector, timeout=60_000)
        page.add_style_tag(content=AT_ONCE)
        return page

    yield opened
    ran = [page.evaluate("window.hacked") for page in pages if not page.is_closed()]
    for page in pages:
        page.close()
    assert not [
        said for said in complaints if not INSIDE.match(said) and not said.startswith(QUIET)
    ]
    assert not any(ran)
