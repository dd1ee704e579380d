"""The pieces of HTML that the Results tab is made of; what is not Markup is escaped."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup
from PIL import Image, ImageDraw, ImageFont

from vlm.curves import is_number
from vlm.data.images import as_url, open_image
from vlm.errors import UserError
from vlm.ui import more_pictures

SIDE = 224  # pixels of a thumbnail's longer side
GREY, LIGHT = "#64748b", "#f8fafc"
LONGEST = 2000  # letters of anything that a file says


def said(value: object) -> str:
    """What a file says, as text of a bearable length."""
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A table with a caption; the first cell of each row names the row.

    Cells that are Markup draw the numbers beside them, and are left out on a phone.
    """
    top = Markup("").join(_cell(cell, '<th scope="col">{}</th>') for cell in head)
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            row[0], Markup("").join(_cell(cell, "<td>{}</td>") for cell in row[1:])
        )
        for row in rows
    )
    return Markup(
        '<div class="scroll"><table class="sheet"><caption>{}</caption><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(caption, top, body)


def _cell(cell: object, form: str) -> Markup:
    drawn = '<td class="bar" aria-hidden="true">{}</td>'
    return Markup(drawn if isinstance(cell, Markup) else form).format(cell)


def folded(title: str, inside: Markup) -> Markup:
    """Something to unfold."""
    return Markup('<details class="fold"><summary>{}</summary>{}</details>').format(title, inside)


def estimate(value: object) -> Mapping[str, float] | None:
    """A figure as `intervals.Estimate.row` writes it, None for anything else."""
    if not isinstance(value, dict) or not is_number(value.get("mean")):
        return None
    return {key: number for key, number in value.items() if is_number(number)}


def interval(figure: Mapping[str, float], digits: int) -> str:
    """`8.21 to 8.40`, or a dash."""
    if not {"low", "high"} <= figure.keys():
        return "–"
    return f"{figure['low']:.{digits}f} to {figure['high']:.{digits}f}"


def span(figure: Mapping[str, float], best: float) -> Markup:
    """A bar up to the mean, with the interval on it; the numbers stand beside it."""
    mean, low = figure["mean"], figure.get("low", figure["mean"])
    high = figure.get("high", figure["mean"])
    at = [f"{min(max(value / best, 0), 1):.2%}" for value in (mean, low, high)]
    style = "--mean:{};--low:{};--high:{}".format(*at)
    return Markup('<span class="span" aria-hidden="true" style="{}"></span>').format(style)


def thumbnail(image: Any) -> Image.Image:
    """A picture through our own door, made small.

    Raises:
        UserError: when it is no picture that we open.
    """
    opened = open_image(image).copy()
    opened.thumbnail((SIDE, SIDE))
    return opened


def blank(name: str) -> Image.Image:
    """Stands for a picture that is not here: its id on grey."""
    tile = Image.new("RGB", (SIDE, SIDE), GREY)
    text = "".join(letter if letter.isascii() else "?" for letter in said(name))
    pen, font = ImageDraw.Draw(tile), ImageFont.load_default(26)
    pen.text((SIDE / 2, SIDE / 2), text[:14], LIGHT, font, anchor="mm")
    return tile


def local_pictures(data: str, ids: Collection[str]) -> dict[str, str]:
    """Id -> data: URL, for the held-out pictures of a data set that is on this machine."""
    shelves = more_pictures.SHELVES.items()
    found = [name for name, shelf in shelves if data.startswith((shelf.dataset, shelf.folder))]
    if not found or data.endswith("/train") or not more_pictures.is_local(found[0]):
        return {}
    pictures = {}
    try:
        for record in more_pictures.records(found[0]):
            if record.id in ids:
                pictures[record.id] = as_url(thumbnail(record.image))
    except UserError:
        pass  # a table that cannot be read: the texts are shown without pictures
    return pictures


def card(picture: str, name: str, lines: Iterable[object]) -> Markup:
    """A picture beside what is said of it; without the picture its id stands there."""
    image = Markup('<img src="{}" alt="picture {}">').format(picture, name)
    shown = image if picture else Markup('<span class="absent">{}</span>').format(name)
    words = Markup("").join(Markup("<p>{}</p>").format(line) for line in lines)
    return Markup('<li class="card">{}<div>{}</div></li>').format(shown, words)


def note(text: str) -> Markup:
    """A line of text in the style of the page's status lines."""
    return Markup('<p class="note">{}</p>').format(text)
