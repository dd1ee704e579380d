"""Ask a server that speaks the OpenAI chat format: in parallel, with retries, cache and budget."""

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from vlm.config import check, setting
from vlm.errors import UserError
from vlm.remote.cache import Cache, cache_key
from vlm.remote.costs import Budget, BudgetSpent, read_price
from vlm.remote.parsing import TruncatedAnswer
from vlm.remote.prompts import JSON_REMINDER, Messages
from vlm.remote.server import NoAnswer, RetryableError, Server

MAX_REMINDERS = 2  # after an answer in prose; a model that never writes JSON costs three requests
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds before a retry, doubled each time
MAX_FAILURES = 5  # consecutive questions without an answer before the run stops

Validate = Callable[[str], object]  # raises ValueError for an answer that cannot be used


@dataclass(frozen=True)
class EndpointConfig:
    """Settings for a server; the API key is not one of them, it comes from the environment."""

    endpoint: str = setting("", "server address; if empty, $LOUPE_ENDPOINT, then OpenAI")
    timeout: float = setting(60.0, "seconds to wait for an answer", low=0.01, high=3600)
    concurrency: int = setting(8, "requests in flight at once", low=1, high=256)
    tries: int = setting(6, "attempts per question", low=1, high=100)
    max_tokens: int = setting(400, "longest answer, in tokens", low=1, high=100_000)
    max_requests: int = setting(0, "stop after N requests per model, 0 = no limit", low=0)
    max_usd: float = setting(0.0, "stop at N US dollars per model, 0 = no limit", low=0)
    price: str = setting("", "IN,OUT: US dollars per million tokens; required by --max-usd")

    def __post_init__(self):
        check(self)
        if read_price(self.price) is None and self.max_usd:
            raise UserError(
                f"--max-usd is {self.max_usd:g}, but the price is unknown; add --price IN,OUT in "
                "US dollars per million tokens, or limit --max-requests instead."
            )


@dataclass(frozen=True)
class Answer:
    """An answer from the server or the cache.

    Attributes:
        fault: why the answer cannot be used, empty when it can.
        requests: how many requests it took, 0 for a cached answer.
    """

    text: str
    fault: str = ""
    requests: int = field(default=0, compare=False)


class Endpoint:
    """One model on one server.

    Args:
        cache: final answers of earlier runs, which are not requested again.
        keep_faulty: cache a final answer in prose too, so that it is never requested again.
        sleep: waits for a number of seconds; tests pass one that returns at once.

    Raises:
        UserError: for an invalid address or a missing key.
    """

    def __init__(
        self,
        model: str,
        config: EndpointConfig | None = None,
        cache: Cache | None = None,
        keep_faulty: bool = True,
        sleep: Callable[[float], object] | None = None,
    ):
        self.model, self.config = model, config or EndpointConfig()
        self.cache, self.keep_faulty = Cache() if cache is None else cache, keep_faulty
        settings, price = self.config, read_price(self.config.price)
        self.server = Server(model, settings.endpoint, settings.timeout, settings.max_tokens)
        self.budget = Budget(price, settings.max_requests, settings.max_usd)
        self.answered = self.cached = self._failures = 0
        self._last_failure, self._fatal = "", None
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._sleep = sleep or self._stop.wait

    def answers(self, questions: Iterable[tuple[Messages, Validate]]) -> Iterator[Answer]:
        """Yield one answer per question, in order; identical questions are sent once.

        A question is a list of messages and a callable that validates the answer. It raises
        `TruncatedAnswer` for an answer to request again, ValueError for one to request again with a
        reminder, at most `MAX_REMINDERS` times.

        Raises:
            UserError: when the server rejects the key, does not know the model, or has stopped
                answering.
        """
        self._stop.clear()
        self._fatal = None
        pool = ThreadPoolExecutor(self.config.concurrency, "endpoint")
        jobs: dict[str, Future[Answer]] = {}
        try:
            order = [self._submit(pool, jobs, *question) for question in questions]
            for key in order:
                yield jobs[key].result()
            if self._failures and not self.answered + self.cached:
                raise self._unreachable(self._last_failure)
        finally:
            self._stop.set()
            pool.shutdown(cancel_futures=True)

    def _submit(
        self, pool: ThreadPoolExecutor, jobs: dict, messages: Messages, validate: Validate
    ) -> str:
        settings = {"max_tokens": self.config.max_tokens, "temperature": 0}
        key = cache_key(self.model, messages, settings)
        if key not in jobs:
            jobs[key] = pool.submit(self._run_job, key, messages, validate)
        return key

    def _run_job(self, key: str, messages: Messages, validate: Validate) -> Answer:
        """Answer one question; an error that concerns all questions stops them all."""
        try:
            return self._answer(key, messages, validate)
        except UserError as error:
            with self._lock:
                self._fatal = self._fatal or error
            self._stop.set()
            raise self._fatal from None

    def summary(self) -> str:
        """Answers, requests, tokens and cost."""
        cached = f" and {self.cached:,} from the cache" if self.cached else ""
        return f"{self.model}: {self.answered:,} answers{cached}, {self.budget.summary()}"

    def _answer(self, key: str, messages: Messages, validate: Validate) -> Answer:
        """Return the cached answer, or request one and cache it unless that failed."""
        text = self.cache.get(key)
        if text is not None:
            self._count(cached=1)
            return Answer(text, str(_fault(validate, text) or ""))
        try:
            answer = self._request_json(messages, validate)
        except BudgetSpent as error:
            return Answer("", f"not sent, {error}")
        except NoAnswer as error:
            self._count_failure(str(error))
            return Answer("", f"no answer: {error}")
        if self.keep_faulty or not answer.fault:
            self.cache.add(key, self.model, answer.text)
        self._count(answered=1)
        return answer

    def _request_json(self, messages: Messages, validate: Validate) -> Answer:
        """Request an answer, with a reminder while it cannot be used."""
        answer = self._request(messages, validate)
        for _ in range(MAX_REMINDERS):
            if not answer.fault:
                break
            reply = {"role": "assistant", "content": answer.text}
            messages = [*messages, reply, {"role": "user", "content": JSON_REMINDER}]
            previous, answer = answer, self._request(messages, validate)
            answer = replace(answer, requests=previous.requests + answer.requests)
        return answer

    def _request(self, messages: Messages, validate: Validate) -> Answer:
        """Request one answer, with retries.

        Raises:
            NoAnswer: when every attempt has failed.
        """
        reason = ""
        for attempt in range(self.config.tries):
            if self._stop.is_set():
                raise NoAnswer("stopped")
            wait = 0.0
            try:
                text = self._send(messages)
                fault = _fault(validate, text)
                if not isinstance(fault, TruncatedAnswer):
                    return Answer(text, str(fault or ""), attempt + 1)
                reason = str(fault)
            except RetryableError as error:
                reason, wait = str(error), error.wait
            if attempt + 1 < self.config.tries:
                self._sleep(max(wait, _back_off(attempt)))
        raise NoAnswer(f"{self.config.tries} attempts, the last one: {reason}")

    def _send(self, messages: Messages) -> str:
        """Send one request, counted and within the budget."""
        reserved, usage = self.budget.reserve(messages, self.config.max_tokens), None
        try:
            text, usage = self.server.send(messages)
            return text
        finally:
            self.budget.settle(reserved, usage)

    def _count(self, answered: int = 0, cached: int = 0) -> None:
        with self._lock:
            self.answered, self.cached = self.answered + answered, self.cached + cached
            self._failures = 0

    def _count_failure(self, reason: str) -> None:
        """Stop the whole run after `MAX_FAILURES` consecutive questions without an answer."""
        if self._fatal:
            raise self._fatal
        with self._lock:
            self._failures, self._last_failure = self._failures + 1, reason
            unreachable = self._failures >= MAX_FAILURES
        if unreachable:
            raise self._unreachable(reason)

    def _unreachable(self, reason: str) -> UserError:
        return UserError(
            f"{self.server.host} does not answer ({reason}); answers so far are kept: check the "
            "address and the model, then run the same command again."
        )


def _back_off(attempt: int) -> float:
    """Seconds to wait, doubled each time, with jitter so that threads do not retry together."""
    return min(FIRST_WAIT * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.5)


def _fault(validate: Validate, text: str) -> ValueError | None:
    """The reason why an answer cannot be used, None when it can."""
    try:
        validate(text)
    except ValueError as error:
        return error
    return None
