"""The rules judge: a lexicon instead of a language model; offline, quick, the same every time."""

from collections.abc import Iterator, Mapping, Sequence

from vlm.errors import UserError
from vlm.judges.base import JudgeSettings
from vlm.metrics.rubric import Judgement


class RulesJudge:
    """`vlm.metrics.rules` as a judge."""

    name = "rules"

    def judge(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """One judgement for each description, in order."""
        from vlm.metrics import rules

        yield from map(rules.judge, texts, facts)

    def summary(self) -> str:
        """Nothing: rules cost nothing."""
        return ""


def open_judge(which: str, settings: JudgeSettings) -> RulesJudge:
    """`rules`; there is nothing to choose.

    Raises:
        UserError: when something is chosen all the same.
    """
    if which:
        raise UserError(f"--judge rules takes nothing after it, {which!r} came; leave it out.")
    return RulesJudge()
