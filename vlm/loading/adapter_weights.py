"""An adapter's weights: in one file or several small ones, and added to its base without peft.

Importing peft takes seconds, because it imports bitsandbytes, which imports torch's compiler.
"""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub import save_torch_state_dict
from safetensors.torch import load_file
from torch import nn

if TYPE_CHECKING:
    from peft import PeftModel

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"  # peft's names
SHARDS, INDEX = "adapter_model{suffix}.safetensors", f"{WEIGHTS}.index.json"
PREFIX = "base_model.model."  # of peft's names of tensors
TRAINABLE = frozenset({"lora_A", "lora_B", "modules_to_save"})  # parts of tensor names
DOWN, UP = ".lora_A.weight", ".lora_B.weight"
# settings of an adapter whose update is alpha / r * B A in every layer
PLAIN = {"peft_type": "LORA", "bias": "none", "use_dora": False, "use_rslora": False}
PLAIN |= {"fan_in_fan_out": False, "rank_pattern": {}, "alpha_pattern": {}}
PLAIN |= {"layer_replication": None, "trainable_token_indices": None, "target_parameters": None}


def divide(folder: Path, max_shard_size: str, dtype: torch.dtype | None) -> None:
    """Rewrite the one file that peft saved, and remove shards of an earlier adapter.

    Args:
        max_shard_size: size of a file, such as "9MB"; empty = one file.
        dtype: number format of the weights; None = unchanged.
    """
    for stale in folder.glob(SHARDS.format(suffix="-*")):
        stale.unlink()
    (folder / INDEX).unlink(missing_ok=True)
    if not (max_shard_size or dtype):
        return
    state = {
        name: tensor.to(dtype or tensor.dtype, copy=True)  # keeps no file open
        for name, tensor in load_file(folder / WEIGHTS).items()
    }
    (folder / WEIGHTS).unlink()
    size = {"max_shard_size": max_shard_size} if max_shard_size else {}
    save_torch_state_dict(state, folder, filename_pattern=SHARDS, **size)


def is_divided(folder: Path) -> bool:
    """Return True if the weights are in several files."""
    return (folder / INDEX).is_file()


def read(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of the one file, or of all files in the index."""
    if not is_divided(folder):
        return load_file(folder / WEIGHTS)
    placed = json.loads((folder / INDEX).read_text("utf-8"))["weight_map"]
    state: dict[str, torch.Tensor] = {}
    for name in set(placed.values()):
        state |= load_file(folder / Path(name).name)
    if state.keys() != placed.keys():
        raise KeyError(*(state.keys() ^ placed.keys()))
    return state


def is_plain(folder: Path) -> bool:
    """Return True if `add` can merge this adapter: LoRA as published, and parts trained fully."""
    if not ((folder / WEIGHTS).is_file() or is_divided(folder)):
        return False
    config = json.loads((folder / CONFIG).read_text("utf-8"))
    return all(config.get(name, value) == value for name, value in PLAIN.items())


@torch.no_grad()
def add(model: nn.Module, folder: Path) -> None:
    """Merge a plain adapter into its base: W + alpha / r * B A; fully trained parts replace theirs.

    Raises:
        KeyError, AttributeError, RuntimeError: if it does not fit; the model is then half changed.
    """
    config, state = json.loads((folder / CONFIG).read_text("utf-8")), read(folder)
    scale = config["lora_alpha"] / config["r"]
    weights = dict(model.named_parameters())
    for name, tensor in _whole(state):
        _check_shape(name, weights[name], tensor)
        weights[name].copy_(tensor)
    for name in [name for name in state if name.endswith(DOWN)]:
        layer = name.removeprefix(PREFIX).removesuffix(DOWN)
        down, up = (state[f"{PREFIX}{layer}{end}"].float() for end in (DOWN, UP))
        weight = weights[f"{layer}.weight"]
        weight += (scale * (up @ down)).to(weight)


def _whole(state: dict[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of fully trained parts, by their names in the base."""
    for name, tensor in state.items():
        if not name.endswith((DOWN, UP)):
            yield name.removeprefix(PREFIX), tensor


def _check_shape(name: str, weight: Any, tensor: torch.Tensor) -> None:
    if weight.shape != tensor.shape:  # copy_ would broadcast
        raise RuntimeError(f"{name} has the shape {tuple(tensor.shape)}")


def import_peft():
    """Import peft and silence its warning about a name that transformers has changed."""
    import peft

    warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
    return peft


def open_with_peft(model: nn.Module, folder: Path) -> "PeftModel":
    """Open an adapter in one file or in

    Raises:
        KeyError: if weights are missing or unknown.
    """
    peft = import_peft()
    if not is_divided(folder):
        return peft.PeftModel.from_pretrained(model, str(folder))
    state = read(folder)
    opened = peft.PeftModel(model, peft.PeftConfig.from_pretrained(str(folder)))
    needed = peft.get_peft_model_state_dict(opened, save_embedding_layers=False)
    if needed.keys() != state.keys():
        raise KeyError(*(needed.keys() ^ state.keys()))
    peft.set_peft_model_state_dict(opened, state)
    return opened.eval()


def keep_float32(model: "PeftModel") -> "PeftModel":
    """Keep trained parameters in float32: small updates would be lost in 16 bits."""
    from peft.utils import ModulesToSaveWrapper

    for name, parameter in model.named_parameters():
        if not TRAINABLE.isdisjoint(name.split(".")):
            parameter.data = parameter.data.float()
    for part in model.modules():
        if isinstance(part, ModulesToSaveWrapper):
            part.register_forward_pre_hook(_to_float32)
            part.register_forward_hook(_to_dtype_of(model.get_input_embeddings().weight.dtype))
    return model


def _to_float32(part: nn.Module, inputs: tuple) -> tuple:
    return tuple(value.float() if torch.is_tensor(value) else value for value in inputs)


def _to_dtype_of(dtype: torch.dtype):
    return lambda part, inputs, output: output.to(dtype)
