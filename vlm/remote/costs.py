"""Count requests, tokens and US dollars, and refuse the request that would exceed a limit."""

import math
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from vlm.errors import UserError
from vlm.remote.prompts import Messages

IMAGE_TOKENS = 1500  # reserved for one image; the actual number is counted afterwards


class BudgetSpent(Exception):
    """The next request would exceed the budget."""


class Price(NamedTuple):
    """US dollars per million input and output tokens."""

    tokens_in: float
    tokens_out: float

    def usd(self, tokens_in: float, tokens_out: float) -> float:
        """Cost of the tokens in US dollars."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


def read_price(text: str) -> Price | None:
    """The price written as "IN,OUT", None for an empty text.

    Raises:
        UserError: when the text is not two numbers of 0 or more.
    """
    if not text:
        return None
    try:
        price = Price(*map(float, text.split(",")))
        valid = all(math.isfinite(usd) and usd >= 0 for usd in price)
    except (ValueError, TypeError):
        valid = False
    if not valid:
        raise UserError(
            f"--price is {text!r}; give US dollars per million input and output tokens as IN,OUT, "
            "such as 0.15,0.60."
        )
    return price


class Budget:
    """Counts requests and tokens over all threads, up to a limit; 0 is no limit.

    The maximum cost of a request is reserved before it is sent, so that requests in flight at the
    same time do not exceed `max_usd` together.
    """

    def __init__(self, price: Price | None, max_requests: int = 0, max_usd: float = 0.0):
        self.price, self.max_requests, self.max_usd = price, max_requests, max_usd
        self.requests = self.tokens_in = self.tokens_out = 0
        self.spent, self._settled = "", threading.Condition()
        self._in_flight, self._reserved, self._unreported = 0, 0.0, 0.0

    @property
    def usd(self) -> float:
        """US dollars spent so far, 0 without a price.

        An answer whose server reports no token usage counts with its maximum cost.
        """
        reported = self.price.usd(self.tokens_in, self.tokens_out) if self.price else 0.0
        return reported + self._unreported

    def reserve(self, messages: Messages, max_tokens: int) -> float:
        """Count a request that is about to be sent; returns its maximum cost, for `settle`.

        Raises:
            BudgetSpent: when it would exceed the budget.
        """
        cost = self.price.usd(_max_input_tokens(messages), max_tokens) if self.price else 0.0
        with self._settled:
            while self._in_flight and self._too_expensive(cost):
                self._settled.wait()  # requests in flight may cost less than was reserved
            if self.max_requests and self.requests >= self.max_requests:
                self.spent = f"the budget of {self.max_requests:,} requests is spent"
            elif self._too_expensive(cost):
                self.spent = f"the budget of {self.max_usd:g} USD is spent"
            if self.spent:
                raise BudgetSpent(self.spent)
            self.requests += 1
            self._in_flight += 1
            self._reserved += cost
        return cost

    def _too_expensive(self, cost: float) -> bool:
        return bool(self.max_usd) and self.usd + self._reserved + cost > self.max_usd

    def settle(self, reserved: float, usage: Mapping[str, Any] | None) -> None:
        """Replace a reservation by the tokens that the server reports.

        Args:
            usage: None when there was no answer, empty when the server reports no tokens.
        """
        tokens = usage or {}
        with self._settled:
            self._in_flight -= 1
            self._reserved = self._reserved - reserved if self._in_flight else 0.0
            self._unreported += reserved if usage is not None and not usage else 0.0
            self.tokens_in += int(tokens.get("prompt_tokens") or 0)
            self.tokens_out += int(tokens.get("completion_tokens") or 0)
            self._settled.notify_all()

    def summary(self) -> str:
        """Requests, tokens and, with a price, US dollars so far."""
        counts = [
            f"{self.requests:,} requests",
            f"{self.tokens_in:,} input tokens",
            f"{self.tokens_out:,} output tokens",
        ]
        cost = [f"{self.usd:.4f} USD"] if self.price else []
        return ", ".join([*counts, *cost]) + (f"; {self.spent}" if self.spent else "")


def _max_input_tokens(messages: Messages) -> int:
    """An upper bound: two bytes of text per token, and a fixed number for each image."""
    total = 0
    for message in messages:
        content = message.get("content") or ""
        parts = [{"text": content}] if isinstance(content, str) else content
        texts = [str(part["text"]).encode("utf-8", "replace") for part in parts if "text" in part]
        total += sum(map(len, texts)) // 2 + (len(parts) - len(texts)) * IMAGE_TOKENS + 20
    return total
