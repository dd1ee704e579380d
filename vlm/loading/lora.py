"""Adapters: low-rank matrices beside frozen weights (LoRA: Hu et al., 2021, arXiv 2106.09685).

An adapter has a folder of its own: peft's adapter_config.json and adapter_model.safetensors (or
shards of it with an index), base.json (its base model), the processor and the configuration.
`load.load` opens it.
"""

import copy
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from torch import nn

from vlm.config import AdapterConfig
from vlm.errors import UserError
from vlm.loading import adapter_weights, parts, weights
from vlm.loading.presets import PRESETS
from vlm.system import files
from vlm.types import Bundle

if TYPE_CHECKING:
    from peft import PeftModel


CONFIG, BASE = adapter_weights.CONFIG, "base.json"
FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)
log = logging.getLogger(__name__)


def is_adapter(path: str | Path) -> bool:
    """Return True if the path is the folder of an adapter."""
    return os.path.isfile(os.path.join(path, CONFIG))  # accepts any string, unlike Path


def attach(model: nn.Module, config: AdapterConfig) -> "PeftModel":
    """Add new adapters to the model; only they and fully trained parts require gradients.

    Raises:
        UserError: if `config.targets` names a linear layer that the decoder does not have.
    """
    peft = adapter_weights.import_peft()
    connector = parts.part_name(model, parts.CONNECTORS)
    targets = parts.layer_pattern(model, parts.decoder_name(model), config.targets)
    if config.connector == "lora" and connector:
        targets += "|" + parts.layer_pattern(model, connector)
    if config.vision == "lora" and (tower := parts.part_name(model, parts.TOWERS)):
        targets += "|" + parts.layer_pattern(model, tower)
    full = [connector] if config.connector == "full" and connector else None
    lora_config = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=targets,
        modules_to_save=full,
    )
    return adapter_weights.keep_float32(peft.get_peft_model(model, lora_config))


def base_hash(model: nn.Module, rows: int | None = None) -> str:
    """Hash a base's token embeddings; equal in every float format of 16 bits or more.

    Args:
        rows: how many of them; None = all.
    """
    return _hash([model.get_input_embeddings().weight[:rows]])


def tower_hash(model: nn.Module) -> str:
    """Hash a base's vision tower and its image words, an empty string if it has no tower."""
    names = (parts.part_name(model, roles) for roles in (parts.TOWERS, parts.WORDS))
    tensors = [t for name in names if name for t in model.get_submodule(name).parameters()]
    return _hash(tensors) if tensors else ""


def _hash(tensors: Iterable[torch.Tensor]) -> str:
    values = torch.cat([t.detach().to("cpu", torch.bfloat16).reshape(-1) for t in tensors])
    return hashlib.sha256(values.view(torch.uint8).numpy()).hexdigest()[:16]


def hashed_rows(processor) -> int:
    """Return the number of tokens without added ones, which are not pretrained."""
    return processor.tokenizer.vocab_size


def save(
    model: "PeftModel",
    processor,
    folder: Path,
    base: str,
    revision: str | None = None,
    *,
    weights: str = "",
    gathered: Path | None = None,
    on_parts: bool = False,
    max_shard_size: str = "",
    dtype: torch.dtype | None = None,
) -> None:
    """Save the adapter without its base, with everything needed to open it.

    Args:
        base: preset, Hub id or folder of the model it was trained on.
        weights: the base's hash, if it can no longer be computed from the model.
        gathered: for a model sharded over GPUs, a checkpoint with the adapter's weights.
        on_parts: `base` is a preset, and the base was built from its parts.
        max_shard_size: divide the weights into files of this size, such as "9MB"; empty = one file.
        dtype: number format of the stored weights; None = as they were trained.
    """
    for config in model.peft_config.values():
        config.base_model_name_or_path, config.revision = base, revision
    if gathered:
        folder.mkdir(parents=True, exist_ok=True)
        model.active_peft_config.save_pretrained(folder)
        shutil.copy(gathered / adapter_weights.WEIGHTS, folder)
    else:
        model.save_pretrained(folder, save_embedding_layers=False)  # True would query the Hub
    adapter_weights.divide(folder, max_shard_size, dtype)
    (folder / "README.md").unlink(missing_ok=True)  # peft's is an empty template
    model_config = copy.deepcopy(model.get_base_model().config)
    parts.drop_local_paths(model_config)
    model_config.save_pretrained(folder)
    processor.save_pretrained(folder)
    rows = hashed_rows(processor)
    facts = {"base": base, "revision": revision, "on_parts": on_parts, "rows": rows}
    facts["weights"] = weights or base_hash(model.get_base_model(), rows)
    if on_parts:
        facts["tower"] = tower_hash(model.get_base_model())
    files.write_json(folder / BASE, facts)


def base_of(folder: str | Path) -> tuple[str, str | None]:
    """Return the name and revision of an adapter's base model; a `UserError` if it is damaged."""
    config = _read_config(folder, "base_model_name_or_path")
    return str(config["base_model_name_or_path"]), config.get("revision")


def rank(folder: str | Path) -> int:
    """Return the rank of an adapter's matrices; a `UserError` if it is damaged."""
    return int(_read_config(folder, "r")["r"])


def _read_config(folder: str | Path, needed: str) -> dict:
    try:
        config = json.loads((Path(folder) / CONFIG).read_text("utf-8"))
        if needed not in config:
            raise KeyError(needed)
        return config
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"The adapter in {str(folder)!r} is damaged; train it again.") from error


def open_adapter(bundle: Bundle, folder: str | Path) -> "PeftModel":
    """Open an adapter on its base.

    Raises:
        UserError: if the adapter is damaged or belongs to another model.
    """
    _check_base(bundle, Path(folder))
    with _explaining(bundle, folder):
        return adapter_weights.keep_float32(
            adapter_weights.open_with_peft(bundle.model, Path(folder))
        )


def open_merged(bundle: Bundle, folder: str | Path) -> nn.Module:
    """Open an adapter, add it to its base and return the base.

    Raises:
        UserError: as `open_adapter` and `merge`.
    """
    with _explaining(bundle, folder):
        plain = adapter_weights.is_plain(Path(folder))
    if not plain or getattr(bundle.model, "is_quantized", False):
        return merge(open_adapter(bundle, folder))
    _check_base(bundle, Path(folder))
    with _explaining(bundle, folder):
        adapter_weights.add(bundle.model, Path(folder))
    return bundle.model


@contextmanager
def _explaining(bundle: Bundle, folder: str | Path) -> Iterator[None]:
    """Turn what a damaged or foreign adapter raises into a `UserError`."""
    try:
        yield
    except FAULTS as error:
        raise UserError(
            f"The adapter in {str(folder)!r} does not fit {bundle.name!r} "
            f"({type(error).__name__}); it is damaged or belongs to another model."
        ) from error


def _read_base(folder: Path) -> dict:
    """Return what base.json says; nothing for an adapter of another program."""
    try:
        base = json.loads((folder / BASE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return base if isinstance(base, dict) else {}


def is_on_parts(folder: str | Path) -> bool:
    """Return True if the base is built from a preset's parts, not the model of that name."""
    return _read_base(Path(folder)).get("on_parts") is True


def _check_base(bundle: Bundle, folder: Path) -> None:
    """Compare the hashes; without one, a mismatch shows in the shapes."""
    base = _read_base(folder)
    rows, preset = base.get("rows"), PRESETS.get(bundle.name)
    if base.get("tower", "") not in ("", tower_hash(bundle.model)):
        text = f"was trained on another vision tower than that of {bundle.name!r}; train it again."
        raise UserError(f"The adapter in {str(folder)!r} {text}")
    if not base or base.get("weights") == base_hash(bundle.model, rows if rows else None):
        return
    if is_on_parts(folder) and preset and weights.is_original(preset.text):
        log.warning(
            "The decoder of %r is the Hub's original, and the adapter was trained on the numbers "
            "of a package: answers may differ slightly; to get it, run `loupe fetch %s`.",
            bundle.name,
            preset.text,
        )
        return
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
