"""Budgets of requests and dollars are kept, and prices come from the command line."""

import pytest

from tests.fake_endpoint import FakeEndpoint, client, echo, echoed, questions
from vlm.errors import UserError
from vlm.remote.cache import Cache
from vlm.remote.costs import Price, read_price
from vlm.remote.endpoint import EndpointConfig

EXPENSIVE = {"price": "1000,1000", "max_usd": 1.0, "max_tokens": 100}


def test_a_price_is_two_numbers_per_million_tokens():
    assert read_price("") is None
    assert read_price("0.15, 0.60") == Price(0.15, 0.6)
    assert read_price("0.15,0.60").usd(1e6, 1e6) == pytest.approx(0.75)
    assert read_price("0,0.5").usd(1e6, 2e6) == 1


@pytest.mark.parametrize("text", ["1", "1,2,3", "1;2", "a,b", "1,-2", "nan,1", "inf,1", ","])
def test_any_other_price_is_a_user_error(text):
    with pytest.raises(UserError, match=f"--price is '{text}'; give US dollars per million"):
        EndpointConfig(price=text)


def test_a_budget_in_dollars_requires_a_price():
    with pytest.raises(UserError, match="--max-usd is 1, but the price is unknown; add --price"):
        EndpointConfig(max_usd=1)
    assert EndpointConfig(max_usd=1, price="0,0").max_usd == 1


def test_without_a_price_tokens_are_counted_and_costs_are_not():
    with FakeEndpoint(echo) as fake:
        ask = client(fake)
        list(ask.answers(questions(2)))
    assert ask.summary() == "fake: 2 answers, 2 requests, 10 input tokens, 26 output tokens"


def test_a_budget_of_requests_stops_the_run_and_the_next_run_resumes(tmp_path):
    path = tmp_path / "asked.jsonl"
    with FakeEndpoint(echo) as fake:
        ask = client(fake, Cache(path), max_requests=7)
        answers = list(ask.answers(questions(20)))
        unsent = [a for a in answers if a.fault == "not sent, the budget of 7 requests is spent"]
        assert len(unsent) == 13 and sum(fake.requests.values()) == 7
        assert ask.summary().endswith("; the budget of 7 requests is spent")
        assert echoed(list(client(fake, Cache(path)).answers(questions(20))))[19] == "question 19"
    assert set(fake.requests.values()) == {1}


def test_requests_in_flight_do_not_exceed_a_budget_in_dollars():
    with FakeEndpoint(echo) as fake:
        ask = client(fake, **EXPENSIVE)
        answers = list(ask.answers(questions(80)))
    answered = sum(not answer.fault for answer in answers)
    assert 20 < answered < 80 and answered == sum(fake.requests.values())
    assert 0.8 < ask.budget.usd <= 1.0
    assert f"{ask.budget.usd:.4f} USD; the budget of 1 USD is spent" in ask.summary()


def test_answers_without_token_usage_count_with_their_maximum_cost(monkeypatch):
    with FakeEndpoint(echo) as fake:
        ask = client(fake, **EXPENSIVE)
        send = ask.server.send
        monkeypatch.setattr(ask.server, "send", lambda messages: (send(messages)[0], {}))
        answered = sum(not answer.fault for answer in ask.answers(questions(80)))
    assert 0 < answered < 20 and 0.8 < ask.budget.usd <= 1.0
