"""Asking a server: faults change nothing, and nothing is asked twice."""

import errno
import json

import pytest

from tests.fake_endpoint import (
    FAULTS,
    FakeEndpoint,
    client,
    no_sleep,
    online,
    outcome,
    questions,
    repeat,
    said,
)
from vlm import chat, endpoint, runs
from vlm.answers import Cache, read_object
from vlm.endpoint import Endpoint, EndpointConfig
from vlm.errors import UserError

PICTURE = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    online(monkeypatch)


@pytest.mark.parametrize("seed", range(3))
def test_a_fifth_of_the_requests_fails_and_every_question_is_answered_once(tmp_path, seed):
    cache = Cache(tmp_path / "asked.jsonl")
    with FakeEndpoint(repeat, faults=0.2, seed=seed) as fake:
        answers = list(client(fake, cache, timeout=3).answers(questions(60)))
    assert said(answers) == [f"question {n}" for n in range(60)]
    assert fake.met.total() > 6 and len(fake.met) > 3  # it did fail, in several ways
    rows = [json.loads(line) for line in (tmp_path / "asked.jsonl").read_text().splitlines()]
    assert len(rows) == 60 == len({row["key"] for row in rows})
    assert sum(fake.requests.values()) == 60 + fake.met.total()  # a fault costs one request


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fake_server_knows_each_fault_and_tries_have_an_end(fault):
    with FakeEndpoint(repeat, always=fault) as fake:
        patience = 0.1 if fault == "hang" else 30
        ask = client(fake, tries=2, timeout=patience).answers(questions(1))
        if fault == "prose":
            assert next(ask).fault.startswith("prose: 'I would rather")
        else:
            assert next(ask).fault.startswith("no answer: 2 tries, at last: ")
            with pytest.raises(UserError, match="gives no answers"):
                next(ask)
    assert fake.met == {fault: 3 if fault == "prose" else 2}


def test_faults_are_the_same_each_time():
    met = []
    for _ in range(2):
        with FakeEndpoint(repeat, faults=0.5, seed=3, hang=0) as fake:
            list(client(fake, tries=20).answers(questions(20)))
        met.append(fake.met)
    assert met[0] == met[1]


def test_waits_double_and_never_undercut_what_the_server_asks_for(monkeypatch):
    waits, asked = [], {"retry-after": "7"}
    monkeypatch.setattr(endpoint.random, "uniform", lambda low, high: 1.0)
    with FakeEndpoint(repeat, always="500") as fake:
        ask = Endpoint("m", EndpointConfig(endpoint=fake.address, tries=5), sleep=waits.append)
        outcome(ask.answers(questions(1)))
        monkeypatch.setattr(chat, "retry_after", lambda headers: float(asked["retry-after"]))
        outcome(ask.answers(questions(1)))
    assert waits == [0.5, 1, 2, 4, 7, 7, 7, 7]


def test_a_server_that_is_gone_is_not_asked_for_every_row():
    with FakeEndpoint(repeat) as fake:
        address = fake.address
    settings = EndpointConfig(endpoint=address, tries=2, concurrency=1)
    ask = Endpoint("m", settings, sleep=no_sleep)
    with pytest.raises(UserError, match=r"gives no answers \(2 tries, at last: the connection"):
        list(ask.answers(questions(500)))
    assert ask.ledger.requests == 2 * endpoint.IN_A_ROW


# --- nothing is asked twice ----------------------------------------------------------------------


def test_a_rerun_asks_nothing_and_equal_questions_are_asked_once(tmp_path):
    path = tmp_path / "asked.jsonl"
    with FakeEndpoint(repeat) as fake:
        first = list(client(fake, Cache(path)).answers(questions(5) + questions(5)))
        again = client(fake, Cache(path))
        assert list(again.answers(questions(5) + questions(5))) == first
        assert sum(fake.requests.values()) == 5 and again.kept == 5
        list(client(fake, Cache(path, resume=False)).answers(questions(2)))
    assert sum(fake.requests.values()) == 7
    assert len(path.read_text().splitlines()) == 2  # what was put aside is gone


def test_a_prose_answer_is_final_too(tmp_path):
    with FakeEndpoint(repeat, always="prose") as fake:
        for _ in range(2):
            answers = list(client(fake, Cache(tmp_path / "asked.jsonl")).answers(questions(4)))
            assert all(answer.fault.startswith("prose") for answer in answers)
    assert set(fake.requests.values()) == {1 + endpoint.REMINDERS}
    assert fake.messages[-1][-1]["content"] == endpoint.AGAIN


def test_a_torn_last_line_costs_its_own_question_only(tmp_path):
    path = tmp_path / "asked.jsonl"
    with FakeEndpoint(repeat) as fake:
        list(client(fake, Cache(path), concurrency=1).answers(questions(6)))
        whole = path.read_bytes()
        path.write_bytes(whole[:-20])  # as a kill in the middle of a write leaves it
        for asked in (7, 7):  # the second run finds all six
            list(client(fake, Cache(path)).answers(questions(6)))
            assert sum(fake.requests.values()) == asked


def test_another_model_or_question_is_another_answer(tmp_path):
    cache = Cache(tmp_path / "asked.jsonl")
    with FakeEndpoint(repeat) as fake:
        list(client(fake, cache).answers(questions(1)))
        list(client(fake, cache, max_tokens=50).answers(questions(1)))
        Endpoint("other", EndpointConfig(endpoint=fake.address), cache)
    assert sum(fake.requests.values()) == 2


def test_pictures_go_along(tmp_path):
    part = {"type": "image_url", "image_url": {"url": PICTURE}}
    content = [{"type": "text", "text": "what is it?"}, part]
    with FakeEndpoint(repeat) as fake:
        answers = list(
            client(fake).answers([([{"role": "user", "content": content}], read_object)])
        )
    assert said(answers) == ["what is it?"]
    assert fake.messages[0][0]["content"][1]["image_url"]["url"] == PICTURE


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    def full(path, row):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runs, "append_jsonl", full)
    with FakeEndpoint(repeat) as fake, pytest.raises(UserError, match="The disk is full"):
        list(client(fake, Cache(tmp_path / "asked.jsonl")).answers(questions(3)))
