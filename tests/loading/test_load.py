"""The only door for a model: what opens, what is refused and in which words."""

import json
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from tests import tiny
from vlm.errors import UserError
from vlm.inference import encoding
from vlm.loading import build, load
from vlm.loading.presets import PRESETS, Preset
from vlm.loading.tokenizer import train_tokenizer
from vlm.models.projectors import PROJECTORS
from vlm.types import Bundle

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model; tests that spoil it take a copy."""
    folder = tmp_path_factory.mktemp("kept") / "model"
    load.save(tiny.bundle(), folder)
    return folder


@pytest.fixture
def copy(kept: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kept, tmp_path / "copy")


@torch.no_grad()
def logits(bundle: Bundle) -> torch.Tensor:
    inputs = encoding.prompt_inputs(bundle.processor, tiny.noise(5), "Describe it.")
    return bundle.model(**inputs).logits


def refusal(name: str | Path, **settings) -> str:
    """The sentence with which a model is refused."""
    with pytest.raises(UserError) as caught:
        load.load(str(name), device="cpu", **settings)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 400 + len(str(name))
    return sentence


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nonsense", "", "a/b/c", "../x", "x" * 5000, "a\0b", "no/such/"])
def test_unknown_name_lists_the_known_ones(name: str) -> None:
    sentence = refusal(name)
    assert all(key in sentence for key, preset in PRESETS.items() if preset.openable)
    assert "config.json" in sentence and "Hub id" in sentence


def test_a_preset_that_is_only_parts_is_not_opened() -> None:
    assert "moda" in PRESETS and not PRESETS["moda"].path
    assert "moda-mini" in refusal("moda")


def test_a_folder_without_a_model_lists_what_is_missing(tmp_path: Path) -> None:
    assert "has no config.json" in refusal(tmp_path)


def test_a_hub_id_offline_is_a_quick_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it asks the network"))
    sentence = refusal("nobody/no-such-model")
    assert "'nobody/no-such-model' was not found" in sentence and "Hub" in sentence


@pytest.mark.parametrize("name", ["float8", "fp32", ""])
def test_unknown_dtype_lists_the_known_ones(kept: Path, name: str) -> None:
    sentence = refusal(kept, dtype=name)
    assert f"Unknown dtype {name!r}" in sentence
    assert all(known in sentence for known in load.DTYPES)
    with pytest.raises(UserError, match="Unknown dtype"):
        load.save(tiny.bundle(), kept, dtype=name)


def test_device_that_is_not_here_is_refused_with_those_that_are(kept: Path) -> None:
    with pytest.raises(UserError, match="'tpu' is not on this machine; choose one of: auto, cpu"):
        load.load(str(kept), device="tpu")


def test_dtype_and_device_are_obeyed(kept: Path) -> None:
    bundle = load.load(str(kept), device="cpu", dtype="bfloat16")
    assert {p.dtype for p in bundle.model.parameters()} == {torch.bfloat16}
    assert load.load(str(kept), device="cpu").model.dtype == torch.float32
    assert not bundle.model.training and bundle.name == str(kept)


# --- damaged and hostile files -------------------------------------------------------------------


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def garbage_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 64) + b"\xff" * 64 + path.read_bytes())


def endless_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**63) + path.read_bytes()[8:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_tensor_too_few(path: Path) -> None:
    tensors = load_file(path)
    del tensors["model.projector.0.weight"]
    save_file(tensors, path, {"format": "pt"})


def a_tensor_of_another_shape(path: Path) -> None:
    tensors = load_file(path)
    tensors["model.projector.0.weight"] = torch.zeros(3, 5)
    save_file(tensors, path, {"format": "pt"})


DAMAGE = [truncated, garbage_header, endless_header, empty, a_tensor_too_few]
DAMAGE += [a_tensor_of_another_shape, Path.unlink]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damaged_weights_are_refused(copy: Path, damage: Callable[[Path], None]) -> None:
    damage(copy / "model.safetensors")
    assert "files are damaged or do not match" in refusal(copy)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "processor_config.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"model_type": "nonsense"}'])
def test_damaged_description_is_refused(copy: Path, name: str, content: str) -> None:
    (copy / name).write_text(content)
    assert re.search("damaged|not a model that describes pictures", refusal(copy))


class Evil:
    """Writes a file when unpickled."""

    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


def test_pickled_weights_are_never_opened(copy: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").unlink()
    canary = tmp_path / "canary"
    torch.save({"lm_head.weight": Evil(canary)}, copy / "pytorch_model.bin")
    assert "damaged" in refusal(copy)
    assert not canary.exists()
    torch.load(copy / "pytorch_model.bin", weights_only=False)  # the trap does work
    assert canary.exists()


@pytest.mark.parametrize("model_type", ["vlm", "evil"])
def test_code_in_a_model_folder_never_runs(copy: Path, tmp_path: Path, model_type: str) -> None:
    canary = tmp_path / "canary"
    for name in ("evil.py", *(path.name for path in copy.glob("*.py"))):
        (copy / name).write_text(f"open({str(canary)!r}, 'w')\nclass Evil: pass\n")
    autos = ("AutoConfig", "AutoModel", "AutoModelForImageTextToText", "AutoProcessor")
    autos += ("AutoTokenizer", "AutoImageProcessor", "AutoModelForCausalLM")
    code = {"auto_map": dict.fromkeys(autos, "evil.Evil")}
    for name in ("config.json", "processor_config.json", "tokenizer_config.json"):
        path = copy / name
        path.write_text(json.dumps(json.loads(path.read_text()) | code))
    config = json.loads((copy / "config.json").read_text()) | {"model_type": model_type}
    (copy / "config.json").write_text(json.dumps(config))
    if model_type == "vlm":  # our own class opens it, the folder's code stays asleep
        load.load(str(copy), device="cpu")
    else:
        refusal(copy)
    assert not canary.exists()


def test_a_text_model_is_refused_as_one(tmp_path: Path) -> None:
    LlamaForCausalLM(LlamaConfig(**tiny.DECODER, vocab_size=299)).save_pretrained(tmp_path)
    train_tokenizer(tiny.CORPUS).save_pretrained(tmp_path)
    assert "is not a model that describes pictures" in refusal(tmp_path)


# --- saving --------------------------------------------------------------------------------------


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def test_saved_model_equals_ours_rounded_to_float16(kept: Path) -> None:
    ours, again = tiny.bundle(), load.load(str(kept), device="cpu")
    stored = again.model.state_dict()
    for name, tensor in ours.model.state_dict().items():
        rounded = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(stored[name], rounded), name
    assert torch.allclose(logits(again), logits(ours), rtol=0, atol=2e-3)


def test_saving_leaves_the_model_in_memory_as_it_was(tmp_path: Path) -> None:
    bundle = tiny.bundle()
    before = logits(bundle)
    load.save(bundle, tmp_path)
    assert torch.equal(logits(bundle), before)
    assert bundle.model.dtype == torch.float32


def test_saving_as_float32_is_exact(tmp_path: Path) -> None:
    bundle = tiny.bundle("resnet", image_features="patches", projector="pixel_shuffle")
    load.save(bundle, tmp_path, dtype="float32")
    assert torch.equal(logits(load.load(str(tmp_path), device="cpu")), logits(bundle))


@pytest.fixture(scope="module")
def larger() -> Bundle:
    """Big enough for three shards of float16."""
    shape = tiny.DECODER | {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 3}
    preset = Preset("larger", vision=tiny.tower_folder("vit"), decoder=shape)
    return build.build(preset, "larger", tiny.CORPUS)


def test_shards_stay_under_ten_megabytes(larger: Bundle, tmp_path: Path) -> None:
    load.save(larger, tmp_path)
    assert len(shards(tmp_path)) >= 3
    assert all(path.stat().st_size < 10 * MEGABYTE for path in tmp_path.iterdir())
    again = load.load(str(tmp_path), device="cpu")
    assert torch.allclose(logits(again), logits(larger), rtol=0, atol=2e-2)


def test_saving_again_leaves_no_stale_shards(larger: Bundle, tmp_path: Path) -> None:
    load.save(larger, tmp_path)
    load.save(tiny.bundle(), tmp_path)
    assert [path.name for path in shards(tmp_path)] == ["model.safetensors"]
    assert not (tmp_path / "model.safetensors.index.json").exists()
    once = tmp_path / "once"
    load.save(tiny.bundle(), once)
    assert torch.equal(
        logits(load.load(str(tmp_path), device="cpu")), logits(load.load(str(once), device="cpu"))
    )
    load.save(larger, tmp_path)
    names = set(json.loads((tmp_path / "model.safetensors.index.json").read_text())["weight_map"])
    assert names == {name for path in shards(tmp_path) for name in load_file(path)}


def test_no_folder_of_this_machine_is_written_into_a_model(tmp_path: Path) -> None:
    bundle = tiny.bundle()
    tower = bundle.model.config.vision_config._name_or_path
    assert Path(tower).is_dir()  # else there is nothing to leave out
    load.save(bundle, tmp_path)
    written = [path.read_text() for path in tmp_path.glob("*.json")]
    assert not any(tower in text for text in written)
    assert bundle.model.config.vision_config._name_or_path == tower


def test_every_projector_opens_again(tmp_path: Path) -> None:
    for name in PROJECTORS:
        bundle = tiny.bundle(image_features="patches", projector=name)
        load.save(bundle, tmp_path, dtype="float32")
        assert torch.equal(logits(load.load(str(tmp_path), device="cpu")), logits(bundle))
