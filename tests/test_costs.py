"""What questions cost: the price table, and budgets that are kept."""

import pytest

from tests.fake_endpoint import FakeEndpoint, client, online, questions, repeat, said
from vlm.answers import Cache
from vlm.costs import TABLE, Price, price
from vlm.endpoint import Endpoint, EndpointConfig
from vlm.errors import UserError


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    online(monkeypatch)


def test_prices_are_dated_and_found_by_family(tmp_path):
    mini = price("gpt-4o-mini")
    assert mini == price("gpt-4o-mini-2024-07-18") and mini.as_of
    assert mini.usd(1e6, 1e6) == pytest.approx(0.75)
    assert price("gpt-4o-mini-of-somebody-else") is None
    own = tmp_path / "own.json"
    own.write_text('{"as_of": "now", "models": {"gpt-4o-mini": [1, 2], "mine": [0, 0.5]}}')
    assert price("gpt-4o-mini", str(own)) == Price(1, 2, "now")
    assert price("mine", str(own)) == Price(0, 0.5, "now")
    assert price("gpt-4o", str(own)) == price("gpt-4o")  # our own table stands behind it


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"models": 1}', '{"models": {"m": 1}}', '{"models": {"m": [1, -2]}}']
)
def test_other_files_are_no_price_table(tmp_path, text):
    (tmp_path / "prices.json").write_text(text)
    for path in (tmp_path / "prices.json", tmp_path / "absent.json"):
        with pytest.raises(UserError, match="is no price table; write"):
            price("gpt-4o", str(path))


def test_our_own_table_can_be_read():
    assert TABLE.is_file() and price("gpt-4o")


def test_a_budget_of_requests_stops_and_the_next_run_goes_on(tmp_path):
    path = tmp_path / "asked.jsonl"
    with FakeEndpoint(repeat) as fake:
        ask = client(fake, Cache(path), max_requests=7)
        answers = list(ask.answers(questions(20)))
        spent = [a for a in answers if a.fault == "not asked, the budget of 7 requests is spent"]
        assert len(spent) == 13 and sum(fake.requests.values()) == 7
        assert ask.summary().endswith("; the budget of 7 requests is spent")
        assert said(list(client(fake, Cache(path)).answers(questions(20))))[19] == "question 19"
    assert set(fake.requests.values()) == {1}


def test_a_budget_in_dollars_is_not_overrun_by_requests_under_way(tmp_path):
    prices = tmp_path / "prices.json"
    prices.write_text('{"as_of": "today", "models": {"fake": [1000, 1000]}}')
    with FakeEndpoint(repeat) as fake:
        ask = client(fake, prices=str(prices), max_usd=1.0, max_tokens=100)
        answers = list(ask.answers(questions(80)))
    done = sum(not answer.fault for answer in answers)
    assert 20 < done < 80 and done == sum(fake.requests.values())
    assert 0.8 < ask.ledger.usd <= 1.0
    assert "USD at prices of today; the budget of 1 USD is spent" in ask.summary()


def test_a_server_that_tells_no_tokens_does_not_answer_for_nothing(tmp_path, monkeypatch):
    prices = tmp_path / "prices.json"
    prices.write_text('{"as_of": "today", "models": {"fake": [1000, 1000]}}')
    with FakeEndpoint(repeat) as fake:
        ask = client(fake, prices=str(prices), max_usd=1.0, max_tokens=100)
        send = ask.server.send
        monkeypatch.setattr(ask.server, "send", lambda chat: (send(chat)[0], {}))
        done = sum(not answer.fault for answer in ask.answers(questions(80)))
    assert 0 < done < 20 and 0.8 < ask.ledger.usd <= 1.0


def test_dollars_need_a_price_and_tokens_do_not():
    with pytest.raises(UserError, match="No price is known for mystery"):
        Endpoint("mystery", EndpointConfig(endpoint="http://127.0.0.1:1", max_usd=1))
    with FakeEndpoint(repeat) as fake:
        ask = client(fake)
        list(ask.answers(questions(2)))
    assert ask.summary() == "fake: 2 answers, 2 requests, 10 tokens in, 24 out, price unknown"
