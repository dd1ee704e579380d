"""Answer questions about many pictures, a batch at a time."""

from collections.abc import Callable, Iterator, Sequence

from PIL import Image

from vlm.config import GenerateConfig
from vlm.data.images import Picture, open_image
from vlm.inference import generate
from vlm.inference.confidence import Evidence
from vlm.inference.encoding import History
from vlm.types import Bundle

LONG_DEADLINE = GenerateConfig(deadline=3600.0)  # a slow machine must not change what is measured


def batch(
    bundle: Bundle,
    pictures: Sequence[Picture],
    prompts: str | Sequence[str],
    batch_size: int = 16,
    transform: Callable[[Image.Image], Image.Image] | None = None,
    *,
    histories: Sequence[History] | None = None,
    config: GenerateConfig = LONG_DEADLINE,
) -> Iterator[str]:
    """Yield one answer for each picture, in order; greedy unless `config` says otherwise.

    Pictures are opened and answered `batch_size` at a time, so that any number of them fits into
    memory. For example:

        texts = list(batch(load("moda-mini"), ["shirt.jpg", "watch.jpg"], "What is it?"))

    Args:
        pictures: encoded bytes, paths or PIL pictures.
        prompts: one question for all pictures, or one for each.
        transform: applied to each opened picture.
        histories: for each picture, earlier questions about it, each with its answer.
        config: its deadline applies to a whole batch.

    Raises:
        BadImage: when a picture cannot be opened; the answers of earlier batches have been yielded.
        UserError: when a prompt is too long.
    """
    arguments = (bundle, pictures, prompts, batch_size, transform)
    for text, _ in scored_batch(*arguments, histories=histories, config=config):
        yield text


def scored_batch(
    bundle: Bundle,
    pictures: Sequence[Picture],
    prompts: str | Sequence[str],
    batch_size: int = 16,
    transform: Callable[[Image.Image], Image.Image] | None = None,
    *,
    histories: Sequence[History] | None = None,
    config: GenerateConfig = LONG_DEADLINE,
) -> Iterator[tuple[str, Evidence]]:
    """Yield what `batch` does, each answer with the evidence for it; empty with beam search."""
    prompts = [prompts] * len(pictures) if isinstance(prompts, str) else prompts
    for start in range(0, len(pictures), batch_size):
        part = slice(start, start + batch_size)
        images = [open_image(picture) for picture in pictures[part]]
        images = list(map(transform, images)) if transform else images
        earlier = {"histories": histories[part]} if histories else {}
        stats = generate.Stats()
        texts = generate.answers(bundle, images, prompts[part], config, stats=stats, **earlier)
        yield from zip(texts, stats.evidence or [Evidence(())] * len(texts), strict=True)
