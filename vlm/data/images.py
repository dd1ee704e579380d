"""Open pictures, the only place that does: `open_image` returns RGB, or raises a clear sentence.

bytes | path --sniff, strip--> pixel data --Pillow plugin, size check--> RGB, on white, upright
"""

import base64
import io
import struct
import warnings
from pathlib import Path

from PIL import Image, ImageChops

from vlm.data.formats import BadImage, recognise

Picture = bytes | Path | str | Image.Image

MAX_BYTES = 20_000_000  # the app's upload limit; a 24-megapixel photo has about 12 MB
MAX_PIXELS = 40_000_000  # 160 MB in Pillow, at 4 bytes per pixel
MAX_SIDE = 20_000  # enough for a panorama
MAX_ASPECT = 200  # a narrower strip is about one pixel wide when resized to 224
DRAFT_SIZE = (2048, 2048)  # JPEGs are halved while both sides stay above; models use under 1,000
THUMBNAIL, THUMBNAIL_QUALITY = 224, 80  # pixels of the longer side; JPEG quality
_UPRIGHT = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF orientation -> Image.Transpose


def open_image(source: Picture) -> Image.Image:
    """Return a picture as RGB, uint8 [H, W, 3]: decoded, on white, upright, without metadata.

    An animation gives its first frame, a PIL image its current one; the result is always a copy.
    A large JPEG is reduced, see DRAFT_SIZE.

    Raises:
        BadImage: when it is missing, too large, too elongated, damaged or in another format.
    """
    try:
        if isinstance(source, Image.Image):
            _check_size(*source.size)
            source.load()
            return _finish(source, source.info.get("exif"))
        return _decode(source if isinstance(source, bytes) else _read(source))
    except BadImage:
        raise
    except Exception:  # codecs raise anything, AssertionError too
        raise BadImage("This picture is damaged, truncated or built in an unusual way.") from None


def image_bytes(image: bytes | Path | Image.Image) -> bytes:
    """Return the bytes that identify a picture: its file's contents, or its pixels."""
    if isinstance(image, Image.Image):
        return f"{image.mode} {image.size}".encode() + image.tobytes()
    return image if isinstance(image, bytes) else Path(image).read_bytes()


def thumbnail(source: Picture, side: int = THUMBNAIL) -> str:
    """Return a small copy of the picture as a `data:` URL, empty if it does not open."""
    try:
        picture = open_image(source)
    except BadImage:
        return ""
    picture.thumbnail((side, side))
    return data_url(picture, THUMBNAIL_QUALITY)


def data_url(picture: Image.Image, quality: int = 85) -> str:
    """Return the picture as a JPEG in a `data:` URL."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def limit_pillow() -> None:
    """Make Pillow itself refuse over 40 megapixels in this process: gradio decodes pictures too."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow warns above this, and raises above twice this
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)


def _read(path: Path | str) -> bytes:
    """Return the file's bytes, after checking its size."""
    try:
        _check_bytes(Path(path).stat().st_size)  # 0 for pipes and devices, which could be endless
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError, TypeError):
        raise BadImage("There is no picture file to read here; give the path of one.") from None


def _decode(data: bytes) -> Image.Image:
    """Recognise, strip and decode an encoded picture."""
    _check_bytes(len(data))
    form = recognise(data)
    pixels, exif = form.strip(data) if form.strip else (data, b"")
    picture = form.plugin(io.BytesIO(pixels))
    _check_size(*picture.size)
    picture.draft(None, DRAFT_SIZE)
    picture.load()
    return _finish(picture, exif or picture.info.get("exif"))


def _finish(picture: Image.Image, exif: bytes | None) -> Image.Image:
    """Return a new RGB picture as a viewer shows it: on white, upright, 16 bits scaled to 8."""
    if picture.mode in ("F", "La"):
        raise BadImage(f"Got a PIL picture of mode {picture.mode}; convert it to RGB first.")
    rgba = picture.convert("RGBA") if picture.has_transparency_data else None
    if picture.mode.startswith("I"):  # 16-bit grey, which convert would clip to white
        grey = picture if picture.mode == "I;16" else picture.convert("I")
        rgb = Image.merge("RGB", 3 * [grey.point(lambda value: value / 257 + 0.5).convert("L")])
    else:
        rgb = (rgba or picture).convert("RGB")
    if rgba:  # convert would show the colours of transparent pixels
        rgb.paste("white", None, ImageChops.invert(rgba.getchannel("A")))
    turn = _UPRIGHT.get(_orientation(exif))
    rgb = rgb if turn is None else rgb.transpose(Image.Transpose(turn))
    rgb.info = {}  # otherwise a second open_image would rotate it again
    return rgb


def _orientation(exif: bytes | None) -> int:
    """Return the orientation in an EXIF block, 1 if unreadable; Pillow's reader would warn."""
    try:
        block = exif.removeprefix(b"Exif\0\0")
        order = {b"II*\0": "<", b"MM\0*": ">"}[block[:4]]
        (start,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, start)
        fields = struct.iter_unpack(order + "HHIHH", block[start + 2 :][: 12 * count])
        return {tag: value for tag, _, _, value, _ in fields}.get(0x0112, 1)
    except (AttributeError, KeyError, struct.error):
        return 1


def _check_bytes(size: int) -> None:
    if not 0 < size <= MAX_BYTES:
        raise BadImage(f"This file has {size:,} bytes; a picture may have 1 to {MAX_BYTES:,}.")


def _check_size(width: int, height: int) -> None:
    """Raise `BadImage` for a forbidden size, before memory of that size is allocated."""
    short, long = sorted((width, height))
    if short < 1 or long > MAX_SIDE or short * long > MAX_PIXELS or long > MAX_ASPECT * short:
        raise BadImage(
            f"This picture has {width:,} by {height:,} pixels; allowed are {MAX_PIXELS // 10**6} "
            f"megapixels, {MAX_SIDE:,} pixels per side and a side ratio of up to {MAX_ASPECT}."
        )
