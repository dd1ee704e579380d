"""python -m vlm judge: what it prints, writes and rejects; a killed run loses nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fake_endpoint import FakeEndpoint, online
from tests.fake_judge import correct_judge, evaluation, items
from vlm.__main__ import main
from vlm.evaluation import results
from vlm.evaluation.metrics import agreement, rules
from vlm.evaluation.metrics.rubric import Judgement

CANARY = "sk-canary-51bd"
JUDGE = "endpoint:gpt-4o-mini"


@pytest.fixture(autouse=True)
def local_network(monkeypatch: pytest.MonkeyPatch) -> None:
    online(monkeypatch)
    monkeypatch.setattr("vlm.remote.endpoint.FIRST_WAIT", 0.001)


def judge(folder: Path, fake: FakeEndpoint, *flags: str) -> int:
    """Run the command against a fake endpoint."""
    arguments = ["judge", str(folder), "--judge", JUDGE, "--endpoint", fake.address]
    return main([*arguments, "--timeout", "30", *flags])


def files(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_failing_server_gives_the_scores_of_the_rules_and_the_key_is_not_shown(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    folder = evaluation(tmp_path / "run")
    flags = ("--timeout", "1.5", "--concurrency", "16", "--price", "0.15,0.60")
    with FakeEndpoint(correct_judge, key=CANARY, faults=0.2) as fake:
        assert judge(folder, fake, *flags) == 0
        requests = sum(fake.requests.values())
        printed = capsys.readouterr()
        assert judge(folder, fake) == 0 and sum(fake.requests.values()) == requests
    ours = results.read_judgements(folder, JUDGE)
    theirs = results.read_judgements(folder, "rules")
    assert {id: row.scores for id, row in ours.items()} == {
        id: row.scores for id, row in theirs.items()
    }
    assert list(ours) == [row["id"] for row in items()]
    assert re.search(r"^overall +\d\.\d\d +\d\.\d\d to +\d\.\d\d +60$", printed.out, re.M)
    cost = r"^gpt-4o-mini: 60 answers, (\d+) requests, [\d,]+ input tokens, .* 0\.\d+ USD$"
    counted = re.search(cost, printed.out, re.M)
    assert counted and int(counted[1]) >= requests > 60  # a late one may not reach the server
    assert re.search(r"^gender +100.0% +1.00 +1.00 to +1.00 +60$", printed.out, re.M)
    assert "0 answers and 60 from the cache, 0 requests" in capsys.readouterr().out
    assert CANARY not in printed.out + printed.err + files(tmp_path)


def test_answers_in_prose_leave_rows_unjudged_and_counted(tmp_path, capsys):
    folder = evaluation(tmp_path, 6)
    with FakeEndpoint(correct_judge, always="prose") as fake:
        assert judge(folder, fake) == 1
    printed = capsys.readouterr().out
    assert "unjudged: 6 x the judge returned prose: 'I would rather" in printed
    assert "overall" not in printed
    assert "agreement with rules is unknown: no description was scored by both judges" in printed
    rows = [json.loads(line) for line in (folder / results.judgement_file(JUDGE)).open()]
    assert all(set(row) == {"id", "unjudged"} for row in rows) and len(rows) == 6


def test_a_wrong_key_is_a_user_error_with_exit_code_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOUPE_API_KEY", CANARY)
    folder = evaluation(tmp_path, 6)
    before = files(folder)
    with FakeEndpoint(correct_judge, key="another") as fake, pytest.raises(SystemExit) as end:
        judge(folder, fake)
    printed = capsys.readouterr()
    assert end.value.code == 2 and not printed.out
    assert re.fullmatch(r"error: 127\.0\.0\.1:\d+ rejects the key \(401\); set .*\.\n", printed.err)
    assert files(folder) == before


def test_a_spent_budget_keeps_the_answers_and_the_next_run_resumes(tmp_path, capsys):
    folder = evaluation(tmp_path)
    with FakeEndpoint(correct_judge) as fake:
        assert judge(folder, fake, "--max-requests", "25") == 1
        printed = capsys.readouterr().out
        assert "unjudged: 35 x not sent, the budget of 25 requests is spent\n" in printed
        assert judge(folder, fake) == 0
        assert set(fake.requests.values()) == {1} and len(fake.requests) == 60
        assert judge(folder, fake, "--no-resume", "--limit", "3") == 0
    assert sum(fake.requests.values()) == 63
    assert len(results.read_judgements(folder, JUDGE)) == 60  # --limit deletes none


def test_a_key_gives_agreement_and_the_share_of_faults_caught(tmp_path, capsys):
    right = rules.judge("A men's red shirt for casual wear.", items()[0]["facts"]).row()
    rows = [{"id": "a", "text": "A men's red shirt for casual wear.", "key": right, "fault": ""}]
    for id, text in (("b", "A men's green shirt for casual wear."), ("c", rows[0]["text"] + " ")):
        rows.append({"id": id, "text": text, "key": right | {"colour": 0}, "fault": "wrong_colour"})
    key = tmp_path / "key.jsonl"
    key.write_text("".join(json.dumps(row | {"facts": items()[0]["facts"]}) + "\n" for row in rows))
    assert main(["judge", "--key", str(key)]) == 0
    printed = capsys.readouterr().out
    assert "wrong_colour           1 of   2    50.0%" in printed  # the third description is correct
    assert re.search(r"^colour +66\.7% +0\.40 ", printed, re.M)
    assert re.search(r"^gender +100\.0% ", printed, re.M)


def test_an_unjudged_fault_is_not_caught():
    row = agreement.KeyRow("a", "", {}, Judgement(colour=0.0, gender=10.0), "wrong_colour")
    prose = {"a": Judgement(unjudged="prose")}
    for judged, hits in ((Judgement(colour=5.0), 1), (Judgement(gender=0.0), 0)):
        assert agreement.count_caught([row], {"a": judged}) == {"wrong_colour": (hits, 1)}
    assert agreement.count_caught([row], prose) == {"wrong_colour": (0, 1)}
    assert agreement.count_caught([row], {}) == {"wrong_colour": (0, 1)}
    assert not agreement.agreement({"a": row.key}, prose)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give the folder of an evaluation, or --key"),
        (["nowhere"], "nowhere has no predictions.jsonl"),
        (["--key", "nowhere"], "nowhere contains no rows"),
        (["{key}"], "has no predictions.jsonl"),
        (["--key", "{key}"], "contains a row that does not belong in a key"),
        (["{run}", "--judge", "nobody"], "choose one of: endpoint, model, rules"),
        (["{run}", "--judge", "endpoint", "--tries", "0"], "tries is 0"),
        (["{run}", "--judge", "endpoint", "--endpoint", "ftp://x"], "is not an http"),
        (["{run}", "--judge", "endpoint", "--price", "1"], "--price is '1'; give US dollars per"),
        (["{run}", "--judge", "endpoint", "--max-usd", "1"], "the price is unknown; add --price"),
        (["{run}", "--judge", "endpoint", "--judge-prompt", "nowhere"], "cannot be read as text"),
    ],
)
def test_a_mistake_is_a_user_error_and_changes_nothing(
    flags, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    (tmp_path / "key.jsonl").write_text('{"id": "a", "text": "b"}\n')
    places = {"key": tmp_path / "key.jsonl", "run": evaluation(tmp_path / "run", 3)}
    before = files(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["judge", *(flag.format(**places) for flag in flags)])
    printed = capsys.readouterr()
    assert end.value.code == 2 and message in printed.err and printed.err.count("\n") == 1
    assert not printed.out and files(tmp_path) == before


def test_a_broken_file_of_another_judge_is_reported_and_ignored(tmp_path, capsys):
    folder = evaluation(tmp_path, 6)
    (folder / "judgements-broken.jsonl").write_text('{"id": "p0", "colour": "red"}\n')
    with FakeEndpoint(correct_judge) as fake:
        assert judge(folder, fake) == 0
    printed = capsys.readouterr().out
    assert "judgements-broken.jsonl is ignored" in printed and "agreement with rules" in printed


@pytest.mark.slow
def test_a_killed_run_resumes_where_it_stopped(tmp_path):
    folder = evaluation(tmp_path)
    cache = folder / "asked-endpoint-gpt-4o-mini.jsonl"
    with FakeEndpoint(lambda messages: time.sleep(0.1) or correct_judge(messages)) as fake:
        command = [sys.executable, "-m", "vlm", "judge", str(folder), "--judge", JUDGE]
        command += ["--endpoint", fake.address, "--concurrency", "2"]
        settings = os.environ | {"HF_HUB_OFFLINE": "0"}
        run = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL)
        while not cache.is_file() or cache.read_text().count("\n") < 12:
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
        kept = cache.read_text().count("\n")
        assert 12 <= kept < 60
        subprocess.run(command, env=settings, check=True, stdout=subprocess.DEVNULL)
    keys = [json.loads(line)["key"] for line in cache.read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 60
    assert sum(fake.requests.values()) <= 60 + 2  # only the two in flight are repeated
    assert len(results.read_judgements(folder, JUDGE)) == 60
