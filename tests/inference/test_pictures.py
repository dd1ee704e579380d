"""The pictures behind paths: what is described, and what is named with a reason."""

import os
from pathlib import Path

import pytest

from tests import tiny
from tests.benchmark_fixtures import cell, png, write
from vlm.data.images import BadImage, open_image
from vlm.errors import UserError
from vlm.inference.pictures import find_items


def test_a_folder_names_formats_that_are_not_read_and_passes_over_hidden_files(tmp_path: Path):
    tiny.picture().save(tmp_path / "a.png")
    tiny.picture().save(tmp_path / "b.jfif", "JPEG")
    (tmp_path / "c.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    (tmp_path / "d.tif").write_bytes(b"II*\0" + bytes(99))
    (tmp_path / "._a.png").write_bytes(b"resource fork")
    (tmp_path / "notes.txt").touch()
    items = list(find_items([str(tmp_path)]))
    assert [Path(item.source).name for item in items] == ["a.png", "b.jfif", "c.heic", "d.tif"]
    reasons = []
    for item in items:
        try:
            open_image(item.image)
        except BadImage as error:
            reasons.append(str(error))
    assert [("HEIC" in reason, "TIFF" in reason) for reason in reasons] == [(1, 0), (0, 1)]


def test_a_name_that_is_not_utf8_can_be_printed(tmp_path: Path):
    try:
        os.rename(_picture(tmp_path / "a.png"), os.fsencode(tmp_path) + b"/caf\xe9.png")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    (item,) = find_items([str(tmp_path)])
    assert item.source.encode().endswith(b"caf?.png") and open_image(item.image)


def _picture(path: Path) -> Path:
    tiny.picture().save(path)
    return path


@pytest.mark.parametrize("column", ["image", "img", "photo", "jpg"])
@pytest.mark.parametrize(
    "value", [cell(), png(), "a.png", [cell()]], ids=["struct", "bytes", "path", "list"]
)
def test_a_table_may_have_every_kind_of_picture(column: str, value: object, tmp_path: Path):
    _picture(tmp_path / "a.png")
    write(tmp_path / "t.parquet", [{column: value, "text": "A."}])
    (item,) = find_items([str(tmp_path / "t.parquet")])
    assert not item.error and open_image(item.image)


def test_a_cell_without_a_picture_has_its_reason(tmp_path: Path):
    write(tmp_path / "t.parquet", [{"image": "b.png"}, {"image": "http://x.org/a.png"}])
    missing, address = find_items([str(tmp_path / "t.parquet")])
    assert missing.error == "the file does not exist: b.png"
    assert address.error.startswith("the picture is an address")


def test_a_table_without_pictures_lists_its_columns(tmp_path: Path):
    write(tmp_path / "t.parquet", [{"text": "A.", "id": 1}])
    with pytest.raises(UserError, match="no column of pictures, only text, id; rename one to im"):
        list(find_items([str(tmp_path / "t.parquet")]))
