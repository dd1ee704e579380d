"""Frozen weights in 4 or 8 bits (bitsandbytes), for the decoder alone, and what must be minded.

NF4 with double quantisation is QLoRA's (Dettmers et al., 2023, arXiv 2305.14314).
"""

import importlib.util

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, BitsAndBytesConfig

from vlm import parts, runtime
from vlm.errors import UserError

ROWS, COLUMNS = 32, 64  # what the CPU's 4-bit kernels want out and in features divided by


def why_not(kind: str, device: torch.device) -> str:
    """Why weights cannot be kept so on this machine; empty when they can."""
    if kind == "none":
        return ""
    if importlib.util.find_spec("bitsandbytes") is None:
        return "bitsandbytes is not installed"
    if device.type == "mps":
        return "bitsandbytes has no kernels for Apple's GPUs"
    return ""


def settings(kind: str, config, device: torch.device) -> BitsAndBytesConfig | None:
    """What `from_pretrained` takes as quantization_config for a model of this configuration.

    The names of what stays as it is are whole ones: transformers matches them from the start of a
    module's full name, and a bare "vision_tower" would match nothing.

    Raises:
        UserError: when a linear layer of the decoder has a width that 4-bit weights cannot have.
    """
    if kind == "none":
        return None
    empty = _empty(config)
    linear = parts.linear_layers(empty)
    inside = parts.linear_layers(empty, parts.decoder_name(empty))
    if kind == "4bit":
        check_widths(inside)
    return BitsAndBytesConfig(
        load_in_4bit=kind == "4bit",
        load_in_8bit=kind == "8bit",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_quant_storage=storage(device),
        llm_int8_skip_modules=sorted(linear.keys() - inside.keys()),
    )


def _empty(config) -> nn.Module:
    """A model of the configuration without weights."""
    seeing = type(config) in AutoModelForImageTextToText._model_mapping
    with torch.device("meta"):
        return (AutoModelForImageTextToText if seeing else AutoModelForCausalLM).from_config(config)


def check_widths(linear: dict[str, nn.Linear]) -> None:
    """Raise a `UserError` for the first layer that has no 4-bit form."""
    for name, layer in linear.items():
        if layer.out_features % ROWS or layer.in_features % COLUMNS:
            raise UserError(
                f"4-bit weights need widths divisible by {COLUMNS} (in) and {ROWS} (out), but "
                f"{name} has {layer.in_features} and {layer.out_features}; take --quantize none."
            )


def storage(device: torch.device) -> torch.dtype:
    """The number format that 4-bit weights are packed into; to be sharded, their neighbours'."""
    return torch.bfloat16 if runtime.sharded(device) else torch.uint8


def keep_gradients(model: nn.Module) -> int:
    """Keep 4-bit layers on a CPU able to learn through; the number of layers.

    A forward pass without gradients packs their weights anew, in a form that no gradient passes:
    every training after the first evaluation would stand still, without an error.
    """
    layers = [part for part in model.modules() if hasattr(part, "support_avx512bf16_for_cpu")]
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False
    return len(layers)


def let_go_of_files(model: nn.Module) -> None:
    """Copy what stays unquantised out of the weight files; one tensor in them keeps all mapped."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point() and tensor.device.type == "cpu":
            tensor.data = tensor.data.clone()


def dtype_name(device: torch.device) -> str:
    """What is not quantised: bfloat16 where the hardware has it."""
    return "bfloat16" if runtime.has_bf16(device) else "float32"


def kind_of(model: nn.Module) -> str:
    """4bit, 8bit or none: how the frozen weights of an opened model are kept."""
    whole = getattr(model, "get_base_model", lambda: model)()
    for kind, sign in (("4bit", "is_loaded_in_4bit"), ("8bit", "is_loaded_in_8bit")):
        if getattr(whole, sign, False):
            return kind
    return "none"
