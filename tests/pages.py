"""Pages in a headless Chromium, checked for requests to other hosts and console errors."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
QUIET = ("Method not implemented", "Vega-Lite")  # harmless messages of gradio
AT_ONCE = (
    "* { transition: none !important; animation: none !important }"  # so that colours are final
)
INSIDE = re.compile(r"(http://127\.0\.0\.1:|data:|blob:http://127\.0\.0\.1:)")


@contextmanager
def chromium() -> Iterator[Any]:
    """Open one browser context for many pages, so that the page's files are cached."""
    from playwright import sync_api

    with sync_api.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser.new_context()
        browser.close()


@contextmanager
def watch_pages(browser: Any, ready: tuple[str, ...]) -> Iterator[Callable[..., Any]]:
    """Yield a function that opens a page and waits until it is ready.

    At the end check that there were no errors or requests to other hosts, and that no injected
    script (`window.hacked`) ran.
    """
    pages: list[Any] = []
    problems: list[str] = []

    def visit(url: str, width: int = 1280, height: int = 900) -> Any:
        page = browser.new_page()
        page.set_viewport_size({"width": width, "height": height})
        pages.append(page)
        page.set_default_timeout(20_000)
        page.on("request", lambda request: problems.append(request.url))
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url, wait_until="commit")
        for selector in ready:
            page.wait_for_selector(selector, timeout=60_000)
        page.add_style_tag(content=AT_ONCE)
        return page

    yield visit
    ran = [page.evaluate("window.hacked") for page in pages if not page.is_closed()]
    for page in pages:
        page.close()
    assert [p for p in problems if not INSIDE.match(p) and not p.startswith(QUIET)] == []
    assert not any(ran)
