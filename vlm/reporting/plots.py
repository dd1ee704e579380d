"""Line charts over millions of tokens (log axis) by matplotlib: PNG for files, SVG for pages.

Lines differ in dash and marker as well as in colour. The SVG has real text in the colour of the
page's text, so one chart serves light and dark pages.
"""

import io
import math
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from vlm.errors import UserError
from vlm.system import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


# A contrast of at least 3 to 1 (WCAG 2.2, criterion 1.4.11) on white and on slate pages.
COLOURS = ("#3b7ded", "#c96f06", "#0d946a", "#db3a80", "#8b63f6", "#7b8494")
DASHES = ("solid", (0, (6, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P")
WIDE, NARROW = (780, 340), (340, 260)  # points of an SVG are a page's pixels
INK, FAINT = (
    "#010203",
    "#040506",
)  # placeholders for the page's colour, which matplotlib cannot name
PRINTED = ("#1f2937", "#d9dde3")
LONGEST = 40  # characters of a name in the legend
ROW = 17  # height of a line of the legend, in points
INCH = 72  # points
DOTS = 144  # per inch, in a PNG
MOST_TICKS = 8
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "loupe", "font.size": 12}
_settings_are_global = threading.Lock()


@dataclass(frozen=True)
class Line:
    """Named (tokens, value) pairs; the legend marks a line without any as not measured."""

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def drawn(self) -> list[tuple[float, float]]:
        """The points in millions of tokens, without 0, which a log axis cannot show."""
        return [(tokens / 1e6, value) for tokens, value in self.points if tokens > 0]


def millions(tokens: float) -> str:
    """Format tokens in millions, with three significant digits: 0.759, 3.69, 1200."""
    value = tokens / 1e6
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def svg(
    lines: Sequence[Line],
    title: str,
    size: tuple[int, int] = WIDE,
    ceiling: float | None = None,
) -> str:
    """Return the chart as an `<svg>` element as wide as its container, named for screen readers.

    Args:
        ceiling: the largest possible value, where the axis ends.
    """
    file = io.StringIO()
    with quiet():
        figure = _figure(lines, title, size, ceiling, (INK, FAINT))
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    title = f"{title}, over millions of tokens seen"
    return for_page(file.getvalue(), title, summary(lines), f"chart{size[0]}")


def png(
    lines: Sequence[Line],
    title: str,
    out: Path,
    size: tuple[int, int] = WIDE,
    ceiling: float | None = None,
) -> None:
    """Write the chart as a PNG, atomically.

    Raises:
        UserError: when `out` cannot be written.
    """
    file = io.BytesIO()
    with quiet():
        _figure(lines, title, size, ceiling, PRINTED).savefig(file, format="png", dpi=DOTS)
    try:
        files.write_bytes(out, file.getvalue())
    except OSError as error:
        raise UserError(
            f"{out} cannot be written ({error.strerror}); choose another path."
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Apply our settings, one thread at a time; characters the font lacks become boxes."""
    import matplotlib

    with _settings_are_global, matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        yield


def _figure(
    lines: Sequence[Line],
    title: str,
    size: tuple[int, int],
    ceiling: float | None,
    ink: tuple[str, str],
) -> "Figure":
    from matplotlib.figure import Figure  # not pyplot, which keeps figures and opens a GUI backend

    columns = 2 if len(lines) > 1 and size[0] >= WIDE[0] else 1
    height = size[1] + ROW * -(-len(lines) // columns)
    figure = Figure(figsize=(size[0] / INCH, height / INCH), layout="constrained")
    axes = figure.subplots()
    for number, line in enumerate(lines):
        _plot(axes, line, number)
    _scale(axes, lines, ceiling)
    style(axes, title, "million tokens seen (log scale)", *ink)
    legend(figure, axes.lines, lines, columns, ink[0])
    return figure


def _plot(axes: "Axes", line: Line, number: int) -> None:
    """Plot one line; a single point becomes a marker."""
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    dash = DASHES[
        (number + number // len(COLOURS)) % len(DASHES)
    ]  # a repeated colour gets another dash
    x, y = zip(*line.drawn, strict=True) if line.drawn else ((), ())
    axes.plot(x, y, color=colour, marker=marker, linestyle=dash, linewidth=2, markersize=6.5)


def _scale(axes: "Axes", lines: Sequence[Line], ceiling: float | None) -> None:
    """Set a log axis with round numbers and margins on all sides."""
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log")
    places = [x for line in lines for x, _ in line.drawn] or [1.0]
    axes.set_xlim(min(places) / 1.25, max(places) * 1.25)
    ticks = _ticks(min(places), max(places))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(y=0.12)
    if ceiling is not None:
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -0.03 * ceiling), min(high, 1.03 * ceiling))


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers around [low, high]; the two ends where there are none."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,)):
        every = [float(f"{step}e{power}") for power in powers for step in steps]
        ticks = [tick for tick in every if low / 1.2 <= tick <= high * 1.2]
        if len(ticks) <= MOST_TICKS:
            break
    ticks = ticks[:: -(-len(ticks) // MOST_TICKS) or 1]
    return ticks if len(ticks) > 1 else sorted({float(f"{low:.3g}"), float(f"{high:.3g}")})


def style(axes: "Axes", title: str, label: str, ink: str, faint: str) -> None:
    """Set title and label of the x axis, the grid behind the lines, no frame."""
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=ink, pad=10)
    axes.set_xlabel(label, color=ink)
    axes.tick_params(colors=ink, length=0)
    axes.grid(True, color=faint, linewidth=1)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def legend(
    figure: "Figure", drawn: Sequence["Line2D"], lines: Sequence[Line], columns: int, ink: str
) -> None:
    """Add the legend below the chart; names are set last, so that `$` and `_` stay literal."""
    names = [str(number) for number in range(len(lines))]
    box = figure.legend(
        drawn,
        names,
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        labelcolor=ink,
        handlelength=3.2,
        fontsize=12,
    )
    for text, line in zip(box.get_texts(), lines, strict=True):
        text.set_parse_math(False)
        suffix = "" if line.points else " (not measured)"
        text.set_text(_shorten(line.name, LONGEST - len(suffix)) + suffix)


def _shorten(name: str, most: int) -> str:
    """Keep both ends of a long name; runs often differ at the end."""
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


def summary(lines: Sequence[Line]) -> str:
    """Describe the chart in words, for screen readers."""
    sentences = []
    for line in lines:
        ends = [
            f"{value:.3g} at {millions(tokens)} million tokens" for tokens, value in line.points
        ]
        where = f"from {ends[0]} to {ends[-1]}" if len(ends) > 1 else "".join(ends)
        sentences.append(f"{line.name}: {where or 'not measured'}.")
    return " ".join(sentences)


def for_page(text: str, title: str, description: str, ident: str) -> str:
    """Make matplotlib's SVG part of a page: no leaking styles, unique ids, the page's font."""
    box = re.search(r'viewBox="([^"]+)"', text)
    body = text[text.index(">", text.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{ident}-", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    body = body.replace(INK, "currentColor").replace(FAINT, "currentColor; stroke-opacity: 0.16")
    return (
        f'<svg class="chart" role="img" aria-labelledby="{ident}-title" '
        f'aria-describedby="{ident}-desc" '
        f'viewBox="{box.group(1) if box else ""}" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" stroke-linejoin="round">'
        f'<title id="{ident}-title">{escape(title)}</title>'
        f'<desc id="{ident}-desc">{escape(description)}</desc>{body}'
    )
