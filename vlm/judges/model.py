"""The model judge: any model that `vlm.load` opens.

It reads the same rubric as the endpoint judge. Our models want a picture with every question and
the rubric is about words alone, so a small white one goes along.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from vlm.answers import Cache, key_of
from vlm.endpoint import AGAIN
from vlm.errors import UserError
from vlm.judges.base import JudgeSettings
from vlm.judges.prompt import NONE, judgeable, question, read_prompt, verdict
from vlm.metrics.rubric import Judgement
from vlm.types import Bundle

MOST_TOKENS, SECONDS = 300, 3600.0  # of one batch of answers
BLANK = (64, 64)  # pixels
TOO_LONG = "the description is too long to be put to a local model"


class ModelJudge:
    """Asks a local model, some descriptions at a time.

    Args:
        name: what the model was opened as.
        prompt: the rubric, see `read_prompt`.
        cache: answers of earlier runs; what is there is not asked again.
    """

    def __init__(self, bundle: Bundle, name: str, prompt: str, cache: Cache, batch_size: int = 16):
        self.name, self.bundle, self.prompt = f"model:{name}", bundle, prompt
        self.cache, self.batch_size = cache, batch_size
        self._settings = {"max_new_tokens": MOST_TOKENS, "weights": fingerprint(bundle)}

    def judge(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """One judgement for each description, in order."""
        for start in range(0, len(texts), self.batch_size):
            part = slice(start, start + self.batch_size)
            yield from self._batch(texts[part], facts[part])

    def _batch(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """Asks what is not kept, once more where the first answer could not be read."""
        asked = {n: question(self.prompt, texts[n], f) for n, f in enumerate(facts) if judgeable(f)}
        asked = {n: text for n, text in asked.items() if _fits(text)}
        keys = {n: key_of(self.name, _chat(asked[n]), self._settings) for n in asked}
        answers = {n: text for n in asked if (text := self.cache.get(keys[n])) is not None}
        fresh = self._ask({n: asked[n] for n in asked if n not in answers})
        unread = {n: f"{asked[n]}\n{AGAIN}" for n, text in fresh.items() if _fault(text, facts[n])}
        fresh |= self._ask(unread)
        for n, text in fresh.items():
            self.cache.add(keys[n], self.name, text)
        answers |= fresh
        yield from (_judgement(answers.get(n), known) for n, known in enumerate(facts))

    def _ask(self, asked: Mapping[int, str]) -> dict[int, str]:
        """The model's answers, greedy; nothing is asked when there is no question."""
        if not asked:
            return {}
        from PIL import Image

        from vlm import generate
        from vlm.config import GenerateConfig

        blank = Image.new("RGB", BLANK, "white")
        config = GenerateConfig(max_new_tokens=MOST_TOKENS, deadline=SECONDS)
        texts = generate.batch(self.bundle, [blank] * len(asked), list(asked.values()), config)
        return dict(zip(asked, texts, strict=True))

    def summary(self) -> str:
        """Nothing: a local model costs nothing but time."""
        return ""


def fingerprint(bundle: Bundle) -> str:
    """SHA-256 of the first values of each weight: tells a model from another of the same name."""
    found = hashlib.sha256()
    for name, weight in sorted(bundle.model.state_dict().items()):
        found.update(name.encode())
        found.update(weight.flatten()[:8].float().cpu().numpy().tobytes())
    return found.hexdigest()


def _chat(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _fault(text: str, facts: Mapping[str, str]) -> str:
    try:
        verdict(text, facts)
    except ValueError as error:
        return str(error)
    return ""


def _fits(asked: str) -> bool:
    """True when the question is no longer than our models take, with the reminder too."""
    from vlm.encoding import MAX_PROMPT_CHARACTERS

    return len(asked) + len(AGAIN) < MAX_PROMPT_CHARACTERS


def _judgement(text: str | None, facts: Mapping[str, str]) -> Judgement:
    if text is None:
        return Judgement(unjudged=TOO_LONG if judgeable(facts) else NONE)
    fault = _fault(text, facts)
    return Judgement(unjudged=f"the judge answered {fault}") if fault else verdict(text, facts)


def open_judge(which: str, settings: JudgeSettings) -> ModelJudge:
    """`model:NAME`: a preset, a folder or a Hub id.

    Raises:
        UserError: when no model is named, or it or the prompt cannot be opened.
    """
    if not which:
        raise UserError("--judge model needs a model after a colon; write model:NAME.")
    from vlm import load, runtime

    prompt = read_prompt(settings.prompt)
    runtime.set_threads(settings.threads)
    bundle = load.load(which, device=settings.device)
    return ModelJudge(bundle, which, prompt, settings.cache(f"model:{which}"), settings.batch_size)
