"""What questions to a paid model cost: a dated price table, a budget, and the line that says so."""

import json
import math
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlm.answers import Chat
from vlm.errors import UserError

TABLE = Path(__file__).with_name("prices.json")
PICTURE_TOKENS = 1500  # reserved for one picture; what it took in truth is counted afterwards


class BudgetSpent(Exception):
    """The next question would go over the budget."""


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens, and when that was so."""

    tokens_in: float
    tokens_out: float
    as_of: str

    def usd(self, tokens_in: float, tokens_out: float) -> float:
        """What the tokens cost, in US dollars."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


def price(model: str, table: str = "") -> Price | None:
    """The price of a model, None when no table has it; a dated name has its family's price.

    Args:
        table: a JSON file {"as_of": ..., "models": {name: [in, out]}} that goes before our own.

    Raises:
        UserError: when that file is not such a table.
    """
    family = re.sub(r"-\d{4}-\d\d-\d\d$", "", model)
    for path in (*([Path(table)] if table else []), TABLE):
        as_of, models = _read(path)
        for name in (model, family):
            if name in models:
                return Price(*models[name], as_of)
    return None


def _read(path: Path) -> tuple[str, dict[str, list[float]]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        models = found["models"]
        good = isinstance(models, dict) and all(map(_is_pair, models.values()))
    except (OSError, ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise UserError(
            f"{path} is no price table; write "
            '{"as_of": "2026-06", "models": {"NAME": [USD in, USD out]}}, per million tokens.'
        )
    return str(found.get("as_of", "unknown date")), models


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(v, int | float) and math.isfinite(v) and v >= 0 for v in value)
    )


class Ledger:
    """Counts requests and tokens over threads, and refuses the request that breaks the budget.

    The dearest that a request can become is reserved before it is sent, so that requests under way
    at the same time do not go over `max_usd` together. 0 is no limit.
    """

    def __init__(self, rate: Price | None, max_requests: int = 0, max_usd: float = 0.0):
        self.rate, self.max_requests, self.max_usd = rate, max_requests, max_usd
        self.requests = self.tokens_in = self.tokens_out = 0
        self.spent, self._settled = "", threading.Condition()
        self._under_way, self._held, self._untold = 0, 0.0, 0.0

    @property
    def usd(self) -> float:
        """Paid so far; 0 where no price is known.

        Of an answer whose server does not say what it used, the dearest that it can have become.
        """
        told = self.rate.usd(self.tokens_in, self.tokens_out) if self.rate else 0.0
        return told + self._untold

    def reserve(self, chat: Chat, max_tokens: int) -> float:
        """Count a request that is about to be sent; returns the US dollars to give to `settle`.

        Raises:
            BudgetSpent: when it would go over the budget.
        """
        dearest = self.rate.usd(_most_tokens(chat), max_tokens) if self.rate else 0.0
        with self._settled:
            while self._under_way and self._too_dear(dearest):
                self._settled.wait()  # those under way may turn out cheaper than was reserved
            if self.max_requests and self.requests >= self.max_requests:
                self.spent = f"the budget of {self.max_requests:,} requests is spent"
            elif self._too_dear(dearest):
                self.spent = f"the budget of {self.max_usd:g} USD is spent"
            if self.spent:
                raise BudgetSpent(self.spent)
            self.requests += 1
            self._under_way += 1
            self._held += dearest
        return dearest

    def _too_dear(self, dearest: float) -> bool:
        return bool(self.max_usd) and self.usd + self._held + dearest > self.max_usd

    def settle(self, held: float, usage: Mapping[str, Any] | None) -> None:
        """Give back what was reserved and count what the server says that it used.

        None comes where there was no answer, an empty `usage` where the server did not say.
        """
        used = usage or {}
        with self._settled:
            self._under_way -= 1
            self._held = self._held - held if self._under_way else 0.0
            self._untold += held if usage is not None and not usage else 0.0
            self.tokens_in += int(used.get("prompt_tokens") or 0)
            self.tokens_out += int(used.get("completion_tokens") or 0)
            self._settled.notify_all()

    def line(self) -> str:
        """Requests, tokens and cost so far."""
        cost = "price unknown"
        if self.rate:
            cost = f"{self.usd:.4f} USD at prices of {self.rate.as_of}"
        tokens = f"{self.tokens_in:,} tokens in, {self.tokens_out:,} out"
        end = f"; {self.spent}" if self.spent else ""
        return f"{self.requests:,} requests, {tokens}, {cost}{end}"


def _most_tokens(chat: Chat) -> int:
    """No fewer tokens than a chat has: two bytes a token, and a fixed sum for each picture."""
    total = 0
    for message in chat:
        content = message.get("content") or ""
        parts = [{"text": content}] if isinstance(content, str) else content
        texts = [str(part["text"]).encode("utf-8", "replace") for part in parts if "text" in part]
        total += sum(map(len, texts)) // 2 + (len(parts) - len(texts)) * PICTURE_TOKENS + 20
    return total
