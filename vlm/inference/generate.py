"""Answer questions about pictures: everything consumes one stream of text pieces."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList, TextStreamer

from vlm.config import GenerateConfig
from vlm.inference import encoding
from vlm.inference.confidence import Confidence, Evidence, answer_mask
from vlm.inference.encoding import History
from vlm.types import Bundle


@dataclass
class Stats:
    """Measurements of one generation, filled in as it runs.

    Attributes:
        tokens: generated tokens, end-of-answer tokens included, padding excluded; for a batch, the
            sum over all answers.
        first_token, seconds: seconds to the first token and to the last, counted from `started`,
            the moment the model was free.
        started: that moment, on the clock of `time.monotonic()`.
        stopped: "stop" or "deadline" when the answer was cut short, else empty.
        evidence: of each answer how sure the model is, its probabilities taken after the
            repetition penalty and before temperature, top-k and top-p; set when the answer is
            complete, and empty for beam search, which does not choose token by token.
    """

    tokens: int = 0
    first_token: float = 0.0
    seconds: float = 0.0
    started: float = 0.0
    stopped: str = ""
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def probability(self) -> float:
        """Mean probability of all generated tokens, 0 for beam search; says nothing of truth."""
        each = [value for answer in self.evidence for value in answer.token_probabilities]
        return sum(each) / len(each) if each else 0.0

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


class _Interrupt(StoppingCriteria):
    """Stopping criterion, checked after each token: a stop event is set, or time is up."""

    def __init__(self, stops: tuple[threading.Event, ...], deadline: float, stats: Stats):
        self.stops, self.ends, self.stats = stops, time.monotonic() + deadline, stats

    def __call__(self, input_ids: torch.Tensor, scores, **kwargs) -> torch.Tensor:
        if not self.stats.first_token:
            input_ids[0, -1].item()  # wait: a GPU returns before the token is computed
            self.stats.first_token = time.monotonic() - self.stats.started
        if any(stop.is_set() for stop in self.stops):
            self.stats.stopped = "stop"
        elif time.monotonic() > self.ends:
            self.stats.stopped = "deadline"
        done = bool(self.stats.stopped)
        return torch.full((input_ids.shape[0],), done, device=input_ids.device)


class _Pieces(TextStreamer):
    """Streamer that passes each finished piece of text to another thread and counts the tokens."""

    def __init__(self, processor, stats: Stats):
        super().__init__(processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.prefix = encoding.answer_prefix(processor)  # generated first, not part of the answer
        self.queue: queue.Queue[str | None | BaseException] = queue.Queue()
        self.stats, self.prompt_seen = stats, False
        stats.started = time.monotonic()

    def put(self, value: torch.Tensor) -> None:
        if self.prompt_seen:
            self.stats.tokens += 1
            self.stats.seconds = time.monotonic() - self.stats.started
            self.stats.first_token = self.stats.first_token or self.stats.seconds
        self.prompt_seen = True
        super().put(value)

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        while text and self.prefix:
            text, self.prefix = text.removeprefix(self.prefix[0]), self.prefix[1:]
        if text:
            self.queue.put(text)


def stream(
    bundle: Bundle,
    image: Image.Image,
    prompt: str,
    config: GenerateConfig | None = None,
    *,
    history: History = (),
    stop: threading.Event | None = None,
    stats: Stats | None = None,
) -> Iterator[str]:
    """Yield the answer piece by piece; the pieces joined are the whole answer.

    The model runs in its own thread, for one request at a time. It stops after the current token
    when the iterator is closed, `stop` is set or `config.deadline` is reached. Beam search cannot
    be streamed: with `num_beams` > 1 the answer comes as one piece.

    Args:
        image: an RGB picture, as `open_image` returns it.
        history: earlier questions about the same picture, each with its answer.
        stop: set it, from any thread, to end the answer.
        stats: filled in during generation.

    Raises:
        UserError: when the prompt is too long. Exceptions of the model reach the caller too.
    """
    config, stop, stats = config or GenerateConfig(), stop or threading.Event(), stats or Stats()
    closed = threading.Event()  # separate, because the caller may reuse `stop` for later answers
    inputs = encoding.prompt_inputs(bundle.processor, image, prompt, history)
    with bundle.lock:
        pieces = _Pieces(bundle.processor, stats)
        job = (bundle, inputs, config, (stop, closed), stats, pieces)
        worker = threading.Thread(target=_work, args=job, daemon=True)
        worker.start()
        try:
            while (piece := pieces.queue.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            closed.set()
            worker.join()


def _work(bundle, inputs, config, stops, stats, pieces: _Pieces) -> None:
    """Generate; text, end and exceptions all go through the queue, so the reader never hangs."""
    try:
        if config.num_beams > 1:
            pieces.queue.put(_generate_text(bundle, inputs, config, stops, stats)[0])
        else:
            _generate(bundle, inputs, config, stops, stats, streamer=pieces)
        pieces.queue.put(None)
    except BaseException as error:
        pieces.queue.put(error)


def answer(bundle: Bundle, image: Image.Image, prompt: str, config=None, **kwargs) -> str:
    """Return the whole answer at once; takes the arguments of `stream`."""
    return "".join(stream(bundle, image, prompt, config, **kwargs))


def answers(
    bundle: Bundle,
    images: Sequence[Image.Image],
    prompts: Sequence[str],
    config: GenerateConfig | None = None,
    *,
    histories: Sequence[History] | None = None,
    stop: threading.Event | None = None,
    stats: Stats | None = None,
) -> list[str]:
    """Answer several questions in one forward batch; greedy answers equal those of `answer`.

    For more pictures than fit into memory at once, use `vlm.inference.batch.batch`.
    """
    inputs = encoding.batch_inputs(bundle.processor, images, prompts, histories)
    with bundle.lock:
        settings = config or GenerateConfig()
        return _generate_text(bundle, inputs, settings, (stop,) if stop else (), stats or Stats())


def _generate_text(bundle, inputs, config, stops, stats) -> list[str]:
    stats.started = time.monotonic()
    ids = _generate(bundle, inputs, config, stops, stats)
    stats.tokens = int(answer_mask(ids, generation_config(bundle, config).eos_token_id).sum())
    stats.seconds = time.monotonic() - stats.started
    if config.num_beams > 1:  # the winning beam is known only at the end
        stats.first_token = stats.seconds
    texts = bundle.processor.tokenizer.batch_decode(ids, skip_special_tokens=True)
    prefix = encoding.answer_prefix(bundle.processor)
    return [text.removeprefix(prefix) for text in texts]


@torch.inference_mode()
def _generate(bundle, inputs, config: GenerateConfig, stops, stats, streamer=None) -> torch.Tensor:
    """Return the generated tokens, int64[B, T]."""
    model, settings = bundle.model, generation_config(bundle, config)
    if config.temperature > 0:
        torch.manual_seed(config.seed)
    confidence = Confidence()
    with confidence.watching(model, len(inputs["input_ids"])):
        ids = model.generate(
            **{name: value.to(model.device) for name, value in inputs.items()},
            generation_config=settings,
            logits_processor=[confidence] if config.num_beams == 1 else [],
            stopping_criteria=StoppingCriteriaList([_Interrupt(stops, config.deadline, stats)]),
            streamer=streamer,
        )
    new_ids = ids[:, inputs["input_ids"].shape[1] :]
    if config.num_beams == 1:
        mask = answer_mask(new_ids, settings.eos_token_id)
        stats.evidence = confidence.of_answers(new_ids, mask)
    return new_ids


def generation_config(bundle: Bundle, config: GenerateConfig) -> GenerationConfig:
    """Build a new transformers GenerationConfig; the model's own is shared and not changed."""
    default, tokenizer = bundle.model.generation_config, bundle.processor.tokenizer
    sampling = {}
    if config.temperature > 0:
        sampling = {"temperature": config.temperature, "top_p": config.top_p, "top_k": config.top_k}
    end = default.eos_token_id if default.eos_token_id is not None else tokenizer.eos_token_id
    return GenerationConfig(
        max_new_tokens=config.max_new_tokens,
        do_sample=config.temperature > 0,
        num_beams=config.num_beams,
        repetition_penalty=config.repetition_penalty,
        eos_token_id=end,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=default.bos_token_id,
        **sampling,
    )
