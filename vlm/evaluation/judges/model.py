"""The model judge: any local model that `vlm.loading.load` opens.

It reads the same rubric as the endpoint judge. Loupe's models require an image with every question
and the rubric is about text alone, so a small white image is sent along.
"""

from collections.abc import Iterator, Mapping, Sequence

from PIL import Image

from vlm.config import GenerateConfig
from vlm.errors import UserError
from vlm.evaluation.judges import prompt as judge_prompt
from vlm.evaluation.judges.base import JudgeSettings
from vlm.evaluation.metrics.rubric import Judgement
from vlm.inference import generate
from vlm.inference.encoding import MAX_PROMPT_CHARACTERS
from vlm.loading import load
from vlm.loading.parts import weights_hash
from vlm.remote.cache import Cache, cache_key
from vlm.remote.prompts import JSON_REMINDER
from vlm.system import runtime
from vlm.types import Bundle

MAX_NEW_TOKENS = 300
DEADLINE = 3600.0  # seconds for one batch of answers
BLANK_SIZE = (64, 64)  # pixels
TOO_LONG = "the description is too long for a local model"


class ModelJudge:
    """Asks a local model in batches.

    Args:
        name: the name that the model was opened with.
        prompt: the rubric, see `judge_prompt.read_prompt`.
        cache: answers of earlier runs, which are not generated again.
    """

    def __init__(self, bundle: Bundle, name: str, prompt: str, cache: Cache, batch_size: int = 16):
        self.name, self.bundle, self.prompt = f"model:{name}", bundle, prompt
        self.cache, self.batch_size = cache, batch_size
        self._settings = {"max_new_tokens": MAX_NEW_TOKENS, "weights": weights_hash(bundle)}

    def judge(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """Yield one judgement per description, in order."""
        for start in range(0, len(texts), self.batch_size):
            part = slice(start, start + self.batch_size)
            yield from self._judge_batch(texts[part], facts[part])

    def _judge_batch(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """Ask what is not cached, a second time where the first answer cannot be parsed."""
        questions = {
            n: question
            for n, metadata in enumerate(facts)
            if judge_prompt.judgeable_metrics(metadata)
            and _fits(question := judge_prompt.fill_prompt(self.prompt, texts[n], metadata))
        }
        keys = {n: cache_key(self.name, _messages(q), self._settings) for n, q in questions.items()}
        cached = {n: text for n, key in keys.items() if (text := self.cache.get(key)) is not None}
        answers = self._ask({n: q for n, q in questions.items() if n not in cached})
        unusable = [n for n, text in answers.items() if _fault(text, facts[n])]
        answers |= self._ask({n: f"{questions[n]}\n{JSON_REMINDER}" for n in unusable})
        for n, text in answers.items():
            self.cache.add(keys[n], self.name, text)
        answers |= cached
        yield from (_judgement(answers.get(n), metadata) for n, metadata in enumerate(facts))

    def _ask(self, questions: Mapping[int, str]) -> dict[int, str]:
        """Answer the questions with greedy decoding; returns the answers under the same numbers."""
        if not questions:
            return {}
        blank = Image.new("RGB", BLANK_SIZE, "white")
        config = GenerateConfig(max_new_tokens=MAX_NEW_TOKENS, deadline=DEADLINE)
        prompts = list(questions.values())
        texts = generate.answers(self.bundle, [blank] * len(prompts), prompts, config)
        return dict(zip(questions, texts, strict=True))

    def summary(self) -> str:
        """An empty string: a local model costs only time."""
        return ""


def _messages(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


def _fault(text: str, facts: Mapping[str, str]) -> str:
    """The reason why an answer cannot be used, empty when it can."""
    try:
        judge_prompt.parse_judgement(text, facts)
    except ValueError as error:
        return str(error)
    return ""


def _fits(question: str) -> bool:
    """True when the question with the reminder does not exceed our models' limit."""
    return len(question) + len(JSON_REMINDER) < MAX_PROMPT_CHARACTERS


def _judgement(text: str | None, facts: Mapping[str, str]) -> Judgement:
    if text is None:
        return Judgement(
            unjudged=TOO_LONG if judge_prompt.judgeable_metrics(facts) else judge_prompt.NO_METADATA
        )
    fault = _fault(text, facts)
    if fault:
        return Judgement(unjudged=f"the judge returned {fault}")
    return judge_prompt.parse_judgement(text, facts)


def open_judge(argument: str, settings: JudgeSettings) -> ModelJudge:
    """`model:NAME`: a preset, a folder or a Hub id.

    Raises:
        UserError: when there is no name, or the model or the prompt cannot be opened.
    """
    if not argument:
        raise UserError("--judge model does not name a model; write --judge model:NAME.")
    prompt = judge_prompt.read_prompt(settings.prompt)
    runtime.set_threads(settings.threads)
    bundle = load.load(argument, device=settings.device)
    cache = settings.cache(f"model:{argument}")
    return ModelJudge(bundle, argument, prompt, cache, settings.batch_size)
