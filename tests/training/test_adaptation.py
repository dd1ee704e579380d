"""LoRA, packed answers, words and imagined classes in the MODA training."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import ResNetForImageClassification

from tests import tiny
from vlm.commands.train import moda
from vlm.errors import UserError
from vlm.inference.batch import batch
from vlm.loading import load, presets
from vlm.training.moda import word_alignment


def words(folders: dict[str, Path], out: Path, *more: str) -> list[str]:
    flags = ["--data", f"folder={folders['data']}", "--out", out, "--views", "1", "--device", "cpu"]
    flags += ["--features", out.parent / "features", "--max-steps", "3", "--batch-size", "4"]
    flags += ["--eval-every", "3", "--save-every", "3", "--threads", "1"]
    return [*map(str, flags), "--set", "panel=1", "measure=0", "bf16=no", *more]


def test_lora_on_a_presets_parts_is_saved_as_an_adapter(folders, preset, tmp_path) -> None:
    moda.main([*words(folders, tmp_path / "run", "lora=4", "words=2"), "--preset", preset])
    adapter = tmp_path / "run" / "adapter"
    assert json.loads((adapter / "base.json").read_text())["on_parts"] is True
    assert not (tmp_path / "run" / "model").exists()
    bundle, base = load.load(str(adapter), device="cpu"), load.open_base(preset, device="cpu")
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    assert not torch.equal(bundle.model.state_dict()[name], base.model.state_dict()[name])
    assert bundle.processor.num_image_tokens == 17
    assert len(list(batch(bundle, [tiny.noise(0)], "Describe it."))) == 1


def test_an_adapter_is_continued(folders, preset, tmp_path, capsys, monkeypatch) -> None:
    aligned: list[tuple] = []
    monkeypatch.setattr(word_alignment, "align", lambda *args: aligned.append(args))
    moda.main([*words(folders, tmp_path / "first", "lora=4", "words=2"), "--preset", preset])
    first, flags = tmp_path / "first" / "adapter", ["--preset", preset, "--model"]
    assert len(aligned) == 1
    again = words(folders, tmp_path / "more", "lora=4", "words=2")
    moda.main([*again, *flags, str(first), "--learning-rate", "1e-9"])
    assert len(aligned) == 1  # the projector knows its words already
    second = tmp_path / "more" / "adapter"
    assert json.loads((second / "base.json").read_text())["on_parts"] is True
    old, new = (load.load(str(path), device="cpu").model.state_dict() for path in (first, second))
    changes = {name: float((old[name] - new[name]).abs().max()) for name in old}
    assert max(changes.values()) < 1e-2 < float(old["lm_head.weight"].abs().max())
    base = load.open_base(preset, device="cpu").model.state_dict()
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    assert float((new[name] - base[name]).abs().max()) > 10 * changes[name]
    with pytest.raises(SystemExit):
        moda.main([*words(folders, tmp_path / "other", "lora=8"), *flags, str(first)])
    assert f"give --preset {preset} --set lora=4" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        more = words(folders, tmp_path / "linear", "lora=4")
        moda.main([*more, *flags, str(first), "--projector", "linear"])
    assert "comes with its own projector; omit --projector" in capsys.readouterr().err


def test_an_adapter_is_refused_on_another_tower(folders, preset, tmp_path, monkeypatch) -> None:
    moda.main([*words(folders, tmp_path / "run", "lora=4"), "--preset", preset])
    shutil.copytree(folders["classifier"], tmp_path / "tower")
    model = ResNetForImageClassification.from_pretrained(tmp_path / "tower")
    model.resnet.embedder.embedder.convolution.weight.data.add_(1)
    model.save_pretrained(tmp_path / "tower")
    row = replace(presets.PRESETS[preset], vision=str(tmp_path / "tower"))
    monkeypatch.setitem(presets.PRESETS, preset, row)
    with pytest.raises(UserError, match="was trained on another vision tower"):
        load.load(str(tmp_path / "run" / "adapter"), device="cpu")


def test_other_parts_are_saved_as_a_whole_model(folders, tmp_path) -> None:
    parts = ["--vision", str(folders["classifier"]), "--text", str(folders["decoder"])]
    moda.main([*words(folders, tmp_path / "run", "lora=4"), *parts])
    names = load.load(str(tmp_path / "run" / "model"), device="cpu").model.state_dict()
    assert not any("lora" in name for name in names)
    assert not (tmp_path / "run" / "adapter").exists()


def test_imagined_classes_are_another_part(folders, preset, tmp_path, monkeypatch) -> None:
    fitted = []
    monkeypatch.setattr("vlm.training.moda.recipe.fit", lambda *args, **_: fitted.append(args))
    flags = words(folders, tmp_path / "run", "names=2", "packed=no")
    moda.main([*flags, "--preset", preset, "--epochs", "1"])
    train = fitted[0][1]
    assert len(train) > 12 * 2  # more than the pictures' own
    assert train[len(train) - 1]["vision_features"].shape == (1, 17, 64)
