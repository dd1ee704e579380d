"""Charts: what the SVG of a page and the PNG of a file look like."""

import itertools
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree

import pytest

from tests.run_folders import HOSTILE
from vlm.reporting import plots
from vlm.reporting.plots import Line

SVG = "{http://www.w3.org/2000/svg}"
PAGES = ("#ffffff", "#f8fafc", "#0f172a", "#020617", "#1e293b")  # grounds of the app's two modes
TITLE = "Overall grade"


def lines(count: int) -> list[Line]:
    """Runs that differ."""
    places = [(2e5 * 3**n, 5 + n / 2) for n in range(4)]
    return [Line(f"run {n}", tuple((x, y + n / 5) for x, y in places)) for n in range(count)]


def drawn(text: str) -> ElementTree.Element:
    """The chart as XML; that it can be read is a test by itself."""
    return ElementTree.fromstring(text)


def texts(text: str) -> list[str]:
    """All words of a chart."""
    return ["".join(node.itertext()) for node in drawn(text).iter(f"{SVG}text")]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_an_svg_has_real_text_and_colours_for_light_and_dark() -> None:
    text = plots.svg(lines(8), TITLE)
    assert {TITLE, "million tokens seen (log scale)", "run 0", "run 7", "0.5", "1"} <= {
        *texts(text)
    }
    colours = set(re.findall(r"(?:fill|stroke): ?([^;\"]+)", text)) - {"none", "currentColor"}
    assert colours and colours <= set(plots.COLOURS)
    for colour, page in itertools.product(plots.COLOURS, PAGES):
        low, high = sorted((luminance(colour), luminance(page)))
        assert (high + 0.05) / (low + 0.05) >= 3, (colour, page)
    for node in drawn(text).iter(f"{SVG}text"):
        assert "fill: currentColor" in node.get("style", "")
        assert "font-family" not in node.get("style", "")


def test_an_svg_does_not_affect_the_page_around_it() -> None:
    wide, narrow = (plots.svg(lines(3), TITLE, size) for size in (plots.WIDE, plots.NARROW))
    for leaking in ("<style", "<script", "<metadata", "<?xml", "<!DOCTYPE", "http://matplotlib"):
        assert leaking not in wide
    ids = [re.findall(r'\bid="([^"]+)"', text) for text in (wide, narrow)]
    assert len(set(ids[0])) == len(ids[0]) and not set(ids[0]) & set(ids[1])
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', wide)
    assert used and set(used) <= set(ids[0])


def test_an_svg_has_a_title_and_a_description() -> None:
    chart = drawn(plots.svg([*lines(1), Line("empty", ())], TITLE))
    assert chart.get("role") == "img"
    words = {node.get("id"): node.text for node in chart.iter() if node.get("id")}
    title, told = (words[chart.get(f"aria-{way}")] for way in ("labelledby", "describedby"))
    assert title == f"{TITLE}, over millions of tokens seen"
    assert told == (
        "run 0: from 5 at 0.2 million tokens to 6.5 at 5.4 million tokens. empty: not measured."
    )


def test_runs_differ_in_more_than_colour() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    for number, line in enumerate(lines(12)):
        plots._plot(axes, line, number)
    looks = [(line.get_linestyle(), line._dash_pattern, line.get_marker()) for line in axes.lines]
    assert len({str(look) for look in looks}) == 12
    assert len({str(look[1]) for look in looks[:4]}) == 4
    assert len({look[2] for look in looks[:6]}) == 6


def test_any_name_is_written_as_it_is() -> None:
    for name in (HOSTILE, "_hidden", "$\\nope$", "a $x^2$ b", "50% & more", "漢字 🙂", "x" * 300):
        text = plots.svg([Line(name, ((1e6, 3),)), Line("other", ((1e6, 4),))], TITLE)
        shown = name if len(name) <= plots.LONGEST else "…"
        assert any(shown in said for said in texts(text))
        assert "<img" not in text


def test_one_point_is_drawn_and_no_point_is_reported() -> None:
    text = plots.svg([Line("one", ((7.59e5, 8.0),)), Line("none", ())], TITLE)
    assert "0.759" in texts(text) or "0.7" in texts(text)
    assert "none (not measured)" in texts(text)
    markers = [
        use for use in drawn(text).iter(f"{SVG}use") if plots.COLOURS[0] in use.get("style", "")
    ]
    assert markers
    assert "one: 8 at 0.759 million tokens." in text


def test_before_the_first_token_is_in_the_words_only() -> None:
    text = plots.svg([Line("a", ((0, 1.0), (1e6, 5.0)))], TITLE)
    assert "from 1 at 0 million tokens" in text
    assert plots.svg([Line("a", ((0, 1.0),))], TITLE)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.76, 3.69, [0.7, 1, 1.5, 2, 3]),
        (0.1, 1000, [0.1, 1, 10, 100, 1000]),
        (1e-6, 1e9, None),
        (2.2, 2.6, None),
        (4.1, 4.1, None),
    ],
)
def test_ticks_are_few_round_and_inside(low: float, high: float, wanted: list | None) -> None:
    ticks = plots._ticks(low, high)
    assert wanted is None or ticks == wanted
    assert 1 <= len(ticks) <= plots.MOST_TICKS and ticks == sorted(set(ticks))
    assert all(low / 1.25 <= tick <= high * 1.25 for tick in ticks)


def test_a_chart_is_the_same_again_and_from_many_threads() -> None:
    wanted, made = plots.svg(lines(3), TITLE), []
    threads = [
        threading.Thread(target=lambda: made.append(plots.svg(lines(3), TITLE))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [wanted] * 4


def test_nothing_heavy_is_imported_before_a_chart_is_drawn() -> None:
    code = (
        "import sys, vlm.reporting.curves, vlm.commands.measure.curve\n"
        "early = {'matplotlib', 'transformers'} & sys.modules.keys()\n"
        "from vlm.reporting import plots; plots.svg([plots.Line('a', ((1, 1),))], 'T')\n"
        "print(sorted(early), 'matplotlib.pyplot' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[] False"
