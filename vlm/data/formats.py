"""Formats of pictures: how each is recognised, stripped of metadata and decoded, or named.

Pillow gets no metadata: its parsers for EXIF, comments and APNG print warnings, and some take
minutes. Its plugins are called directly, because `Image.open` warns about a size before it can be
checked. AVIF and HEIC are read where Pillow or pillow-heif can.
"""

import importlib
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

from PIL import features
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from vlm.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp")
ALLOWED = "JPEG, PNG, WebP, GIF and uncompressed BMP"  # EPS, for one, would start Ghostscript
# of pictures that are named where they are left out
OTHER_SUFFIXES = (
    ".heic",
    ".heif",
    ".avif",
    ".tif",
    ".tiff",
    ".svg",
    ".psd",
    ".jxl",
    ".jp2",
    ".ico",
)
OTHER_SUFFIXES += (".dng", ".cr2", ".nef", ".arw")
MAX_SCANS = 64  # progressive JPEGs have about 10; each scan is a pass over the picture
MAX_PARTS = 100_000  # chunks or segments, parsed in Python; 20 MB in chunks of 8 kB are 2,500
_JPEG_MARKER = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")  # not stuffing, fill, TEM or restart
_JPEG_PIXELS = frozenset(range(0xC0, 0xE1)) | {0xEE}  # frame, tables, scans, JFIF, Adobe's colours
_PNG_PIXELS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_HEIC = re.compile(rb"....ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", re.S)
_AVIF = re.compile(rb"....ftypavi[fs]", re.S)
_OTHERS = {"TIFF": rb"II\*\0|MM\0\*", "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ", "PDF": rb"%PDF"}
_OTHERS |= {"SVG": rb"\s*<(?:\?xml|svg)", "Photoshop": rb"8BPS", "JPEG 2000": rb"\0\0\0\x0cjP  "}


class BadImage(UserError):
    """One sentence on why a picture was refused, without paths, addresses or Pillow's messages."""


class Format(NamedTuple):
    """How one format is read.

    Attributes:
        signature: matches the first bytes of a file.
        strip: returns the bytes without metadata, and the EXIF block; None = keep them.
        plugin: Pillow's class that decodes it.
    """

    signature: re.Pattern
    strip: Callable[[bytes], tuple[bytes, bytes]] | None
    plugin: Callable[..., ImageFile]


def recognise(data: bytes) -> Format:
    """Return the format of an encoded picture.

    Raises:
        BadImage: when it is not read here; the sentence names it where it is known.
    """
    known = next((form for form in _FORMATS if form.signature.match(data)), None)
    return known or _modern(data)


def _modern(data: bytes) -> Format:
    """Return AVIF or HEIC, for which there may be no decoder here."""
    if _AVIF.match(data):
        if features.check("avif"):
            return Format(_AVIF, None, importlib.import_module("PIL.AvifImagePlugin").AvifImageFile)
        raise BadImage(
            "This is an AVIF picture, and this Pillow cannot read AVIF; use Pillow 11.3."
        )
    if _HEIC.match(data):
        try:
            return Format(_HEIC, None, importlib.import_module("pillow_heif").HeifImageFile)
        except (ImportError, AttributeError):
            raise BadImage(
                "This is a HEIC picture; run `pip install pillow-heif` to read it, or save it as "
                "JPEG."
            ) from None
    name = next((name for name, mark in _OTHERS.items() if re.match(mark, data)), "")
    what = f"a {name} file" if name else "not a picture of a known format"
    raise BadImage(f"This file is {what}; allowed are {ALLOWED}.")


def is_picture_name(name: str) -> bool:
    """Return True for the name of a picture file that is read; hidden ones are not pictures."""
    return not name.startswith(".") and PurePath(name).suffix.lower() in SUFFIXES


def may_be_picture(name: str) -> bool:
    """Return True for a picture's name in any format; one that is not read is then named."""
    is_other = not name.startswith(".") and PurePath(name).suffix.lower() in OTHER_SUFFIXES
    return is_other or is_picture_name(name)


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


_FORMATS = (
    Format(re.compile(rb"\xff\xd8\xff"), _jpeg, JpegImageFile),
    Format(re.compile(rb"\x89PNG\r\n\x1a\n"), _png, PngImageFile),
    Format(re.compile(rb"RIFF....WEBPVP8[ LX]", re.S), None, WebPImageFile),
    Format(re.compile(rb"GIF8[79]a"), _gif, GifImageFile),
    # not run-length encoded: of those, 9 kB can take Pillow 4 s
    Format(re.compile(rb"BM(?!.{12}[^\x0c].{15}[\x01\x02])", re.S), None, BmpImageFile),
)
