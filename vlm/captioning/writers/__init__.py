"""Writers of descriptions by name: `labels`, a server, or a model that runs locally."""

from vlm.captioning import prompts
from vlm.captioning.writers import endpoint, labels
from vlm.captioning.writers.base import (
    PROMPTS,
    REFINER,
    TEACHER,
    Caption,
    Request,
    Writer,
    WriterSettings,
)

__all__ = [
    "REFINER",
    "TEACHER",
    "Caption",
    "Request",
    "Writer",
    "WriterSettings",
    "open_writer",
]


def open_writer(spec: str, role: str, settings: WriterSettings) -> Writer:
    """Open `labels`, `endpoint:MODEL`, or a local model: a preset, a folder or a Hub id.

    Raises:
        UserError: when the model, the prompt or the server's settings cannot be used.
    """
    if spec == labels.NAME:
        return labels.LabelWriter()
    prompt = prompts.read(PROMPTS[role], settings.prompts.get(role, ""))
    kind, _, model_name = spec.partition(":")
    if kind == endpoint.NAME:
        return endpoint.open_writer(model_name, role, prompt, settings)
    from vlm.captioning.writers import model  # imports torch

    return model.open_writer(spec, role, prompt, settings)
