"""Describe all pictures behind given paths: files, folders and parquet tables, in input order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path

from PIL import Image

from vlm.config import GenerateConfig
from vlm.data.folder import columns
from vlm.data.formats import SUFFIXES, may_be_picture
from vlm.data.images import BadImage, open_image
from vlm.data.tables import pictures
from vlm.errors import UserError
from vlm.inference import calibration, generate
from vlm.inference.batch import LONG_DEADLINE
from vlm.inference.encoding import History
from vlm.types import Bundle

COLUMNS = columns.USUAL["image"]


@dataclass(frozen=True)
class Item:
    """One picture to describe.

    Attributes:
        source: the file it comes from.
        index: its row there, 0 for a picture file.
        image: its bytes or path, None when it is missing.
        error: why it cannot be described, else empty.
    """

    source: str
    index: int
    image: bytes | Path | None = None
    error: str = ""


def find_items(paths: Iterable[str]) -> Iterator[Item]:
    """Yield every picture behind the paths: a file, a folder's pictures by name, parquet rows.

    Raises:
        UserError: when a path does not exist, or a folder or table has no pictures.
    """
    for path in map(Path, paths):
        if path.is_dir():
            yield from _folder_items(path)
        elif not path.exists():
            raise UserError(f"{path} does not exist; give a picture, a folder or a parquet file.")
        elif path.suffix == ".parquet":
            yield from _table_items(path)
        else:
            yield Item(_shown(path), 0, path)


def _folder_items(folder: Path) -> Iterator[Item]:
    """Yield the pictures of a folder; those of formats that may not be read give their reason."""
    files = sorted(f for f in folder.iterdir() if may_be_picture(f.name))
    if not files:
        suffixes = ", ".join(SUFFIXES)
        raise UserError(f"{folder} contains no pictures; add files ending in {suffixes}.")
    yield from (Item(_shown(file), 0, file) for file in files)


def _shown(path: Path) -> str:
    """Return a path that can be printed: file names need not be UTF-8."""
    return str(path).encode("utf-8", "replace").decode()


def _table_items(path: Path) -> Iterator[Item]:
    """Yield the pictures of a parquet table, read in chunks."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} is not a readable parquet file; give another one.") from error
    column = next((name for name in COLUMNS if name in table.schema_arrow.names), None)
    if column is None:
        names = ", ".join(table.schema_arrow.names)
        raise UserError(f"{path} has no column of pictures, only {names}; rename one to image.")
    index = 0
    for chunk in table.iter_batches(batch_size=64, columns=[column]):
        for cell in chunk.column(0).to_pylist():
            image, problem = pictures.unpack(cell), pictures.problem(cell)
            if isinstance(image, str) and image:
                image, problem = _beside(path.parent, image)
            yield Item(str(path), index, image or None, problem)
            index += 1


def _beside(folder: Path, name: str) -> tuple[Path | None, str]:
    """Return the file of this name in the folder, or the reason there is none."""
    file = pictures.find_file(folder, name)
    return (file, "") if isinstance(file, Path) else (None, file)


def describe_items(
    bundle: Bundle,
    items: Iterable[Item],
    prompt: str,
    config: GenerateConfig,
    batch_size: int = 16,
    follow_ups: Sequence[str] = (),
) -> Iterator[dict]:
    """Yield one row for each picture, in order: source, index, prompt, and text or error.

    Args:
        follow_ups: further questions, each asked with the questions and answers before it; the
            row lists them under `then` as prompt and text.
    """
    items = iter(items)
    while group := list(islice(items, batch_size)):
        opened = [_open(item) for item in group]
        images = [image for image in opened if isinstance(image, Image.Image)]
        answers = iter(_converse(bundle, images, (prompt, *follow_ups), config) if images else ())
        for item, image in zip(group, opened, strict=True):
            row = {"source": item.source, "index": item.index, "prompt": prompt}
            is_open = isinstance(image, Image.Image)
            yield row | (next(answers) if is_open else {"error": image})


def _converse(
    bundle: Bundle, images: list[Image.Image], prompts: Sequence[str], config: GenerateConfig
) -> Iterator[dict]:
    """Yield for each picture the first answer as `text` and the later ones under `then`.

    For a calibrated question the row has the `probability` that its first answer is right.

    `config.deadline` is the time for one answer; a batch gets that time for each of its answers.
    """
    config = replace(config, deadline=min(config.deadline * len(images), LONG_DEADLINE.deadline))
    histories: list[History] = [()] * len(images)
    calibrators, chances = calibration.find(bundle), []
    for prompt in prompts:
        stats, same_prompt = generate.Stats(), [prompt] * len(images)
        settings = {"histories": histories, "stats": stats}
        texts = generate.answers(bundle, images, same_prompt, config, **settings)
        chances = chances or calibration.probabilities_right(calibrators, prompt, config, stats)
        histories = [
            (*history, (prompt, text)) for history, text in zip(histories, texts, strict=True)
        ]
    for ((_, text), *later), chance in zip_longest(histories, chances):
        row = {"text": text} | ({} if chance is None else {"probability": round(chance, 4)})
        then = [{"prompt": prompt, "text": answer} for prompt, answer in later]
        yield row | ({"then": then} if then else {})


def _open(item: Item) -> Image.Image | str:
    """Return the picture, or the reason it cannot be described."""
    if item.error or item.image is None:
        return item.error
    try:
        return open_image(item.image)
    except BadImage as error:
        return str(error)
