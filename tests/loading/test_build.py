"""New models from parts: towers, decoders, tokenizers, and the size of the published MODA."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipModel,
    ViTImageProcessor,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from tests import tiny
from vlm.config import GenerateConfig
from vlm.errors import UserError
from vlm.inference import encoding, generate
from vlm.loading import build, load
from vlm.loading import tokenizer as vlm_tokenizer
from vlm.loading.presets import PRESETS, Preset
from vlm.models.configuration_vlm import VlmConfig
from vlm.models.modeling_vlm import VlmForConditionalGeneration
from vlm.training.forecast import parameter_table, published_size
from vlm.types import Bundle

TOKENIZER = vlm_tokenizer.train_tokenizer(tiny.CORPUS)


@given(st.text() | st.text(alphabet="<|end|>image user", max_size=40))
def test_tokenizer_spells_any_text(text: str) -> None:
    ids = TOKENIZER(text, split_special_tokens=True, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids) == text
    assert not set(ids) & set(TOKENIZER.all_special_ids)


def test_tokenizer_has_each_control_token_once_in_the_order_of_the_table() -> None:
    assert TOKENIZER.convert_tokens_to_ids(list(vlm_tokenizer.CONTROL)) == list(
        range(len(vlm_tokenizer.CONTROL))
    )
    assert (TOKENIZER.eos_token, TOKENIZER.pad_token) == (vlm_tokenizer.END, vlm_tokenizer.PAD)


# --- towers --------------------------------------------------------------------------------------

SEEING = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
SEEING |= {"num_attention_heads": 4, "image_size": tiny.SIDE, "patch_size": 8}
READING = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
READING |= {"num_attention_heads": 2, "vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1}


def whole_clip() -> CLIPModel:
    """A CLIP as on the Hub: both halves, the width of the projection named at the top."""
    return CLIPModel(CLIPConfig(vision_config=SEEING, text_config=READING, projection_dim=48))


def whole_siglip() -> SiglipModel:
    return SiglipModel(SiglipConfig(vision_config=SEEING, text_config=READING))


def keep_tower(model: torch.nn.Module, folder: Path) -> str:
    model.save_pretrained(folder)
    size = {"height": tiny.SIDE, "width": tiny.SIDE}
    ViTImageProcessor(size=size).save_pretrained(folder)
    return str(folder)


def made(vision: str, **changes) -> Bundle:
    preset = Preset("tiny", vision=vision, **({"decoder": tiny.DECODER} | changes))
    return build.build(preset, "tiny", tiny.CORPUS)


@pytest.mark.parametrize(
    ("model", "features", "tokens", "width"),
    [
        (whole_clip, "projected", 1, 48),
        (whole_clip, "pooled", 1, 64),
        (whole_clip, "patches", 17, 64),
        (whole_siglip, "pooled", 1, 64),
        (whole_siglip, "patches", 16, 64),
    ],
)
def test_the_seeing_half_of_a_two_tower_model_is_used(
    model, features: str, tokens: int, width: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    whole = model().eval()
    bundle = made(keep_tower(whole, tmp_path), image_features=features)
    pixels = torch.randn(2, 3, tiny.SIDE, tiny.SIDE)
    with torch.no_grad():
        seen = bundle.model.model.vision_features(pixels)
        if features == "projected":
            expected = whole.get_image_features(pixels).pooler_output[:, None]
        else:
            out = whole.vision_model(pixels)
            pooled = out.pooler_output[:, None]
            expected = pooled if features == "pooled" else out.last_hidden_state
    assert seen.shape == (2, tokens, width)
    assert torch.allclose(seen, expected, rtol=0, atol=1e-6)
    assert bundle.processor.num_image_tokens == tokens


def test_a_saved_model_gives_its_tower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tiny.bundle("resnet")
    load.save(first, tmp_path, dtype="float32")
    known = CONFIG_MAPPING._extra_content
    monkeypatch.delitem(known, "vlm", raising=False)  # as in a process that has loaded nothing
    second = made(str(tmp_path))
    ours, theirs = (b.model.model.vision_tower.state_dict() for b in (first, second))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    with pytest.raises(UserError, match="has no projected features; choose other --image-features"):
        made(str(tmp_path), image_features="projected")


def refusal(vision: str, **changes) -> str:
    with pytest.raises(UserError) as caught:
        made(vision, **changes)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    return str(caught.value)


def test_features_that_a_tower_does_not_have_are_refused(tmp_path: Path) -> None:
    vit = tiny.tower_folder("vit")
    assert "has no projected features" in refusal(vit, image_features="projected")
    load.save(tiny.raw_patches(), tmp_path)
    assert "has no pooled features" in refusal(str(tmp_path))


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    folder = tiny.tower("vit", tmp_path)
    tensors = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler")}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    assert "lacks pooler.dense.bias, so it has no pooled features" in refusal(str(folder))
    assert made(str(folder), image_features="patches").processor.num_image_tokens == 17


def test_unavailable_parts_are_reported(tmp_path: Path) -> None:
    vision = tiny.tower_folder("vit")
    assert f"The vision tower '{tmp_path}' could not be opened" in refusal(str(tmp_path))
    assert f"The decoder '{tmp_path}' could not be opened" in refusal(vision, text=str(tmp_path))
    assert "'nobody/nothing' could not be opened" in refusal("nobody/nothing")
    spoilt = tiny.tower("vit", tmp_path)
    (spoilt / "model.safetensors").write_bytes(b"x" * 99)
    assert "could not be opened" in refusal(str(spoilt))


def test_settings_that_do_not_fit_are_reported() -> None:
    vision = tiny.tower_folder("vit")
    assert "choose one of: linear, mlp, mlp2x" in refusal(vision, projector="mpl")
    assert "choose one of: grid, patches, pooled, projected" in refusal(
        vision, image_features="all"
    )
    assert "1 x 1 patches do not fold by 2" in refusal(vision, projector="pixel_shuffle")
    with pytest.raises(UserError, match="finished model"):
        build.build(PRESETS["smolvlm-256m"], "smolvlm-256m")


# --- decoders ------------------------------------------------------------------------------------


def foreign_tokenizer(folder: Path) -> int:
    """Save a tokenizer that knows nothing of pictures and turns; its size."""
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    own.train_from_iterator(tiny.CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<|endoftext|>")
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


GPT2 = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 64}
OPT = {"hidden_size": 64, "ffn_dim": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
OPT |= {"word_embed_proj_dim": 64, "max_position_embeddings": 64}
NO_IDS = {"bos_token_id": 0, "eos_token_id": 0}
DECODERS = {
    "llama": lambda size: LlamaForCausalLM(
        LlamaConfig(**tiny.DECODER, vocab_size=size, tie_word_embeddings=True, **NO_IDS)
    ),
    "llama-untied": lambda size: LlamaForCausalLM(
        LlamaConfig(**tiny.DECODER, vocab_size=size, tie_word_embeddings=False, **NO_IDS)
    ),
    "gpt2": lambda size: GPT2LMHeadModel(GPT2Config(**GPT2, vocab_size=size, **NO_IDS)),
    "opt": lambda size: OPTForCausalLM(OPTConfig(**OPT, vocab_size=size, **NO_IDS)),
}


@pytest.mark.parametrize("name", DECODERS)
def test_a_pretrained_decoder_keeps_what_it_knows(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    size = foreign_tokenizer(tmp_path / "text")
    DECODERS[name](size).save_pretrained(tmp_path / "text")
    clip = tiny.tower_folder("clip")
    bundle = made(clip, text=str(tmp_path / "text"), decoder={}, image_features="projected")
    ids = torch.tensor([[5, 9, 7, 8]])
    original = AutoModelForCausalLM.from_pretrained(tmp_path / "text").eval()
    with torch.no_grad():
        ours, theirs = bundle.model(input_ids=ids).logits, original(ids).logits
    assert ours.shape[-1] == size + len(vlm_tokenizer.CONTROL[1:])  # its own padding serves
    assert torch.allclose(ours[..., :size], theirs, rtol=0, atol=1e-5)
    tied = bundle.model.lm_head.weight is bundle.model.get_input_embeddings().weight
    assert tied == (name != "llama-untied")


def test_a_model_from_pretrained_parts_trains_answers_and_opens_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    size = foreign_tokenizer(tmp_path / "text")
    DECODERS["llama"](size).save_pretrained(tmp_path / "text")
    vision, text = tiny.tower_folder("clip"), str(tmp_path / "text")
    bundle = made(vision, text=text, image_features="projected")
    turns = [turn for record in tiny.records(3) for turn in record.turns]
    encoding.check_labels(bundle.processor, turns)
    assert encoding.show_labels(bundle.processor, turns[:1]).endswith(".<|end|>⟧")
    example = encoding.encode(bundle.processor, tiny.picture(), turns[0])
    bundle.model(**example).loss.backward()
    assert bundle.model.model.projector[0].weight.grad.abs().sum() > 0
    tokenizer = bundle.processor.tokenizer
    assert (tokenizer.eos_token, tokenizer.padding_side) == (vlm_tokenizer.END, "left")
    assert tokenizer.pad_token_id is not None
    load.save(bundle, tmp_path / "saved", dtype="float32")
    again = load.load(str(tmp_path / "saved"), device="cpu")
    config = GenerateConfig(max_new_tokens=5)
    pair = (generate.answer(b, tiny.picture(), "Hello?", config) for b in (bundle, again))
    assert len(set(pair)) == 1


# --- the same seed, the published size -----------------------------------------------------------


def test_the_seed_decides_the_new_weights() -> None:
    first, again, other = (tiny.bundle(seed=seed).model.lm_head.weight for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def published() -> Bundle:
    """MODA's shapes without weights: FashionCLIP is a ViT-B/32 that projects to 512."""
    vision = CLIPVisionConfig(projection_dim=512)
    assert (vision.hidden_size, vision.num_hidden_layers, vision.patch_size) == (768, 12, 32)
    text = LlamaConfig(
        hidden_size=960,
        num_hidden_layers=32,
        num_attention_heads=15,
        num_key_value_heads=5,
        intermediate_size=2560,
        vocab_size=49152,
        tie_word_embeddings=True,
    )
    preset = PRESETS["moda"]
    shape = {"image_features": preset.image_features, "projector": preset.projector}
    with torch.device("meta"):
        model = VlmForConditionalGeneration(
            VlmConfig(vision_config=vision, text_config=text, **shape)
        )
        model.tie_weights()
    return Bundle(model, None, "moda")


def test_the_published_parameter_count_comes_out() -> None:
    """518,755,713 is CLIP whole, with the text tower that nothing runs, and no control tokens.

    `build` adds to SmolLM's 49,152 tokens those of CONTROL that it lacks, all but the padding:
    5 x 960 = 4,800 parameters more, shared by input and output.
    """
    bundle = published()
    assert "518,755,713" in published_size(bundle)
    rows = parameter_table(bundle).splitlines()
    counts = {row.split()[0]: row.split()[-2] for row in rows[1:-1]}
    assert counts["projector"] == "5,657,280"  # 512 -> 4 x 960 -> 960
    assert counts["language_model"] == "361,821,120"
    assert rows[-1].split()[-2] == "455,327,616"  # what runs: without CLIP's 63.4M of text tower
    bundle.model.resize_token_embeddings(
        49152 + len(vlm_tokenizer.CONTROL[1:]), mean_resizing=False
    )
    assert "518,760,513" in published_size(bundle)


def test_no_published_size_is_claimed_for_other_models() -> None:
    assert published_size(tiny.bundle()) == ""


@pytest.mark.parametrize("projector", ["linear", "words"])
def test_a_model_gets_another_projector(projector: str) -> None:
    bundle = build.replace_projector(tiny.bundle(projector="words"), projector, (3, 2))
    assert bundle.model.config.projector == projector
    assert bundle.processor.num_image_tokens == {"linear": 1, "words": 2}[projector]
    words = bundle.model.config.projector_words
    assert (
        words == [3, 2]
        and build.count_image_tokens(bundle.model, bundle.processor.image_processor)
        == bundle.processor.num_image_tokens
    )
    # places and tokens fit, or the model would refuse
    generate.answer(bundle, tiny.picture(), "What is it?", GenerateConfig(max_new_tokens=2))


def test_a_projector_that_does_not_fit_is_reported() -> None:
    with pytest.raises(UserError, match="'pixel_shuffle' does not fit: 1 x 1 patches do not fold"):
        build.replace_projector(tiny.bundle(), "pixel_shuffle")
