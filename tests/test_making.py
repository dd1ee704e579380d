"""The whole way of a data set: teacher, refiner, checks, review in a browser, parquet, training."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fake_endpoint import FakeEndpoint
from tests.pages import CHROMIUM
from tests.test_browser import launch, opener
from tests.test_browser_review import shown
from vlm.__main__ import main as command
from vlm.data import folder
from vlm.runs import read_jsonl
from vlm.teach import reviews
from vlm.teach.history import FILE
from vlm.ui import review_desk
from vlm.ui.models import Models

READY = ("#reviewed img",)  # what `visit` waits for
ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium: set CHROMIUM to its path")
def test_sixty_pictures_become_a_reviewed_data_set_that_trains_a_model(
    real_data: Path, tmp_path: Path, visit: Callable, monkeypatch, capsys
) -> None:
    out = tmp_path / "made"
    given = ["--sample", "60", "--data-path", str(real_data / "fashion-products")]
    given += ["--split", "validation", "--teacher", "moda-mini", "--refiner", "labels"]
    given += ["--device", "cpu"]
    assert command(["caption", "fashion", str(out), *given]) == 0
    said = capsys.readouterr().out
    assert "refiner labels: 0 of 60 descriptions are doubtful" in said
    assert "teacher moda-mini: 0 of 60" not in said  # it does err, and the refiner mends it
    assert command(["check", f"folder={out}", "--out", str(tmp_path / "checked")]) == 0

    monkeypatch.setenv(review_desk.VARIABLE, str(out))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    app, url = launch(Models(opener, "moda-mini"))
    page, order = visit(f"{url}/?tab=review"), list(review_desk.desk().items.values())
    for key, item in zip("rae", order, strict=False):
        shown(page, item.text)
        page.keyboard.press(key)
    page.fill("#caption textarea", "An item that somebody described anew.")
    page.keyboard.press("Control+Enter")
    shown(page, order[3].text)
    app.close()

    made = out / reviews.FILE
    again = ["caption", "fashion", str(out), *given, "--resume", "--reviews", str(made)]
    assert command([*again, "--format", "parquet"]) == 0
    found = [*folder.load("train", out).records, *folder.load("validation", out).records]
    texts = [record.turns[0].answer for record in found]
    assert len(texts) == 59 and "An item that somebody described anew." in texts
    run = ["finetune/run_moda.py", "--data", f"folder={out}", "--max-steps", "3", "--panel", "0"]
    run += ["--views", "0", "--measure", "0", "--out", str(tmp_path / "run")]
    run += ["--features", str(tmp_path / "features"), "--device", "cpu"]
    done = subprocess.run([sys.executable, *run], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "run" / "model" / "config.json").is_file()


def named(messages: list) -> str:
    """An answer that says which question it answers, as `FakeEndpoint.requests` counts them."""
    question = hashlib.sha256(json.dumps(messages[0], sort_keys=True).encode()).hexdigest()
    return json.dumps({"description": f"A picture of {question}"})


def test_ten_kills_and_every_picture_once(tmp_path: Path, monkeypatch) -> None:
    """A server that fails a fifth of the time, a process that is killed ten times."""
    key, rng = "sk-never-written-anywhere", random.Random(0)
    source, out = tmp_path / "source", tmp_path / "out"
    assert command(["caption", "negatives", str(source), "--sample", "120"]) == 0
    environment = os.environ | {"LOUPE_API_KEY": key, "HF_HUB_OFFLINE": "0"}
    with FakeEndpoint(named, key=key, faults=0.2, hang=0.05) as fake:
        line = [sys.executable, "-m", "vlm", "caption", f"folder={source}", str(out)]
        line += ["--teacher", "endpoint:m", "--endpoint", fake.address, "--concurrency", "2"]
        line += ["--timeout", "5"]
        piped = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        asked: dict[str, int] = {}  # how often each finished picture's question had come
        for number in range(11):
            more = ["--resume"] if (out / FILE).exists() else []
            process = subprocess.Popen([*line, *more], env=environment, **piped)
            finished = len(read_jsonl(out / FILE))
            if number < 10:
                deadline = time.monotonic() + 60
                wanted = finished + rng.randint(1, 8)
                while len(read_jsonl(out / FILE)) < wanted and time.monotonic() < deadline:
                    if process.poll() is not None:
                        break
                    time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
            output = process.communicate(timeout=120)[0]
            assert key.encode() not in output
            for row in read_jsonl(out / FILE):
                question = row["text"].split()[-1]
                asked.setdefault(question, fake.requests[question])
        assert asked == {question: fake.requests[question] for question in asked}
    rows = read_jsonl(out / FILE)
    records = folder.load(folder.UNSPLIT, source).records
    assert sorted(row["id"] for row in rows) == sorted(record.id for record in records)
    assert len(asked) == len(rows) and not any(
        key.encode() in file.read_bytes() for file in out.iterdir()
    )
