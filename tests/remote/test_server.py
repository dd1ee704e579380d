"""One server: errors are sentences, and the API key is sent and never shown."""

import logging
import time

import pytest

from tests.fake_endpoint import FakeEndpoint, client, echo, echoed, outcome, questions
from vlm.errors import UserError
from vlm.remote import server
from vlm.remote.cache import Cache
from vlm.remote.endpoint import Endpoint, EndpointConfig
from vlm.remote.parsing import parse_object

CANARY = "sk-canary-7f3a9c"
NOW = 1_800_000_000.0  # seconds since the epoch


def test_a_wrong_key_and_an_unknown_model_are_user_errors(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with FakeEndpoint(echo, key="another", model="real") as fake:
        with pytest.raises(UserError, match=r"rejects the key \(401\); set LOUPE_API_KEY") as wrong:
            list(client(fake, concurrency=1).answers(questions(9)))
        fake.key = ""
        with pytest.raises(UserError, match="does not know the model 'fake'") as unknown:
            list(client(fake, concurrency=1).answers(questions(9)))
    assert CANARY not in str(wrong.value) + str(unknown.value)
    assert not fake.requests  # no question was answered


def test_a_rejected_question_does_not_stop_the_others():
    bad = [{"role": "user", "content": [{"type": "sound"}]}], parse_object
    with FakeEndpoint(echo) as fake:
        answers = list(client(fake).answers([*questions(3), bad]))
    assert echoed(answers[:3]) == ["question 0", "question 1", "question 2"]
    assert answers[3].fault.startswith("no answer: rejected, 400: ")
    assert "a part of type sound is not supported" in answers[3].fault


@pytest.mark.parametrize(
    "address",
    ["ftp://here/v1", "here:8080", "file:///etc/passwd", "http://", "http://x:port/", "http://["],
)
def test_only_http_addresses_are_accepted(address):
    with pytest.raises(UserError, match="is not an http"):
        Endpoint("m", EndpointConfig(endpoint=address))


def test_a_password_in_the_address_is_rejected_and_not_repeated():
    with pytest.raises(UserError, match="remove them and set LOUPE_API_KEY") as error:
        Endpoint("m", EndpointConfig(endpoint="http://me:secret@127.0.0.1/v1"))
    assert "secret" not in str(error.value)


def test_a_missing_or_invalid_key_is_rejected_before_any_request(monkeypatch):
    with pytest.raises(UserError, match="set OPENAI_API_KEY"):
        Endpoint("gpt-4o-mini")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ключ")
    with pytest.raises(UserError, match="contains invalid characters") as error:
        Endpoint("gpt-4o-mini")
    assert "ключ" not in str(error.value)


def test_offline_mode_is_a_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with FakeEndpoint(echo) as fake, pytest.raises(UserError, match="set HF_HUB_OFFLINE=0"):
        list(client(fake).answers(questions(1)))


def test_retry_after_is_seconds_or_a_date(monkeypatch):
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(NOW + 60))
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert server.retry_after({"retry-after": "1.5"}) == 1.5
    assert server.retry_after({"retry-after": later}) == 60
    for other in ({}, {"retry-after": "soon"}, {"retry-after": "-3"}):
        assert server.retry_after(other) == 0


# --- keys ----------------------------------------------------------------------------------------


def test_the_key_is_in_no_file_log_repr_or_message(tmp_path, monkeypatch, caplog, capfd):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setattr("huggingface_hub.constants.HF_DEBUG", True)
    caplog.set_level(logging.DEBUG)
    for name in ("huggingface_hub", "httpx", "httpx2", "httpcore", "httpcore2"):
        caplog.set_level(logging.DEBUG, logger=name)
    shown = []
    with FakeEndpoint(lambda m: f'{{"key": "{CANARY}"}}', key=CANARY, faults=0.4, hang=0) as fake:
        ask = client(fake, Cache(tmp_path / "asked.jsonl"), tries=20)
        shown += [*ask.answers(questions(20)), ask, ask.server, ask.budget, ask.summary()]
        fake.key = "another"  # the server now quotes the key that it rejects
        shown.append(outcome(client(fake).answers(questions(1))))
        fake.key, fake.always = CANARY, "500"
        shown.append(outcome(client(fake, tries=1).answers(questions(9))))
    assert fake.keys == {CANARY}  # the server did receive it
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    printed = "".join(capfd.readouterr())
    assert "key" in written and caplog.text
    for text in (written, printed, caplog.text, *map(repr, shown), *map(str, shown)):
        assert CANARY not in text


def test_the_hub_token_is_never_sent_instead_of_a_key(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    with FakeEndpoint(echo) as fake:
        list(client(fake).answers(questions(1)))
        assert fake.keys == {server.NO_KEY}
        monkeypatch.setenv("OPENAI_API_KEY", "general")
        monkeypatch.setenv("LOUPE_API_KEY", "own")
        list(client(fake).answers(questions(1)))
        assert fake.keys == {server.NO_KEY, "own"}


def test_requests_to_this_machine_bypass_the_proxy(monkeypatch):
    from huggingface_hub import close_session

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.setenv("NO_PROXY", "example.org")
    close_session()  # like a new process
    with FakeEndpoint(echo) as fake:
        assert echoed(list(client(fake, tries=1).answers(questions(1)))) == ["question 0"]
    close_session()
