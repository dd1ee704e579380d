"""The rules judge: a lexicon instead of a language model; offline, fast and deterministic."""

from collections.abc import Iterator, Mapping, Sequence

from vlm.errors import UserError
from vlm.evaluation.judges.base import JudgeSettings
from vlm.evaluation.metrics import rules
from vlm.evaluation.metrics.rubric import Judgement


class RulesJudge:
    """`vlm.evaluation.metrics.rules` as a judge."""

    name = "rules"

    def judge(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """Yield one judgement per description, in order."""
        yield from map(rules.judge, texts, facts)

    def summary(self) -> str:
        """An empty string: rules cost nothing."""
        return ""


def open_judge(argument: str, settings: JudgeSettings) -> RulesJudge:
    """`rules`, which takes no argument.

    Raises:
        UserError: when there is one.
    """
    if argument:
        raise UserError(
            f"--judge rules takes no argument, but has {argument!r}; write --judge rules."
        )
    return RulesJudge()
