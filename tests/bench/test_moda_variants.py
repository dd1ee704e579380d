"""The comparison of variants: each trained once, all in one table and one chart."""

import json
from pathlib import Path

import pytest

from bench import moda_variants
from vlm.data.mixture import LoadedPart
from vlm.system import files


@pytest.fixture
def trained(monkeypatch) -> list[list[str]]:
    """The flags of every training that is asked for; each leaves a log and nothing else."""
    asked: list[list[str]] = []

    def train(words: list[str]) -> None:
        folder = Path(words[words.index("--out") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        row = {"step": 9, "tokens_seen": 2_000_000, "eval_loss": 0.5}
        files.append_jsonl(folder / "metrics.jsonl", row)
        asked.append(words)

    monkeypatch.setattr(moda_variants.moda, "main", train)
    monkeypatch.setattr(moda_variants, "seconds_a_step", lambda flags, args: 0.5)
    monkeypatch.setattr(moda_variants, "measured", lambda folder, args: {"loss": 0.5})
    return asked


def test_variants_get_the_same_minutes_and_are_trained_once(trained, tmp_path, capsys) -> None:
    words = ["--out", str(tmp_path), "--minutes", "2", "--only", "pooled-linear", "patches-linear"]
    moda_variants.main([*words, "--limit", "50"])
    moda_variants.main([*words, "--limit", "50"])
    assert len(trained) == 2
    for flags in trained:
        assert flags[flags.index("--max-steps") + 1] == "240"  # 2 minutes of half a second
        assert flags[flags.index("--limit") + 1] == "50"
    assert (tmp_path / "variants.png").stat().st_size > 1000
    rows = json.loads((tmp_path / "variants.json").read_text())
    assert rows["patches-linear"] == {"steps": 240, "loss": 0.5}
    assert "| pooled-linear | 240 | 0.5 |" in capsys.readouterr().out


def test_other_flags_want_another_folder(trained, tmp_path, capsys) -> None:
    words = ["--out", str(tmp_path), "--only", "pooled-linear"]
    moda_variants.main([*words, "--minutes", "1"])
    with pytest.raises(SystemExit):
        moda_variants.main([*words, "--minutes", "2"])
    assert "started with other flags" in capsys.readouterr().err and len(trained) == 1


def test_a_stopped_variant_continues_its_plan(trained, tmp_path, monkeypatch) -> None:
    words = ["--out", str(tmp_path), "--minutes", "1", "--only", "pooled-linear"]
    moda_variants.main(words)
    (tmp_path / "pooled-linear" / "figures.json").unlink()
    (tmp_path / "pooled-linear" / "status.json").write_text("{}")
    monkeypatch.setattr(moda_variants, "seconds_a_step", lambda flags, args: 0.1)
    moda_variants.main(words)
    assert trained[1] == [*trained[0][:-2], "--resume", *trained[0][-2:]]


def test_of_two_data_sets_the_first_ones_figures_are_shown(monkeypatch, tmp_path) -> None:
    """The judge has a metric named gender too, from 0 to 10."""
    files.append_jsonl(tmp_path / "metrics.jsonl", {"eval_loss": 0.5, "tokens_seen": 2_000_000})
    shirts = {"scores": {"gender": {"mean": 9.0}, "overall": {"mean": 8.0}}}
    shirts["exact"] = {"gender": {"mean": 92.0}, "baseColour": {"mean": 70.0}}
    scenes = {"scores": {}, "exact": {"kind": {"mean": 88.0}, "baseColour": {"mean": 3.0}}}
    found = iter([shirts, scenes])
    monkeypatch.setattr("vlm.loading.load.load", lambda *_, **__: None)
    monkeypatch.setattr("vlm.evaluation.evaluate.evaluate", lambda *_, **__: next(found))
    parts = [LoadedPart(name, (), 1) for name in ("fashion", "cifar10")]
    monkeypatch.setattr("vlm.data.mixture.load", lambda *_, **__: parts)
    args = moda_variants.parse(["--data", "fashion", "cifar10"])
    right = {"baseColour": 70.0, "gender": 92.0, "overall": 8.0, "kind": 88.0}
    assert moda_variants.measured(tmp_path, args) == {"loss": 0.5, "million tokens": 2.0} | right


def test_a_missing_figure_of_a_variant_stays_empty() -> None:
    said = moda_variants.table({"a": {"loss": 1.0, "kind": 50.0}, "b": {"loss": 2.0}})
    assert said.splitlines()[-1] == "| b | 2 |  |"
