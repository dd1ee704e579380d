"""Questions to a server: faults do not change answers, and no question is sent twice."""

import errno
import json

import pytest

from tests.fake_endpoint import (
    FAULTS,
    FakeEndpoint,
    client,
    echo,
    echoed,
    no_sleep,
    outcome,
    questions,
)
from vlm.errors import UserError
from vlm.remote import endpoint, prompts, server
from vlm.remote.cache import Cache
from vlm.remote.endpoint import Endpoint, EndpointConfig
from vlm.remote.parsing import parse_object
from vlm.system import files

IMAGE = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize("seed", range(3))
def test_every_question_is_answered_once_when_a_fifth_of_the_requests_fails(tmp_path, seed):
    cache = Cache(tmp_path / "asked.jsonl")
    with FakeEndpoint(echo, faults=0.2, seed=seed) as fake:
        ask = client(fake, cache, timeout=1.5, concurrency=16)
        answers = list(ask.answers(questions(60)))
    assert echoed(answers) == [f"question {n}" for n in range(60)]
    assert fake.fault_counts.total() > 6 and len(fake.fault_counts) > 3  # several kinds of faults
    rows = [json.loads(line) for line in (tmp_path / "asked.jsonl").read_text().splitlines()]
    assert len(rows) == 60 == len({row["key"] for row in rows})
    assert sum(fake.requests.values()) == 60 + fake.fault_counts.total()  # one request per fault


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fake_server_produces_each_fault_and_attempts_are_limited(fault):
    with FakeEndpoint(echo, always=fault) as fake:
        timeout = 0.1 if fault == "hang" else 30
        ask = client(fake, tries=2, timeout=timeout).answers(questions(1))
        if fault == "prose":
            assert next(ask).fault.startswith("prose: 'I would rather")
        else:
            assert next(ask).fault.startswith("no answer: 2 attempts, the last one: ")
            with pytest.raises(UserError, match="does not answer"):
                next(ask)
    assert fake.fault_counts == {fault: 3 if fault == "prose" else 2}


def test_the_fake_server_repeats_its_faults():
    counts = []
    for _ in range(2):
        with FakeEndpoint(echo, faults=0.5, seed=3, hang=0) as fake:
            list(client(fake, tries=20).answers(questions(20)))
        counts.append(fake.fault_counts)
    assert counts[0] == counts[1]


def test_waits_double_and_are_never_shorter_than_the_server_asks_for(monkeypatch):
    waits = []
    monkeypatch.setattr(endpoint.random, "uniform", lambda low, high: 1.0)
    with FakeEndpoint(echo, always="500") as fake:
        ask = Endpoint("m", EndpointConfig(endpoint=fake.address, tries=5), sleep=waits.append)
        outcome(ask.answers(questions(1)))
        monkeypatch.setattr(server, "retry_after", lambda headers: 7.0)
        outcome(ask.answers(questions(1)))
    assert waits == [0.5, 1, 2, 4, 7, 7, 7, 7]


def test_a_stopped_server_ends_the_run_after_a_few_questions():
    with FakeEndpoint(echo) as fake:
        address = fake.address
    settings = EndpointConfig(endpoint=address, tries=2, concurrency=1)
    ask = Endpoint("m", settings, sleep=no_sleep)
    message = r"does not answer \(2 attempts, the last one: the connection"
    with pytest.raises(UserError, match=message):
        list(ask.answers(questions(500)))
    assert ask.budget.requests == 2 * endpoint.MAX_FAILURES


# --- no question is sent twice -------------------------------------------------------------------


def test_cached_and_identical_questions_are_not_sent(tmp_path):
    path = tmp_path / "asked.jsonl"
    with FakeEndpoint(echo) as fake:
        first = list(client(fake, Cache(path)).answers(questions(5) + questions(5)))
        second = client(fake, Cache(path))
        assert list(second.answers(questions(5) + questions(5))) == first
        assert sum(fake.requests.values()) == 5 and second.cached == 5
        list(client(fake, Cache(path, resume=False)).answers(questions(2)))
    assert sum(fake.requests.values()) == 7
    assert len(path.read_text().splitlines()) == 2  # without resume the old answers are deleted


def test_an_answer_in_prose_is_final_after_the_reminders(tmp_path):
    with FakeEndpoint(echo, always="prose") as fake:
        for _ in range(2):
            answers = list(client(fake, Cache(tmp_path / "asked.jsonl")).answers(questions(4)))
            assert all(answer.fault.startswith("prose") for answer in answers)
    assert set(fake.requests.values()) == {1 + endpoint.MAX_REMINDERS}
    assert fake.messages[-1][-1]["content"] == prompts.JSON_REMINDER


def test_a_torn_last_line_costs_only_its_own_question(tmp_path):
    path = tmp_path / "asked.jsonl"
    with FakeEndpoint(echo) as fake:
        list(client(fake, Cache(path), concurrency=1).answers(questions(6)))
        path.write_bytes(path.read_bytes()[:-20])  # like a kill in the middle of a write
        for requests in (7, 7):  # the second run finds all six answers
            list(client(fake, Cache(path)).answers(questions(6)))
            assert sum(fake.requests.values()) == requests


def test_settings_are_part_of_the_cache_key(tmp_path):
    cache = Cache(tmp_path / "asked.jsonl")
    with FakeEndpoint(echo) as fake:
        list(client(fake, cache).answers(questions(1)))
        list(client(fake, cache, max_tokens=50).answers(questions(1)))
        assert sum(fake.requests.values()) == 2
        other = Endpoint("other", EndpointConfig(endpoint=fake.address), cache)
        list(other.answers(questions(1)))
    assert sum(fake.requests.values()) == 3


def test_images_are_sent(tmp_path):
    part = {"type": "image_url", "image_url": {"url": IMAGE}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "what is it?"}, part]}]
    with FakeEndpoint(echo) as fake:
        answers = list(client(fake).answers([(messages, parse_object)]))
    assert echoed(answers) == ["what is it?"]
    assert fake.messages[0][0]["content"][1]["image_url"]["url"] == IMAGE


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    def full(path, row):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "append_jsonl", full)
    with FakeEndpoint(echo) as fake, pytest.raises(UserError, match="disk is full"):
        list(client(fake, Cache(tmp_path / "asked.jsonl")).answers(questions(3)))
