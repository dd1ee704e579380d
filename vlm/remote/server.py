"""Send one request to a server that speaks the OpenAI chat format, and classify its errors.

The API key comes only from the environment (LOUPE_API_KEY, else OPENAI_API_KEY) and is removed from
every text that this module returns or raises.
"""

import os
import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from vlm.errors import UserError
from vlm.remote.parsing import quote
from vlm.remote.prompts import Messages

OPENAI = "https://api.openai.com/v1"
NO_KEY = "none"  # sent when there is no key; otherwise the client sends the user's Hub token
LOOPBACK = ("127.0.0.1", "localhost", "::1")
KEY_REJECTED = (401, 403)  # HTTP status
RETRYABLE = (408, 409, 425, 429)  # and everything from 500 on
LONGEST_WAIT = 120.0  # seconds that a server may ask us to wait


class RetryableError(Exception):
    """A temporary failure; `wait` is the number of seconds that the server asks for."""

    def __init__(self, reason: str, wait: float = 0.0):
        super().__init__(reason)
        self.wait = wait


class NoAnswer(Exception):
    """This question gets no answer in this run."""


class Server:
    """One model at one address.

    Raises:
        UserError: for an invalid address, or a missing key where one is required.
    """

    def __init__(self, model: str, address: str = "", timeout: float = 60.0, max_tokens: int = 400):
        address = address or os.environ.get("LOUPE_ENDPOINT") or OPENAI
        self.model, self.address = model, check_address(address)
        self.host = urlsplit(self.address).netloc
        self.timeout, self.max_tokens = timeout, max_tokens
        self._key, self._client, self._lock = _read_key(self.host), None, threading.Lock()

    def send(self, messages: Messages) -> tuple[str, Mapping[str, Any]]:
        """Return the text of the answer and its usage (prompt_tokens, completion_tokens).

        Raises:
            RetryableError: for a temporary failure: 429, 5xx, timeouts, broken connections.
            NoAnswer: when the server rejects this question.
            UserError: when it rejects the key, does not know the model, or offline mode is on.
        """
        from huggingface_hub import errors

        try:
            response = self._open_client().chat_completion(
                list(messages), model=self.model, max_tokens=self.max_tokens, temperature=0
            )
            text = response.choices[0].message.content or ""
            return self._redact(text), response.get("usage") or {}
        except errors.InferenceTimeoutError:
            reason = f"no answer within {self.timeout:g} s"
        except errors.HfHubHTTPError as error:
            raise self._classify(error) from None
        except errors.OfflineModeIsEnabled:
            raise UserError(
                "HF_HUB_OFFLINE is set, so no request can be sent; set HF_HUB_OFFLINE=0 for this "
                "command."
            ) from None
        except errors.HTTPError as error:
            reason = f"the connection failed: {self._redact(str(error)) or type(error).__name__}"
        except (ValueError, TypeError, LookupError, AttributeError):
            reason = "the response is not in the OpenAI chat format"
        raise RetryableError(reason)

    def _open_client(self) -> Any:
        """The client, created at the first request and shared by all threads."""
        from huggingface_hub import InferenceClient

        with self._lock:
            if self._client is None:
                bypass_proxy(self.address)
                self._client = InferenceClient(
                    base_url=self.address, api_key=self._key or NO_KEY, timeout=self.timeout
                )
            return self._client

    def _classify(self, error: Any) -> Exception:
        """Turn an HTTP error into one that retries, skips the question, or stops the run."""
        status, message = error.response.status_code, self._redact(str(error.server_message or ""))
        details = f"{status}: {quote(message)}" if message else str(status)
        if status in KEY_REJECTED:
            return UserError(
                f"{self.host} rejects the key ({status}); set LOUPE_API_KEY or OPENAI_API_KEY to "
                "a key that is valid there."
            )
        if status == 404:
            return UserError(
                f"{self.host} does not know the model {self.model!r} or is not a chat server "
                f"({details}); check the model's name and --endpoint."
            )
        if "insufficient_quota" in message:
            return UserError(
                f"{self.host} reports that the account has no credit left ({status}); add credit, "
                "or choose another server with --endpoint."
            )
        if status not in RETRYABLE and status < 500:
            return NoAnswer(f"rejected, {details}")
        wait = retry_after(error.response.headers)
        if wait > LONGEST_WAIT:
            return NoAnswer(f"{status}, the server asks to wait {wait:,.0f} s")
        return RetryableError(details, wait)

    def _redact(self, text: str) -> str:
        """Replace the key, which a server may echo."""
        return text.replace(self._key, "…") if self._key else text


def check_address(address: str) -> str:
    """Return the address if it is http(s) and contains no user name or password.

    Raises:
        UserError: otherwise; the message does not repeat a password.
    """
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018  raises ValueError when it is not a number
    except ValueError:
        valid = False
    if not valid:
        raise UserError(
            f"The endpoint {quote(address.split('@')[-1])} is not an http(s) address; give one "
            "like http://127.0.0.1:8080/v1."
        )
    if parts.username or parts.password:
        raise UserError(
            "The endpoint's address contains a user name or password; remove them and set "
            "LOUPE_API_KEY."
        )
    return address


def _read_key(host: str) -> str:
    """The key from the environment, or an empty string if only OpenAI requires one."""
    key = (os.environ.get("LOUPE_API_KEY") or os.environ.get("OPENAI_API_KEY") or "").strip()
    if not key.isascii() or any(not letter.isprintable() for letter in key):
        raise UserError(
            "The API key contains invalid characters; copy it into LOUPE_API_KEY again."
        )
    if not key and host == urlsplit(OPENAI).netloc:
        raise UserError(
            f"{host} requires a key and none is set; set OPENAI_API_KEY, or choose another server "
            "with --endpoint."
        )
    return key


def bypass_proxy(address: str) -> None:
    """Add an address on this machine to NO_PROXY, so that requests do not go through a proxy."""
    from urllib.request import getproxies, proxy_bypass

    from huggingface_hub import close_session

    host = urlsplit(address).hostname or ""
    if host not in LOOPBACK or not getproxies() or proxy_bypass(host):
        return
    hosts = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{hosts},{host}".strip(",")
    close_session()  # the client reads the environment when it is created


def retry_after(headers: Any) -> float:
    """Seconds requested by a Retry-After header (RFC 9110, 10.2.3: number or date), 0 without."""
    value = str(headers.get("retry-after") or "").strip()
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return 0.0
