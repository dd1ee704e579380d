"""Find the parts of a vision-language model by role, whatever its class names them."""

import hashlib
import os
import re

from torch import nn

from vlm.errors import UserError
from vlm.types import Bundle

DECODERS = ("language_model", "text_model")
CONNECTORS = ("projector", "connector", "multi_modal_projector")
TOWERS = ("vision_tower", "vision_model")
WORDS = ("image_words",)


def decoder_name(model: nn.Module) -> str:
    """Return the full name of the language model, such as "model.language_model"."""
    return part_name(model, DECODERS) or getattr(model, "base_model_prefix", "")


def part_name(model: nn.Module, names: tuple[str, ...]) -> str:
    """Return the full name of the outermost module with one of these names, "" if none."""
    full_names = [name for name, _ in model.named_modules() if name.rpartition(".")[2] in names]
    return min(full_names, key=lambda name: name.count("."), default="")


def linear_layers(model: nn.Module, inside: str = "") -> dict[str, nn.Linear]:
    """Return the linear layers inside a part, or in the whole model, by full name."""
    prefix = f"{inside}." if inside else ""
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name.startswith(prefix)
    }


def layer_pattern(model: nn.Module, part: str, targets: str = "all") -> str:
    """Return a regular expression for the full names of a part's linear layers.

    Raises:
        UserError: if `targets` names a layer that the part does not have.
    """
    names = {name.rpartition(".")[2] for name in linear_layers(model, part)}
    chosen = names if targets == "all" else set(filter(None, targets.replace(" ", "").split(",")))
    if not chosen or chosen - names:
        unknown = ", ".join(sorted(chosen - names)) or "nothing"
        allowed = ", ".join(sorted(names))
        raise UserError(f"--targets names {unknown}; choose among {allowed}, or use all.")
    return rf"{re.escape(part)}\.(?:.+\.)?(?:{'|'.join(map(re.escape, sorted(chosen)))})"


def drop_local_paths(config) -> None:
    """Remove the folders that a model's parts were opened from, meaningless elsewhere."""
    for name in ("vision_config", "text_config"):
        part = getattr(config, name, None)
        if part is not None and os.path.exists(part._name_or_path or ""):
            part._name_or_path = ""


def weights_hash(bundle: Bundle) -> str:
    """Hash the first values of each weight; this distinguishes models of the same name."""
    digest = hashlib.sha256()
    for name, weight in sorted(bundle.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.flatten()[:8].float().cpu().numpy().tobytes())
    return digest.hexdigest()
