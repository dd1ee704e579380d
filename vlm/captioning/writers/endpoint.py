"""The `endpoint:MODEL` writer: any server that speaks the OpenAI chat format."""

from collections.abc import Iterator, Sequence

from PIL import Image

from vlm.captioning import prompts
from vlm.captioning.writers.base import (
    BATCH_SIZE,
    TEACHER,
    Caption,
    Request,
    WriterSettings,
    parse_caption,
)
from vlm.data.images import data_url, open_image
from vlm.remote.cache import Cache
from vlm.remote.endpoint import Answer, Endpoint
from vlm.remote.prompts import Messages

NAME, DEFAULT_MODEL = "endpoint", "gpt-4o-mini"
SIDE, QUALITY = 768, 88  # of an image that is sent: longest side in pixels, JPEG quality


class EndpointWriter:
    """Asks a server, several questions at once; a teacher's questions include the image."""

    batch_size = 4 * BATCH_SIZE  # the endpoint runs several requests in parallel

    def __init__(self, endpoint: Endpoint, prompt: str, send_images: bool):
        self.name, self.revision = f"{NAME}:{endpoint.model}", ""
        self.endpoint, self.prompt, self.send_images = endpoint, prompt, send_images

    def write(self, requests: Sequence[Request]) -> Iterator[Caption]:
        """Yield one caption per request, in order; a question without an answer is a fault."""
        questions = ((self._messages(request), prompts.parse_answer) for request in requests)
        yield from map(_caption, self.endpoint.answers(questions))

    def _messages(self, request: Request) -> Messages:
        text = prompts.fill(self.prompt, request.record.facts, request.text)
        if not self.send_images:
            return [{"role": "user", "content": text}]
        url = encode(open_image(request.record.image))
        image = {"type": "image_url", "image_url": {"url": url}}
        return [{"role": "user", "content": [{"type": "text", "text": text}, image]}]

    def summary(self) -> str:
        """Answers, requests, tokens and cost."""
        return self.endpoint.summary()


def encode(image: Image.Image) -> str:
    """Encode an image as a `data:` URL, after shrinking it (in place) to `SIDE`."""
    image.thumbnail((SIDE, SIDE))
    return data_url(image, QUALITY)


def _caption(answer: Answer) -> Caption:
    if not answer.text:
        fault = answer.fault or "an empty answer"
        return Caption("", requests=answer.requests, fault=fault)
    return parse_caption(answer.text, answer.requests)


def open_writer(
    model_name: str, role: str, prompt: str, settings: WriterSettings
) -> EndpointWriter:
    """Open a server's model with a cache of its own for each role.

    Raises:
        UserError: for an invalid address or a missing key.
    """
    cache = Cache(settings.folder / f"asked-{role}.jsonl") if settings.folder else None
    endpoint = Endpoint(model_name or DEFAULT_MODEL, settings.endpoint, cache, keep_faulty=False)
    return EndpointWriter(endpoint, prompt, send_images=role == TEACHER)
