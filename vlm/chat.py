"""One request to a server that speaks the OpenAI chat format, and what its failures mean.

The key comes from the environment alone (LOUPE_API_KEY, else OPENAI_API_KEY), and every text that
leaves this module has it taken out.
"""

import os
import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from vlm.answers import Chat, quote
from vlm.errors import UserError

OPENAI = "https://api.openai.com/v1"
NO_KEY = "none"  # sent when there is no key: the client would send the user's Hub token instead
LOOPBACK = ("127.0.0.1", "localhost", "::1")
REFUSED = (401, 403)
WORTH_A_RETRY = (408, 409, 425, 429)  # and all from 500 on
LONGEST_ASKED_FOR = 120.0  # seconds that a server may ask us to wait


class Retry(Exception):
    """A request failed in a way that may pass; `after` is how long the server asks to wait."""

    def __init__(self, reason: str, after: float = 0.0):
        super().__init__(reason)
        self.after = after


class NoAnswer(Exception):
    """This question gets no answer for now."""


class Server:
    """One model behind one address.

    Raises:
        UserError: for a wrong address, or no key where one is needed.
    """

    def __init__(self, model: str, address: str = "", timeout: float = 60.0, max_tokens: int = 400):
        given = address or os.environ.get("LOUPE_ENDPOINT") or OPENAI
        self.model, self.address = model, check_address(given)
        self.host = urlsplit(self.address).netloc
        self.timeout, self.max_tokens = timeout, max_tokens
        self._key, self._client, self._lock = _key(self.host), None, threading.Lock()

    def send(self, chat: Chat) -> tuple[str, Mapping[str, Any]]:
        """The text of the answer and the tokens it took (prompt_tokens, completion_tokens).

        Raises:
            Retry: for a failure that may pass: 429, 5xx, time-outs, broken connections.
            NoAnswer: when the server refuses this very question.
            UserError: when it refuses the key, does not know the model, or must not be asked.
        """
        from huggingface_hub import errors

        try:
            found = self._open().chat_completion(
                list(chat), model=self.model, max_tokens=self.max_tokens, temperature=0
            )
            text = found.choices[0].message.content or ""
            return self._clean(text), found.get("usage") or {}
        except errors.InferenceTimeoutError:
            reason = f"nothing within {self.timeout:g} s"
        except errors.HfHubHTTPError as error:
            raise self._refusal(error) from None
        except errors.OfflineModeIsEnabled:
            raise UserError(
                "HF_HUB_OFFLINE is set, so no server is asked; set HF_HUB_OFFLINE=0 for this "
                "command to ask one."
            ) from None
        except errors.HTTPError as error:
            reason = f"the connection failed: {self._clean(str(error)) or type(error).__name__}"
        except (ValueError, TypeError, LookupError, AttributeError):
            reason = "what came back is not in the OpenAI chat format"
        raise Retry(reason)

    def _open(self) -> Any:
        """The client, made at the first request; threads share it."""
        from huggingface_hub import InferenceClient

        with self._lock:
            if self._client is None:
                reach_loopback(self.address)
                self._client = InferenceClient(
                    base_url=self.address, api_key=self._key or NO_KEY, timeout=self.timeout
                )
            return self._client

    def _refusal(self, error: Any) -> Exception:
        """What an HTTP error means: try again, leave this question, or stop everything."""
        status, said = error.response.status_code, self._clean(str(error.server_message or ""))
        short = f"{status}: {quote(said)}" if said else str(status)
        if status in REFUSED:
            return UserError(
                f"{self.host} refuses the key ({status}); set LOUPE_API_KEY or OPENAI_API_KEY to "
                "one that is valid there."
            )
        if status == 404:
            return UserError(
                f"{self.host} does not know the model {self.model!r} or is no chat server "
                f"({short}); check --judge and --endpoint."
            )
        if "insufficient_quota" in said:
            return UserError(f"{self.host} says that the account has no credit left ({status}).")
        if status not in WORTH_A_RETRY and status < 500:
            return NoAnswer(f"refused, {short}")
        after = retry_after(error.response.headers)
        if after > LONGEST_ASKED_FOR:
            return NoAnswer(f"{status}, the server asks to wait {after:,.0f} s")
        return Retry(short, after)

    def _clean(self, text: str) -> str:
        """The text without the key, which a server may echo."""
        return text.replace(self._key, "…") if self._key else text


def check_address(address: str) -> str:
    """An http(s) address without a name or password in it.

    Raises:
        UserError: for anything else; the sentence does not repeat a password.
    """
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018  raises ValueError when it is no number
    except ValueError:
        good = False
    if not good:
        raise UserError(
            f"The endpoint {quote(address.split('@')[-1])} is no http(s) address; give one like "
            "http://127.0.0.1:8080/v1."
        )
    if parts.username or parts.password:
        raise UserError(
            "The endpoint's address holds a name or password; take them out and set LOUPE_API_KEY."
        )
    return address


def _key(host: str) -> str:
    """The key of the environment, empty when there is none and the server is not OpenAI's."""
    key = (os.environ.get("LOUPE_API_KEY") or os.environ.get("OPENAI_API_KEY") or "").strip()
    if not key.isascii() or any(not letter.isprintable() for letter in key):
        raise UserError("The API key has letters that no key has; copy it into LOUPE_API_KEY anew.")
    if not key and host == urlsplit(OPENAI).netloc:
        raise UserError(
            f"{host} wants a key and there is none; set OPENAI_API_KEY, or name another server "
            "with --endpoint."
        )
    return key


def reach_loopback(address: str) -> None:
    """Keep a proxy out of the way to this machine itself: add it to NO_PROXY."""
    from urllib.request import getproxies, proxy_bypass

    from huggingface_hub import close_session

    host = urlsplit(address).hostname or ""
    if host not in LOOPBACK or not getproxies() or proxy_bypass(host):
        return
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{known},{host}".strip(",")
    close_session()  # the client reads the environment when it is made


def retry_after(headers: Any) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3: a number or a date), else 0."""
    value = str(headers.get("retry-after") or "").strip()
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return 0.0
