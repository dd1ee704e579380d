"""Describes many pictures: files, folders and parquet tables, in batches, in input order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from PIL import Image

from vlm import generate
from vlm.config import GenerateConfig
from vlm.data.images import SUFFIXES, BadImage, open_image
from vlm.encoding import History
from vlm.errors import UserError
from vlm.types import Bundle

COLUMNS = ("image", "img")
PATIENT = GenerateConfig(deadline=3600.0)  # a slow machine must not change what is measured


@dataclass(frozen=True)
class Item:
    """One picture to describe: its source, its row there, its bytes or path, or what is wrong."""

    source: str
    index: int
    image: bytes | Path | None = None
    error: str = ""


def items(paths: Iterable[str]) -> Iterator[Item]:
    """Every picture behind the paths: a file, the pictures of a folder by name, parquet rows.

    Raises:
        UserError: when a path does not exist, or a folder or table holds no pictures.
    """
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            if not found:
                kinds = ", ".join(SUFFIXES)
                raise UserError(f"{path} holds no pictures; looked for files ending in {kinds}.")
            yield from (Item(str(file), 0, file) for file in found)
        elif not path.exists():
            raise UserError(f"{path} does not exist; give a picture, a folder or a parquet file.")
        elif path.suffix == ".parquet":
            yield from _rows(path)
        else:
            yield Item(str(path), 0, path)


def _rows(path: Path) -> Iterator[Item]:
    """The pictures of a table, read a piece at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} is not a readable parquet file; give another one.") from error
    column = next((name for name in COLUMNS if name in table.schema_arrow.names), None)
    if column is None:
        names = ", ".join(table.schema_arrow.names)
        raise UserError(f"{path} has no column image or img, it has: {names}; rename one.")
    index = 0
    for chunk in table.iter_batches(batch_size=64, columns=[column]):
        for value in chunk.column(0).to_pylist():
            data = value.get("bytes") if isinstance(value, dict) else value
            fine = isinstance(data, bytes) and data
            yield Item(str(path), index, data or None, "" if fine else "the picture is empty")
            index += 1


def describe(
    bundle: Bundle,
    pictures: Iterable[Item],
    prompt: str,
    config: GenerateConfig,
    batch_size: int = 16,
    then: Sequence[str] = (),
) -> Iterator[dict]:
    """One row for each picture, in order: source, index, prompt, and text or error.

    Args:
        then: further questions, each asked with those before and their answers; the row's `then`
            holds them as prompt and text.
    """
    pictures = iter(pictures)
    while group := list(islice(pictures, batch_size)):
        opened = [_open(item) for item in group]
        good = [picture for picture in opened if isinstance(picture, Image.Image)]
        talks = iter(_talks(bundle, good, (prompt, *then), config) if good else ())
        for item, picture in zip(group, opened, strict=True):
            row = {"source": item.source, "index": item.index, "prompt": prompt}
            is_text = isinstance(picture, Image.Image)
            yield row | (next(talks) if is_text else {"error": picture})


def _talks(
    bundle: Bundle, pictures: list[Image.Image], prompts: Sequence[str], config: GenerateConfig
) -> Iterator[dict]:
    """For each picture the answer to the first prompt as `text`, the later ones under `then`.

    `config.deadline` is one answer's; a batch of them is given as much for each.
    """
    config = replace(config, deadline=min(config.deadline * len(pictures), PATIENT.deadline))
    talks: list[History] = [()] * len(pictures)
    for prompt in prompts:
        asked = [prompt] * len(pictures)
        told = generate.batch(bundle, pictures, asked, config, histories=talks)
        talks = [(*talk, (prompt, text)) for talk, text in zip(talks, told, strict=True)]
    for (_, text), *later in talks:
        more = [{"prompt": prompt, "text": answer} for prompt, answer in later]
        yield {"text": text} | ({"then": more} if more else {})


def _open(item: Item) -> Image.Image | str:
    """The picture, or the sentence that says why it cannot be described."""
    if item.error or item.image is None:
        return item.error
    try:
        return open_image(item.image)
    except BadImage as error:
        return str(error)


def texts(
    bundle: Bundle,
    images: Sequence,
    prompts: Sequence[str],
    batch_size: int,
    change: Callable[[Image.Image], Image.Image] = lambda picture: picture,
    *,
    histories: Sequence[History] | None = None,
    config: GenerateConfig = PATIENT,
) -> Iterator[str]:
    """Greedy answers to many (picture, prompt) pairs, in order.

    Args:
        change: alters each picture.
        histories: for each pair, earlier questions about the picture, each with its answer.
    """
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        pictures = [change(open_image(image)) for image in images[part]]
        before = {"histories": histories[part]} if histories else {}
        yield from generate.batch(bundle, pictures, prompts[part], config, **before)
