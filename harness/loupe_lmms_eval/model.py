"""The model classes that lmms-eval creates, one for each of its interfaces."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby, islice
from typing import Any

import torch
from lmms_eval.api.instance import GenerationResult, Instance
from lmms_eval.api.model import lmms
from lmms_eval.utils import simple_parse_args_string
from tqdm import tqdm

from vlm.errors import UserError, lookup
from vlm.inference import generate
from vlm.loading import load
from vlm.system import runtime

from . import inputs, likelihood
from .inputs import ModelInput

ARGUMENTS = "pretrained, device, dtype, revision, batch_size, threads, several_pictures, seed"


class Simple(lmms):
    """Any model that `vlm.loading.load` opens, behind lmms-eval's simple interface."""

    is_simple = True

    def __init__(
        self,
        pretrained: str = "moda-mini",
        device: str = "auto",
        dtype: str = "auto",
        revision: str | None = None,
        batch_size: int | str = 1,
        threads: int = 0,
        several_pictures: str = "error",
        seed: int = 0,
        max_batch_size: int | None = None,
        **unknown: Any,
    ):
        """Open the model.

        Args:
            pretrained: preset, folder or Hub id.
            batch_size: questions per batch.
            threads: CPU threads, 0 = one per core.
            several_pictures: error, or beside: place them side by side in one.
            seed: for tasks that sample.
            max_batch_size: ignored; lmms-eval's command line passes it.

        Raises:
            UserError: for an unknown argument, and whenever `vlm.loading.load` raises one.
        """
        super().__init__()
        if unknown:
            raise UserError(
                f"Unknown --model_args {', '.join(sorted(unknown))}; choose from: {ARGUMENTS}."
            )
        lookup(inputs.SEVERAL_PICTURES, several_pictures, "several_pictures")
        self.batch_size = _parse_batch_size(batch_size)
        self.several, self.seed = several_pictures, seed
        runtime.set_threads(threads)
        self.bundle = load.load(
            str(pretrained),
            device=_device_of_process(device),
            dtype=str(dtype),
            revision=None if revision is None else str(revision),
        )
        self._device = self.bundle.model.device

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: Mapping[str, Any] | None = None
    ) -> "Simple":
        """Create one from --model_args, which override the command line's other flags.

        lmms-eval passes --batch_size even if it is not set (as 1), and would fail if --model_args
        contain one too.
        """
        config = {k: v for k, v in (additional_config or {}).items() if v is not None}
        return cls(**config | simple_parse_args_string(arg_string))

    @property
    def device(self) -> torch.device:
        """The model's device."""
        return self._device

    def clean(self) -> None:
        """Release the model, so that a judge has room on the same GPU."""
        self.__dict__.pop("bundle", None)
        super().clean()

    # --- lmms-eval's interface ---

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Return the answers in order, each truncated at the first of its task's stop strings.

        Raises:
            UserError: naming task and number of the first question that cannot be asked.
        """
        answers: list[str] = []
        with self._progress(len(requests), "Answers") as bar:
            for kwargs, group in groupby(requests, self._generation_kwargs):
                for warning in inputs.warnings(kwargs):
                    tqdm.write(f"loupe: {warning}", file=sys.stderr)
                for part in _batches(group, self.batch_size):
                    batch = [self._input(request) for request in part]
                    # each batch has its own seed, so that repeats of one question differ
                    config = inputs.generation_config(kwargs, self.seed + len(answers))
                    pictures, prompts = [b.picture for b in batch], [b.prompt for b in batch]
                    texts = generate.answers(self.bundle, pictures, prompts, config)
                    answers += [inputs.truncate(text, kwargs.get("until")) for text in texts]
                    bar.update(len(part))
        return answers

    def loglikelihood(self, requests: list[Instance]) -> list[GenerationResult]:
        """Return a pair (mean loss, is greedy) for each answer, as `text`; see `likelihood.losses`.

        The evaluator of 0.7.3 turns a bare pair into a string that it cannot parse later; a
        GenerationResult passes unchanged.
        """
        results: list[GenerationResult] = []
        with self._progress(len(requests), "Likelihoods") as bar:
            for part in _batches(requests, self.batch_size):
                pairs = [self._input_and_answer(request) for request in part]
                losses = likelihood.losses(self.bundle, *zip(*pairs, strict=True))
                results += [GenerationResult(text=pair) for pair in losses]
                bar.update(len(part))
        return results

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        """Refuse: the models take one question about one picture."""
        raise NotImplementedError(
            "Loupe's models answer one question about one picture; choose a task of one round."
        )

    # --- requests ---

    def _generation_kwargs(self, request: Instance) -> dict[str, Any]:
        return request.args[1] or {}

    def _input(self, request: Instance) -> ModelInput:
        context, _, doc_to_visual, *position = _six_arguments(request)
        with _naming_the_question(*position):
            visuals = doc_to_visual(self._doc(*position)) if doc_to_visual else ()
            return inputs.from_simple(context, visuals, self.several)

    def _input_and_answer(self, request: Instance) -> tuple[ModelInput, str]:
        _, target, _, *position = _six_arguments(request)
        answer = target if isinstance(target, str) else target(self._doc(*position))
        return self._input(request), str(answer)

    def _doc(self, doc_id: int, task: str, split: str) -> Any:
        return self.task_dict[task][split][doc_id]

    def _progress(self, total: int, name: str) -> tqdm:
        return tqdm(total=total, desc=name, disable=self.rank != 0)


class Chat(Simple):
    """The same behind the chat interface, which lmms-eval prefers; it only generates."""

    is_simple = False

    def _generation_kwargs(self, request: Instance) -> dict[str, Any]:
        return request.args[2] or {}

    def _input(self, request: Instance) -> ModelInput:
        _, doc_to_messages, _, *position = _six_arguments(request)
        with _naming_the_question(*position):
            return inputs.from_messages(doc_to_messages(self._doc(*position)), self.several)


def _six_arguments(request: Instance) -> tuple:
    """Return a request's arguments; in both interfaces the last three identify the question."""
    if len(request.args) != 6:
        raise UserError(
            f"The task {request.task_name} asks for likelihoods without a picture "
            "(acc_mutual_info); choose another metric."
        )
    return request.args


@contextmanager
def _naming_the_question(doc_id: int, task: str, split: str) -> Iterator[None]:
    """Prefix errors with the task and the number of the question."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{task}, {split} {doc_id}: {error}") from error


def _batches(requests: Iterable[Instance], size: int) -> Iterator[list[Instance]]:
    requests = iter(requests)
    while batch := list(islice(requests, size)):
        yield batch


def _parse_batch_size(size: int | str) -> int:
    if not str(size).isdecimal() or int(size) < 1:
        raise UserError(f"batch_size is {size!r}; give a whole number of 1 or more.")
    return int(size)


def _device_of_process(device: str) -> str:
    """Give each of several processes its own GPU, unless one is named."""
    rank = os.environ.get("LOCAL_RANK")
    is_distributed = rank is not None and int(os.environ.get("WORLD_SIZE", "1")) > 1
    if is_distributed and torch.cuda.is_available() and device in ("auto", "cuda"):
        return f"cuda:{rank}"
    return str(device)
