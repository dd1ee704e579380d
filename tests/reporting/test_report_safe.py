"""The report stands alone, runs nothing, keeps what others wrote as text, and survives garbage."""

import json
import os
import shutil
import tomllib
from pathlib import Path

import pytest

from tests import ROOT, tiny
from tests.evaluation_folder import (
    PICTURES,
    SPEED,
    Page,
    change,
    figure,
    gallery_row,
    html,
    scores,
    write,
)
from vlm.errors import UserError
from vlm.evaluation import results
from vlm.reporting import report, values

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path)


# --- nothing from outside, nothing that runs -----------------------------------------------------

EVIL = (
    "\"'></style></script><x-evil onclick=x><script>x()</script>{{7*7}}{%endif%}\ud800\u202e&amp;"
)


def test_the_page_is_complete_in_itself(folder: Path) -> None:
    page = Page(html(folder))
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert all(
            attributes.get(key, "#")[:11] in ("data:image/",)
            or attributes.get(key, "#").startswith("#")
            for key in ("src", "href")
        )
    policy = [meta["content"] for meta in page.attributes("meta") if "http-equiv" in meta]
    assert policy and policy[0].startswith("default-src 'none'")
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {link["href"][1:] for link in page.attributes("a")} <= ids


def poisoned(value: object) -> object:
    """Every text in it, keys of tables of figures apart, is hostile."""
    if isinstance(value, dict):
        return {key: poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return EVIL if isinstance(value, str) else value


def test_hostile_text_stays_text(folder: Path) -> None:
    harmless = Page(html(folder))
    bad = poisoned({key: value for key, value in scores().items() if key != "gallery"})
    bad |= {"probes": {EVIL: figure(1, 0, 2, says=EVIL)}, "left_out": {EVIL: EVIL}}
    bad |= {"confusions": {EVIL: [[EVIL, EVIL, EVIL]]}, "versions": {EVIL: EVIL}, "command": "x"}
    bad |= {"gallery": {"best": [{"id": EVIL, "text": EVIL, "overall": 1, "why": EVIL}]}}
    bad |= {"exact": {EVIL: figure(1, 0, 2)}, "judge": "rules", "why_unjudged": {EVIL: EVIL}}
    bad |= {"abilities": {EVIL: figure(1, 0, 2, says=EVIL)}}
    (folder / results.SCORES).write_text(json.dumps(bad))
    row = {"id": EVIL, "prompt": EVIL, "text": EVIL, "facts": {EVIL: EVIL}}
    (folder / results.PREDICTIONS).write_text(json.dumps(row))
    (folder / results.SPEED).write_text(json.dumps({"1": SPEED["1"] | {"memory": EVIL}}))
    comparison = [{"metric": EVIL, "verdict": EVIL, "difference": 1, "low": 0, "high": 2}]
    page = Page(html(folder, {EVIL: tiny.picture()}, comparison=comparison, against=EVIL))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in harmless.tags}
    known = {name for _, attributes in harmless.tags for name in attributes}
    assert {name for _, attributes in page.tags for name in attributes} <= known
    parts = ("", "metrics", "comparison", "exact", "probes", "abilities", "gallery", "confusions")
    for part in (*parts, "made"):
        assert "<script>x()</script>{{7*7}}{%endif%}?" in page.of(part).replace("X", "x"), part


def test_a_command_with_odd_quotes_is_shown_as_it_is(folder: Path) -> None:
    change(folder, command='python -m vlm evaluate --prompt "what')
    assert '--prompt "what' in Page(html(folder)).of("made")


# --- what may be missing -------------------------------------------------------------------------


def test_the_least_that_makes_a_report(folder: Path) -> None:
    for name in (results.SPEED, "judgements-rules.jsonl", "judgements-endpoint-gpt.jsonl"):
        (folder / name).unlink()
    least = {"scores": {"overall": figure(5, 4, 6)}}
    (folder / results.SCORES).write_text(json.dumps(least))
    page = Page(html(folder, {}))
    assert set(page.text) == {"", "metrics", "made"} and "5.00 of 10" in page.of("")


EXTRA = ("versions", "command", "why_unjudged")


@pytest.mark.parametrize("garbage", [None, 3, "text", [1], {"a": 1}, [[1]], [{"id": 1}]], ids=repr)
@pytest.mark.parametrize(
    "part", sorted({*scores(), "versions", "command", "why_unjudged"} - {"scores"})
)
def test_a_garbage_part_does_not_affect_the_others(folder: Path, part: str, garbage) -> None:
    change(folder, **{part: garbage})
    (folder / results.SPEED).write_text(json.dumps(garbage))
    assert "3.33" in Page(html(folder)).of("metrics")


def test_invalid_figures_are_skipped() -> None:
    table = {"a": figure(1, 0, 2), "b": figure(float("nan"), 0, 1), "c": 5, "d": {"mean": True}}
    assert [key for key, row in table.items() if values.is_estimate(row)] == ["a"]


@pytest.mark.parametrize("content", [None, "{", "[]", '{"subCategory": 96.13}', '{"scores": {}}'])
def test_missing_scores_are_a_user_error(folder: Path, content: str | None) -> None:
    old = html(folder)
    (folder / results.SCORES).unlink()
    if content is not None:
        (folder / results.SCORES).write_text(content)
    with pytest.raises(UserError, match=r"has no scores.json with metrics"):
        report.write(folder, PICTURES)
    assert (folder / results.REPORT).read_text() == old


def test_missing_predictions_are_a_user_error(folder: Path) -> None:
    (folder / results.PREDICTIONS).unlink()
    with pytest.raises(UserError, match=r"has no predictions.jsonl"):
        report.write(folder, PICTURES)
    assert not (folder / results.REPORT).exists()


def test_every_module_and_file_travels_with_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    package = ROOT / "vlm"
    taken = {file for pattern in settings["package-data"]["vlm"] for file in package.glob(pattern)}
    files = {
        file for file in package.rglob("*") if file.is_file() and "__pycache__" not in str(file)
    }
    lost = {file for file in files - taken if file.suffix != ".py"}
    modules = {file.parent for file in files - taken if file.suffix == ".py"}
    assert report.TEMPLATE in taken and not lost
    assert all((folder / "__init__.py") in files for folder in modules)  # or it is not found


# --- in a browser --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium: set CHROMIUM to its path")
def test_it_reads_well_on_a_phone_and_in_the_dark(folder: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    from tests.ui.test_browser import CONTRAST

    rows = [{"metric": "overall", "difference": 0.5, "low": 0.2, "high": 1.0, "verdict": "better"}]
    long = "x" * 900
    change(
        folder,
        model=long,
        gallery={"worst": [gallery_row("b", 2.5) | {"text": long}]},
        confusions={long: [[long, long, 3]]},
    )
    path = report.write(folder, PICTURES, rows, long)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme, width in (("light", 390), ("dark", 390), ("light", 1280)):
            page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
            said, asked = [], []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("request", lambda request, asked=asked: asked.append(request.url[:5]))
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("document.querySelector('.card img').naturalWidth") > 0
            assert page.evaluate(CONTRAST)[0][0] >= 4.5
            assert not said and set(asked) <= {"file:", "data:"}
        browser.close()
