"""Adapters: low-rank matrices beside frozen weights (LoRA: Hu et al., 2021, arXiv 2106.09685).

An adapter has a folder of its own: peft's adapter_config.json and adapter_model.safetensors,
base.json (its base model), the processor and the configuration. `load.load` opens it.
"""

import hashlib
import json
import os
import re
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from torch import nn

from vlm.config import AdapterConfig
from vlm.errors import UserError
from vlm.loading import parts
from vlm.system import files
from vlm.types import Bundle

if TYPE_CHECKING:
    from peft import PeftModel


TRAINABLE = frozenset({"lora_A", "lora_B", "modules_to_save"})  # parts of tensor names
CONFIG, BASE, WEIGHTS = "adapter_config.json", "base.json", "adapter_model.safetensors"


def is_adapter(path: str | Path) -> bool:
    """Return True if the path is the folder of an adapter."""
    return os.path.isfile(os.path.join(path, CONFIG))  # accepts any string, unlike Path


def attach(model: nn.Module, config: AdapterConfig) -> "PeftModel":
    """Add new adapters to the model; only they and fully trained parts require gradients.

    Raises:
        UserError: if `config.targets` names a linear layer that the decoder does not have.
    """
    peft = _peft()
    connector = parts.part_name(model, parts.CONNECTORS)
    targets = _layer_pattern(model, parts.decoder_name(model), config.targets)
    if config.connector == "lora" and connector:
        targets += "|" + _layer_pattern(model, connector)
    if config.vision == "lora" and (tower := parts.part_name(model, parts.TOWERS)):
        targets += "|" + _layer_pattern(model, tower)
    full = [connector] if config.connector == "full" and connector else None
    lora_config = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=targets,
        modules_to_save=full,
    )
    return _train_in_float32(peft.get_peft_model(model, lora_config))


def _peft():
    """Import peft and silence its warning about a name that transformers has changed."""
    import peft

    warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
    return peft


def _train_in_float32(model: "PeftModel") -> "PeftModel":
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


def _layer_pattern(model: nn.Module, part: str, targets: str = "all") -> str:
    """Return a regular expression for the full names of a part's linear layers."""
    names = {name.rpartition(".")[2] for name in parts.linear_layers(model, part)}
    chosen = names if targets == "all" else set(filter(None, targets.replace(" ", "").split(",")))
    if not chosen or chosen - names:
        unknown = ", ".join(sorted(chosen - names)) or "nothing"
        allowed = ", ".join(sorted(names))
        raise UserError(f"--targets names {unknown}; choose among {allowed}, or use all.")
    return rf"{re.escape(part)}\.(?:.+\.)?(?:{'|'.join(map(re.escape, sorted(chosen)))})"


def base_hash(model: nn.Module) -> str:
    """Hash a base's token embeddings; equal in every float format of 16 bits or more."""
    weights = model.get_input_embeddings().weight.detach().to("cpu", torch.bfloat16)
    return hashlib.sha256(weights.contiguous().view(torch.uint8).numpy()).hexdigest()[:16]


def save(
    model: "PeftModel",
    processor,
    folder: Path,
    base: str,
    revision: str | None = None,
    *,
    weights: str = "",
    gathered: Path | None = None,
) -> None:
    """Save the adapter without its base, with everything needed to open it.

    Args:
        base: preset, Hub id or folder of the model it was trained on.
        weights: the base's hash, if it can no longer be computed from the model.
        gathered: for a model sharded over GPUs, a checkpoint with the adapter's weights.
    """
    for config in model.peft_config.values():
        config.base_model_name_or_path, config.revision = base, revision
    if gathered:
        folder.mkdir(parents=True, exist_ok=True)
        model.active_peft_config.save_pretrained(folder)
        shutil.copy(gathered / WEIGHTS, folder)
    else:
        model.save_pretrained(folder, save_embedding_layers=False)  # True would query the Hub
    (folder / "README.md").unlink(missing_ok=True)  # peft's is an empty template
    model.get_base_model().config.save_pretrained(folder)
    processor.save_pretrained(folder)
    weights = weights or base_hash(model.get_base_model())
    files.write_json(folder / BASE, {"base": base, "revision": revision, "weights": weights})


def base_of(folder: str | Path) -> tuple[str, str | None]:
    """Return the name and revision of an adapter's base model.

    Raises:
        UserError: if the folder's files are damaged.
    """
    try:
        config = json.loads((Path(folder) / CONFIG).read_text("utf-8"))
        return str(config["base_model_name_or_path"]), config.get("revision")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"The adapter in {str(folder)!r} is damaged; train it again.") from error


def open_adapter(bundle: Bundle, folder: str | Path) -> "PeftModel":
    """Open an adapter on its base.

    Raises:
        UserError: if the adapter is damaged or belongs to another model.
    """
    _check_base(bundle, Path(folder))
    try:
        return _train_in_float32(_peft().PeftModel.from_pretrained(bundle.model, str(folder)))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"The adapter in {str(folder)!r} does not fit {bundle.name!r} "
            f"({type(error).__name__}); it is damaged or belongs to another model."
        ) from error


def _check_base(bundle: Bundle, folder: Path) -> None:
    try:
        base = json.loads((folder / BASE).read_text("utf-8"))
    except (OSError, ValueError):  # from another program; a mismatch shows in the shapes
        return
    if isinstance(base, dict) and base.get("weights") != base_hash(bundle.model):
        raise UserError(
            f"The adapter in {str(folder)!r} was trained on {base.get('base')!r}, whose weights "
            f"differ from those of {bundle.name!r}; open it on its own base or train it again."
        )


def merge(model: "PeftModel") -> nn.Module:
    """Add the adapter to the base's weights and return the base.

    Raises:
        UserError: if the base is quantised: the sum would be rounded to 4 or 8 bits again.
    """
    if getattr(model.get_base_model(), "is_quantized", False):
        raise UserError(
            "An adapter can only be merged into unquantised weights, and this base is quantised; "
            "use an unquantised base."
        )
    dtype = model.get_input_embeddings().weight.dtype
    return model.merge_and_unload().to(dtype)  # fully trained parts were kept in float32
