"""python -m vlm judge: what it prints, writes and refuses, and that a kill loses nothing."""

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
from tests.fake_judge import evaluation, items, true_judge
from vlm import evaluations
from vlm.__main__ import main
from vlm.metrics import agreement, rules
from vlm.metrics.rubric import Judgement

CANARY = "sk-canary-51bd"
JUDGE = "endpoint:gpt-4o-mini"


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    online(monkeypatch)
    monkeypatch.setattr("vlm.endpoint.FIRST_WAIT", 0.001)


def judge(folder: Path, fake: FakeEndpoint, *flags: str) -> int:
    """Run the command against a fake endpoint."""
    known = ["judge", str(folder), "--judge", JUDGE, "--endpoint", fake.address]
    return main([*known, "--timeout", "30", *flags])


def files(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


def test_faults_a_key_and_two_judges_side_by_side(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    folder = evaluation(tmp_path / "run")
    patient = ("--timeout", "3")  # but not with a server that hangs
    with FakeEndpoint(true_judge, key=CANARY, faults=0.2) as fake:
        assert judge(folder, fake, *patient) == 0
        asked = sum(fake.requests.values())
        told = capsys.readouterr()
        assert judge(folder, fake) == 0 and sum(fake.requests.values()) == asked
    ours = evaluations.read_judgements(folder, JUDGE)
    theirs = evaluations.read_judgements(folder, "rules")
    assert {id: row.scores for id, row in ours.items()} == {
        id: row.scores for id, row in theirs.items()
    }
    assert list(ours) == [row["id"] for row in items()]
    assert re.search(r"^overall +\d\.\d\d +\d\.\d\d to +\d\.\d\d +60$", told.out, re.M)
    cost = rf"^gpt-4o-mini: 60 answers, {asked} requests, [\d,]+ tokens in, .* 0\.\d+ USD at prices"
    assert re.search(cost, told.out, re.M)
    assert re.search(r"^gender +100.0% +1.00 +1.00 to +1.00 +60$", told.out, re.M)
    assert "0 answers and 60 kept from before, 0 requests" in capsys.readouterr().out
    assert CANARY not in told.out + told.err + files(tmp_path)


def test_a_judge_that_answers_prose_leaves_rows_unjudged_and_counted(tmp_path, capsys):
    folder = evaluation(tmp_path, 6)
    with FakeEndpoint(true_judge, always="prose") as fake:
        assert judge(folder, fake) == 1
    told = capsys.readouterr().out
    assert "unjudged: 6 x the judge answered prose: 'I would rather" in told
    assert "overall" not in told
    assert "agreement with rules is unknown: no description has marks of both" in told
    rows = [json.loads(line) for line in (folder / evaluations.judgement_file(JUDGE)).open()]
    assert all(set(row) == {"id", "unjudged"} for row in rows) and len(rows) == 6


def test_a_wrong_key_is_one_sentence_and_exit_code_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOUPE_API_KEY", CANARY)
    folder = evaluation(tmp_path, 6)
    before = files(folder)
    with FakeEndpoint(true_judge, key="another") as fake, pytest.raises(SystemExit) as end:
        judge(folder, fake)
    told = capsys.readouterr()
    assert end.value.code == 2 and not told.out
    assert re.fullmatch(r"error: 127\.0\.0\.1:\d+ refuses the key \(401\); set .*\.\n", told.err)
    assert files(folder) == before


def test_a_spent_budget_keeps_what_is_done_and_the_next_run_goes_on(tmp_path, capsys):
    folder = evaluation(tmp_path)
    with FakeEndpoint(true_judge) as fake:
        assert judge(folder, fake, "--max-requests", "25") == 1
        told = capsys.readouterr().out
        assert "unjudged: 35 x not asked, the budget of 25 requests is spent\n" in told
        assert judge(folder, fake) == 0
        assert set(fake.requests.values()) == {1} and len(fake.requests) == 60
        assert judge(folder, fake, "--no-resume", "--limit", "3") == 0
    assert sum(fake.requests.values()) == 63
    assert len(evaluations.read_judgements(folder, JUDGE)) == 60  # --limit takes none away


def test_the_key_tells_agreement_and_faults_caught(tmp_path, capsys):
    right = rules.judge("A men's red shirt for casual wear.", items()[0]["facts"]).row()
    rows = [{"id": "a", "text": "A men's red shirt for casual wear.", "key": right, "fault": ""}]
    for id, text in (("b", "A men's green shirt for casual wear."), ("c", rows[0]["text"] + " ")):
        rows.append({"id": id, "text": text, "key": right | {"colour": 0}, "fault": "wrong_colour"})
    key = tmp_path / "key.jsonl"
    key.write_text("".join(json.dumps(row | {"facts": items()[0]["facts"]}) + "\n" for row in rows))
    assert main(["judge", "--key", str(key)]) == 0
    told = capsys.readouterr().out
    assert "wrong_colour           1 of   2    50.0%" in told  # the third has no fault to catch
    assert re.search(r"^colour +66\.7% +0\.40 ", told, re.M)
    assert re.search(r"^gender +100\.0% ", told, re.M)


def test_an_unjudged_fault_is_not_caught():
    row = agreement.KeyRow("a", "", {}, Judgement(colour=0.0, gender=10.0), "wrong_colour")
    for judged, hits in ((Judgement(colour=5.0), 1), (Judgement(gender=0.0), 0)):
        assert agreement.caught([row], {"a": judged}) == {"wrong_colour": (hits, 1)}
    assert agreement.caught([row], {"a": Judgement(unjudged="prose")}) == {"wrong_colour": (0, 1)}
    assert agreement.caught([row], {}) == {"wrong_colour": (0, 1)}
    assert not agreement.agreement({"a": row.key}, {"a": Judgement(unjudged="prose")})


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "give the folder of an evaluation, or --key"),
        (["nowhere"], "nowhere holds no predictions.jsonl"),
        (["--key", "nowhere"], "nowhere holds no rows"),
        (["{key}"], "holds no predictions.jsonl"),
        (["--key", "{key}"], "holds a row that is none of a key"),
        (["{run}", "--judge", "nobody"], "choose one of: endpoint, model, rules"),
        (["{run}", "--judge", "endpoint", "--tries", "0"], "tries is 0"),
        (["{run}", "--judge", "endpoint", "--endpoint", "ftp://x"], "is no http"),
        (["{run}", "--judge", "endpoint", "--prices", "nowhere"], "is no price table"),
        (["{run}", "--judge", "endpoint", "--judge-prompt", "nowhere"], "cannot be read as text"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(flags, says, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    (tmp_path / "key.jsonl").write_text('{"id": "a", "text": "b"}\n')
    places = {"key": tmp_path / "key.jsonl", "run": evaluation(tmp_path / "run", 3)}
    before = files(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["judge", *(flag.format(**places) for flag in flags)])
    told = capsys.readouterr()
    assert end.value.code == 2 and says in told.err and told.err.count("\n") == 1
    assert not told.out and files(tmp_path) == before


def test_another_judge_whose_file_is_broken_is_named_and_left_out(tmp_path, capsys):
    folder = evaluation(tmp_path, 6)
    (folder / "judgements-broken.jsonl").write_text('{"id": "p0", "colour": "red"}\n')
    with FakeEndpoint(true_judge) as fake:
        assert judge(folder, fake) == 0
    told = capsys.readouterr().out
    assert "judgements-broken.jsonl is left out" in told and "agreement with rules" in told


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(tmp_path):
    folder = evaluation(tmp_path)
    asked = folder / "asked-endpoint-gpt-4o-mini.jsonl"
    with FakeEndpoint(lambda messages: time.sleep(0.1) or true_judge(messages)) as fake:
        command = [sys.executable, "-m", "vlm", "judge", str(folder), "--judge", JUDGE]
        command += ["--endpoint", fake.address, "--concurrency", "2"]
        settings = os.environ | {"HF_HUB_OFFLINE": "0"}
        run = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL)
        while not asked.is_file() or asked.read_text().count("\n") < 12:
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
        done = asked.read_text().count("\n")
        assert 12 <= done < 60
        subprocess.run(command, env=settings, check=True, stdout=subprocess.DEVNULL)
    keys = [json.loads(line)["key"] for line in asked.read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 60
    assert sum(fake.requests.values()) <= 60 + 2  # again: only the two that were under way
    assert len(evaluations.read_judgements(folder, JUDGE)) == 60
