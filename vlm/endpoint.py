"""Questions to any server that speaks the OpenAI chat format: several at once, retried, kept."""

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from vlm.answers import Cache, Chat, CutOff, key_of
from vlm.chat import NoAnswer, Retry, Server
from vlm.config import check, setting
from vlm.costs import BudgetSpent, Ledger, Price, price
from vlm.errors import UserError

AGAIN = "Answer with the JSON object only, without any other word."
REMINDERS = 2  # for an answer in prose; a judge that always answers so costs three requests a row
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds before a retry, doubled each time
IN_A_ROW = 5  # questions without an answer after which the server counts as gone

Accept = Callable[[str], object]  # raises ValueError for an answer that cannot be used


@dataclass(frozen=True)
class EndpointConfig:
    """How a server is asked; the key is no setting, it comes from the environment."""

    endpoint: str = setting("", "address of the server (without: $LOUPE_ENDPOINT, then OpenAI's)")
    timeout: float = setting(60.0, "seconds to wait for an answer", low=0.01, high=3600)
    concurrency: int = setting(8, "questions under way at once", low=1, high=256)
    tries: int = setting(6, "times that a question is sent before it is given up", low=1, high=100)
    max_tokens: int = setting(400, "longest answer, in tokens", low=1, high=100_000)
    max_requests: int = setting(0, "stop after N requests to a model, 0 = no limit", low=0)
    max_usd: float = setting(0.0, "stop before a model costs N US dollars, 0 = no limit", low=0)
    prices: str = setting("", "JSON file of prices that goes before vlm/prices.json")

    def __post_init__(self):
        check(self)


@dataclass(frozen=True)
class Answer:
    """What came back, and why it cannot be used; `fault` is empty when it can.

    `requests` says how many it took, 0 for an answer that was kept.
    """

    text: str
    fault: str = ""
    requests: int = field(default=0, compare=False)


class Endpoint:
    """One model of one server.

    Args:
        cache: final answers of earlier runs; what is there is not asked again.
        keep_faulty: keep a final answer in prose too, and never ask for it again.
        sleep: waits so many seconds; tests hand in one that does not.

    Raises:
        UserError: for a wrong address, a missing key, or a budget in dollars without a price.
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
        settings, rate = self.config, _price(model, self.config)
        self.server = Server(model, settings.endpoint, settings.timeout, settings.max_tokens)
        self.ledger = Ledger(rate, settings.max_requests, settings.max_usd)
        self.answered = self.kept = self._missed = 0
        self._missed_why, self._fatal = "", None
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._sleep = sleep or self._stop.wait

    def answers(self, questions: Iterable[tuple[Chat, Accept]]) -> Iterator[Answer]:
        """One answer each, in order; equal questions are asked once.

        A question is a chat and what its answer must pass: a callable that raises `CutOff` for an
        answer to ask for anew, ValueError for one to ask for again with a reminder, twice.

        Raises:
            UserError: when the server refuses the key, does not know the model, or is gone.
        """
        self._stop.clear()
        self._fatal = None
        pool = ThreadPoolExecutor(self.config.concurrency, "endpoint")
        jobs: dict[str, Future[Answer]] = {}
        try:
            order = [self._submit(pool, jobs, *question) for question in questions]
            for key in order:
                yield jobs[key].result()
            if self._missed and not self.answered + self.kept:
                raise self._gone(self._missed_why)
        finally:
            self._stop.set()
            pool.shutdown(cancel_futures=True)

    def _submit(self, pool: ThreadPoolExecutor, jobs: dict, chat: Chat, accept: Accept) -> str:
        settings = {"max_tokens": self.config.max_tokens, "temperature": 0}
        key = key_of(self.model, chat, settings)
        if key not in jobs:
            jobs[key] = pool.submit(self._job, key, chat, accept)
        return key

    def _job(self, key: str, chat: Chat, accept: Accept) -> Answer:
        """An answer; the first failure that concerns all questions stops them all."""
        try:
            return self._answer(key, chat, accept)
        except UserError as error:
            with self._lock:
                self._fatal = self._fatal or error
            self._stop.set()
            raise self._fatal from None

    def summary(self) -> str:
        """What it took: answers, requests, tokens and cost."""
        kept = f" and {self.kept:,} kept from before" if self.kept else ""
        return f"{self.model}: {self.answered:,} answers{kept}, {self.ledger.line()}"

    def _answer(self, key: str, chat: Chat, accept: Accept) -> Answer:
        """The kept answer, or a new one, which is then kept; a question given up is not."""
        text = self.cache.get(key)
        if text is not None:
            self._count(kept=1)
            return Answer(text, str(_fault(accept, text) or ""))
        try:
            answer = self._asked(chat, accept)
            for _ in range(REMINDERS if answer.fault else 0):
                sent = answer.requests
                said = {"role": "assistant", "content": answer.text}
                chat = [*chat, said, {"role": "user", "content": AGAIN}]
                answer = self._asked(chat, accept)
                answer = replace(answer, requests=sent + answer.requests)
                if not answer.fault:
                    break
        except BudgetSpent as error:
            return Answer("", f"not asked, {error}")
        except NoAnswer as error:
            self._miss(str(error))
            return Answer("", f"no answer: {error}")
        if self.keep_faulty or not answer.fault:
            self.cache.add(key, self.model, answer.text)
        self._count(answered=1)
        return answer

    def _count(self, answered: int = 0, kept: int = 0) -> None:
        with self._lock:
            self.answered, self.kept = self.answered + answered, self.kept + kept
            self._missed = 0

    def _miss(self, reason: str) -> None:
        """Give up altogether when the last questions all went without an answer."""
        if self._fatal:
            raise self._fatal
        with self._lock:
            self._missed, self._missed_why = self._missed + 1, reason
            gone = self._missed >= IN_A_ROW
        if gone:
            raise self._gone(reason)

    def _gone(self, reason: str) -> UserError:
        return UserError(
            f"{self.server.host} gives no answers ({reason}); what was answered is kept: check the "
            "address and the model, then run the same command again."
        )

    def _asked(self, chat: Chat, accept: Accept) -> Answer:
        """One answer, after as many tries as it takes.

        Raises:
            NoAnswer: when the tries are used up.
        """
        reason = ""
        for attempt in range(self.config.tries):
            if self._stop.is_set():
                raise NoAnswer("stopped")
            after = 0.0
            try:
                text = self._send(chat)
                fault = _fault(accept, text)
                if not isinstance(fault, CutOff):
                    return Answer(text, str(fault or ""), attempt + 1)
                reason = str(fault)
            except Retry as error:
                reason, after = str(error), error.after
            if attempt + 1 < self.config.tries:
                self._sleep(max(after, _back_off(attempt)))
        raise NoAnswer(f"{self.config.tries} tries, at last: {reason}")

    def _send(self, chat: Chat) -> str:
        """One request, within the budget and on the books."""
        held, usage = self.ledger.reserve(chat, self.config.max_tokens), None
        try:
            text, usage = self.server.send(chat)
            return text
        finally:
            self.ledger.settle(held, usage)


def _price(model: str, config: EndpointConfig) -> Price | None:
    """The model's price, which a budget in dollars needs."""
    rate = price(model, config.prices)
    if config.max_usd and rate is None:
        raise UserError(
            f"No price is known for {model}, so --max-usd cannot be kept; give --prices FILE, or "
            "use --max-requests."
        )
    return rate


def _back_off(attempt: int) -> float:
    """Doubled each time, with jitter so that threads do not come back together."""
    return min(FIRST_WAIT * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.5)


def _fault(accept: Accept, text: str) -> ValueError | None:
    """Why an answer cannot be used, None when it can."""
    try:
        accept(text)
    except ValueError as error:
        return error
    return None
