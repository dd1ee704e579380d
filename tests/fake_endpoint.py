"""A server on this machine that speaks the OpenAI chat format, and fails as real ones do.

Which request fails, and how, depends only on the seed, the first message that is no system message
and how often it has come before: the same test gives the same faults, whatever the threads do.
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

from vlm.answers import Cache, read_object
from vlm.endpoint import Answer, Endpoint, EndpointConfig
from vlm.errors import UserError

FAULTS = ("429", "500", "hang", "cut off", "prose", "reset")
PROSE = "I would rather tell you in my own words how much I like this picture."
Messages = list[dict[str, Any]]


class FakeEndpoint:
    """A context manager around the server.

    Args:
        answer: messages -> the text of the true answer.
        key: the bearer key that it wants; "" takes any.
        faults: the share of requests that fail.
        hang: seconds that it says nothing before it answers after all; longer than a test takes.
        always: a fault that every request meets.
        model: the one model that it knows; "" knows them all.

    Attributes:
        requests: how often each question came, by its hash.
        met: how often each fault was given.
        keys: the bearer keys that were shown.
        messages: what was asked, in the order it came.
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
        self.met: Counter[str] = Counter()
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
        """What a client is given."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def fault(self, messages: Messages) -> str:
        """The fault that this request meets, empty for none; counts the request."""
        first = next(m for m in messages if m["role"] != "system")
        item = hashlib.sha256(json.dumps(first, sort_keys=True).encode()).hexdigest()
        with self.lock:
            draw = random.Random(f"{self.seed} {item} {self.requests[item]}")
            self.requests[item] += 1
            self.messages.append(messages)
            fault = self.always or (draw.choice(FAULTS) if draw.random() < self.share else "")
            self.met[fault] += bool(fault)
        return fault


class _Handler(BaseHTTPRequestHandler):
    fake: FakeEndpoint
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            return self.error(404, f"no {self.path} here")
        models = [{"id": self.fake.model or "fake", "object": "model"}]
        self.reply(200, {"object": "list", "data": models})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.fake.keys.add(key)
        if self.path != "/v1/chat/completions":
            self.error(404, f"no {self.path} here")
        elif self.fake.key and key != self.fake.key:
            self.error(401, f"Incorrect API key provided: {key}")
        elif self.fake.model and body["model"] != self.fake.model:
            self.error(404, f"The model {body['model']} does not exist")
        elif problem := _malformed(body["messages"]):
            self.error(400, problem)
        else:
            self.serve(body["messages"])

    def serve(self, messages: Messages) -> None:
        """The true answer, or the fault that is due."""
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
        """A whole response around a text; a word is a token."""
        used = len(json.dumps(messages).split()), len(text.split())
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": used[0], "completion_tokens": used[1], "total_tokens": sum(used)}
        about = {"id": "chat", "object": "chat.completion", "created": 0, "model": "fake"}
        self.reply(200, about | {"choices": [choice | {"finish_reason": reason}], "usage": usage})

    def error(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        """An error as OpenAI words it."""
        self.reply(status, {"error": {"message": message, "type": "error"}}, headers)

    def reply(self, status: int, body: dict, headers: dict[str, str] | None = None) -> None:
        """JSON; a client that has gone away is nobody's fault."""
        data = json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def reset(self) -> None:
        """Break the connection off in the middle of an answer."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)  # closing sends a reset instead of an end
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()


def _malformed(messages: Messages) -> str:
    """What is wrong with messages that no real server would take; pictures are data: URLs."""
    for message in messages:
        parts = message["content"]
        for part in parts if isinstance(parts, list) else [{"type": "text", "text": parts}]:
            kind = part.get("type")
            if kind == "image_url" and not part["image_url"]["url"].startswith("data:image/"):
                return "a picture is no data: URL"
            if kind not in ("text", "image_url") or (kind == "text" and part.get("text") is None):
                return f"a part of kind {kind} cannot be read"
    return ""


def no_sleep(seconds: float) -> None:
    """Instead of the wait before a retry; lets other threads go on."""
    time.sleep(0)


def online(monkeypatch: Any) -> None:
    """Let requests out of the process, to this machine; without keys of the real environment."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("OPENAI_API_KEY", "LOUPE_API_KEY", "LOUPE_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def repeat(messages: Messages) -> str:
    """What the server answers: the question's own text, as JSON."""
    first = messages[0]["content"]
    text = first if isinstance(first, str) else first[0]["text"]
    return json.dumps({"said": text, "more": "so that half of it is no JSON"})


def questions(count: int) -> list:
    """So many different questions, whose answers must be JSON."""
    return [([{"role": "user", "content": f"question {n}"}], read_object) for n in range(count)]


def client(fake: FakeEndpoint, cache: Cache | None = None, **settings: Any) -> Endpoint:
    """Asks this server, without waiting between tries."""
    settings = {"endpoint": fake.address, "timeout": 30} | settings
    return Endpoint("fake", EndpointConfig(**settings), cache, no_sleep)


def said(answers: Sequence[Answer]) -> list[str]:
    """What `repeat` said in each answer."""
    return [read_object(answer.text)["said"] for answer in answers]


def outcome(answers: Iterable[Answer]) -> list[Answer] | UserError:
    """The answers, or the sentence that ended them."""
    try:
        return list(answers)
    except UserError as error:
        return error
