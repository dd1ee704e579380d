"""Adapters: what learns, what is saved, that it opens on its own base alone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests import tiny
from vlm.config import AdapterConfig
from vlm.errors import UserError
from vlm.inference import encoding, generate
from vlm.loading import load, lora, parts, quantize
from vlm.training.freezing import freeze
from vlm.types import Bundle


def saved(make: Callable[[], Bundle]) -> Callable[[Path], object]:
    return lambda folder: load.save(make(), folder, dtype="float32")


BASES = {  # what writes a tiny model into a folder
    "pooled": saved(tiny.bundle),
    "patches": saved(lambda: tiny.bundle(image_features="patches")),
    "raw": saved(tiny.raw_patches),
    "smolvlm": tiny.smolvlm,
}


@pytest.fixture(scope="module", params=BASES)
def base(request, tmp_path_factory) -> str:
    """A tiny model in a folder."""
    folder = tmp_path_factory.mktemp(request.param) / "base"
    BASES[request.param](folder)
    return str(folder)


def examples(bundle: Bundle) -> dict[str, torch.Tensor]:
    turns = [(colour, turn) for colour in tiny.COLOURS for turn in tiny.questions(colour)]
    made = [encoding.encode(bundle.processor, tiny.picture(c), turn) for c, turn in turns]
    return encoding.collator(bundle.processor)(made)


def adapted(base: str, kind: str = "none", steps: int = 8, **changes) -> Bundle:
    """The base with an adapter that has learnt a little."""
    bundle = load.open_base(base, device="cpu", quantize=kind)
    quantize.keep_gradients(bundle.model)
    torch.manual_seed(0)
    model = lora.attach(bundle.model, AdapterConfig(**{"rank": 4, "dropout": 0} | changes))
    learning = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=1e-2)
    for _ in range(steps):
        model(**examples(bundle)).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return Bundle(model.eval(), bundle.processor, base)


@torch.no_grad()
def logits(bundle: Bundle) -> torch.Tensor:
    return bundle.model.eval()(**examples(bundle)).logits


def learning(model) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


def test_adapters_of_the_decoder_and_the_projector_learn_and_nothing_else(base: str) -> None:
    model = adapted(base, steps=0).model
    names = learning(model)
    assert names and all(
        ("language_model" in name or "text_model" in name)
        and "lora_" in name
        or ".modules_to_save." in name
        and ("projector" in name or "connector" in name)
        for name in names
    )
    inside = parts.linear_layers(model.get_base_model(), parts.decoder_name(model.get_base_model()))
    there = {name.split(".lora_A")[0] for name in names if ".lora_A." in name}
    count = sum(".base_layer" in name for name in inside)
    assert len(there) == count > 0
    assert freeze(model, "adapters") == [n for n, p in model.named_parameters() if n in names]
    assert learning(model) == names


def test_the_chosen_parts_are_adapted() -> None:
    named = learning(lora.attach(tiny.bundle().model, AdapterConfig(targets="q_proj, v_proj")))
    assert {name.split(".")[-4] for name in named if "lora" in name} == {"q_proj", "v_proj"}
    config = AdapterConfig(connector="lora", vision="lora", targets="q_proj")
    named = learning(lora.attach(tiny.bundle().model, config))
    assert all("lora_" in name for name in named)
    for part in ("projector", "vision_tower", "language_model"):
        assert any(f".{part}." in name for name in named)
    named = learning(lora.attach(tiny.bundle().model, AdapterConfig(connector="frozen")))
    assert not any(".projector." in name for name in named)


def test_a_missing_target_is_reported() -> None:
    with pytest.raises(UserError, match="names c_attn; choose among down_proj, gate_proj"):
        lora.attach(tiny.bundle().model, AdapterConfig(targets="q_proj,c_attn"))


def test_an_adapter_is_saved_without_its_base_and_reloads_unchanged(
    base: str, tmp_path: Path
) -> None:
    trained = adapted(base)
    lora.save(trained.model, trained.processor, tmp_path / "a", base, "main")
    size = sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors"))
    whole = sum(file.stat().st_size for file in Path(base).glob("*.safetensors"))
    assert size < whole / 2
    before = logits(load.load(base, device="cpu"))
    live = logits(trained)
    assert (live - before).abs().max() > 0.1
    for opened in (
        load.load(str(tmp_path / "a"), device="cpu"),
        load.load(base, adapter=str(tmp_path / "a"), device="cpu"),
        Bundle(
            lora.open_adapter(load.open_base(base, device="cpu"), tmp_path / "a"),
            trained.processor,
            "unmerged",
        ),
    ):
        assert torch.allclose(live, logits(opened), atol=1e-4)
    assert lora.base_of(tmp_path / "a") == (base, "main")


def test_an_opened_adapter_answers(base: str, tmp_path: Path) -> None:
    trained = adapted(base, steps=40, rank=16)
    lora.save(trained.model, trained.processor, tmp_path, base)
    bundle = load.load(str(tmp_path), device="cpu")
    said = generate.answer(bundle, tiny.picture("red"), "What colour is it?")
    assert said == generate.answer(trained, tiny.picture("red"), "What colour is it?")
    assert said.strip()


def test_another_base_is_refused(tmp_path: Path) -> None:
    trained = lora.attach(tiny.bundle().model, AdapterConfig())
    lora.save(trained, tiny.bundle().processor, tmp_path / "a", "mine")
    with pytest.raises(
        UserError, match="trained on 'mine', whose weights differ from those of 'tiny'"
    ):
        lora.open_adapter(tiny.bundle(seed=1), tmp_path / "a")
    (tmp_path / "a" / lora.BASE).unlink()  # of another program: its shapes tell
    with pytest.raises(UserError, match="does not fit 'raw patches'"):
        lora.open_adapter(tiny.raw_patches(), tmp_path / "a")


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_damaged_adapter_is_a_user_error(text: str, tmp_path: Path) -> None:
    (tmp_path / lora.CONFIG).write_text(text)
    with pytest.raises(UserError, match="is damaged"):
        load.load(str(tmp_path))


def test_an_adapter_with_truncated_weights_is_a_user_error(tmp_path: Path) -> None:
    bundle = tiny.bundle()
    lora.save(lora.attach(bundle.model, AdapterConfig()), bundle.processor, tmp_path, "tiny")
    weights = tmp_path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="does not fit 'tiny'"):
        lora.open_adapter(tiny.bundle(), tmp_path)


def test_what_learns_keeps_float32_beside_weights_of_16_bits() -> None:
    model = tiny.bundle().model.to(torch.bfloat16)
    model = lora.attach(model, AdapterConfig())
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
    bundle = Bundle(model, tiny.bundle().processor, "half")
    batch = examples(bundle)
    batch["pixel_values"] = batch["pixel_values"].bfloat16()
    assert model(**batch).logits.dtype == torch.bfloat16


def test_the_name_of_the_base_is_not_a_path_of_the_weights(tmp_path: Path) -> None:
    bundle = tiny.bundle()
    lora.save(lora.attach(bundle.model, AdapterConfig()), bundle.processor, tmp_path, "moda-mini")
    assert (
        json.loads((tmp_path / lora.CONFIG).read_text())["base_model_name_or_path"] == "moda-mini"
    )
    assert json.loads((tmp_path / lora.BASE).read_text())["base"] == "moda-mini"


def test_checkpointing_takes_no_picture_back_through_a_frozen_tower(tmp_path: Path) -> None:
    BASES["smolvlm"](tmp_path / "base")
    bundle = load.open_base(str(tmp_path / "base"), device="cpu")
    model = lora.attach(bundle.model, AdapterConfig(rank=4)).train()
    learning = freeze(model, "adapters")
    model.activation_checkpointing_enable({"use_reentrant": False})
    seen = []
    tower = model.get_submodule("base_model.model.model.vision_model")
    tower.register_forward_hook(lambda part, given, got: seen.append(got[0].requires_grad))
    model(**examples(bundle)).loss.backward()
    assert seen == [False]
    assert all(model.get_parameter(name).grad is not None for name in learning)
