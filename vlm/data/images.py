"""Open pictures, the only place that does: `open_image` returns RGB, or raises a clear sentence.

    bytes | path --sniff, strip--> pixel data --Pillow plugin, size check--> RGB, on white, upright

Pillow gets no metadata: its parsers for EXIF, comments and APNG print warnings, and some take
minutes. Its plugins are called directly, because `Image.open` warns about a size before it can be
checked here.
"""

import base64
import io
import re
import struct
import warnings
import zlib
from pathlib import Path

from PIL import Image, ImageChops
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from vlm.errors import UserError

Picture = bytes | Path | str | Image.Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
ALLOWED = "JPEG, PNG, WebP, GIF and uncompressed BMP"  # EPS, for one, would start Ghostscript
MAX_BYTES = 20_000_000  # the app's upload limit; a 24-megapixel photo has about 12 MB
MAX_PIXELS = 40_000_000  # 160 MB in Pillow, at 4 bytes per pixel
MAX_SIDE = 20_000  # enough for a panorama
MAX_ASPECT = 200  # a narrower strip is about one pixel wide when resized to 224
MAX_SCANS = 64  # progressive JPEGs have about 10; each scan is a pass over the picture
MAX_PARTS = 100_000  # chunks or segments, parsed in Python; 20 MB in chunks of 8 kB are 2,500
DRAFT_SIZE = (2048, 2048)  # JPEGs are halved while both sides stay above; models use under 1,000
THUMBNAIL, THUMBNAIL_QUALITY = 224, 80  # pixels of the longer side; JPEG quality
_FAULTS = (OSError, ValueError, SyntaxError, MemoryError, OverflowError, EOFError, struct.error)
_FAULTS += (IndexError, TypeError, KeyError, NotImplementedError, Image.DecompressionBombError)
_JPEG_MARKER = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")  # not stuffing, fill, TEM or restart
_JPEG_PIXELS = frozenset(range(0xC0, 0xE1)) | {0xEE}  # frame, tables, scans, JFIF, Adobe's colours
_PNG_PIXELS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_UPRIGHT = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF orientation -> Image.Transpose


class BadImage(UserError):
    """One sentence on why a picture was refused, without paths, addresses or Pillow's messages."""


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
    except _FAULTS:
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
    for signature, strip, plugin in _FORMATS:
        if signature.match(data):
            pixels, exif = strip(data) if strip else (data, b"")
            picture = plugin(io.BytesIO(pixels))
            _check_size(*picture.size)
            picture.draft(None, DRAFT_SIZE)
            picture.load()
            return _finish(picture, exif or picture.info.get("exif"))
    raise BadImage(f"This file is not a picture of a known format; allowed are {ALLOWED}.")


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


def _jpeg(data: bytes) -> tuple[bytes, bytes]:
    """Return the segments that carry pixels, up to the end marker, and the EXIF block."""
    kept, exif, scans, mark = [data[:2]], b"", 0, _JPEG_MARKER.search(data, 2)
    for _ in range(MAX_PARTS):
        if mark is None or mark[1] == b"\xd9":  # without an end marker, decoding will fail
            return b"".join(kept) + (mark[0] if mark else b""), exif
        start, code = mark.start(), mark[1][0]
        end = start + 2 + int.from_bytes(data[start + 2 : start + 4])
        mark = _JPEG_MARKER.search(data, end)  # after a scan's header: skips its coded pixels
        if code == 0xE1 and data.startswith(b"Exif\0\0", start + 4):
            exif = exif or data[start + 4 : end]
        elif code in _JPEG_PIXELS:
            kept.append(data[start : mark.start() if mark else len(data)])
            scans += code == 0xDA
        if scans > MAX_SCANS:
            raise BadImage(f"This JPEG has more scans than the {MAX_SCANS} that are allowed.")
    raise ValueError("too many segments")


def _png(data: bytes) -> tuple[bytes, bytes]:
    """Return the chunks that carry pixels (of an animation: its still one), and the EXIF block."""
    kept, exif, at = [data[:8]], b"", 8
    for _ in range(MAX_PARTS):
        kind, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4])
        if kind in _PNG_PIXELS:
            kept.append(data[at:end])
            if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
                raise ValueError("checksum")  # Pillow does not check those of the pixels
        elif kind == b"eXIf":
            exif = data[at + 8 : end - 4]
        if kind == b"IEND" or end >= len(data):
            return b"".join(kept), exif
        at = end
    raise ValueError("too many chunks")


def _gif(data: bytes) -> tuple[bytes, bytes]:
    """Return the first frame, on a screen large enough for it, without comments."""
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    palette, control = data[10:at], b""
    while data[at] == 0x21:  # extensions: a label, then sub-blocks up to an empty one
        if data[at + 1] == 0xF9:  # keep transparency, drop what concerns the next frame
            control = b"\x21\xf9\x04" + bytes([data[at + 3] & 1, 0, 0, data[at + 6], 0])
        at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    at = data.index(b"\x2c", at, at + 1)  # ValueError unless the frame follows
    width, height = struct.unpack_from("<2H", data, 6)
    left, top, wide, high = struct.unpack_from("<4H", data, at + 1)
    screen = struct.pack("<2H", max(width, left + wide), max(height, top + high))
    return data[:6] + screen + palette + control + data[at:], b""


_FORMATS = (  # signature, stripper, decoder; run-length BMP: 9 kB can take Pillow 4 s
    (re.compile(rb"\xff\xd8\xff"), _jpeg, JpegImageFile),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png, PngImageFile),
    (re.compile(rb"RIFF....WEBPVP8[ LX]", re.S), None, WebPImageFile),
    (re.compile(rb"GIF8[79]a"), _gif, GifImageFile),
    (re.compile(rb"BM(?!.{12}[^\x0c].{15}[\x01\x02])", re.S), None, BmpImageFile),
)
