"""Shipping a run: what travels, what stays behind, what is refused."""

import json
import shutil
from pathlib import Path

import pytest

from bench import ship
from tests import tiny
from vlm.config import AdapterConfig
from vlm.evaluation import results
from vlm.loading import load, lora
from vlm.system import files
from vlm.training import runs


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished, evaluated run of a tiny model."""
    folder = tmp_path / "run"
    load.save(tiny.bundle(), folder / "model")
    (folder / "panel").mkdir()
    tiny.picture().save(folder / "panel" / "0.jpg")
    files.append_jsonl(folder / "metrics.jsonl", {"step": 1, "tokens_seen": 9, "eval_loss": 1.0})
    files.append_jsonl(folder / "scores.jsonl", {"step": 1, "tokens_seen": 9, "overall": 5.0})
    files.append_jsonl(folder / "samples.jsonl", {"step": 1, "id": "0", "text": "A square."})
    kept = folder / "evaluation"
    kept.mkdir()
    row = {"id": "7", "prompt": "?", "text": "A red tie.", "facts": {"secret": "metadata"}}
    files.append_jsonl(kept / results.PREDICTIONS, row)
    for name in (results.SCORES, results.SPEED):
        files.write_json(kept / name, {"scores": {}, "model": "/home/somebody/runs/mine/model"})
    files.append_jsonl(kept / "judgements-rules.jsonl", {"id": "7", "colour": 10})
    (kept / "report.html").write_text("with pictures of the data set")
    return folder


def test_a_shipped_run_opens_and_shows_its_curve(run, tmp_path):
    to = tmp_path / "shipped"
    (to / "panel").mkdir(parents=True)
    for stale in ("model-00009-of-00009.safetensors", "panel/old.jpg", "README.md", ship.BAND):
        (to / stale).write_text("old")
    ship.main([str(run), "--to", str(to)])
    assert load.load(str(to), device="cpu").model
    there = {str(path.relative_to(to)) for path in to.rglob("*") if path.is_file()}
    assert {"panel/0.jpg", "curve.png", "scores.jsonl", "evaluation/scores.json"} <= there
    assert not {"model-00009-of-00009.safetensors", "panel/old.jpg", ship.BAND} & there
    assert (to / "README.md").read_text() == "old"  # the card is written by hand


def test_metadata_and_pictures_of_the_data_set_stay_behind(run, tmp_path):
    ship.main([str(run), "--to", str(tmp_path / "shipped")])
    kept = tmp_path / "shipped" / "evaluation"
    assert not (kept / "report.html").exists()
    rows = [json.loads(line) for line in (kept / results.PREDICTIONS).read_text().splitlines()]
    assert rows == [{"id": "7", "prompt": "?", "text": "A red tie."}]
    assert results.read_scores(kept)["model"] == "shipped"


def test_an_adapter_is_copied_unchanged(run: Path, tmp_path: Path) -> None:
    shutil.rmtree(run / "model")
    base, to = tmp_path / "base", tmp_path / "shipped"
    load.save(tiny.bundle(), base)
    bundle = load.load(str(base), device="cpu")
    model = lora.attach(bundle.model, AdapterConfig(rank=2))
    lora.save(model, bundle.processor, run / "adapter", str(base))
    to.mkdir()
    for stale in ("adapter_model-00002-of-00002.safetensors", load.CALIBRATION):
        (to / stale).write_text("old")
    ship.main([str(run), "--to", str(to)])
    names = {path.name for path in (run / "adapter").iterdir()}
    assert all((to / n).read_bytes() == (run / "adapter" / n).read_bytes() for n in names)
    assert [path.name for path in to.glob("adapter_model*")] == ["adapter_model.safetensors"]
    assert not (to / load.CALIBRATION).exists()


def test_an_adapter_does_not_replace_a_model(run: Path, tmp_path: Path, capsys) -> None:
    load.save(tiny.bundle(), tmp_path / "shipped")
    (run / "adapter").mkdir()
    (run / "adapter" / "config.json").write_text("{}")
    with pytest.raises(SystemExit):
        ship.main([str(run), "--to", str(tmp_path / "shipped")])
    assert "has a model of another kind" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["scores.jsonl", "evaluation/scores.json", "model/config.json"])
def test_an_unfinished_run_is_refused_and_changes_nothing(run, tmp_path, capsys, lost):
    (run / lost).unlink()
    with pytest.raises(SystemExit):
        ship.main([str(run), "--to", str(tmp_path / "shipped")])
    assert f"lacks {lost}" in capsys.readouterr().err
    assert not (tmp_path / "shipped").exists()


def test_further_evaluations_and_files_travel_too(run, tmp_path):
    to, more, table = tmp_path / "shipped", run / "evaluation-cifar10", tmp_path / "zeroshot.json"
    (to / "evaluation-stale").mkdir(parents=True)
    shutil.copytree(run / "evaluation", more)
    (more / results.SPEED).unlink()  # measured once, on the first
    table.write_text("{}")
    ship.main([str(run), "--to", str(to), "--also", str(table)])
    assert (to / "evaluation-cifar10" / results.SCORES).is_file()
    assert (to / "zeroshot.json").read_text() == "{}" and not (to / "evaluation-stale").exists()
    ship.main([str(run), "--to", str(to), "--also", str(to / "zeroshot.json")])
    assert (to / "zeroshot.json").read_text() == "{}"


def longer(run: Path, tmp_path: Path, **sample) -> list[str]:
    """The command that ships a run behind another one, which ended at step 4."""
    first = tmp_path / "first"
    for name in runs.LOGS:
        for step in (2, 4):
            row = {"step": step, "tokens_seen": 10 * step, "eval_loss": 2.0 / step}
            row |= {"image": "panel/0.jpg", "id": "0"} if name == "samples.jsonl" else {}
            files.append_jsonl(first / name, row)
    files.append_jsonl(
        run / "samples.jsonl", {"step": 1, "image": "panel/0.jpg", "id": "0"} | sample
    )
    return [str(run), "--to", str(tmp_path / "to"), "--after", str(first)]


def test_the_logs_of_a_run_that_went_on_follow_those_of_the_first(run, tmp_path):
    (tmp_path / "first" / "panel").mkdir(parents=True)
    (tmp_path / "first" / "panel" / "7.jpg").write_bytes(b"shown in the first run alone")
    ship.main(longer(run, tmp_path))
    assert (tmp_path / "to" / "panel" / "7.jpg").read_bytes()
    losses = files.read_jsonl(tmp_path / "to" / "metrics.jsonl")
    assert [(row["step"], row["tokens_seen"]) for row in losses] == [(2, 20), (4, 40), (5, 49)]
    assert [row.get("part", 1) for row in losses] == [1, 1, 2]
    assert [row["step"] for row in files.read_jsonl(tmp_path / "to" / "scores.jsonl")] == [2, 4, 5]
    again = tmp_path / "to"  # a third run that continues the second, in its place
    ship.main([str(run), "--to", str(again), "--after", str(again)])
    assert (again / "panel" / "7.jpg").read_bytes()
    losses = files.read_jsonl(again / "metrics.jsonl")
    assert [(row["step"], row.get("part", 1)) for row in losses] == [(2, 1), (4, 1), (5, 2), (6, 3)]


def test_a_run_with_another_panel_cannot_be_continued(run, tmp_path, capsys):
    (tmp_path / "first").mkdir()
    with pytest.raises(SystemExit):
        ship.main(longer(run, tmp_path, id="another"))
    assert "described different pictures" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()
    with pytest.raises(SystemExit):
        ship.main([str(run), "--to", str(tmp_path / "to"), "--after", str(tmp_path / "none")])
    assert "has no " in capsys.readouterr().err


def test_a_missing_file_is_a_user_error(run, tmp_path, capsys):
    with pytest.raises(SystemExit):
        ship.main([str(run), "--to", str(tmp_path / "to"), "--also", str(tmp_path / "none")])
    assert "give existing files" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()
