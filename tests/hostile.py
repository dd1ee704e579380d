"""Sixty hostile pictures, made when a test asks for them: bombs, damage, disguises, odd but sound.

    files = make_hostile(tmp_path)   # {"empty.png": Path, ...}
    GOOD                             # the names that must open; every other one is a BadImage

Nothing here is stored in the repository, since some of these files stop a naive reader for minutes.
The huge ones are written as headers and repeated zlib blocks, so making all takes about a second.
"""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
BIT, GREY, COLOUR, INDEXED, CLEAR = (1, 0), (8, 0), (8, 2), (8, 3), (8, 6)  # depth, colour type
GOOD = {
    *("texts.png", "profile.png", "comments.gif", "frames.gif"),  # a bomb that is never lit
    *("grey16.png", "cmyk.jpg", "palette_alpha.png", "clear.png", "grey_alpha.png"),
    *(f"exif_{turn}.jpg" for turn in range(1, 9)),
    *("bad_exif.jpg", "zip_inside.jpg", "html_inside.png", "animated.webp", "animated.png"),
    *("interlaced.png", "pixel.png", "named_wrong.png", "short_palette.png", "os2.bmp"),
}


def make_hostile(folder: Path) -> dict[str, Path]:
    """Write the sixty files into the folder; give their paths by name."""
    contents = _bombs() | _oversized_headers() | _damaged() | _disguised() | _odd() | _containers()
    contents |= {f"exif_{turn}.jpg": jpeg(exif=exif(turn)) for turn in range(1, 9)}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in contents}


def photo(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A small picture with gradients and noise, the same at every call."""
    noise = np.random.default_rng(0).integers(0, 64, (height, width, 3))
    ramp = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1) * 2 % 192
    values = noise + np.concatenate([ramp, ramp[..., :1]], -1)
    return Image.fromarray(values.astype(np.uint8)).convert(mode)


def encode(picture: Image.Image, kind: str, **options) -> bytes:
    """The picture in Pillow's own encoding."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(width: int = 64, height: int = 48, mode: str = "RGB", **options) -> bytes:
    """The small photograph as a JPEG."""
    return encode(photo(width, height, mode), "JPEG", **options)


def exif(orientation: int) -> bytes:
    """An EXIF block that holds an orientation and nothing else."""
    entry = struct.pack(">HHIHHI", 0x0112, 3, 1, orientation, 0, 0)
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    size: tuple[int, int], kind: tuple[int, int], rows: bytes, *extra: bytes, laced: bool = False
) -> bytes:
    """A PNG of a compressed stream of rows, each of which begins with its filter byte."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, *kind, 0, 0, laced))
    end = chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return PNG_SIGNATURE + header + b"".join(extra) + end


def zeros(count: int) -> bytes:
    """A zlib stream of that many zero bytes, put together from copies of one compressed block."""
    block, stream = 1 << 20, zlib.compressobj(9, zlib.DEFLATED, -15)
    repeated = stream.compress(bytes(block)) + stream.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -15)
    rest = last.compress(bytes(count % block)) + last.flush()
    checksum = (count % 65521) << 16 | 1  # Adler-32 of zeros, without making them
    return b"\x78\x01" + repeated * (count // block) + rest + struct.pack(">I", checksum)


def blank_png(width: int, height: int, kind: tuple[int, int] = BIT, samples: int = 1) -> bytes:
    """A sound PNG of zeros of any size, small as a file."""
    row = 1 + (width * kind[0] * samples + 7) // 8
    return png((width, height), kind, zeros(height * row))


def resized_jpeg(data: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size written into its frame header."""
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def scans_jpeg(scans: int, width: int = 64, height: int = 48) -> bytes:
    """A progressive JPEG whose last scan is repeated until there are that many."""
    data = jpeg(progressive=True)
    last, present = data.rfind(b"\xff\xda"), data.count(b"\xff\xda")
    return resized_jpeg(data[:-2] + data[last:-2] * (scans - present) + b"\xff\xd9", width, height)


def solid_webp(width: int, height: int) -> bytes:
    """A sound lossless WebP of one colour: its pixels take no bits, so any size has 38 bytes."""
    data = encode(Image.new("RGB", (16, 16), (200, 10, 10)), "WEBP", lossless=True)
    (bits,) = struct.unpack_from("<I", data, 21)
    bits = bits & ~0xFFFFFFF | (width - 1) | (height - 1) << 14
    return data[:21] + struct.pack("<I", bits) + data[25:]


def riff(kind: bytes, data: bytes) -> bytes:
    """A RIFF part, as WebP is made of."""
    return kind + struct.pack("<I", len(data)) + data


def canvas_webp(width: int, height: int) -> bytes:
    """An animated WebP with one frame of 16 by 16 pixels on a canvas of any size."""
    sides = [(side - 1).to_bytes(3, "little") for side in (width, height, 16, 16)]
    frame = bytes(6) + sides[2] + sides[3] + bytes(4) + solid_webp(16, 16)[12:]
    canvas = riff(b"VP8X", b"\2\0\0\0" + sides[0] + sides[1])
    return riff(b"RIFF", b"WEBP" + canvas + riff(b"ANIM", bytes(6)) + riff(b"ANMF", frame))


def gif(
    screen: tuple[int, int], frame: tuple[int, int], before: bytes = b"", frames: int = 1
) -> bytes:
    """A two-colour GIF: header, what comes before the first frame, frames with 64 pixels each."""
    plain = encode(Image.new("1", (8, 8)), "GIF")
    coded = plain[plain.index(b",\0\0\0\0\x08\0\x08\0") + 10 : -1]
    descriptor = b"," + struct.pack("<4HB", 0, 0, *frame, 0)
    header = b"GIF89a" + struct.pack("<2H3B", *screen, 0x80, 0, 0) + b"\xff\0\0\0\0\xff"
    return header + before + (descriptor + coded) * frames + b";"


def flipped(data: bytes, at: int, mask: int) -> bytes:
    """The data with some bits of one byte turned over."""
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


def _bombs() -> dict[str, bytes]:
    """Small files that ask for much work or memory."""
    text = chunk(b"zTXt", b"note\0\0" + zeros(600_000_000))
    profile = chunk(b"iCCP", b"profile\0\0" + zeros(100_000_000))
    pixel = (1, 1), GREY, zlib.compress(bytes(2))
    header = struct.pack("<IHHI", 0, 0, 0, 54 + 1024)
    info = struct.pack("<IiiHHIIiiII", 40, 20000, 2000, 1, 8, 1, 0, 0, 0, 256, 0)
    return {
        "scans.jpg": scans_jpeg(1000, 4000, 4000),
        "texts.png": png(*pixel, text),
        "profile.png": png(*pixel, profile),
        "chunks.png": png(*pixel, chunk(b"tEXt", b"a\0") * 200_000),
        "comments.gif": gif((8, 8), (8, 8), b"!\xfe" + (b"\xff" + b"a" * 255) * 16_000 + b"\0"),
        "frames.gif": gif((4000, 4000), (8, 8), frames=10_000),
        "run_length.bmp": b"BM" + header + info + bytes(1024) + b"\1\1\0\0" * 2000 + b"\0\1",
    }


def _oversized_headers() -> dict[str, bytes]:
    """Sizes that no picture should have."""
    return {
        "rgba_13376.png": blank_png(13376, 13376, CLEAR, 4),
        "bit_13376.png": blank_png(13376, 13376),
        "rgb_9459.png": blank_png(9459, 9459, COLOUR, 3),
        "bit_50000.png": blank_png(50000, 50000),
        "thread.png": blank_png(1, 1_000_000, GREY),
        "solid_13000.webp": solid_webp(13000, 13000),
        "canvas_65535.webp": canvas_webp(65535, 65535),
        "header_13000.jpg": resized_jpeg(jpeg(), 13000, 13000),
        "frame_65535.gif": gif((8, 8), (65535, 65535)),
    }


def _damaged() -> dict[str, bytes]:
    """Cut short or with a bit turned over."""
    photograph, still = jpeg(256, 192, quality=90), encode(photo(), "PNG")
    webp, animation = encode(photo(), "WEBP"), encode(photo(mode="P"), "GIF")
    return {
        "cut_head.jpg": photograph[:100],
        "cut_half.jpg": photograph[: len(photograph) // 2],
        "cut_head.png": still[:30],
        "cut_half.png": still[: len(still) // 2],
        "cut_half.webp": webp[: len(webp) // 2],
        "cut_half.gif": animation[: len(animation) // 2],
        "flip_pixels.png": flipped(still, len(still) // 2, 4),
        "flip_header.png": flipped(still, 24, 4),
        "flip_frame.jpg": flipped(photograph, photograph.find(b"\xff\xc0") + 4, 1),
    }


def _disguised() -> dict[str, bytes]:
    """Other things, under a picture's name."""
    cards = (
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   = 0",
        "END",
    )
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    still = encode(photo(128, 128), "PNG")
    icon = b"ic07" + struct.pack(">I", len(still) + 8) + still
    return {
        "empty.png": b"",
        "text.png": b"This is not a picture.\n",
        "page.jpg": b"<!doctype html><title>Photo</title><script>alert(1)</script>",
        "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9"/></svg>',
        "paper.png": encode(photo(), "PDF"),
        "random.png": np.random.default_rng(1).bytes(4096),
        "script.png": eps,
        "tiff.png": encode(Image.new("I;16B", (9, 9), 999), "TIFF"),
        "layers.png": b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 9, 9, 8, 3) + bytes(300),
        "icon.png": b"icns" + struct.pack(">I", len(icon) + 8) + icon,
        "stars.png": b"".join(card.ljust(80).encode() for card in cards).ljust(2880),
        "plain.png": b"P6 4 4 255\n" + bytes(48),
    }


def _odd() -> dict[str, bytes]:
    """Sound pictures that a naive reader shows wrongly."""
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (16, 1))
    palette = photo(mode="P")
    few = chunk(b"PLTE", b"\xff\0\0\0\xff\0")
    rows = zlib.compress(b"".join(b"\0" + bytes(range(y, y + 8)) for y in range(8)))
    os2 = b"BM" + struct.pack("<IHHIIHHHH", 26 + 192, 0, 0, 26, 12, 8, 8, 1, 24)
    return {
        "grey16.png": encode(Image.fromarray(ramp), "PNG"),
        "cmyk.jpg": encode(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG"),
        "palette_alpha.png": encode(palette, "PNG", transparency=bytes(range(256))),
        "clear.png": encode(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG"),
        "grey_alpha.png": encode(Image.new("LA", (8, 8), (0, 128)), "PNG"),
        "bad_exif.jpg": jpeg(exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03"),
        "interlaced.png": interlaced_png(np.asarray(photo(21, 13, "L"))),
        "pixel.png": encode(Image.new("RGB", (1, 1), "red"), "PNG"),
        "named_wrong.png": jpeg(),
        "short_palette.png": png((8, 8), INDEXED, rows, few),
        "os2.bmp": os2 + bytes(192),
    }


def _containers() -> dict[str, bytes]:
    """Pictures that are something else as well, or more than one."""
    archive = io.BytesIO()
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("note.txt", "inside a picture")
    html = chunk(b"tEXt", b"Title\0<script>alert(1)</script>")
    many = {"save_all": True, "append_images": frames[1:], "duration": 100}
    return {
        "zip_inside.jpg": jpeg() + archive.getvalue(),
        "html_inside.png": png((1, 1), GREY, zlib.compress(bytes(2)), html) + b"<script></script>",
        "animated.webp": encode(frames[0], "WEBP", lossless=True, **many),
        "animated.png": encode(frames[0], "PNG", **many),
    }


def interlaced_png(grey: np.ndarray) -> bytes:
    """An Adam7 PNG, which Pillow reads but does not write. grey: uint8 [H, W]."""
    starts = ((0, 0), (0, 4), (4, 0), (0, 2), (2, 0), (0, 1), (1, 0))
    steps = ((8, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1))
    passes = [grey[y::down, x::right] for (y, x), (down, right) in zip(starts, steps, strict=True)]
    rows = b"".join(b"\0" + row.tobytes() for part in passes for row in part if row.size)
    return png(grey.shape[::-1], GREY, zlib.compress(rows), laced=True)
