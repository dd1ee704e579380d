"""The writer for local models: any that `vlm.loading.load` opens."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from vlm.captioning import prompts
from vlm.captioning.writers.base import (
    BATCH_SIZE,
    REFINER,
    Caption,
    Request,
    WriterSettings,
    parse_caption,
)
from vlm.config import DESCRIBE
from vlm.errors import UserError
from vlm.inference import batch
from vlm.inference.encoding import MAX_PROMPT_CHARACTERS
from vlm.loading import load
from vlm.remote.prompts import JSON_REMINDER
from vlm.types import Bundle

MAX_NEW_TOKENS = 1024  # GenerateConfig's limit
OUR_MODELS = "vlm"  # config.model_type


class ModelWriter:
    """Asks a local model in batches.

    Loupe's own models get the question they were trained on and answer in prose; other models get
    the prompt and answer in JSON.
    """

    batch_size = BATCH_SIZE

    def __init__(self, bundle: Bundle, name: str, prompt: str, max_new_tokens: int):
        ours = bundle.model.config.model_type == OUR_MODELS
        self.bundle, self.name, self.prompt = bundle, name, DESCRIBE if ours else prompt
        self.revision = getattr(bundle.model.config, "_commit_hash", None) or ""
        self.settings = replace(batch.LONG_DEADLINE, max_new_tokens=max_new_tokens)

    def write(self, requests: Sequence[Request]) -> Iterator[Caption]:
        """Yield one caption per request, in order."""
        questions = [prompts.fill(self.prompt, r.record.facts, r.text) for r in requests]
        if self.prompt == DESCRIBE:
            yield from map(_prose_caption, self._answers(requests, questions))
        else:
            yield from self._write_json(requests, questions)

    def _write_json(
        self, requests: Sequence[Request], questions: Sequence[str]
    ) -> Iterator[Caption]:
        """Ask each question, a second time where the answer is not the JSON that was asked for."""
        limit = MAX_PROMPT_CHARACTERS - len(JSON_REMINDER)
        short = {n: question for n, question in enumerate(questions) if len(question) < limit}
        captions = self._json_captions(requests, short, 1)
        retries = {n: f"{short[n]}\n{JSON_REMINDER}" for n, c in captions.items() if c.fault}
        captions |= self._json_captions(requests, retries, 2)
        too_long = Caption("", requests=0, fault=f"the question has {limit:,} characters or more")
        yield from (captions.get(n, too_long) for n in range(len(requests)))

    def _json_captions(
        self, requests: Sequence[Request], questions: dict[int, str], attempts: int
    ) -> dict[int, Caption]:
        """Ask some of the questions; returns the captions under the same numbers."""
        answers = self._answers([requests[n] for n in questions], list(questions.values()))
        pairs = zip(questions, answers, strict=True)
        return {n: parse_caption(answer, attempts) for n, answer in pairs}

    def _answers(self, requests: Sequence[Request], questions: Sequence[str]) -> list[str]:
        images = [request.record.image for request in requests]
        batch_size = len(requests) or 1
        return list(batch.batch(self.bundle, images, questions, batch_size, config=self.settings))

    def summary(self) -> str:
        """An empty string: a local model costs only time."""
        return ""


def _prose_caption(answer: str) -> Caption:
    text = " ".join(answer.split())
    return Caption(text, fault="" if text else "an empty answer")


def open_writer(spec: str, role: str, prompt: str, settings: WriterSettings) -> ModelWriter:
    """Open a local model: a preset, a folder or a Hub id.

    Raises:
        UserError: when it cannot be opened, or is to refine and only describes images.
    """
    bundle = load.load(spec, device=settings.device)
    max_new_tokens = min(settings.endpoint.max_tokens, MAX_NEW_TOKENS)
    model = ModelWriter(bundle, spec, prompt, max_new_tokens)
    if role == REFINER and model.prompt == DESCRIBE:
        raise UserError(
            f"{spec} describes images and cannot correct texts; for --refiner use labels, "
            "endpoint:MODEL or a model that follows instructions."
        )
    return model
