"""Where the rows of a folder or a file come from, by its layout.

file       a table, or a WebDataset tar
folder     `datasets.save_to_disk`, a table, tars, pictures with texts (a.jpg, a.txt),
           one subfolder for each class, or pictures alone
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from vlm.data import tables
from vlm.data.folder import archives
from vlm.data.formats import may_be_picture
from vlm.data.tables.rows import Row, file_text
from vlm.errors import UserError

PACKED = "data.parquet"  # a table with the encoded pictures
ALONE = "pictures without texts"
TEXTS = (".txt", ".caption")  # beside a picture of the same name


class Source(NamedTuple):
    """Rows, and the folder in which their files are.

    Attributes:
        layout: what was recognised, for the report.
    """

    layout: str
    folder: Path
    rows: Iterator[Row]


def read(path: Path, pictures_alone: bool = False) -> Source:
    """Return the rows of a file or a folder.

    Args:
        pictures_alone: accept a folder of pictures without any text.

    Raises:
        UserError: when it does not exist, or its layout is unknown.
    """
    if path.is_file():
        return _file(path)
    if archives.is_saved(path):
        return Source("datasets.save_to_disk", path, archives.read_saved(path))
    table = find_table(path)
    if table is not None:
        return Source(table.name, path, tables.read(table))
    if tars := sorted(path.glob("*.tar")):
        return Source("WebDataset", path, archives.read_tars(tars))
    layouts: dict[str, Callable[[Path], list[dict]]] = {
        "pictures with texts": _pairs,
        "one subfolder for each class": _classes,
    }
    layouts |= {ALONE: _alone} if pictures_alone else {}
    for layout, cells in layouts.items():
        if rows := cells(path):
            return Source(layout, path, (Row(n, row) for n, row in enumerate(rows)))
    raise UserError(_unknown(path, pictures_alone))


def _unknown(path: Path, pictures_alone: bool) -> str:
    if not path.is_dir():
        return f"{path} does not exist; give a folder of pictures, or a table of them."
    if pictures_alone:
        return f"{path} contains no pictures that are read; add JPEG, PNG, WebP, GIF or BMP files."
    return (
        f"{path} contains neither {', '.join(tables.NAMES[:-1])} nor {tables.NAMES[-1]}; write one "
        "of them, or put a text beside each picture (a.jpg, a.txt), or pictures into one subfolder "
        "for each class."
    )


def _file(path: Path) -> Source:
    if path.suffix.lower() == ".tar":
        return Source("WebDataset", path.parent, archives.read_tars([path]))
    if path.suffix.lower() not in tables.READERS:
        formats = ", ".join(suffix[1:] for suffix in (*tables.READERS, ".tar"))
        raise UserError(
            f"{path} is a file; give a folder of pictures, or a table of one of these formats: "
            f"{formats}."
        )
    return Source(path.name, path.parent, tables.read(path))


def find_table(folder: Path) -> Path | None:
    """Return the table of a folder: metadata.*, data.parquet, or the only other table.

    Raises:
        UserError: when there are several others.
    """
    named = tables.find(folder)
    if named is None and (folder / PACKED).is_file():
        named = folder / PACKED
    if named is not None or not folder.is_dir():
        return named
    others = sorted(
        f for f in folder.iterdir() if f.suffix.lower() in tables.READERS and f.name[0] != "."
    )
    if len(others) > 1:
        names = ", ".join(file.name for file in others[:3])
        raise UserError(f"{folder} contains several tables ({names}); give the path of one.")
    return others[0] if others else None


def _names(folder: Path) -> list[str]:
    """Return the names of the pictures directly in a folder."""
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(file.name for file in files if may_be_picture(file.name))


def _pairs(folder: Path) -> list[dict]:
    """Return pictures and the texts beside them; none if no picture has one."""
    files = {name: [folder / name] for name in _names(folder)}
    texts = {
        name: next((t for s in TEXTS if (t := file.with_suffix(s)).is_file()), None)
        for name, (file,) in files.items()
    }
    if not any(texts.values()):
        return []
    return [
        {"file_name": name, "text": file_text(text).strip() if text else ""}
        for name, text in texts.items()
    ]


def _classes(folder: Path) -> list[dict]:
    """Return the pictures in the subfolders, labelled by their names."""
    places = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    places = [place for place in places if place.name[0] != "."]
    return [
        {"file_name": f"{place.name}/{name}", "label": place.name}
        for place in places
        for name in _names(place)
    ]


def _alone(folder: Path) -> list[dict]:
    return [{"file_name": name} for name in _names(folder)]
