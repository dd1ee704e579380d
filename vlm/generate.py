"""Answers about a picture. The stream of text pieces is the primitive; everything consumes it."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList, TextStreamer

from vlm import encoding
from vlm.confidence import Confidence, own_tokens
from vlm.config import GenerateConfig
from vlm.encoding import History
from vlm.types import Bundle


@dataclass
class Stats:
    """Filled while answers are made. Times in seconds, from the moment the model was free.

    Of a batch, `tokens` counts those of all answers, each with its end but without padding.
    `probability` is the mean over the same tokens of what the model gave to each of them, after the
    repetition penalty and before temperature, top-k and top-p. It is there when the answer is
    whole; with beams it stays 0, for a beam is not chosen token by token.
    """

    tokens: int = 0
    first_token: float = 0.0
    seconds: float = 0.0
    began: float = 0.0  # that moment, of time.monotonic()
    stopped: str = ""  # "stop" or "deadline" when the answer was cut short
    probability: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


class _Interrupt(StoppingCriteria):
    """Called after each token: ends generation when somebody asks for it or the time is up."""

    def __init__(self, stops: tuple[threading.Event, ...], deadline: float, stats: Stats):
        self.stops, self.ends, self.stats = stops, time.monotonic() + deadline, stats

    def __call__(self, input_ids: torch.Tensor, scores, **kwargs) -> torch.Tensor:
        if not self.stats.first_token:
            input_ids[0, -1].item()  # a GPU hands out the token before it has made it
            self.stats.first_token = time.monotonic() - self.stats.began
        if any(stop.is_set() for stop in self.stops):
            self.stats.stopped = "stop"
        elif time.monotonic() > self.ends:
            self.stats.stopped = "deadline"
        done = bool(self.stats.stopped)
        return torch.full((input_ids.shape[0],), done, device=input_ids.device)


class _Pieces(TextStreamer):
    """Hands each finished piece of text to another thread and counts the tokens."""

    def __init__(self, processor, stats: Stats):
        super().__init__(processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.lead = encoding.lead(processor)  # comes before the answer, is not part of it
        self.queue: queue.Queue[str | None | BaseException] = queue.Queue()
        self.stats, self.prompt_seen = stats, False
        stats.began = time.monotonic()

    def put(self, value: torch.Tensor) -> None:
        if self.prompt_seen:
            self.stats.tokens += 1
            self.stats.seconds = time.monotonic() - self.stats.began
            self.stats.first_token = self.stats.first_token or self.stats.seconds
        self.prompt_seen = True
        super().put(value)

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        while text and self.lead:
            text, self.lead = text.removeprefix(self.lead[0]), self.lead[1:]
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
    """Yield the answer piece by piece; joined, the pieces are the answer.

    `history` holds earlier questions about the same picture, each with its answer.

    The model works in a thread of its own. Closing the iterator, setting `stop` or reaching
    `config.deadline` ends it after the current token. One answer at a time is made by a model.
    Beams cannot be streamed: with `num_beams` > 1 the answer comes as one piece.

    Raises:
        UserError: for a prompt that is too long; whatever the model raises reaches the caller.
    """
    config, stop, stats = config or GenerateConfig(), stop or threading.Event(), stats or Stats()
    closed = threading.Event()  # our own: the caller may use theirs for several answers
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
    """Generate; text, end and failure all go through the queue: the reader never waits in vain."""
    try:
        if config.num_beams > 1:
            pieces.queue.put(_generate_text(bundle, inputs, config, stops, stats)[0])
        else:
            _generate(bundle, inputs, config, stops, stats, streamer=pieces)
        pieces.queue.put(None)
    except BaseException as error:
        pieces.queue.put(error)


def answer(bundle: Bundle, image: Image.Image, prompt: str, config=None, **kwargs) -> str:
    """The whole answer; arguments as for `stream`."""
    return "".join(stream(bundle, image, prompt, config, **kwargs))


def batch(
    bundle: Bundle,
    images: Sequence[Image.Image],
    prompts: Sequence[str],
    config: GenerateConfig | None = None,
    *,
    histories: Sequence[History] | None = None,
    stop: threading.Event | None = None,
    stats: Stats | None = None,
) -> list[str]:
    """The answers to several questions at once, each the same as `answer` would give greedily."""
    inputs = encoding.batch_inputs(bundle.processor, images, prompts, histories)
    with bundle.lock:
        settings = config or GenerateConfig()
        return _generate_text(bundle, inputs, settings, (stop,) if stop else (), stats or Stats())


def _generate_text(bundle, inputs, config, stops, stats) -> list[str]:
    stats.began = time.monotonic()
    ids = _generate(bundle, inputs, config, stops, stats)
    stats.tokens = int(own_tokens(ids, generation_config(bundle, config).eos_token_id).sum())
    stats.seconds = time.monotonic() - stats.began
    if config.num_beams > 1:  # which beam is the answer shows at the end
        stats.first_token = stats.seconds
    texts = bundle.processor.tokenizer.batch_decode(ids, skip_special_tokens=True)
    return [text.removeprefix(encoding.lead(bundle.processor)) for text in texts]


@torch.inference_mode()
def _generate(bundle, inputs, config: GenerateConfig, stops, stats, streamer=None) -> torch.Tensor:
    """The tokens that the model made, int64[B, T]."""
    model, asked = bundle.model, generation_config(bundle, config)
    if config.temperature > 0:
        torch.manual_seed(config.seed)
    confidence = Confidence() if config.num_beams == 1 else None
    ids = model.generate(
        **{name: value.to(model.device) for name, value in inputs.items()},
        generation_config=asked,
        logits_processor=[confidence] if confidence else [],
        stopping_criteria=StoppingCriteriaList([_Interrupt(stops, config.deadline, stats)]),
        streamer=streamer,
    )
    made = ids[:, inputs["input_ids"].shape[1] :]
    if confidence:
        stats.probability = confidence.mean(made, own_tokens(made, asked.eos_token_id))
    return made


def generation_config(bundle: Bundle, config: GenerateConfig) -> GenerationConfig:
    """A fresh transformers GenerationConfig: the model's own is shared and stays untouched."""
    own, tokenizer = bundle.model.generation_config, bundle.processor.tokenizer
    sampling = {}
    if config.temperature > 0:
        sampling = {"temperature": config.temperature, "top_p": config.top_p, "top_k": config.top_k}
    end = own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id
    return GenerationConfig(
        max_new_tokens=config.max_new_tokens,
        do_sample=config.temperature > 0,
        num_beams=config.num_beams,
        repetition_penalty=config.repetition_penalty,
        eos_token_id=end,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=own.bos_token_id,
        **sampling,
    )
