"""The interface of a judge, and the settings that judges are opened with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from vlm.evaluation.metrics.rubric import Judgement
from vlm.evaluation.results import judge_in, judgement_file
from vlm.remote.cache import Cache
from vlm.remote.endpoint import EndpointConfig


class Judge(Protocol):
    """Scores descriptions against the metadata of their images."""

    name: str

    def judge(
        self, texts: Sequence[str], facts: Sequence[Mapping[str, str]]
    ) -> Iterator[Judgement]:
        """Yield one judgement per description, in order; a failed one contains the reason."""
        ...

    def summary(self) -> str:
        """Requests and cost in one line, empty for a free judge."""
        ...


@dataclass(frozen=True)
class JudgeSettings:
    """Settings for all judges; each reads those it needs.

    Attributes:
        folder: where answers are cached as they arrive; None keeps them in memory.
        resume: use the cached answers.
        prompt: a file that replaces the rubric in `prompt.txt`.
        device, threads: hardware of a local model.
        batch_size: descriptions per batch of a local model.
    """

    folder: Path | None = None
    resume: bool = True
    prompt: str = ""
    endpoint: EndpointConfig = field(default_factory=EndpointConfig)
    device: str = "auto"
    threads: int = 0
    batch_size: int = 16

    def cache(self, judge: str) -> Cache:
        """The judge's answers: `asked-endpoint-gpt-4o-mini.jsonl` beside its judgements."""
        name = f"asked-{judge_in(judgement_file(judge))}.jsonl"
        return Cache(self.folder / name if self.folder else None, self.resume)
