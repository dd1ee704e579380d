"""The door for pictures: right pixels, limits from both sides, sixty hostile files, mutations."""

import io
import os
import random
import runpy
import struct
import sys
import time
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests import hostile
from tests.hostile import GOOD, encode, jpeg, make_hostile, photo
from vlm.data import formats, images
from vlm.data.images import BadImage, open_image
from vlm.errors import UserError

SECONDS = 1.0  # the promise for each hostile file
GROWTH = 200_000_000  # bytes of memory that the sixty may take at their peak
TRANSPOSE = Image.Transpose
STORED = {  # how a camera stores an upright scene under each orientation
    **{1: None, 2: TRANSPOSE.FLIP_LEFT_RIGHT, 3: TRANSPOSE.ROTATE_180},
    **{4: TRANSPOSE.FLIP_TOP_BOTTOM, 5: TRANSPOSE.TRANSPOSE, 6: TRANSPOSE.ROTATE_90},
    **{7: TRANSPOSE.TRANSVERSE, 8: TRANSPOSE.ROTATE_270},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_hostile(tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def pillow_limit() -> Iterator[None]:
    """Undo what `limit_pillow` does to the process."""
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        yield
    Image.MAX_IMAGE_PIXELS = before


def pixels(source) -> np.ndarray:
    """The opened picture as uint8 [H, W, 3]."""
    picture = open_image(source)
    assert type(picture) is Image.Image and picture.mode == "RGB" and picture.info == {}
    return np.asarray(picture)


def flat(*colours: str, block: int = 8) -> Image.Image:
    """Upright blocks of flat colours in two rows; JPEG keeps them exact."""
    picture = Image.new("RGB", (block * len(colours) // 2, block * 2))
    for i, colour in enumerate(colours):
        row, column = divmod(i, len(colours) // 2)
        box = (block * column, block * row, block * (column + 1), block * (row + 1))
        picture.paste(colour, box)
    return picture


def refusal(source) -> str:
    """The sentence with which the source is refused."""
    with pytest.raises(BadImage) as caught:
        open_image(source)
    check_sentence(str(caught.value))
    return str(caught.value)


def check_sentence(text: str) -> None:
    """One short sentence, without anything of the machine in it."""
    assert text.endswith(".") and ". " not in text and "\n" not in text and len(text) < 200
    assert not any(word in text for word in ("/", "\\", "0x", "Traceback", "PIL.", "<", "object"))


# Right pixels


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_gives_the_same_pixels(kind: str, orientation: int) -> None:
    scene = flat("red", "green", "blue", "white", "black", "yellow")
    turn = STORED[orientation]
    stored = scene if turn is None else scene.transpose(turn)
    exact = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    lossless = exact.get(kind, {})
    data = encode(stored, kind, exif=hostile.exif(orientation), **lossless)
    expected = pixels(encode(scene, kind, **lossless))
    assert np.array_equal(pixels(data), expected)
    assert np.array_equal(ImageOps.exif_transpose(Image.open(io.BytesIO(data))), expected)


def test_orientation_is_read_in_little_endian_and_a_bad_block_is_ignored() -> None:
    little = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 0x0112, 3, 1, 6, 0, 0)
    assert pixels(jpeg(exif=little)).shape == (64, 48, 3)
    for bad in (b"Exif\0\0", b"Exif\0\0XX*\0", little[:20], hostile.exif(0), hostile.exif(9)):
        assert pixels(jpeg(exif=bad)).shape == (48, 64, 3)


def test_a_turned_picture_is_not_turned_twice() -> None:
    once = open_image(jpeg(exif=hostile.exif(6)))
    assert once.size == (48, 64) and np.array_equal(pixels(once), once)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_an_ordinary_picture_is_what_pillow_shows(kind: str) -> None:
    data = encode(photo(), kind)
    assert np.array_equal(pixels(data), Image.open(io.BytesIO(data)).convert("RGB"))


def test_sixteen_bit_grey_is_scaled(files: dict[str, Path]) -> None:
    grey = pixels(files["grey16.png"])
    assert abs(grey.mean() - 127.5) < 0.5
    assert np.array_equal(grey[0, :, 0], np.arange(256)) and np.ptp(grey, axis=2).max() == 0


@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B", "I;16L"])
def test_sixteen_bit_pil_pictures_are_scaled(mode: str) -> None:
    assert np.unique(pixels(Image.new(mode, (3, 3), 128 * 257))).tolist() == [128]


def test_sixteen_bit_grey_keeps_its_transparent_value() -> None:
    values = Image.fromarray(np.array([[0, 5, 65535]], np.uint16))
    assert pixels(encode(values, "PNG", transparency=5))[0, :, 0].tolist() == [0, 255, 255]


def test_transparency_is_pasted_on_white(files: dict[str, Path]) -> None:
    assert (pixels(files["clear.png"]) == 255).all()
    assert np.unique(pixels(files["grey_alpha.png"])).tolist() == [127]
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 51))
    for data in (half, encode(half, "PNG"), encode(half, "WEBP", lossless=True)):
        assert pixels(data)[0, 0].tolist() == [255, 204, 204]


@pytest.mark.parametrize("mode, clear", [("RGB", (0, 0, 0)), ("L", 0), ("P", 0)])
def test_one_transparent_colour_is_pasted_on_white(mode: str, clear) -> None:
    picture = Image.new(mode, (2, 1), clear)
    picture.putpixel((1, 0), (9, 9, 9) if mode == "RGB" else 9)
    shown = pixels(encode(picture, "PNG", transparency=clear))
    assert shown[0, 0].tolist() == [255, 255, 255] and shown[0, 1].max() < 255


def test_a_transparent_palette_is_pasted_on_white(files: dict[str, Path]) -> None:
    rgba = np.asarray(Image.open(files["palette_alpha.png"]).convert("RGBA")).astype(float)
    alpha = rgba[..., 3:] / 255
    expected = rgba[..., :3] * alpha + 255 * (1 - alpha)
    assert 0 < alpha.mean() < 1 and np.abs(pixels(files["palette_alpha.png"]) - expected).max() < 1


def test_cmyk_is_converted(files: dict[str, Path]) -> None:
    assert np.abs(pixels(files["cmyk.jpg"]).astype(int) - [0, 255, 255]).max() <= 2


@pytest.mark.parametrize("mode", "1 L P LA PA CMYK YCbCr HSV RGBA RGBX".split())
def test_every_mode_of_a_pil_picture_opens(mode: str) -> None:
    picture = photo().convert("LA" if mode == "PA" else mode).convert(mode)
    before = picture.tobytes()
    assert pixels(picture).shape == (48, 64, 3)
    assert picture.mode == mode and picture.tobytes() == before


@pytest.mark.parametrize("name", ["animated.webp", "animated.png"])
def test_an_animation_gives_its_first_frame(name: str, files: dict[str, Path]) -> None:
    assert np.array_equal(pixels(files[name]), flat("red", "red", "red", "red"))


def test_a_gif_gives_its_first_frame_on_white() -> None:
    frames = [Image.new("P", (8, 8), index) for index in range(2)]
    for frame in frames:
        frame.putpalette(bytes([255, 0, 0, 0, 0, 255]))
    many = {"save_all": True, "append_images": frames[1:], "disposal": 2, "loop": 0}
    assert pixels(encode(frames[0], "GIF", **many))[0, 0].tolist() == [255, 0, 0]
    assert (pixels(encode(frames[0], "GIF", transparency=0, **many)) == 255).all()


def test_a_gif_frame_may_reach_beyond_its_screen() -> None:
    assert pixels(hostile.gif((4, 4), (8, 8))).shape == (8, 8, 3)


def test_an_interlaced_picture_is_exact(files: dict[str, Path]) -> None:
    assert np.array_equal(pixels(files["interlaced.png"])[..., 0], photo(21, 13, "L"))


def test_what_follows_or_surrounds_the_pixels_changes_nothing(files: dict[str, Path]) -> None:
    for name in ("zip_inside.jpg", "bad_exif.jpg", "named_wrong.png", "exif_1.jpg"):
        assert np.array_equal(pixels(files[name]), pixels(jpeg()))
    thumbnail = b"Exif\0\0" + jpeg()[:5000]  # its scan and its end marker are not the picture's
    assert np.array_equal(pixels(jpeg(exif=thumbnail)), pixels(jpeg()))


def test_a_large_jpeg_comes_reduced() -> None:
    assert open_image(encode(Image.new("L", (4096, 4100)), "JPEG")).size == (2048, 2050)
    turned = encode(Image.new("L", (4200, 4096)), "JPEG", exif=hostile.exif(6))
    assert open_image(turned).size == (2048, 2100)
    assert open_image(encode(Image.new("L", (4095, 4100)), "JPEG")).size == (4095, 4100)


def test_a_pil_picture_is_copied() -> None:
    given = photo()
    opened = open_image(given)
    opened.paste("red", (0, 0, 9, 9))
    assert np.array_equal(given, photo())
    lazy = Image.open(io.BytesIO(jpeg(exif=hostile.exif(6))))
    assert np.array_equal(pixels(lazy), pixels(jpeg(exif=hostile.exif(6))))
    assert lazy.size == (64, 48)


def test_threads_get_the_pixels_of_a_single_one(files: dict[str, Path]) -> None:
    names = [name for name in sorted(GOOD) if name != "frames.gif"] * 4
    alone = [pixels(files[name]) for name in names]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda name: pixels(files[name]), names))
    assert all(map(np.array_equal, alone, together))


# Limits, just inside and just outside


@pytest.mark.parametrize("size", [(8000, 5000), (20_000, 100), (200, 1), (1, 200), (1, 1)])
def test_sizes_just_inside(size: tuple[int, int]) -> None:
    assert open_image(hostile.blank_png(*size)).size == size


@pytest.mark.parametrize("size", [(8000, 5001), (20_001, 101), (201, 1), (1, 201), (401, 2)])
def test_sizes_just_outside(size: tuple[int, int]) -> None:
    sentence = refusal(hostile.blank_png(*size))
    assert f"{size[0]:,} by {size[1]:,} pixels" in sentence and "40 megapixels" in sentence
    assert refusal(Image.new("1", size)) == sentence


def test_a_pil_picture_without_pixels_is_refused() -> None:
    assert "0 by 5 pixels" in refusal(Image.new("RGB", (0, 5)))


def test_bytes_inside_and_outside(tmp_path: Path) -> None:
    padded = jpeg().ljust(images.MAX_BYTES, b"\0")
    path = tmp_path / "padded.jpg"
    path.write_bytes(padded)
    assert open_image(padded).size == open_image(path).size == open_image(str(path)).size
    path.write_bytes(padded + b"\0")
    assert refusal(padded + b"\0") == refusal(path)
    assert "20,000,001 bytes" in refusal(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse.png"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert "1,099,511,627,776 bytes" in refusal(path)


def test_scans_inside_and_outside() -> None:
    assert open_image(hostile.scans_jpeg(formats.MAX_SCANS)).size == (64, 48)
    assert "more scans than the 64" in refusal(hostile.scans_jpeg(formats.MAX_SCANS + 1))


def test_scans_are_counted_where_scans_are() -> None:
    noise = b"\xff\xda" * 30_000
    data = jpeg(comment=noise) + b"\xff\xda\x00\x08" * 1000
    assert np.array_equal(pixels(data), pixels(jpeg()))


def test_chunks_inside_and_outside() -> None:
    text, row = hostile.chunk(b"tEXt", b"a\0"), zlib.compress(bytes(2))
    few, many = (text * (formats.MAX_PARTS - spare) for spare in (3, 2))
    assert open_image(hostile.png((1, 1), hostile.GREY, row, few)).size == (1, 1)
    refusal(hostile.png((1, 1), hostile.GREY, row, many))


# What is no picture at all


@pytest.mark.parametrize("name", ["missing.png", "", "\0.png", "x" * 5000, "a/b/c.png"])
def test_a_missing_file_is_a_user_error(name: str, tmp_path: Path) -> None:
    assert "no picture file" in refusal(str(tmp_path / name))
    assert "no picture file" in refusal(name)


def test_pipes_and_devices_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    refusal(tmp_path / "pipe.png")
    refusal(Path(os.devnull))


@pytest.mark.parametrize("source", [None, 3, 3.5, [], {"bytes": b""}, object()])
def test_another_type_is_refused(source) -> None:
    refusal(source)


@pytest.mark.parametrize("mode", ["F", "La"])
def test_a_mode_without_a_fixed_white_is_refused(mode: str) -> None:
    assert f"mode {mode}" in refusal(Image.new(mode, (4, 4)))


def test_a_damaged_pil_picture_is_refused() -> None:
    refusal(Image.open(io.BytesIO(encode(photo(), "PNG")[:3000])))


def test_a_wrong_checksum_of_the_pixels_is_refused() -> None:
    data = encode(photo(), "PNG")
    at = data.index(b"IEND") - 5
    assert Image.open(io.BytesIO(hostile.flipped(data, at, 1))).convert("RGB").size == (64, 48)
    refusal(hostile.flipped(data, at, 1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"II*\0" + bytes(99), "This file is a TIFF file; allowed are JPEG, PNG, WebP, GIF and"),
        (b"<svg xmlns=''/>", "This file is a SVG file; allowed are"),
        (b"%PDF-1.7", "This file is a PDF file; allowed are"),
        (b"hello", "This file is not a picture of a known format; allowed are"),
    ],
)
def test_other_formats_are_named(data: bytes, message: str) -> None:
    with pytest.raises(BadImage, match=message):
        open_image(data)


HEIC = b"\0\0\0\x18ftypheic" + bytes(99)


def test_avif_is_read_where_pillow_can_and_heic_where_its_package_is(monkeypatch) -> None:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(file, "AVIF")
    assert open_image(file.getvalue()).getpixel((9, 9))[0] > 240
    monkeypatch.setattr(formats.features, "check", lambda name: False)
    with pytest.raises(BadImage, match="this Pillow cannot read AVIF; use Pillow 11.3"):
        open_image(file.getvalue())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # the import fails
    with pytest.raises(BadImage, match="run `pip install pillow-heif` to read it"):
        open_image(HEIC)


@pytest.mark.parametrize("error", [AssertionError, RuntimeError, RecursionError, MemoryError])
def test_whatever_a_codec_raises_is_one_exception(error: type, monkeypatch) -> None:
    def fail(self) -> None:
        raise error("deep inside")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    with pytest.raises(BadImage, match="damaged"):
        open_image(encode(photo(), "PNG"))


def test_names_of_pictures() -> None:
    assert all(map(formats.is_picture_name, ("a.jpg", "A.JPEG", "b.jfif", "c.d.webp")))
    assert not any(map(formats.is_picture_name, ("._a.jpg", ".jpg", "a.heic", "a.txt", "jpg")))
    names = ("a.HEIC", "a.tif", "a.jpg", "._a.heic")
    assert [formats.may_be_picture(name) for name in names] == [True, True, True, False]


def test_bad_image_is_a_user_error() -> None:
    assert issubclass(BadImage, UserError)


# Sixty hostile files


def test_the_key_has_sixty_rows(files: dict[str, Path]) -> None:
    assert len(files) == 60 and set(files) > GOOD and all(path.is_file() for path in files.values())


@pytest.mark.parametrize("limited", [False, True])
def test_hostile_files_open_or_are_refused_in_time(
    files: dict[str, Path], limited: bool, pillow_limit: None
) -> None:
    if limited:
        images.limit_pillow()
    warnings.simplefilter("error")
    opened, slow = set(), {}
    for name, path in files.items():
        start = time.process_time()
        try:
            assert open_image(path).mode == "RGB"
            opened.add(name)
        except BadImage as error:
            check_sentence(str(error))
        slow[name] = time.process_time() - start
    assert opened == GOOD
    assert max(slow.values()) < SECONDS, max(slow, key=slow.get)


def test_hostile_files_take_little_memory(files: dict[str, Path]) -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    except OSError:
        pytest.skip("peak memory is read where Linux keeps it")
    before = peak_memory()
    for path in files.values():
        outcome(path.read_bytes())
    assert peak_memory() - before < GROWTH


def peak_memory() -> int:
    """The most memory this process has held, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


# The process around it


def test_limit_pillow_stops_other_readers(pillow_limit: None) -> None:
    images.limit_pillow()
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(hostile.blank_png(8000, 5001)))
    with warnings.catch_warnings(record=True) as caught:
        Image.open(io.BytesIO(hostile.blank_png(8000, 4999)))
    assert not caught


@pytest.mark.parametrize("name", ["8000 by 4999", "beyond its screen", "malformed animation"])
def test_nothing_warns_under_a_low_limit(name: str, pillow_limit: None) -> None:
    animation = hostile.chunk(b"acTL", bytes(8)) * 2
    data = {
        "8000 by 4999": hostile.blank_png(8000, 4999),
        "beyond its screen": hostile.gif((8, 8), (8000, 4000), b"!\xf9\x04\x09\0\0\0\0"),
        "malformed animation": hostile.png((1, 1), hostile.GREY, zlib.compress(b"\0\0"), animation),
    }[name]
    images.limit_pillow()
    warnings.simplefilter("error")  # drops limit_pillow's own filter
    outcome(data)


def test_import_changes_nothing() -> None:
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    runpy.run_path(images.__file__)
    assert before == (Image.MAX_IMAGE_PIXELS, list(warnings.filters))


# Mutations


def outcome(data: bytes) -> bool:
    """True for a picture, False for a BadImage; anything else escapes and fails the test."""
    try:
        return open_image(data).mode == "RGB"
    except BadImage as error:
        check_sentence(str(error))
        return False


def seeds() -> list[bytes]:
    """Small sound files of every kind that the door lets in."""
    turned, frames = hostile.exif(6), [photo(24, 16), photo(24, 16).transpose(TRANSPOSE.ROTATE_180)]
    many = {"save_all": True, "append_images": frames[1:]}
    grey16 = Image.fromarray(np.asarray(photo(24, 16, "L")).astype(np.uint16) * 257)
    jpegs = [{}, {"progressive": True}, {"mode": "CMYK"}, {"mode": "L", "exif": turned}]
    webps = [{}, {"lossless": True}, {"exif": turned}, many]
    pngs = [photo(24, 16, mode) for mode in ("RGB", "L", "LA", "RGBA", "1")] + [grey16]
    bmps = [photo(24, 16, mode) for mode in ("RGB", "P", "L", "1", "RGBA")]
    return [
        *(jpeg(24, 16, **options) for options in jpegs),
        *(encode(photo(24, 16), "WEBP", **options) for options in webps),
        *(encode(picture, "PNG") for picture in pngs),
        *(encode(picture, "BMP") for picture in bmps),
        encode(photo(24, 16, "P"), "PNG", transparency=bytes(range(256)), exif=turned),
        encode(frames[0], "PNG", **many),
        hostile.interlaced_png(np.asarray(photo(21, 13, "L"))),
        encode(photo(24, 16, "P"), "GIF", transparency=3, comment=b"note"),
        encode(frames[0], "GIF", **many),
        hostile.gif((8, 8), (8, 8), frames=3),
    ]


def mutated(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """The data with up to eight edits: bytes set, parts dropped, doubled, blanked or swapped in."""
    edited = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        at = dice.randrange(len(edited) + 1)
        end = min(len(edited), at + dice.choice((1, 1, 2, 4, 16, 200)))
        new = dice.choice(
            (
                dice.randbytes(end - at),
                dice.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * (end - at),
                bytes(edited[at:end]) * 2,
                other[at:end],
                b"",
            )
        )
        edited[at:end] = new
    if dice.random() < 0.1:
        del edited[dice.randrange(len(edited) + 1) :]
    return mended(bytes(edited)) if dice.random() < 0.7 else bytes(edited)


def mended(data: bytes) -> bytes:
    """A PNG's checksums made right again, so that damage gets past them; else the data itself."""
    if not data.startswith(hostile.PNG_SIGNATURE):
        return data
    at, parts = 8, [data[:8]]
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        parts.append(hostile.chunk(data[at + 4 : at + 8], data[at + 8 : end]))
        at = end + 4
    return b"".join(parts)


def fuzz(count: int, seed: int) -> int:
    """Open that many mutations; the number that were still pictures."""
    dice, sound = random.Random(seed), seeds()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(map(outcome, sound))
        return sum(outcome(mutated(*dice.sample(sound, 2), dice)) for _ in range(count))


def test_mutations_open_or_are_refused() -> None:
    assert 150 < fuzz(1500, seed=0) < 1350


@pytest.mark.slow
def test_many_mutations_open_or_are_refused() -> None:
    assert 3000 < fuzz(30_000, seed=1) < 27_000
