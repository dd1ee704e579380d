"""What the tests of trainings share."""

import json
from pathlib import Path

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    ResNetConfig,
    ResNetForImageClassification,
    ViTImageProcessor,
)

from tests import tiny
from tests.data.test_kinds import FEW
from vlm.loading import presets
from vlm.loading.presets import Preset
from vlm.loading.tokenizer import train_tokenizer
from vlm.training.moda import settings


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An image classifier, a decoder, and pictures with two captions each."""
    root = tmp_path_factory.mktemp("adaptation")
    torch.manual_seed(0)
    shape = {"embedding_size": 16, "hidden_sizes": [16, 64], "depths": [1, 1]}
    labels = {number: kind.name for number, kind in enumerate(FEW)}
    config = ResNetConfig(**shape, layer_type="basic", id2label=labels)
    ResNetForImageClassification(config).save_pretrained(root / "classifier")
    size = {"height": tiny.SIDE, "width": tiny.SIDE}
    ViTImageProcessor(size=size).save_pretrained(root / "classifier")
    decoder = LlamaConfig(**tiny.DECODER, vocab_size=320, tie_word_embeddings=True)
    LlamaForCausalLM(decoder).save_pretrained(root / "decoder")
    train_tokenizer(tiny.CORPUS).save_pretrained(root / "decoder")
    for split, count in (("train", 12), ("validation", 4)):
        folder = root / "data" / split
        folder.mkdir(parents=True)
        rows = []
        for number in range(count):
            tiny.noise(number).save(folder / f"{number}.png")
            colour = list(tiny.COLOURS)[number % 3]
            for text in (f"It is {colour}.", f"A {colour} square."):
                rows.append({"file_name": f"{number}.png", "text": text})
        lines = [json.dumps(row) + "\n" for row in rows]
        (folder / "metadata.jsonl").write_text("".join(lines))
    return {path.name: path for path in root.iterdir()}


@pytest.fixture
def preset(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> str:
    """A preset of a pretrained tower and a pretrained decoder."""
    parts = {"vision": str(folders["classifier"]), "text": str(folders["decoder"])}
    row = Preset("tiny parts", **parts, image_features="grid")
    for table in (presets.PRESETS, settings.BUILDABLE):
        monkeypatch.setitem(table, "tiny-parts", row)
    return "tiny-parts"
