"""Who writes descriptions, as teacher or refiner: `labels`, a model that opens here, a server."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from PIL import Image

from vlm import describe, encoding, load
from vlm.answers import Cache
from vlm.config import DESCRIBE
from vlm.data.images import as_url, open_image
from vlm.endpoint import AGAIN, Answer, Endpoint, EndpointConfig
from vlm.errors import UserError
from vlm.teach import labels, prompts
from vlm.types import Bundle, Record

TEACHER, REFINER = "teacher", "refiner"
PROMPT = {TEACHER: "describe", REFINER: "refine"}
BATCH = 16
MAX_NEW_TOKENS = 1024  # no answer may be longer here (GenerateConfig)
SIDE, QUALITY = 768, 88  # longest side in pixels, JPEG quality of a picture that is sent


class Ask(NamedTuple):
    """A picture to describe, and for a refiner what was said of it."""

    record: Record
    text: str = ""


class Said(NamedTuple):
    """A description, the other fields of the answer, requests it took, and why it is none."""

    text: str
    fields: dict[str, str] = {}  # noqa: RUF012  never written to
    requests: int = 1
    fault: str = ""


class Writer(Protocol):
    """`name` and `revision` say who it is, `prompt` is its question (empty where it has none).

    `batch` is how many pictures it takes at a time.
    """

    name: str
    revision: str
    prompt: str
    batch: int

    def write(self, asked: Sequence[Ask]) -> Iterator[Said]:
        """One answer each, in order."""
        ...

    def summary(self) -> str:
        """What it took, in one line; empty when it costs nothing."""
        ...


@dataclass(frozen=True)
class WriterSettings:
    """What writers are opened with; each takes what it needs.

    Attributes:
        folder: where a server's answers are kept as they come.
        prompts: role -> a file that replaces our question.
    """

    folder: Path | None = None
    device: str = "auto"
    prompts: dict[str, str] = field(default_factory=dict)
    endpoint: EndpointConfig = field(default_factory=EndpointConfig)


class Labels:
    """The metadata's own descriptions; as refiner they replace what is doubtful."""

    name, revision, prompt, batch = labels.NAME, "", "", BATCH

    def write(self, asked: Sequence[Ask]) -> Iterator[Said]:
        for ask in asked:
            try:
                refined = labels.refine(*ask) if ask.text else labels.describe(ask.record)
            except UserError:
                refined = ""
            yield Said(refined, requests=0, fault="" if refined else "no metadata; name a model")

    def summary(self) -> str:
        return ""


class Model:
    """Any model that `load` opens. Loupe's own answer the questions they have learned, in words."""

    batch = BATCH

    def __init__(self, bundle: Bundle, name: str, prompt: str, longest: int):
        own = bundle.model.config.model_type == "vlm"
        self.bundle, self.name, self.prompt = bundle, name, DESCRIBE if own else prompt
        self.revision = getattr(bundle.model.config, "_commit_hash", None) or ""
        self.settings = replace(describe.PATIENT, max_new_tokens=longest)

    def write(self, asked: Sequence[Ask]) -> Iterator[Said]:
        """In one batch; JSON that cannot be read is asked for once more."""
        questions = [prompts.fill(self.prompt, ask.record.facts, ask.text) for ask in asked]
        if self.prompt == DESCRIBE:
            told = self._answers(asked, questions)
            yield from (Said(" ".join(text.split()), fault="" if text.strip() else "nothing")
                        for text in told)  # fmt: skip
            return
        most = encoding.MAX_PROMPT_CHARACTERS - len(AGAIN)
        fit = {n: question for n, question in enumerate(questions) if len(question) < most}
        said = self._said(asked, fit, 1)
        odd = {n: f"{fit[n]}\n{AGAIN}" for n, one in said.items() if one.fault}
        said |= self._said(asked, odd, 2)
        long = Said("", requests=0, fault=f"the question has {most:,} characters or more")
        yield from (said.get(n, long) for n in range(len(asked)))

    def _said(
        self, asked: Sequence[Ask], questions: dict[int, str], requests: int
    ) -> dict[int, Said]:
        """By number, what the answers to some of the questions say."""
        texts = self._answers([asked[n] for n in questions], list(questions.values()))
        return {n: _said(text, requests) for n, text in zip(questions, texts, strict=True)}

    def _answers(self, asked: Sequence[Ask], questions: Sequence[str]) -> list[str]:
        pictures = [ask.record.image for ask in asked]
        size = len(asked) or 1
        return list(describe.texts(self.bundle, pictures, questions, size, config=self.settings))

    def summary(self) -> str:
        return ""


class Served:
    """Any server that speaks the OpenAI chat format; a teacher is sent the picture."""

    batch = 4 * BATCH  # several are under way at once

    def __init__(self, endpoint: Endpoint, prompt: str, sees: bool):
        self.name, self.revision = f"endpoint:{endpoint.model}", ""
        self.endpoint, self.prompt, self.sees = endpoint, prompt, sees

    def write(self, asked: Sequence[Ask]) -> Iterator[Said]:
        """Several at once; what the server refuses or never answers is a fault, not an end."""
        answers = self.endpoint.answers((self._chat(ask), prompts.fields) for ask in asked)
        yield from map(_of_answer, answers)

    def _chat(self, ask: Ask) -> list[dict]:
        text = prompts.fill(self.prompt, ask.record.facts, ask.text)
        if not self.sees:
            return [{"role": "user", "content": text}]
        picture = {"type": "image_url", "image_url": {"url": sent(open_image(ask.record.image))}}
        return [{"role": "user", "content": [{"type": "text", "text": text}, picture]}]

    def summary(self) -> str:
        return self.endpoint.summary()


def sent(picture: Image.Image) -> str:
    """The picture as a `data:` address, small enough to send."""
    picture.thumbnail((SIDE, SIDE))
    return as_url(picture, QUALITY)


def _of_answer(answer: Answer) -> Said:
    if not answer.text:
        return Said("", requests=answer.requests, fault=answer.fault or "nothing")
    return _said(answer.text, answer.requests)


def _said(text: str, requests: int) -> Said:
    """What a JSON answer says."""
    try:
        found = prompts.fields(text)
    except ValueError as error:
        return Said("", requests=requests, fault=str(error))
    return Said(found.pop("description"), found, requests)


def open_writer(spec: str, role: str, settings: WriterSettings) -> Writer:
    """`labels`, `endpoint:MODEL`, or the name of a model: preset, folder, Hub id.

    Raises:
        UserError: when the model, the prompt or the server's settings cannot be used.
    """
    if spec == labels.NAME:
        return Labels()
    prompt = prompts.read(PROMPT[role], settings.prompts.get(role, ""))
    kind, _, model = spec.partition(":")
    if kind == "endpoint":
        cache = Cache(settings.folder / f"asked-{role}.jsonl") if settings.folder else None
        server = Endpoint(model or "gpt-4o-mini", settings.endpoint, cache, keep_faulty=False)
        return Served(server, prompt, sees=role == TEACHER)
    bundle = load.load(spec, device=settings.device)
    model = Model(bundle, spec, prompt, min(settings.endpoint.max_tokens, MAX_NEW_TOKENS))
    if role == REFINER and model.prompt == DESCRIBE:
        raise UserError(
            f"{spec} describes pictures and corrects no texts; as --refiner take labels, "
            "endpoint:MODEL or a model that follows written instructions."
        )
    return model
