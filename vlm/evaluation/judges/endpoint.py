"""The endpoint judge: any server that speaks the OpenAI chat format; GPT-4o-mini as in MODA."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from vlm.evaluation.judges.base import JudgeSettings
from vlm.evaluation.judges.prompt import (
    NO_METADATA,
    fill_prompt,
    judgeable_metrics,
    parse_judgement,
    read_prompt,
)
from vlm.evaluation.metrics.rubric import Judgement
from vlm.remote.endpoint import Answer, Endpoint

DEFAULT_MODEL = "gpt-4o-mini"  # MODA's judge


class EndpointJudge:
    """Sends one question per description.

    Args:
        prompt: the rubric, see `read_prompt`. It is part of every question, so cached answers to
            another prompt are never used.
    """

    def __init__(self, endpoint: Endpoint, prompt: str):
        self.name, self.endpoint, self.prompt = f"endpoint:{endpoint.model}", endpoint, prompt

    def judge(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """Yield one judgement per description, in order.

        Raises:
            UserError: when the server rejects the key, does not know the model, or has stopped
                answering.
        """
        pairs = list(zip(texts, facts, strict=True))
        answers = self.endpoint.answers(
            (
                [{"role": "user", "content": fill_prompt(self.prompt, text, metadata)}],
                partial(parse_judgement, facts=metadata),
            )
            for text, metadata in pairs
            if judgeable_metrics(metadata)
        )
        for _, metadata in pairs:
            if judgeable_metrics(metadata):
                yield _judgement(next(answers), metadata)
            else:
                yield Judgement(unjudged=NO_METADATA)
        next(answers, None)  # raises the error of a server that never answered

    def summary(self) -> str:
        """Answers, requests, tokens and cost."""
        return self.endpoint.summary()


def _judgement(answer: Answer, facts: Mapping[str, str]) -> Judgement:
    if not answer.fault:
        return parse_judgement(answer.text, facts)
    prefix = "the judge returned " if answer.text else ""
    return Judgement(unjudged=prefix + answer.fault)


def open_judge(argument: str, settings: JudgeSettings) -> EndpointJudge:
    """`endpoint:MODEL`.

    Raises:
        UserError: for an invalid address, a missing key or an unusable prompt.
    """
    model = argument or DEFAULT_MODEL
    prompt = read_prompt(settings.prompt)
    cache = settings.cache(f"endpoint:{model}")
    return EndpointJudge(Endpoint(model, settings.endpoint, cache), prompt)
