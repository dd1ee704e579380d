"""The endpoint judge: any server that speaks the OpenAI chat format; GPT-4o-mini as in MODA."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from vlm.endpoint import Answer, Endpoint
from vlm.judges.base import JudgeSettings
from vlm.judges.prompt import NONE, judgeable, question, read_prompt, verdict
from vlm.metrics.rubric import Judgement

DEFAULT = "gpt-4o-mini"  # MODA's judge


class EndpointJudge:
    """Asks one question a description.

    Args:
        prompt: the rubric, see `read_prompt`; it is part of each question, so that another prompt
            never finds the answers that were kept for this one.
    """

    def __init__(self, endpoint: Endpoint, prompt: str):
        self.name, self.endpoint, self.prompt = f"endpoint:{endpoint.model}", endpoint, prompt

    def judge(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """One judgement for each description, in order.

        Raises:
            UserError: when the server refuses the key, does not know the model, or is gone.
        """
        pairs = [(question(self.prompt, *pair), pair[1]) for pair in zip(texts, facts, strict=True)]
        answers = self.endpoint.answers(
            ([{"role": "user", "content": asked}], partial(verdict, facts=known))
            for asked, known in pairs
            if judgeable(known)
        )
        for _, known in pairs:
            yield _judgement(next(answers), known) if judgeable(known) else Judgement(unjudged=NONE)
        next(answers, None)  # its end, where a server that never answered is reported

    def summary(self) -> str:
        """Answers, requests, tokens and cost."""
        return self.endpoint.summary()


def _judgement(answer: Answer, facts: Mapping[str, str]) -> Judgement:
    if not answer.fault:
        return verdict(answer.text, facts)
    said = "the judge answered " if answer.text else ""
    return Judgement(unjudged=said + answer.fault)


def open_judge(which: str, settings: JudgeSettings) -> EndpointJudge:
    """`endpoint:MODEL`.

    Raises:
        UserError: for a wrong address, a missing key or a prompt that cannot be used.
    """
    model = which or DEFAULT
    prompt = read_prompt(settings.prompt)
    cache = settings.cache(f"endpoint:{model}")
    return EndpointJudge(Endpoint(model, settings.endpoint, cache), prompt)
