"""What every judge is, and what one is opened with."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from vlm.answers import Cache
from vlm.config import add_flags, from_args
from vlm.endpoint import EndpointConfig
from vlm.metrics.rubric import Judgement


class Judge(Protocol):
    """Gives a judgement for a description and the metadata of its picture."""

    name: str

    def judge(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """One judgement for each description, in order; one that failed says why it has none."""
        ...

    def summary(self) -> str:
        """What the judging took, in one line; empty when it costs nothing."""
        ...


@dataclass(frozen=True)
class JudgeSettings:
    """What judges are opened with; each takes what it needs.

    Attributes:
        folder: where answers are kept while they come in; None keeps them in memory.
        resume: use the answers that are kept there.
        prompt: a file that replaces the rubric of `prompt.txt`.
        device, threads: where a local model runs; batch_size: its descriptions at a time.
    """

    folder: Path | None = None
    resume: bool = True
    prompt: str = ""
    endpoint: EndpointConfig = field(default_factory=EndpointConfig)
    device: str = "auto"
    threads: int = 0
    batch_size: int = 16

    def cache(self, judge: str) -> Cache:
        """The answers of one judge: `asked-endpoint-gpt-4o-mini.jsonl` beside its judgements."""
        from vlm.evaluations import judgement_file

        name = judgement_file(judge).replace("judgements-", "asked-", 1)
        return Cache(self.folder / name if self.folder else None, self.resume)


def judge_flags(parser: argparse.ArgumentParser) -> None:
    """--judge, --judge-prompt and everything about an endpoint."""
    add = parser.add_argument
    text = "rules, model:NAME, endpoint or endpoint:MODEL (default: %(default)s)"
    add("--judge", default="rules", metavar="SPEC", help=text)
    text = "text file that replaces vlm/judges/prompt.txt, the rubric as judges are asked"
    add("--judge-prompt", default="", metavar="FILE", help=text)
    add_flags(parser, EndpointConfig)


def from_flags(args: argparse.Namespace, folder: Path | None, resume: bool = True) -> JudgeSettings:
    """The settings that `judge_flags` and, where a command has them, the model's flags made."""
    return JudgeSettings(
        folder=folder,
        resume=resume,
        prompt=args.judge_prompt,
        endpoint=from_args(EndpointConfig, args),
        device=getattr(args, "device", "auto"),
        threads=getattr(args, "threads", 0),
    )
