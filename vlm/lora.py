"""Adapters: low-rank matrices beside frozen weights (LoRA: Hu et al., 2021, arXiv 2106.09685).

An adapter is a folder of its own: adapter_config.json and adapter_model.safetensors (peft's),
base.json (which model it belongs to), processor and configuration. `load.load` opens it.
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

from vlm import parts, runs
from vlm.config import AdapterConfig
from vlm.errors import UserError
from vlm.types import Bundle

if TYPE_CHECKING:
    from peft import PeftModel  # a second at import, which most programs do without

LEARNT = frozenset({"lora_A", "lora_B", "modules_to_save"})  # parts of names of tensors
CONFIG, BASE, WEIGHTS = "adapter_config.json", "base.json", "adapter_model.safetensors"


def is_adapter(path: str | Path) -> bool:
    """True for the folder of an adapter."""
    return os.path.isfile(os.path.join(path, CONFIG))  # unlike Path's, it takes any string


def attach(model: nn.Module, config: AdapterConfig) -> "PeftModel":
    """The model with fresh adapters; they and what learns in full require gradients, nothing else.

    Raises:
        UserError: when the decoder has no linear layer of a name in `config.targets`.
    """
    peft = _peft()
    connector = parts.part_name(model, parts.CONNECTORS)
    targets = _pattern(model, parts.decoder_name(model), config.targets)
    if config.connector == "lora" and connector:
        targets += "|" + _pattern(model, connector)
    if config.vision == "lora" and (tower := parts.part_name(model, parts.TOWERS)):
        targets += "|" + _pattern(model, tower)
    full = [connector] if config.connector == "full" and connector else None
    wanted = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=targets,
        modules_to_save=full,
    )
    return _in_float32(peft.get_peft_model(model, wanted))


def _peft():
    """The library, without its warning about a name that transformers has changed."""
    import peft

    warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
    return peft


def _in_float32(model: "PeftModel") -> "PeftModel":
    """What learns keeps float32: small steps would vanish in 16 bits."""
    from peft.utils import ModulesToSaveWrapper

    for name, parameter in model.named_parameters():
        if not LEARNT.isdisjoint(name.split(".")):
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


def _pattern(model: nn.Module, part: str, wanted: str = "all") -> str:
    """A pattern of the full names of a part's linear layers."""
    there = {name.rpartition(".")[2] for name in parts.linear_layers(model, part)}
    chosen = there if wanted == "all" else set(filter(None, wanted.replace(" ", "").split(",")))
    if not chosen or chosen - there:
        odd = ", ".join(sorted(chosen - there)) or "nothing"
        raise UserError(f"--targets names {odd}; choose among {', '.join(sorted(there))}, or all.")
    return rf"{re.escape(part)}\.(?:.+\.)?(?:{'|'.join(map(re.escape, sorted(chosen)))})"


def fingerprint(model: nn.Module) -> str:
    """A hash of the token embeddings, the same in every number format of 16 bits and more."""
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
    """Write the adapter alone, with what it takes to open it.

    Args:
        base: preset, Hub id or folder of the model it was trained on.
        weights: the base's fingerprint, where the model cannot give it any more.
        gathered: a checkpoint that has the adapter's weights, of a model spread over GPUs.
    """
    for config in model.peft_config.values():
        config.base_model_name_or_path, config.revision = base, revision
    if gathered:
        folder.mkdir(parents=True, exist_ok=True)
        model.active_peft_config.save_pretrained(folder)
        shutil.copy(gathered / WEIGHTS, folder)
    else:
        model.save_pretrained(folder, save_embedding_layers=False)  # else it asks the Hub
    (folder / "README.md").unlink(missing_ok=True)  # peft's is an empty form
    model.get_base_model().config.save_pretrained(folder)
    processor.save_pretrained(folder)
    weights = weights or fingerprint(model.get_base_model())
    runs.write_json(folder / BASE, {"base": base, "revision": revision, "weights": weights})


def base_of(folder: str | Path) -> tuple[str, str | None]:
    """The name and the revision of the model that an adapter belongs to.

    Raises:
        UserError: when the folder's files are damaged.
    """
    try:
        found = json.loads((Path(folder) / CONFIG).read_text())
        return str(found["base_model_name_or_path"]), found.get("revision")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"The adapter in {str(folder)!r} is damaged; train it anew.") from error


def open_on(bundle: Bundle, folder: str | Path) -> "PeftModel":
    """The adapter of a folder on its base.

    Raises:
        UserError: when the adapter is damaged or belongs to another model.
    """
    _check_base(bundle, Path(folder))
    try:
        return _in_float32(_peft().PeftModel.from_pretrained(bundle.model, str(folder)))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"The adapter in {str(folder)!r} does not fit {bundle.name!r} "
            f"({type(error).__name__}); it is damaged or belongs to another model."
        ) from error


def _check_base(bundle: Bundle, folder: Path) -> None:
    try:
        known = json.loads((folder / BASE).read_text())
    except (OSError, ValueError):  # made by another program; its shapes will tell
        return
    if isinstance(known, dict) and known.get("weights") != fingerprint(bundle.model):
        raise UserError(
            f"The adapter in {str(folder)!r} was trained on {known.get('base')!r} with other "
            f"weights than those of {bundle.name!r}; open it on its own base or train it anew."
        )


def merged(model: "PeftModel") -> nn.Module:
    """The base model with the adapter added to its weights; the base must not be quantised.

    Raises:
        UserError: when it is: the sum would be rounded to 4 or 8 bits again.
    """
    if getattr(model.get_base_model(), "is_quantized", False):
        raise UserError("An adapter is merged into unquantised weights only; reload its base.")
    dtype = model.get_input_embeddings().weight.dtype
    return model.merge_and_unload().to(dtype)  # what learnt in full was kept in float32
