"""The everyday model as it ships: shards of an adapter, a tower, a decoder from elsewhere."""

import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests import tiny
from vlm import __main__ as commands
from vlm.config import AdapterConfig
from vlm.errors import UserError
from vlm.inference import encoding, generate
from vlm.loading import adapter_weights, build, load, lora, presets, weights
from vlm.types import Bundle

SHARD = 20_000  # bytes


def decoder(folder: Path, seed: int = 0) -> str:
    """Save a tiny Llama whose tokenizer lacks Loupe's control tokens, as SmolLM2's does."""
    torch.manual_seed(seed)
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    turns = ["<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        special_tokens=turns, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(tiny.CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=turns[1])
    tokenizer.save_pretrained(folder)
    size = {"vocab_size": len(tokenizer), "tie_word_embeddings": True}
    LlamaForCausalLM(LlamaConfig(**tiny.DECODER, **size)).save_pretrained(folder)
    return str(folder)


def adapted(seed: int = 0) -> Bundle:
    """The parts with an adapter whose matrices are not zero."""
    bundle = build.build(presets.PRESETS["everyday"], "everyday", seed=seed)
    model = lora.attach(bundle.model, AdapterConfig(rank=4, dropout=0))
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.1)
    return Bundle(model.eval(), bundle.processor, "everyday")


def save(bundle: Bundle, folder: Path) -> None:
    how = {"on_parts": True, "max_shard_size": SHARD, "dtype": torch.float16}
    lora.save(bundle.model, bundle.processor, folder, "everyday", **how)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder and a shipped folder; `everyday` puts a copy in the preset's place."""
    folder = tmp_path_factory.mktemp("everyday")
    with pytest.MonkeyPatch.context() as patch:
        place(patch, folder / "shipped", decoder(folder / "decoder"))
        save(adapted(), folder / "shipped")
    return folder


def place(patch: pytest.MonkeyPatch, path: Path, text: str) -> None:
    row = presets.PRESETS["everyday"]
    parts = {"path": str(path), "vision": tiny.tower_folder("vit"), "text": text}
    patch.setitem(presets.PRESETS, "everyday", replace(row, **parts))


@pytest.fixture
def everyday(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped folder."""
    folder = shutil.copytree(kept / "shipped", tmp_path / "everyday")
    place(monkeypatch, folder, str(kept / "decoder"))
    return folder


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What `lora` logs."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    lora.log.addHandler(handler)
    yield messages
    lora.log.removeHandler(handler)


@torch.no_grad()
def logits(bundle: Bundle) -> torch.Tensor:
    inputs = encoding.prompt_inputs(bundle.processor, tiny.noise(5), "Describe it.")
    return bundle.model.eval()(**inputs).logits


def test_the_adapter_is_in_small_shards_of_float16(everyday: Path) -> None:
    shards = list(everyday.glob("adapter_model-*.safetensors"))
    assert len(shards) > 2 and not (everyday / adapter_weights.WEIGHTS).exists()
    state = adapter_weights.read(everyday)
    assert {tensor.dtype for tensor in state.values()} == {torch.float16}
    largest = max(tensor.nbytes for tensor in state.values())
    assert all(file.stat().st_size < max(SHARD, largest) + 5_000 for file in shards)


def test_it_opens_by_name_and_from_a_copy(everyday: Path, tmp_path: Path) -> None:
    trained, opened = adapted(), load.load("everyday", device="cpu")
    assert opened.name == "everyday"
    assert torch.allclose(logits(opened), logits(trained), atol=2e-2)
    untrained = build.build(presets.PRESETS["everyday"], "everyday")
    assert (logits(untrained) - logits(trained)).abs().max() > 0.1
    copy = shutil.copytree(everyday, tmp_path / "copy")
    assert torch.equal(logits(load.load(str(copy), device="cpu")), logits(opened))
    assert isinstance(generate.answer(opened, tiny.noise(), "What is this?"), str)


def test_it_is_merged_without_peft_and_as_peft_does(everyday: Path, monkeypatch) -> None:
    parts = build.build(presets.PRESETS["everyday"], "everyday")
    by_peft = lora.merge(lora.open_adapter(parts, everyday))
    monkeypatch.setattr(adapter_weights, "import_peft", lambda: pytest.fail("peft is imported"))
    opened = load.load("everyday", device="cpu")
    expected = logits(Bundle(by_peft, opened.processor, "peft"))
    assert torch.allclose(logits(opened), expected, atol=1e-5)


def test_another_kind_of_adapter_is_left_to_peft(everyday: Path) -> None:
    before = logits(load.load("everyday", device="cpu"))
    path = everyday / lora.CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | {"use_rslora": True}))
    assert not adapter_weights.is_plain(everyday)
    assert (logits(load.load("everyday", device="cpu")) - before).abs().max() > 1e-3


def test_the_number_format_is_obeyed(everyday: Path) -> None:
    opened = load.load("everyday", device="cpu", dtype="bfloat16")
    assert {p.dtype for p in opened.model.parameters()} == {torch.bfloat16}


def drop_a_tensor(folder: Path) -> None:
    index = json.loads((folder / adapter_weights.INDEX).read_text())
    index["weight_map"].popitem()
    (folder / adapter_weights.INDEX).write_text(json.dumps(index))


def drop_a_file(folder: Path) -> None:
    next(folder.glob("adapter_model-*.safetensors")).unlink()


def cut_a_file(folder: Path) -> None:
    file = next(folder.glob("adapter_model-*.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])


def empty_index(folder: Path) -> None:
    (folder / adapter_weights.INDEX).write_text("{}")


@pytest.mark.parametrize("damage", [drop_a_tensor, drop_a_file, cut_a_file, empty_index])
def test_a_damaged_adapter_is_a_user_error(everyday: Path, damage) -> None:
    damage(everyday)
    with pytest.raises(UserError, match="it is damaged or belongs to another model"):
        load.load("everyday", device="cpu")


def test_saving_again_leaves_no_stale_shards(everyday: Path) -> None:
    bundle = adapted()
    lora.save(bundle.model, bundle.processor, everyday, "everyday", on_parts=True)
    assert [file.name for file in everyday.glob("adapter_model*")] == [adapter_weights.WEIGHTS]
    assert torch.allclose(logits(load.load("everyday", device="cpu")), logits(bundle), atol=1e-4)


def test_no_folder_of_this_machine_is_written(everyday: Path, kept: Path) -> None:
    texts = [file.read_text() for file in everyday.glob("*.json")]
    assert not any(str(kept) in text or tiny.tower_folder("vit") in text for text in texts)


# --- the base ------------------------------------------------------------------------------------


def test_added_tokens_do_not_count_in_the_check(everyday: Path) -> None:
    """Their embeddings are drawn on each machine, from a covariance that rounds differently."""
    other = build.build(presets.PRESETS["everyday"], "everyday", seed=7)
    saved = json.loads((everyday / lora.BASE).read_text())
    with torch.no_grad():  # what is drawn differs by less than bfloat16 shows
        other.model.get_input_embeddings().weight[saved["rows"] :] += 1
    assert lora.base_hash(other.model, saved["rows"]) == saved["weights"]
    assert lora.base_hash(other.model) != lora.base_hash(adapted().model.get_base_model())


def test_another_decoder_is_refused(everyday: Path, tmp_path: Path, monkeypatch) -> None:
    place(monkeypatch, everyday, decoder(tmp_path / "other", seed=3))
    with pytest.raises(UserError, match="whose weights differ"):
        load.load("everyday", device="cpu")


def test_the_original_of_the_decoder_opens_with_a_warning(
    everyday: Path, tmp_path: Path, monkeypatch, logged: list[str]
) -> None:
    load.load("everyday", device="cpu")
    assert not logged
    other = decoder(tmp_path / "other", seed=3)
    place(monkeypatch, everyday, other)
    monkeypatch.setattr(weights, "is_original", lambda name: name == other)
    load.load("everyday", device="cpu")
    assert len(logged) == 1 and "is the Hub's original" in logged[0] and "loupe fetch" in logged[0]
    (everyday / lora.BASE).write_text(
        (everyday / lora.BASE).read_text().replace('"on_parts": true', '"on_parts": false')
    )
    with pytest.raises(UserError, match="whose weights differ"):  # of another training
        lora.open_adapter(build.build(presets.PRESETS["everyday"], "everyday"), everyday)


def test_an_adapter_of_the_user_stands_on_the_merged_model(everyday: Path, tmp_path: Path) -> None:
    merged = load.load("everyday", device="cpu")
    base = load.open_base("everyday", device="cpu")
    assert torch.equal(logits(base), logits(merged))
    model = lora.attach(base.model, AdapterConfig(rank=2, dropout=0))  # zero: changes nothing
    lora.save(model, base.processor, tmp_path / "mine", "everyday")
    assert not load.is_built("everyday")
    mine = load.load(str(tmp_path / "mine"), device="cpu")
    assert torch.allclose(logits(mine), logits(merged), atol=1e-5)
    with pytest.raises(UserError, match="use --quantize none"):
        load.open_base("everyday", device="cpu", quantize="4bit")


# --- the choice ----------------------------------------------------------------------------------


def test_the_everyday_model_is_the_default_where_its_decoder_is(everyday: Path) -> None:
    assert presets.default_model() == "everyday"
    assert presets.explain_default().startswith("The model is everyday;")
    assert load.load(device="cpu").name == "everyday"


def test_without_the_decoder_moda_mini_says_how_to_get_it(everyday: Path, monkeypatch) -> None:
    row = replace(presets.PRESETS["everyday"], text="smollm2-135m")
    monkeypatch.setitem(presets.PRESETS, "everyday", row)
    monkeypatch.setattr(weights, "is_here", lambda name: False)
    assert presets.default_model() == "moda-mini"
    assert "`loupe fetch smollm2-135m` (93 MB)" in presets.explain_default()


def test_before_it_is_shipped_nothing_is_said(tmp_path: Path, monkeypatch) -> None:
    place(monkeypatch, tmp_path / "absent", "smollm2-135m")
    assert presets.default_model() == "moda-mini" and presets.explain_default() == ""
    with pytest.raises(UserError, match="No model 'everyday': choose one of moda-mini, smolvlm"):
        load.load("everyday")


def test_describe_uses_it_and_says_so(everyday: Path, tmp_path: Path, capsys) -> None:
    tiny.picture("red").save(tmp_path / "red.png")
    assert commands.main(["describe", str(tmp_path / "red.png"), "--max-new-tokens", "2"]) == 0
    assert capsys.readouterr().err == f"{presets.explain_default()}\n"
    words = ["describe", str(tmp_path / "red.png"), "--max-new-tokens", "2", "--model", "moda-mini"]
    assert commands.main(words) == 0
    assert not capsys.readouterr().err
