"""Quantise the decoder's frozen weights to 4 or 8 bits with bitsandbytes.

4-bit weights are NF4 with double quantisation, as in QLoRA (Dettmers et al., 2023, arXiv
2305.14314).
"""

import importlib.util

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, BitsAndBytesConfig

from vlm.errors import UserError
from vlm.loading import parts
from vlm.system import runtime

OUT_MULTIPLE, IN_MULTIPLE = 32, 64  # the CPU's 4-bit kernels need widths divisible by these


def unavailable_reason(kind: str, device: torch.device) -> str:
    """Return the reason this machine cannot quantise weights, or an empty string."""
    if kind == "none":
        return ""
    if importlib.util.find_spec("bitsandbytes") is None:
        return "bitsandbytes is not installed"
    if device.type == "mps":
        return "bitsandbytes has no kernels for Apple's GPUs"
    return ""


def bnb_config(kind: str, config, device: torch.device) -> BitsAndBytesConfig | None:
    """Return the quantization_config for `from_pretrained` that quantises the decoder only.

    The skipped modules are listed by full name: transformers matches them from the start of a
    module's full name, so a bare "vision_tower" would match nothing.

    Raises:
        UserError: if 4-bit weights do not support the width of a linear layer of the decoder.
    """
    if kind == "none":
        return None
    model = _meta_model(config)
    layers = parts.linear_layers(model)
    decoder_layers = parts.linear_layers(model, parts.decoder_name(model))
    if kind == "4bit":
        check_widths(decoder_layers)
    return BitsAndBytesConfig(
        load_in_4bit=kind == "4bit",
        load_in_8bit=kind == "8bit",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_quant_storage=storage_dtype(device),
        llm_int8_skip_modules=sorted(layers.keys() - decoder_layers.keys()),
    )


def _meta_model(config) -> nn.Module:
    """Build a model with this configuration, without weights."""
    takes_images = type(config) in AutoModelForImageTextToText._model_mapping
    cls = AutoModelForImageTextToText if takes_images else AutoModelForCausalLM
    with torch.device("meta"):
        return cls.from_config(config)


def check_widths(layers: dict[str, nn.Linear]) -> None:
    """Raise a `UserError` for the first layer whose width 4-bit weights do not support."""
    for name, layer in layers.items():
        if layer.out_features % OUT_MULTIPLE or layer.in_features % IN_MULTIPLE:
            raise UserError(
                f"4-bit weights need widths divisible by {IN_MULTIPLE} (in) and {OUT_MULTIPLE} "
                f"(out), but {name} has {layer.in_features} and {layer.out_features}; "
                "use --quantize none."
            )


def storage_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype that packs 4-bit weights; FSDP needs that of the other weights."""
    return torch.bfloat16 if runtime.is_sharded(device) else torch.uint8


def keep_gradients(model: nn.Module) -> int:
    """Let gradients flow through 4-bit layers on a CPU; return the number of layers.

    By default, a forward pass without gradients repacks the weights into a form that blocks
    gradients: training would silently stall after the first evaluation.
    """
    layers = [part for part in model.modules() if hasattr(part, "support_avx512bf16_for_cpu")]
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False
    return len(layers)


def unmap_weight_files(model: nn.Module) -> None:
    """Copy unquantised tensors out of the weight files: a single one keeps a file mapped."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point() and tensor.device.type == "cpu":
            tensor.data = tensor.data.clone()


def dtype_name(device: torch.device) -> str:
    """Return the dtype of unquantised weights: bfloat16 if the hardware supports it."""
    return "bfloat16" if runtime.has_bf16(device) else "float32"


def kind_of(model: nn.Module) -> str:
    """Return how the model's frozen weights are quantised: 4bit, 8bit or none."""
    base = getattr(model, "get_base_model", lambda: model)()
    for kind, attribute in (("4bit", "is_loaded_in_4bit"), ("8bit", "is_loaded_in_8bit")):
        if getattr(base, attribute, False):
            return kind
    return "none"
