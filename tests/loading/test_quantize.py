"""Weights in 4 bits: of the decoder alone, and able to learn through, whatever came between."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.loading.test_lora import BASES, adapted, examples
from vlm.config import AdapterConfig
from vlm.errors import UserError
from vlm.loading import load, lora, parts, quantize
from vlm.training import forecast

bitsandbytes = pytest.importorskip("bitsandbytes")
MAPS = Path("/proc/self/maps")


@pytest.fixture(scope="module", params=["pooled", "raw", "smolvlm"])
def base(request, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp(request.param) / "base"
    BASES[request.param](folder)
    return str(folder)


@pytest.mark.parametrize(("kind", "cls"), [("4bit", "Linear4bit"), ("8bit", "Linear8bitLt")])
def test_the_decoder_is_quantised_and_nothing_else(base: str, kind: str, cls: str) -> None:
    model = load.open_base(base, device="cpu", quantize=kind).model
    inside = parts.linear_layers(model, parts.decoder_name(model))
    for name, layer in parts.linear_layers(model).items():
        assert isinstance(layer, getattr(bitsandbytes.nn, cls)) == (name in inside), name
    assert quantize.kind_of(model) == kind


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux tells what is mapped")
def test_weight_files_are_released(base: str) -> None:
    bundle = load.open_base(base, device="cpu", quantize="4bit")
    assert base not in MAPS.read_text()
    assert bundle.model.get_input_embeddings().weight.is_floating_point()  # not quantised, but kept


def test_an_unpacked_layer_and_the_scales_are_counted(base: str) -> None:
    model = load.open_base(base, device="cpu", quantize="4bit").model
    layers = [part for part in model.modules() if isinstance(part, bitsandbytes.nn.Linear4bit)]
    assert max(map(forecast._unpacked_bytes, model.modules())) == max(
        2 * layer.in_features * layer.out_features for layer in layers
    )
    assert forecast._unpacked_bytes(nn.Linear(64, 64)) == 0
    blocks = sum(layer.in_features * layer.out_features // 64 for layer in layers)
    assert (
        forecast.weight_bytes(model)["scales"] > blocks
    )  # 1 byte per 64 weights, plus their scales


def test_gradients_flow_after_an_evaluation(base: str) -> None:
    """bitsandbytes packs 4-bit weights on a CPU when no gradient is wanted, for good."""
    bundle = load.open_base(base, device="cpu", quantize="4bit")
    assert quantize.keep_gradients(bundle.model) > 0
    model = lora.attach(bundle.model, AdapterConfig(dropout=0))
    batch = examples(bundle)

    def norms() -> dict[str, float]:
        model.train().zero_grad()
        model(**batch).loss.backward()
        return {n: float(p.grad.norm()) for n, p in model.named_parameters() if p.requires_grad}

    before = norms()
    with torch.no_grad():
        model.eval()(**batch)
    assert norms() == pytest.approx(before)
    assert all(value > 0 for name, value in before.items() if "lora_A" not in name)


def test_a_quantised_base_is_not_merged_into(base: str, tmp_path: Path) -> None:
    bundle = adapted(base, "4bit")
    with pytest.raises(UserError, match="unquantised"):
        lora.merge(bundle.model)
    lora.save(bundle.model, bundle.processor, tmp_path, base)
    opened = load.load(str(tmp_path), device="cpu")
    assert quantize.kind_of(opened.model) == "none"


def test_a_width_that_4_bits_do_not_allow_is_reported() -> None:
    layers = {"fine": nn.Linear(64, 32), "odd": nn.Linear(96, 32)}
    with pytest.raises(UserError, match="but odd has 96 and 32; use --quantize none"):
        quantize.check_widths(layers)


def test_a_reason_is_given_if_4_bits_are_unavailable(monkeypatch) -> None:
    cpu = torch.device("cpu")
    assert (
        quantize.unavailable_reason("none", cpu) == quantize.unavailable_reason("4bit", cpu) == ""
    )
    assert "Apple" in quantize.unavailable_reason("4bit", torch.device("mps"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "not installed" in quantize.unavailable_reason("8bit", cpu)
