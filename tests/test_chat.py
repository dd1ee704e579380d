"""One server: what it refuses is a sentence, and the key stays where it belongs."""

import logging
import time

import pytest

from tests.fake_endpoint import FakeEndpoint, client, online, outcome, questions, repeat, said
from vlm import chat
from vlm.answers import Cache, read_object
from vlm.endpoint import Endpoint, EndpointConfig
from vlm.errors import UserError

CANARY = "sk-canary-7f3a9c"
NOW = 1_800_000_000.0  # seconds, when these tests are


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    online(monkeypatch)


def test_a_wrong_key_and_an_unknown_model_are_one_sentence_and_few_requests(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with FakeEndpoint(repeat, key="another", model="real") as fake:
        with pytest.raises(UserError, match=r"refuses the key \(401\); set LOUPE_API_KEY") as wrong:
            list(client(fake, concurrency=1).answers(questions(9)))
        fake.key = ""
        with pytest.raises(UserError, match="does not know the model 'fake'") as unknown:
            list(client(fake, concurrency=1).answers(questions(9)))
    assert CANARY not in str(wrong.value) + str(unknown.value)
    assert not fake.requests  # none got as far as a question


def test_a_question_that_the_server_refuses_leaves_the_others_alone():
    bad = [{"role": "user", "content": [{"type": "sound"}]}], read_object
    with FakeEndpoint(repeat) as fake:
        answers = list(client(fake).answers([*questions(3), bad]))
    assert said(answers[:3]) == ["question 0", "question 1", "question 2"]
    assert answers[3].fault.startswith("no answer: refused, 400: ")
    assert "a part of kind sound cannot be read" in answers[3].fault


@pytest.mark.parametrize(
    "address",
    ["ftp://here/v1", "here:8080", "file:///etc/passwd", "http://", "http://x:port/", "http://["],
)
def test_other_addresses_are_refused(address):
    with pytest.raises(UserError, match="is no http"):
        Endpoint("m", EndpointConfig(endpoint=address))


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(UserError, match="take them out") as found:
        Endpoint("m", EndpointConfig(endpoint="http://me:secret@127.0.0.1/v1"))
    assert "secret" not in str(found.value)


def test_openai_without_a_key_and_strange_keys_are_refused_before_anything_is_sent(monkeypatch):
    with pytest.raises(UserError, match="set OPENAI_API_KEY"):
        Endpoint("gpt-4o-mini")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ключ")
    with pytest.raises(UserError, match="letters that no key has") as found:
        Endpoint("gpt-4o-mini")
    assert "ключ" not in str(found.value)


def test_offline_mode_is_a_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with FakeEndpoint(repeat) as fake, pytest.raises(UserError, match="set HF_HUB_OFFLINE=0"):
        list(client(fake).answers(questions(1)))


def test_retry_after_is_seconds_or_a_date(monkeypatch):
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(NOW + 60))
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert chat.retry_after({"retry-after": "1.5"}) == 1.5
    assert chat.retry_after({"retry-after": later}) == 60
    for nothing in ({}, {"retry-after": "soon"}, {"retry-after": "-3"}):
        assert chat.retry_after(nothing) == 0


# --- keys ----------------------------------------------------------------------------------------


def test_the_key_is_in_no_file_log_repr_or_sentence(tmp_path, monkeypatch, caplog, capfd):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setattr("huggingface_hub.constants.HF_DEBUG", True)
    caplog.set_level(logging.DEBUG)
    for name in ("huggingface_hub", "httpx", "httpx2", "httpcore", "httpcore2"):
        caplog.set_level(logging.DEBUG, logger=name)
    seen = []
    with FakeEndpoint(lambda m: f'{{"said": "{CANARY}"}}', key=CANARY, faults=0.4, hang=0) as fake:
        ask = client(fake, Cache(tmp_path / "asked.jsonl"), tries=20)
        seen += [*ask.answers(questions(20)), ask, ask.server, ask.ledger, ask.summary()]
        fake.key = "another"  # the server now quotes the key that it refuses
        seen.append(outcome(client(fake).answers(questions(1))))
        fake.key, fake.always = CANARY, "500"
        seen.append(outcome(client(fake, tries=1).answers(questions(9))))
    assert fake.keys == {CANARY}  # it was sent, where it belongs
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    printed = "".join(capfd.readouterr())
    assert "said" in written and caplog.text
    for text in (written, printed, caplog.text, *map(repr, seen), *map(str, seen)):
        assert CANARY not in text


def test_the_hub_token_is_never_sent_in_place_of_a_key(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    with FakeEndpoint(repeat) as fake:
        list(client(fake).answers(questions(1)))
        assert fake.keys == {chat.NO_KEY}
        monkeypatch.setenv("OPENAI_API_KEY", "general")
        monkeypatch.setenv("LOUPE_API_KEY", "own")
        list(client(fake).answers(questions(1)))
        assert fake.keys == {chat.NO_KEY, "own"}


def test_a_proxy_does_not_stand_before_this_machine(monkeypatch):
    from huggingface_hub import close_session

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.setenv("NO_PROXY", "example.org")
    close_session()  # as in a new process
    with FakeEndpoint(repeat) as fake:
        assert said(list(client(fake, tries=1).answers(questions(1)))) == ["question 0"]
    close_session()
