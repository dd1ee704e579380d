"""HTML elements of the Results and Review tabs; text that is not Markup is escaped."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from markupsafe import Markup
from PIL import Image, ImageDraw, ImageFont

from vlm.data.images import data_url, open_image
from vlm.errors import UserError
from vlm.reporting.report_data import Figure
from vlm.reporting.values import as_text
from vlm.ui.describe import more_pictures

SIDE = 224  # longer side of a thumbnail, in pixels
GREY, LIGHT = "#64748b", "#f8fafc"


def join(parts: Iterable[Markup]) -> Markup:
    """Concatenate elements."""
    return Markup("").join(parts)


def note(text: str) -> Markup:
    """Return a line of text in the style of the page's status lines."""
    return Markup('<p class="note">{}</p>').format(text)


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """Return a table with a caption; the first cell of each row names the row.

    Markup cells are bars that repeat the numbers beside them; narrow screens hide them.
    """
    header = join(_cell(cell, '<th scope="col">{}</th>') for cell in head)
    body = join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            row[0], join(_cell(cell, "<td>{}</td>") for cell in row[1:])
        )
        for row in rows
    )
    return Markup(
        '<div class="scroll"><table class="sheet"><caption>{}</caption><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(caption, header, body)


def _cell(cell: object, form: str) -> Markup:
    bar_form = '<td class="bar" aria-hidden="true">{}</td>'
    return Markup(bar_form if isinstance(cell, Markup) else form).format(cell)


def details(title: str, content: Markup) -> Markup:
    """Return content that is hidden until its title is clicked."""
    return Markup('<details class="fold"><summary>{}</summary>{}</details>').format(title, content)


def interval(figure: Figure, digits: int | None = None) -> str:
    """Return the interval as text: `8.21 to 8.40`."""
    digits = figure.digits if digits is None else digits
    return f"{figure.low:.{digits}f} to {figure.high:.{digits}f}"


def bar(figure: Figure) -> Markup:
    """Draw a bar up to the mean with the interval on top; the numbers are beside it as text."""
    ends = (figure.mean, figure.low, figure.high)
    positions = [f"{min(max(value / figure.best, 0), 1):.2%}" for value in ends]
    style = "--mean:{};--low:{};--high:{}".format(*positions)
    return Markup('<span class="span" aria-hidden="true" style="{}"></span>').format(style)


def card(picture: str, name: str, lines: Iterable[object]) -> Markup:
    """Return a picture beside lines of text; `picture` is a data: URL, empty if missing."""
    image = Markup('<img src="{}" alt="picture {}">').format(picture, name)
    left = image if picture else Markup('<span class="absent">{}</span>').format(name)
    paragraphs = join(Markup("<p>{}</p>").format(line) for line in lines)
    return Markup('<li class="card">{}<div>{}</div></li>').format(left, paragraphs)


def make_thumbnail(image: Any) -> Image.Image:
    """Open a picture and shrink it to SIDE pixels.

    Raises:
        UserError: when it cannot be opened.
    """
    small = open_image(image).copy()
    small.thumbnail((SIDE, SIDE))
    return small


def make_placeholder(name: str) -> Image.Image:
    """Return a grey tile with the name of a missing picture."""
    tile = Image.new("RGB", (SIDE, SIDE), GREY)
    text = "".join(letter if letter.isascii() else "?" for letter in as_text(name))
    pen, font = ImageDraw.Draw(tile), ImageFont.load_default(26)
    pen.text((SIDE / 2, SIDE / 2), text[:14], LIGHT, font, anchor="mm")
    return tile


def load_local_pictures(data: str, ids: Collection[str]) -> dict[str, str]:
    """Return id -> data: URL for held-out pictures, if the data set is on this machine."""
    sets = more_pictures.PICTURE_SETS.items()
    names = [name for name, row in sets if data.startswith((row.dataset, row.folder))]
    if not names or data.endswith("/train") or not more_pictures.is_local(names[0]):
        return {}
    pictures = {}
    try:
        for record in more_pictures.load_records(names[0]):
            if record.id in ids:
                pictures[record.id] = data_url(make_thumbnail(record.image))
    except UserError:
        pass  # unreadable table: show texts without pictures
    return pictures
