"""The model classes that lmms-eval makes, one for each of its interfaces."""

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

from vlm import generate, load, runtime
from vlm.errors import UserError, lookup

from . import likelihood, questions
from .questions import Question

ARGUMENTS = "pretrained, device, dtype, revision, batch_size, threads, several_pictures, seed"


class Simple(lmms):
    """Any model that `vlm.load` opens, behind lmms-eval's simple interface."""

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
            batch_size: questions at a time.
            threads: CPU threads, 0 = one for each core.
            several_pictures: error, or beside: lay them side by side in one.
            seed: of the sampling, where a task wants any.
            max_batch_size: not used; it belongs to lmms-eval's own command line.

        Raises:
            UserError: for an unknown argument, and whatever `vlm.load` refuses.
        """
        super().__init__()
        if unknown:
            raise UserError(
                f"Unknown --model_args {', '.join(sorted(unknown))}; known are: {ARGUMENTS}."
            )
        lookup(questions.SEVERAL, several_pictures, "several_pictures")
        self.batch_size = _whole_number(batch_size)
        self.several, self.seed = several_pictures, seed
        runtime.set_threads(threads)
        self.bundle = load.load(
            str(pretrained),
            device=_own_device(device),
            dtype=str(dtype),
            revision=None if revision is None else str(revision),
        )
        self._device = self.bundle.model.device

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: Mapping[str, Any] | None = None
    ) -> "Simple":
        """Make one from --model_args, which win over the command line's other flags.

        lmms-eval always passes --batch_size on, 1 when nobody gave it, and would fail over the one
        in --model_args.
        """
        given = {k: v for k, v in (additional_config or {}).items() if v is not None}
        return cls(**given | simple_parse_args_string(arg_string))

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._device

    def clean(self) -> None:
        """Let go of the model, so that a judge on the same GPU has room."""
        self.__dict__.pop("bundle", None)
        super().clean()

    # --- what lmms-eval asks for ---

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """The answers, in order, each cut at the first end that its task names.

        Raises:
            UserError: naming task and number of the first question that cannot be asked.
        """
        answers: list[str] = []
        with self._progress(len(requests), "Answers") as bar:
            for wanted, group in groupby(requests, self._wanted):
                for clause in questions.ignored(wanted):
                    tqdm.write(f"loupe: {clause}", file=sys.stderr)
                for part in _parts(group, self.batch_size):
                    asked = [self._question(request) for request in part]
                    # its own seed for each batch: repeats of one question are different draws
                    config = questions.settings(wanted, self.seed + len(answers))
                    texts = generate.batch(
                        self.bundle, [q.picture for q in asked], [q.prompt for q in asked], config
                    )
                    answers += [questions.cut(text, wanted.get("until")) for text in texts]
                    bar.update(len(part))
        return answers

    def loglikelihood(self, requests: list[Instance]) -> list[GenerationResult]:
        """For each given answer (mean loss, greedy or not) as `text`; see `likelihood.losses`.

        The evaluator of 0.7.3 makes a string of a bare pair, and then cannot read it; what is
        wrapped passes untouched.
        """
        found: list[GenerationResult] = []
        with self._progress(len(requests), "Likelihoods") as bar:
            for part in _parts(requests, self.batch_size):
                pairs = [self._with_answer(request) for request in part]
                told = likelihood.losses(self.bundle, *zip(*pairs, strict=True))
                found += [GenerationResult(text=pair) for pair in told]
                bar.update(len(part))
        return found

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        """Not possible with models of one picture and one question."""
        raise NotImplementedError(
            "Loupe's models answer one question about one picture; choose a task of one round."
        )

    # --- requests ---

    def _wanted(self, request: Instance) -> dict[str, Any]:
        return request.args[1] or {}

    def _question(self, request: Instance) -> Question:
        context, _, doc_to_visual, *place = _six(request)
        with _named(*place):
            visuals = doc_to_visual(self._doc(*place)) if doc_to_visual else ()
            return questions.from_simple(context, visuals, self.several)

    def _with_answer(self, request: Instance) -> tuple[Question, str]:
        _, target, _, *place = _six(request)
        answer = target if isinstance(target, str) else target(self._doc(*place))
        return self._question(request), str(answer)

    def _doc(self, doc_id: int, task: str, split: str) -> Any:
        return self.task_dict[task][split][doc_id]

    def _progress(self, total: int, what: str) -> tqdm:
        return tqdm(total=total, desc=what, disable=self.rank != 0)


class Chat(Simple):
    """The same behind the chat interface, which lmms-eval prefers; it generates only."""

    is_simple = False

    def _wanted(self, request: Instance) -> dict[str, Any]:
        return request.args[2] or {}

    def _question(self, request: Instance) -> Question:
        _, doc_to_messages, _, *place = _six(request)
        with _named(*place):
            return questions.from_messages(doc_to_messages(self._doc(*place)), self.several)


def _six(request: Instance) -> tuple:
    """A request's arguments; both interfaces have six, the last three say which question it is."""
    if len(request.args) != 6:
        raise UserError(
            f"The task {request.task_name} asks for likelihoods without a picture "
            "(acc_mutual_info); choose another metric."
        )
    return request.args


@contextmanager
def _named(doc_id: int, task: str, split: str) -> Iterator[None]:
    """Around the reading of a question: what is wrong with it names the task and its number."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{task}, {split} {doc_id}: {error}") from error


def _parts(requests: Iterable[Instance], size: int) -> Iterator[list[Instance]]:
    requests = iter(requests)
    while part := list(islice(requests, size)):
        yield part


def _whole_number(size: int | str) -> int:
    if not str(size).isdecimal() or int(size) < 1:
        raise UserError(f"batch_size is {size!r}; give a whole number of 1 or more.")
    return int(size)


def _own_device(device: str) -> str:
    """With several processes each takes the GPU of its number, unless one is named."""
    rank = os.environ.get("LOCAL_RANK")
    several = rank is not None and int(os.environ.get("WORLD_SIZE", "1")) > 1
    if several and torch.cuda.is_available() and device in ("auto", "cuda"):
        return f"cuda:{rank}"
    return str(device)
