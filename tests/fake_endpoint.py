"""A local server that speaks the OpenAI chat format, and fails as real ones do.

Which request fails, and how, depends only on the seed, the first message that is not a system
message, and how often that message has come before: each run of a test produces the same faults,
in any order of threads.
"""

import contextlib
import hashlib
import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from vlm.errors import UserError
from vlm.remote.cache import Cache
from vlm.remote.endpoint import Answer, Endpoint, EndpointConfig
from vlm.remote.parsing import parse_object

FAULTS = ("429", "500", "hang", "cut off", "prose", "reset")
PROSE = "I would rather tell you in my own words how much I like this picture."
Messages = list[dict[str, Any]]


class FakeEndpoint:
    """A context manager that runs the server.

    Args:
        answer: messages -> the text of the correct answer.
        key: the bearer key that it requires; "" accepts any.
        faults: the share of requests that fail.
        hang: seconds of silence before a late answer; longer than a test by default.
        always: a fault for every request.
        model: the only model that it knows; "" accepts any.

    Attributes:
        requests: number of requests by the question's hash.
        fault_counts: number of faults by kind.
        keys: the bearer keys received.
        messages: the messages of each request, in order of arrival.
    """

    def __init__(
        self,
        answer: Callable[[Messages], str],
        *,
        key: str = "",
        faults: float = 0.0,
        seed: int = 0,
        hang: float = 60,
        always: str = "",
        model: str = "",
    ):
        self.answer, self.key, self.share, self.seed = answer, key, faults, seed
        self.hang, self.always, self.model = hang, always, model
        self.requests: Counter[str] = Counter()
        self.fault_counts: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.messages: list[Messages] = []
        self.lock, self.closing = threading.Lock(), threading.Event()

    def __enter__(self) -> "FakeEndpoint":
        handler = type("Handler", (_Handler,), {"fake": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def address(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def fault(self, messages: Messages) -> str:
        """Count the request; returns its fault, empty for none."""
        first = next(m for m in messages if m["role"] != "system")
        item = hashlib.sha256(json.dumps(first, sort_keys=True).encode()).hexdigest()
        with self.lock:
            draw = random.Random(f"{self.seed} {item} {self.requests[item]}")
            self.requests[item] += 1
            self.messages.append(messages)
            fault = self.always or (draw.choice(FAULTS) if draw.random() < self.share else "")
            self.fault_counts[fault] += bool(fault)
        return fault


class _Handler(BaseHTTPRequestHandler):
    fake: FakeEndpoint
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise each response waits 40 ms for an acknowledgement

    def log_message(self, *args: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            return self.error(404, f"{self.path} does not exist")
        models = [{"id": self.fake.model or "fake", "object": "model"}]
        self.reply(200, {"object": "list", "data": models})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.fake.keys.add(key)
        if self.path != "/v1/chat/completions":
            self.error(404, f"{self.path} does not exist")
        elif self.fake.key and key != self.fake.key:
            self.error(401, f"Incorrect API key provided: {key}")
        elif self.fake.model and body["model"] != self.fake.model:
            self.error(404, f"The model {body['model']} does not exist")
        elif problem := _malformed(body["messages"]):
            self.error(400, problem)
        else:
            self.serve(body["messages"])

    def serve(self, messages: Messages) -> None:
        """Send the correct answer, or the fault of this request."""
        fault = self.fake.fault(messages)
        if fault == "429":
            return self.error(429, "Rate limit reached", {"Retry-After": "0"})
        if fault == "500":
            return self.error(500, "The server had an error")
        if fault == "reset":
            return self.reset()
        if fault == "hang":
            self.fake.closing.wait(self.fake.hang)
        text = PROSE if fault == "prose" else self.fake.answer(messages)
        if fault == "cut off":
            return self.chat(messages, text[: len(text) // 2], "length")
        self.chat(messages, text, "stop")

    def chat(self, messages: Messages, text: str, reason: str) -> None:
        """Send a complete response; every word counts as a token."""
        tokens = len(json.dumps(messages).split()), len(text.split())
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        usage["total_tokens"] = sum(tokens)
        header = {"id": "chat", "object": "chat.completion", "created": 0, "model": "fake"}
        self.reply(200, header | {"choices": [choice | {"finish_reason": reason}], "usage": usage})

    def error(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        """Send an error in OpenAI's format."""
        self.reply(status, {"error": {"message": message, "type": "error"}}, headers)

    def reply(self, status: int, body: dict, headers: dict[str, str] | None = None) -> None:
        """Send JSON; a client that has disconnected is ignored."""
        data = json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def reset(self) -> None:
        """Reset the connection instead of answering."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)  # closing sends RST instead of FIN
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()


def _malformed(messages: Messages) -> str:
    """The reason why a real server would reject the messages, empty if it would not."""
    for message in messages:
        parts = message["content"]
        for part in parts if isinstance(parts, list) else [{"type": "text", "text": parts}]:
            kind = part.get("type")
            if kind == "image_url" and not part["image_url"]["url"].startswith("data:image/"):
                return "an image is not a data: URL"
            if kind not in ("text", "image_url") or (kind == "text" and part.get("text") is None):
                return f"a part of type {kind} is not supported"
    return ""


def no_sleep(seconds: float) -> None:
    """Replaces the wait before a retry; lets other threads run."""
    time.sleep(0)


def online(monkeypatch: Any) -> None:
    """Allow requests to this machine, and remove keys of the real environment."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("OPENAI_API_KEY", "LOUPE_API_KEY", "LOUPE_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def echo(messages: Messages) -> str:
    """An answer that contains the question's text, as JSON."""
    content = messages[0]["content"]
    text = content if isinstance(content, str) else content[0]["text"]
    return json.dumps({"question": text, "padding": "so that half of the answer is not JSON"})


def questions(count: int) -> list:
    """Different questions, whose answers must be JSON."""
    return [([{"role": "user", "content": f"question {n}"}], parse_object) for n in range(count)]


def client(fake: FakeEndpoint, cache: Cache | None = None, **settings: Any) -> Endpoint:
    """An endpoint for this server, without waits between attempts."""
    settings = {"endpoint": fake.address, "timeout": 30} | settings
    return Endpoint("fake", EndpointConfig(**settings), cache, sleep=no_sleep)


def echoed(answers: Sequence[Answer]) -> list[str]:
    """The question in each answer of `echo`."""
    return [parse_object(answer.text)["question"] for answer in answers]


def outcome(answers: Iterable[Answer]) -> list[Answer] | UserError:
    """The answers, or the error that ended them."""
    try:
        return list(answers)
    except UserError as error:
        return error
