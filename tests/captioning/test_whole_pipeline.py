"""A data set from end to end: teacher, refiner, checks, review in a browser, parquet, training."""

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

from tests import ROOT
from tests.fake_endpoint import FakeEndpoint
from tests.pages import CHROMIUM
from tests.ui.test_browser import launch, load_tiny
from tests.ui.test_browser_review import wait_for_caption
from vlm.__main__ import main as command
from vlm.captioning.history import FILE
from vlm.captioning.review import reviews
from vlm.data import folder
from vlm.system.files import read_jsonl
from vlm.ui.model_holder import Models
from vlm.ui.review import desk as review_desk

READY = ("#reviewed img",)  # what `visit` waits for
pytestmark = pytest.mark.slow


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium: set CHROMIUM to its path")
def test_sixty_pictures_become_a_reviewed_data_set_that_trains_a_model(
    real_data: Path, tmp_path: Path, visit: Callable, monkeypatch, capsys
) -> None:
    out = tmp_path / "out"
    flags = ["--sample", "60", "--data-path", str(real_data / "fashion-products")]
    flags += ["--split", "validation", "--teacher", "moda-mini", "--refiner", "labels"]
    flags += ["--device", "cpu"]
    assert command(["caption", "fashion", str(out), *flags]) == 0
    printed = capsys.readouterr().out
    assert "refiner labels: 0 of 60 descriptions are flagged" in printed
    assert "teacher moda-mini: 0 of 60" not in printed  # the refiner corrects its mistakes
    assert command(["check", f"folder={out}", "--out", str(tmp_path / "checked")]) == 0

    monkeypatch.setenv(review_desk.VARIABLE, str(out))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    app, url = launch(Models(load_tiny, "moda-mini"))
    page, order = visit(f"{url}/?tab=review"), list(review_desk.get_desk().items.values())
    for key, item in zip("rae", order, strict=False):
        wait_for_caption(page, item.text)
        page.keyboard.press(key)
    page.fill("#caption textarea", "An item that somebody rewrote.")
    page.keyboard.press("Control+Enter")
    wait_for_caption(page, order[3].text)
    app.close()

    flags += ["--resume", "--reviews", str(out / reviews.FILE), "--format", "parquet"]
    assert command(["caption", "fashion", str(out), *flags]) == 0
    records = [*folder.load("train", out).records, *folder.load("validation", out).records]
    texts = [record.turns[0].answer for record in records]
    assert len(texts) == 59 and "An item that somebody rewrote." in texts
    run = ["finetune/run_moda.py", "--data", f"folder={out}", "--max-steps", "3"]
    run += ["--views", "0", "--set", "panel=0", "measure=0", "--out", str(tmp_path / "run")]
    run += ["--features", str(tmp_path / "features"), "--device", "cpu"]
    done = subprocess.run([sys.executable, *run], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "run" / "model" / "config.json").is_file()


def answer_with_hash(messages: list) -> str:
    """An answer that contains its question's hash, the key of `FakeEndpoint.requests`."""
    question = hashlib.sha256(json.dumps(messages[0], sort_keys=True).encode()).hexdigest()
    return json.dumps({"description": f"A picture of {question}"})


def test_ten_kills_do_not_repeat_any_finished_image(tmp_path: Path) -> None:
    """The server fails a fifth of the requests, and the process is killed ten times."""
    key, rng = "sk-never-written-anywhere", random.Random(0)
    source, out = tmp_path / "source", tmp_path / "out"
    assert command(["caption", "negatives", str(source), "--sample", "120"]) == 0
    environment = os.environ | {"LOUPE_API_KEY": key, "HF_HUB_OFFLINE": "0"}
    with FakeEndpoint(answer_with_hash, key=key, faults=0.2, hang=0.05) as fake:
        line = [sys.executable, "-m", "vlm", "caption", f"folder={source}", str(out)]
        line += ["--teacher", "endpoint:m", "--endpoint", fake.address, "--concurrency", "2"]
        line += ["--timeout", "5"]
        options = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        requests: dict[str, int] = {}  # of each question, when its image was first finished
        for number in range(11):
            resume = ["--resume"] if (out / FILE).exists() else []
            process = subprocess.Popen([*line, *resume], env=environment, **options)
            if number < 10:
                wait_for_rows(process, out, len(read_jsonl(out / FILE)) + rng.randint(1, 8))
                process.send_signal(signal.SIGKILL)
            output = process.communicate(timeout=120)[0]
            assert key.encode() not in output
            for row in read_jsonl(out / FILE):
                question = row["text"].split()[-1]
                requests.setdefault(question, fake.requests[question])
        assert requests == {question: fake.requests[question] for question in requests}
    rows = read_jsonl(out / FILE)
    records = folder.load(folder.UNSPLIT, source).records
    assert sorted(row["id"] for row in rows) == sorted(record.id for record in records)
    assert len(requests) == len(rows)
    assert not any(key.encode() in file.read_bytes() for file in out.iterdir())


def wait_for_rows(process: subprocess.Popen, out: Path, count: int) -> None:
    """Wait until the history has `count` rows, the process ends, or a minute has passed."""
    deadline = time.monotonic() + 60
    while len(read_jsonl(out / FILE)) < count and time.monotonic() < deadline:
        if process.poll() is not None:
            break
        time.sleep(0.01)
