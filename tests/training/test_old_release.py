"""Files of release 0.1.0 can be opened and resumed: run, adapter, feature store, caption folder.

release_0_1_0.zip was written by that release's commands on tiny models: two trainings of six steps,
stopped after the third; `expected/` has the logs of the same trainings without the stop.
"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from vlm.__main__ import main
from vlm.data.images import open_image
from vlm.inference import encoding, likelihood
from vlm.loading import load
from vlm.system.files import read_jsonl
from vlm.training.adapters import forgetting
from vlm.types import Turn

RELEASE = Path(__file__).with_name("release_0_1_0.zip")
COMMON = "--data folder=data --device cpu --threads 1 --batch-size 4 --epochs 1000 --max-steps 6"
COMMON += " --eval-every 3 --save-every 3 --resume"
SETTINGS = ["--set", "panel=0", "warmup_steps=1", "log_every=1"]
CLOSE = 1e-3  # relative; rounding differs between machines


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The release's folders in the current folder: they contain relative paths to each other."""
    with zipfile.ZipFile(RELEASE) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def losses(log: Path) -> list[tuple[int, int, float]]:
    """Return step, tokens and loss of each row of a metrics.jsonl."""
    rows = read_jsonl(log)
    return [(r["step"], r["tokens_seen"], r.get("loss", r.get("eval_loss"))) for r in rows]


def check_resumed(run: str) -> None:
    """Check that the resumed run finished with the losses of the run without a stop."""
    assert json.loads(Path(run, "status.json").read_text())["state"] == "finished"
    resumed, expected = losses(Path(run, "metrics.jsonl")), losses(Path("expected", f"{run}.jsonl"))
    assert [row[:2] for row in resumed] == [row[:2] for row in expected]
    assert [r[2] for r in resumed] == pytest.approx([r[2] for r in expected], rel=CLOSE)


def train(kind: str, *words: str | Sequence[str]) -> None:
    assert main(["train", kind, *COMMON.split(), *words]) == 0


def test_a_run_and_its_feature_store(old: Path) -> None:
    stores = set(Path("features").iterdir())
    train("moda", "--model", "base", "--views", "1", "--out", "run", *SETTINGS, "measure=0")
    check_resumed("run")
    assert set(Path("features").iterdir()) == stores  # nothing was recomputed


def test_other_flags_are_refused(old: Path, capsys) -> None:
    words = ["--model", "base", "--views", "2", "--out", "run", *SETTINGS]
    with pytest.raises(SystemExit):
        train("moda", *words)
    assert "was started with views 1 (now 2)" in capsys.readouterr().err


def test_an_adapters_run(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "QUESTIONS", forgetting.QUESTIONS[:2])
    words = ["--base", "base", "--accumulation", "1", "--quantize", "none", "--no-small-data"]
    train("adapter", *words, "--out", "qlora", *SETTINGS)
    check_resumed("qlora")


def loss(model: str, image: Path) -> float:
    """Return the loss of a caption in the style that the adapter was trained on."""
    bundle, turn = load.load(model, device="cpu"), Turn("Describe this picture.", "Behold a")
    example = encoding.encode(bundle.processor, open_image(image), turn)
    return likelihood.mean_loss(bundle.model, example)[0]


def test_an_adapter(old: Path) -> None:
    image = old / "data" / "validation" / "0.png"
    assert main(["merge", "adapter", "merged"]) == 0
    base, adapter, merged = (loss(name, image) for name in ("base", "adapter", "merged"))
    assert adapter < base - 0.01 and merged == pytest.approx(adapter, rel=CLOSE)


def test_a_caption_folder(old: Path, capsys) -> None:
    before = Path("captions", "history.jsonl").read_bytes()
    with open("captions/history.jsonl", "rb+") as history:
        history.truncate(len(before) - 40)  # as after a kill
    words = ["caption", "folder=data", "captions", "--split", "validation", "--resume"]
    assert main(words) == 0
    texts = [row["text"] for row in read_jsonl(Path("captions", "history.jsonl"))]
    assert texts == ["Behold a green square!"] * 2
    assert main(["lineage", "captions", "0.png"]) == 0
    assert "teacher: labels" in capsys.readouterr().out
