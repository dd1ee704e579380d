"""The model as a citizen of transformers: every projector on every kind of image features."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from transformers import (
    AutoModel,
    AutoModelForImageTextToText,
    AutoProcessor,
    BitsAndBytesConfig,
    GPT2Config,
    OPTConfig,
    Qwen2Config,
    ViTConfig,
    pipeline,
)

from tests import tiny
from vlm.inference import encoding
from vlm.loading import load, presets
from vlm.models.configuration_vlm import VlmConfig
from vlm.models.modeling_vlm import VlmForConditionalGeneration, mean_and_grid
from vlm.models.projectors import PROJECTORS
from vlm.types import IGNORE_INDEX, Bundle

PROMPTS = ("Describe it.", "What colour is it? Describe it.")  # of different length


class Case(NamedTuple):
    """One row of the table of models: a tower, what it gives, and the projector after it."""

    tower: str
    features: str
    projector: str

    def bundle(self) -> Bundle:
        if self.tower == "raw":
            return tiny.raw_patches(projector=self.projector)
        return tiny.bundle(self.tower, image_features=self.features, projector=self.projector)


TOWERS = [(kind, name) for kind in ("vit", "resnet") for name in ("pooled", "patches", "grid")]
TOWERS += [("clip", "projected")]
CASES = [
    Case(*tower, name)
    for tower in TOWERS
    for name in PROJECTORS
    if name != "pixel_shuffle" or "patches" in tower  # a single token does not fold
]
CASES.append(Case("raw", "patches", "linear"))
ONE_EACH = [Case("vit", "patches", "pixel_shuffle"), Case("resnet", "pooled", "mlp")]
ONE_EACH += [Case("clip", "projected", "mlp"), Case("raw", "patches", "linear")]
one_each = pytest.mark.parametrize("case", ONE_EACH, ids="-".join)


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def bundle(request: pytest.FixtureRequest) -> Bundle:
    """A model that all tests of a case share: none of them may change it."""
    load.register()
    return request.param.bundle()


@pytest.fixture(scope="module")
def saved(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keep(bundle, tmp_path_factory.mktemp("saved"))


def keep(bundle: Bundle, folder: Path) -> Path:
    """Save without rounding; `load.save` rounds to float16."""
    bundle.model.save_pretrained(folder)
    bundle.processor.save_pretrained(folder)
    return folder


def questions(bundle: Bundle, count: int = 2) -> dict[str, torch.Tensor]:
    """Different pictures and prompts of different length, as one left-padded batch."""
    pictures = [tiny.noise(seed) for seed in range(count)]
    return encoding.batch_inputs(bundle.processor, pictures, PROMPTS[:count])


def singles(bundle: Bundle) -> Iterator[dict[str, torch.Tensor]]:
    for seed, prompt in enumerate(PROMPTS):
        yield encoding.prompt_inputs(bundle.processor, tiny.noise(seed), prompt)


def examples(bundle: Bundle) -> dict[str, torch.Tensor]:
    """A right-padded training batch."""
    turns = [(r, turn) for r in tiny.records(2) for turn in r.turns]
    rows = [encoding.encode(bundle.processor, r.image, turn) for r, turn in turns]
    return encoding.collator(bundle.processor)(rows)


def generated(model, inputs: dict, **settings) -> tuple[torch.Tensor, torch.Tensor]:
    """The new tokens [B, T] and the logits that they were chosen from [B, T, V]."""
    settings = {"max_new_tokens": 6, "min_new_tokens": 6, "do_sample": False} | settings
    out = model.generate(**inputs, **settings, return_dict_in_generate=True, output_logits=True)
    new = out.sequences[:, inputs["input_ids"].shape[1] :]
    return new, torch.stack(out.logits, 1)


def close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-4) -> bool:
    return torch.allclose(a, b, rtol=0, atol=tolerance)


@torch.no_grad()
def logits(model, inputs: dict) -> torch.Tensor:
    return model(**inputs).logits


# --- loss, weights, image ------------------------------------------------------------------------


def test_loss_is_the_mean_over_supervised_tokens_shifted_by_one(bundle: Bundle) -> None:
    batch = examples(bundle)
    out = bundle.model(**batch)
    target = batch["labels"][:, 1:].flatten()
    manual = F.cross_entropy(out.logits[:, :-1].flatten(0, 1), target, ignore_index=IGNORE_INDEX)
    assert close(out.loss, manual, 1e-5)
    count = int((target != IGNORE_INDEX).sum())
    halved = bundle.model(**batch, num_items_in_batch=2 * count).loss  # two such accumulated
    assert close(halved, manual / 2, 1e-5)


def test_input_and_output_embeddings_are_one_tensor(bundle: Bundle, saved: Path) -> None:
    for model in (bundle.model, AutoModelForImageTextToText.from_pretrained(saved)):
        assert model.lm_head.weight is model.get_input_embeddings().weight


def test_the_picture_changes_the_logits_of_its_own_row_only(bundle: Bundle) -> None:
    inputs = questions(bundle)
    other = dict(inputs, pixel_values=inputs["pixel_values"].clone())
    other["pixel_values"][1] = -other["pixel_values"][1]
    change = (logits(bundle.model, inputs) - logits(bundle.model, other)).abs().amax((1, 2))
    assert change[0] < 1e-6 and change[1] > 1e-4


def test_stored_features_give_the_same_logits_as_pixels(bundle: Bundle) -> None:
    inputs = questions(bundle)
    stored = dict(inputs)
    with torch.no_grad():
        stored["vision_features"] = bundle.model.model.vision_features(stored.pop("pixel_values"))
    assert torch.equal(logits(bundle.model, inputs), logits(bundle.model, stored))


def test_wrong_number_of_image_tokens_names_both_numbers(bundle: Bundle) -> None:
    inputs, count = questions(bundle, 1), bundle.processor.num_image_tokens
    place = torch.full((1, 1), bundle.model.config.image_token_id)
    for wrong in ("input_ids", "attention_mask"):
        inputs[wrong] = torch.cat([place, inputs[wrong]], 1)
    with pytest.raises(ValueError, match=f"{count + 1} image placeholders.* {count} image tokens"):
        bundle.model(**inputs)


# --- generation ----------------------------------------------------------------------------------


def test_generate_with_cache_equals_without(bundle: Bundle) -> None:
    tokens, scores = generated(bundle.model, questions(bundle))
    plain_tokens, plain_scores = generated(bundle.model, questions(bundle), use_cache=False)
    assert torch.equal(tokens, plain_tokens) and close(scores, plain_scores)


def test_left_padded_batch_equals_single_questions(bundle: Bundle) -> None:
    tokens, scores = generated(bundle.model, questions(bundle))
    for row, inputs in enumerate(singles(bundle)):
        own_tokens, own_scores = generated(bundle.model, inputs)
        assert torch.equal(tokens[row : row + 1], own_tokens)
        assert close(scores[row : row + 1], own_scores)


def test_beams_keep_each_picture_with_its_own_question(bundle: Bundle) -> None:
    settings = {"num_beams": 3, "return_dict_in_generate": True, "output_scores": True}
    settings |= {"max_new_tokens": 5, "do_sample": False}
    batch = bundle.model.generate(**questions(bundle), **settings).sequences_scores
    own = [bundle.model.generate(**row, **settings).sequences_scores for row in singles(bundle)]
    assert close(batch, torch.cat(own))
    assert abs(float(batch[0] - batch[1])) > 1e-4  # else nothing is shown about the order


def test_two_samples_of_a_picture_belong_to_it(bundle: Bundle) -> None:
    settings = {"do_sample": True, "num_return_sequences": 2}
    _, scores = generated(bundle.model, questions(bundle), top_k=1, **settings)
    _, greedy = generated(bundle.model, questions(bundle))
    assert close(scores, greedy.repeat_interleave(2, 0))
    torch.manual_seed(0)
    tokens, _ = generated(bundle.model, questions(bundle), top_k=0, **settings)
    assert len({tuple(row) for row in tokens.tolist()}) == 4


def test_the_picture_is_encoded_once_in_a_long_answer(bundle: Bundle) -> None:
    calls = []
    hook = bundle.model.model.projector.register_forward_hook(lambda *_: calls.append(1))
    generated(bundle.model, questions(bundle))
    hook.remove()
    assert len(calls) == 1


def test_generate_takes_stored_features(bundle: Bundle) -> None:
    inputs = questions(bundle)
    expected, _ = generated(bundle.model, inputs)
    with torch.no_grad():
        inputs["vision_features"] = bundle.model.model.vision_features(inputs.pop("pixel_values"))
    assert torch.equal(generated(bundle.model, inputs)[0], expected)


def test_pipeline_answers_a_chat_and_a_batch_alike(bundle: Bundle) -> None:
    ask = pipeline("image-text-to-text", model=bundle.model, processor=bundle.processor)
    chats = [
        [{"role": "user", "content": [{"type": "image", "image": picture}, text]}]
        for picture, text in zip(
            (tiny.noise(0), tiny.noise(1)),
            ({"type": "text", "text": prompt} for prompt in PROMPTS),
            strict=True,
        )
    ]
    settings = {"return_full_text": False, "generate_kwargs": {"max_new_tokens": 6}}
    settings["generate_kwargs"] |= {"do_sample": False, "min_new_tokens": 6}
    own = [ask(text=chat, **settings)[0]["generated_text"] for chat in chats]
    together = ask(text=chats, batch_size=2, **settings)
    tokens, _ = generated(bundle.model, questions(bundle))
    expected = bundle.processor.batch_decode(tokens, skip_special_tokens=True)
    assert own == expected
    assert [row[0]["generated_text"] for row in together] == expected


# --- saving --------------------------------------------------------------------------------------


def test_reload_is_bit_equal_through_both_auto_classes(bundle: Bundle, saved: Path) -> None:
    inputs = questions(bundle)
    whole = AutoModelForImageTextToText.from_pretrained(saved)
    assert type(whole) is VlmForConditionalGeneration
    assert torch.equal(logits(whole, inputs), logits(bundle.model, inputs))
    headless = AutoModel.from_pretrained(saved)
    with torch.no_grad():
        hidden = headless(**inputs).last_hidden_state
        expected = bundle.model.model(**inputs).last_hidden_state
    assert torch.equal(hidden, expected)


def test_processor_reload_encodes_alike(bundle: Bundle, saved: Path) -> None:
    again, processor = AutoProcessor.from_pretrained(saved), bundle.processor
    for field in ("num_image_tokens", "image_token", "image_token_id", "chat_template"):
        assert getattr(again, field) == getattr(processor, field), field
    assert again.tokenizer.padding_side == processor.tokenizer.padding_side == "left"
    before, after = questions(bundle), questions(Bundle(bundle.model, again, ""))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_bfloat16_load_takes_float32_pixels(bundle: Bundle, saved: Path) -> None:
    model = AutoModelForImageTextToText.from_pretrained(saved, dtype=torch.bfloat16)
    inputs = questions(bundle)
    assert inputs["pixel_values"].dtype == torch.float32
    rounded, exact = logits(model, inputs), logits(bundle.model, inputs)
    assert rounded.dtype == torch.bfloat16
    assert close(rounded.float(), exact, 0.05 * float(exact.abs().max()))


def test_resized_vocabulary_survives_a_reload(bundle: Bundle, saved: Path, tmp_path: Path) -> None:
    model = AutoModelForImageTextToText.from_pretrained(saved)
    size = bundle.model.get_input_embeddings().num_embeddings + 7
    model.resize_token_embeddings(size)
    model.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert again.lm_head.weight is again.get_input_embeddings().weight
    assert again.config.text_config.vocab_size == size
    inputs = questions(bundle)
    assert logits(again, inputs).shape[-1] == size
    assert torch.equal(logits(again, inputs), logits(model, inputs))
    assert torch.equal(logits(again, inputs)[..., :-7], logits(bundle.model, inputs))


OPEN_ELSEWHERE = """
import sys
sys.modules["vlm"] = None  # as if it were not installed: importing it raises ImportError
sys.modules["torchvision"] = None  # broken on some machines; transformers works without it
import numpy as np, torch
from PIL import Image
from transformers import AutoModel, AutoModelForImageTextToText, AutoProcessor
for folder in sys.argv[1:]:
    trusted = {"pretrained_model_name_or_path": folder, "trust_remote_code": True}
    model = AutoModelForImageTextToText.from_pretrained(**trusted, dtype="float32")
    AutoModel.from_pretrained(**trusted)
    processor = AutoProcessor.from_pretrained(**trusted)
    content = [{"type": "image", "image": Image.open(folder + "/asked.png")}]
    content += [{"type": "text", "text": "Describe it."}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True,
        return_dict=True, return_tensors="pt",
    )
    with torch.no_grad():
        np.save(folder + "/logits.npy", model(**inputs).logits.numpy())
"""


@pytest.mark.slow
def test_saved_model_opens_in_a_process_without_the_package(tmp_path: Path) -> None:
    opened = {}
    for case in ONE_EACH:
        folder = tmp_path / "-".join(case)
        load.save(case.bundle(), folder)
        tiny.noise(3).save(folder / "asked.png")
        opened[folder] = load.load(str(folder), device="cpu")
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    outside |= {"HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", OPEN_ELSEWHERE, *map(str, opened)]
    done = subprocess.run(command, cwd=tmp_path, env=outside, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for folder, bundle in opened.items():
        inputs = encoding.prompt_inputs(bundle.processor, tiny.noise(3), "Describe it.")
        elsewhere = torch.from_numpy(np.load(folder / "logits.npy"))
        assert close(elsewhere, logits(bundle.model, inputs), 1e-5), folder.name


# --- training ------------------------------------------------------------------------------------


def gradients(model, batch: dict) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model(**batch).loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_gradient_checkpointing_gives_the_same_gradients(bundle: Bundle, saved: Path) -> None:
    model = AutoModelForImageTextToText.from_pretrained(saved).train()
    batch, calls = examples(bundle), []
    layer = model.model.language_model.layers[0].mlp
    layer.register_forward_pre_hook(lambda *_: calls.append(1))
    plain = gradients(model, batch)
    model.activation_checkpointing_enable()
    recomputed = gradients(model, batch)
    assert len(calls) == 3  # once, then once forward and once more in backward
    assert plain.keys() == recomputed.keys()
    assert all(close(plain[name], recomputed[name], 1e-5) for name in plain)


def test_a_frozen_tower_stays_in_eval_mode_and_another_learns() -> None:
    bundle = Case("resnet", "pooled", "mlp").bundle()
    tower, batch = bundle.model.model.vision_tower, examples(bundle)

    def statistics() -> list[torch.Tensor]:
        return [b.clone() for name, b in tower.named_buffers() if "running" in name]

    def moved(before: list[torch.Tensor]) -> bool:
        return any(not torch.equal(a, b) for a, b in zip(before, statistics(), strict=True))

    tower.requires_grad_(False)
    before = statistics()
    for _ in range(3):
        bundle.model.train()(**batch).loss.backward()
    assert before and not moved(before)
    assert bundle.model.model.projector.training and bundle.model.model.language_model.training
    tower.requires_grad_(True)
    bundle.model.train()(**batch)
    assert moved(before)
    assert not any(module.training for module in bundle.model.eval().modules())


def lora(model):
    """The model with adapters in its decoder, and the projector learning whole."""
    import peft

    layers = r".*language_model\..*(q_proj|v_proj|qkv_proj|down_proj)"
    return peft.get_peft_model(
        model, peft.LoraConfig(r=4, target_modules=layers, modules_to_save=["projector"])
    )


def train(model, batch: dict, steps: int = 4) -> list[float]:
    """A few optimiser steps; the loss before each of them."""
    learning = [p for p in model.parameters() if p.requires_grad]
    optimiser, losses = torch.optim.AdamW(learning, lr=1e-2), []
    for _ in range(steps):
        loss = model.train()(**batch).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    return losses


def test_adapters_can_be_saved_reloaded_and_merged(
    bundle: Bundle, saved: Path, tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    model = lora(AutoModelForImageTextToText.from_pretrained(saved))
    losses = train(model, examples(bundle))
    assert losses[-1] < losses[0]
    inputs = questions(bundle)
    expected = logits(model.eval(), inputs)
    assert not close(expected, logits(bundle.model, inputs), 1e-2)  # it did learn something
    model.save_pretrained(tmp_path)
    tensors = peft.utils.load_peft_weights(str(tmp_path), device="cpu")
    assert all("lora_" in name or "projector" in name for name in tensors)
    base = AutoModelForImageTextToText.from_pretrained(saved)
    again = peft.PeftModel.from_pretrained(base, tmp_path).eval()
    assert torch.equal(logits(again, inputs), expected)
    merged = again.merge_and_unload()
    assert type(merged) is VlmForConditionalGeneration
    assert close(logits(merged, inputs), expected)
    keep(Bundle(merged, bundle.processor, ""), tmp_path / "merged")
    opened = AutoModelForImageTextToText.from_pretrained(tmp_path / "merged")
    assert torch.equal(logits(opened, inputs), logits(merged, inputs))


@one_each
def test_four_bit_decoder_trains_on_after_an_evaluation(case: Case, tmp_path: Path) -> None:
    peft, bnb = pytest.importorskip("peft"), pytest.importorskip("bitsandbytes")
    bundle = case.bundle()
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
        llm_int8_skip_modules=["model.vision_tower", "model.projector", "lm_head"],
    )
    load.register()
    model = AutoModelForImageTextToText.from_pretrained(
        keep(bundle, tmp_path), quantization_config=nf4, dtype=torch.float32
    )
    packed = {name for name, m in model.named_modules() if isinstance(m, bnb.nn.Linear4bit)}
    assert packed and all(name.startswith("model.language_model.") for name in packed)
    for name in packed:  # else an evaluation repacks the weights and training loses its gradients
        model.get_submodule(name).support_avx512bf16_for_cpu = False
    model = lora(peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False))
    batch = examples(bundle)
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert gradients(model.train(), batch).keys() == learning
    logits(model.eval(), questions(bundle))
    assert gradients(model.train(), batch).keys() == learning
    losses = train(model, batch, steps=5)
    assert losses[-1] < losses[0]
    generated(model.eval(), questions(bundle))


# --- the tables ----------------------------------------------------------------------------------


def test_help_texts_name_all_projectors() -> None:
    assert presets.PROJECTORS == tuple(PROJECTORS)


@pytest.mark.parametrize("name", PROJECTORS)
@pytest.mark.parametrize("count", [16, 17])  # with a class token in front, and without
def test_projector_contract(name: str, count: int) -> None:
    projector = PROJECTORS[name](24, 40, VlmConfig())
    features = torch.randn(3, count, 24, requires_grad=True)
    tokens = projector(features)  # [B, N', D]
    assert tokens.shape == (3, projector.tokens_out(count), 40)
    assert close(projector(features[1:2]), tokens[1:2], 1e-5)  # no picture sees another
    tokens.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in projector.parameters())
    patches = features.grad[:, count - 16 :].abs().sum(-1)
    assert bool((patches > 0).all())


def test_every_answer_reads_one_decision_off_visual_words() -> None:
    config = VlmConfig(projector_words=[3, 2])
    projector = PROJECTORS["words"](8, 8, config)
    features = torch.randn(4, 2, 8)
    with torch.no_grad():
        projector.choose.weight *= 1e4
        projector.choose.bias *= 1e4
        sure = projector(features)
    scores = projector.choose(features.mean(1)).split([3, 2], dim=1)
    for place, (score, spell) in enumerate(zip(scores, projector.spell, strict=True)):
        assert close(sure[:, place], spell.weight.T[score.argmax(1)], 1e-5)


def test_pixel_shuffle_folds_neighbours_and_drops_the_class_token() -> None:
    projector = PROJECTORS["pixel_shuffle"](8, 8, VlmConfig())
    features = torch.randn(1, 17, 8, requires_grad=True)
    projector(features)[0, 1].sum().backward()  # second of 2 x 2 tokens
    seen = features.grad[0].abs().sum(-1).nonzero().flatten() - 1
    assert seen.tolist() == [2, 3, 6, 7]  # the upper right corner of the 4 x 4 grid


@pytest.mark.parametrize("count", [1, 9, 10, 49])
def test_pixel_shuffle_reports_a_grid_that_it_cannot_fold(count: int) -> None:
    projector = PROJECTORS["pixel_shuffle"](8, 8, VlmConfig())
    side = int(count**0.5)
    for call in (lambda: projector.tokens_out(count), lambda: projector(torch.ones(1, count, 8))):
        with pytest.raises(ValueError, match=f"{side} x {side} patches do not fold by 2"):
            call()


SMALL = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 128}
DECODERS = {
    "gpt2": GPT2Config(n_embd=64, n_layer=2, n_head=4, vocab_size=128, n_positions=64),
    "opt": OPTConfig(**SMALL, ffn_dim=128, word_embed_proj_dim=64, max_position_embeddings=64),
    "qwen2": Qwen2Config(**tiny.DECODER, vocab_size=128, tie_word_embeddings=True),
}


def other_decoder(name: str) -> VlmForConditionalGeneration:
    torch.manual_seed(0)
    vision = ViTConfig(**SMALL, intermediate_size=128, image_size=16, patch_size=8)
    config = VlmConfig(vision_config=vision, text_config=DECODERS[name], image_token_id=127)
    return VlmForConditionalGeneration(config).eval()


@pytest.mark.parametrize("name", DECODERS)
def test_other_decoders_run_tied(name: str, tmp_path: Path) -> None:
    model = other_decoder(name)
    assert model.lm_head.weight is model.get_input_embeddings().weight
    inputs = {
        "input_ids": torch.tensor([[127, 5, 6, 7]]),
        "attention_mask": torch.ones(1, 4, dtype=torch.int64),
        "pixel_values": torch.randn(1, 3, 16, 16),
    }
    tokens, scores = generated(model, inputs)
    plain_tokens, plain_scores = generated(model, inputs, use_cache=False)
    assert torch.equal(tokens, plain_tokens) and close(scores, plain_scores)
    found = gradients(model, inputs | {"labels": inputs["input_ids"]})
    assert found["model.projector.0.weight"].abs().sum() > 0
    load.register()
    model.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert again.lm_head.weight is again.get_input_embeddings().weight
    assert close(logits(again, inputs), logits(model, inputs), 1e-6)


@pytest.mark.parametrize("before", [0, 1])
def test_the_grid_is_the_mean_and_the_means_of_quarters(before: int) -> None:
    patches = torch.arange(16.0).reshape(1, 16, 1)
    hidden = torch.cat([torch.full((1, before, 1), 99.0), patches], 1)
    tokens = mean_and_grid(hidden, 2)[0, :, 0]
    assert tokens.tolist() == [7.5, 2.5, 4.5, 10.5, 12.5]
    as_map = patches.reshape(1, 1, 4, 4)
    assert torch.equal(mean_and_grid(as_map, 2)[0, :, 0], tokens)
