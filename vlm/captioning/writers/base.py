"""The interface of a writer, which describes images as teacher or corrects texts as refiner."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from vlm.captioning import prompts
from vlm.remote.endpoint import EndpointConfig
from vlm.types import Record

TEACHER, REFINER = "teacher", "refiner"  # roles
PROMPTS = {TEACHER: "describe", REFINER: "refine"}  # role -> name of its prompt
BATCH_SIZE = 16  # images


class Request(NamedTuple):
    """An image to describe; for a refiner, `text` is the description to correct."""

    record: Record
    text: str = ""


class Caption(NamedTuple):
    """A writer's result.

    Attributes:
        text: the description, empty when there is none.
        fields: the other fields of a JSON answer.
        requests: how many requests it took.
        fault: why there is no description.
    """

    text: str
    fields: dict[str, str] = {}  # noqa: RUF012  never modified
    requests: int = 1
    fault: str = ""


class Writer(Protocol):
    """Writes descriptions.

    Attributes:
        name, revision: identify the writer in the history.
        prompt: its question, empty when it has none.
        batch_size: how many images it takes at once.
    """

    name: str
    revision: str
    prompt: str
    batch_size: int

    def write(self, requests: Sequence[Request]) -> Iterator[Caption]:
        """Yield one caption per request, in order."""
        ...

    def summary(self) -> str:
        """Requests and cost in one line, empty for a free writer."""
        ...


@dataclass(frozen=True)
class WriterSettings:
    """Settings for all writers; each reads those it needs.

    Attributes:
        folder: where a server's answers are cached as they arrive.
        device: where a local model runs.
        prompts: role -> a file that replaces our prompt.
    """

    folder: Path | None = None
    device: str = "auto"
    prompts: dict[str, str] = field(default_factory=dict)
    endpoint: EndpointConfig = field(default_factory=EndpointConfig)


def parse_caption(answer: str, requests: int) -> Caption:
    """Turn a JSON answer into a caption, or into one with the fault that makes it unusable."""
    try:
        fields = prompts.parse_answer(answer)
    except ValueError as error:
        return Caption("", requests=requests, fault=str(error))
    return Caption(fields.pop("description"), fields, requests)
