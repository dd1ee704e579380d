"""The only door for a model: `load(name)` gives a Bundle, `save(bundle, folder)` writes one."""

import copy
import os
import re
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, AutoProcessor
from transformers.utils import logging

from vlm import runtime
from vlm.errors import UserError, lookup
from vlm.models.configuration_vlm import VlmConfig
from vlm.models.modeling_vlm import VlmForConditionalGeneration, VlmModel
from vlm.models.processing_vlm import VlmProcessor
from vlm.presets import PRESETS
from vlm.types import Bundle

SHARD = "9MB"  # a Space takes files up to 10 MB without LFS
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


def register() -> None:
    """Teach transformers' Auto classes our model; harmless when repeated."""
    AutoConfig.register("vlm", VlmConfig, exist_ok=True)
    AutoModel.register(VlmConfig, VlmModel, exist_ok=True)
    AutoModelForImageTextToText.register(VlmConfig, VlmForConditionalGeneration, exist_ok=True)
    AutoProcessor.register(VlmConfig, VlmProcessor, exist_ok=True)


def load(
    name: str = "moda-mini",
    *,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
) -> Bundle:
    """Open a model for training or answering.

    Args:
        name: a preset, a local folder, or a Hub id such as `org/model`.
        dtype: float32, bfloat16, float16, or auto: float32 on a CPU, bfloat16 on a GPU.

    Raises:
        UserError: when there is no such model here or on the Hub, or it is not one that describes
            pictures, or its files are damaged.
    """
    register()
    path, place = locate(name), runtime.pick_device(device)
    number_format = _dtype(dtype, place)
    if os.path.isdir(path):
        logging.disable_progress_bar()  # bars are for downloads; a folder opens at once
    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False, revision=revision)
        model, found = AutoModelForImageTextToText.from_pretrained(
            path,
            config=config,
            dtype=number_format,
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        if found["missing_keys"] and config.model_type == "vlm":
            raise KeyError(*found["missing_keys"])  # transformers would draw them at random
        processor = AutoProcessor.from_pretrained(path, trust_remote_code=False, revision=revision)
    except Exception as error:  # a damaged file raises whatever its parser raises
        raise UserError(_why_not(name, path, error)) from error
    return Bundle(model.to(place).eval(), processor, name)


def locate(name: str) -> str:
    """The folder or Hub id behind a name.

    Raises:
        UserError: when the name is neither a preset, nor a folder, nor shaped like a Hub id.
    """
    if name in PRESETS and PRESETS[name].path:
        return PRESETS[name].path
    if name and os.path.isdir(name):  # unlike Path's, it takes any string
        return name
    if HUB_ID.fullmatch(name) and not os.path.exists(name):
        return name
    openable = ", ".join(key for key, preset in PRESETS.items() if preset.path)
    raise UserError(
        f"No model {name!r}: choose one of {openable}, or give a folder that holds a config.json, "
        "or a Hub id such as HuggingFaceTB/SmolVLM-256M-Instruct."
    )


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name != "auto":
        return lookup(DTYPES, name, "dtype")
    return torch.bfloat16 if runtime.has_bf16(device) and device.type == "cuda" else torch.float32


def _why_not(name: str, path: str, error: Exception) -> str:
    """One sentence for a model that did not open."""
    folder, kind = Path(path).is_dir(), type(error).__name__
    if folder and not (Path(path) / "config.json").is_file():
        return f"The folder {name!r} holds no config.json; give the folder of a saved model."
    if isinstance(error, ValueError):  # no class for it among those that take pictures and text
        return f"{name!r} is not a model that describes pictures ({kind}); try another."
    if folder or not isinstance(error, OSError):
        return f"The model in {name!r} did not open ({kind}); its files do not fit or are damaged."
    return f"{name!r} was not found: it is no local folder and could not be had from the Hub."


def save(bundle: Bundle, folder: Path, dtype: str = "float16") -> None:
    """Write model, processor and code, so that a machine without this package can open it too.

    Args:
        dtype: number format of the stored weights; those in memory stay as they are.
    """
    number_format = lookup(DTYPES, dtype, "dtype")
    VlmConfig.register_for_auto_class()
    VlmForConditionalGeneration.register_for_auto_class("AutoModelForImageTextToText")
    VlmProcessor.register_for_auto_class()
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("model*.safetensors*"):
        stale.unlink()
    stored = copy.deepcopy(bundle.model).to(number_format)
    if isinstance(stored, VlmForConditionalGeneration):
        stored.config.auto_map = {"AutoModel": f"modeling_vlm.{VlmModel.__name__}"}
        for part in filter(None, (stored.config.vision_config, stored.config.text_config)):
            if os.path.exists(part._name_or_path or ""):
                part._name_or_path = ""  # a folder of this machine means nothing on another
    stored.save_pretrained(folder, max_shard_size=SHARD)
    bundle.processor.save_pretrained(folder)
