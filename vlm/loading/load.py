"""Open and save models: all code gets a model through `load(name)`, which returns a Bundle."""

import copy
import os
import re
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForImageTextToText,
    AutoProcessor,
    ProcessorMixin,
)
from transformers.utils import PROCESSOR_NAME, logging

from vlm.errors import UserError, lookup
from vlm.loading import build, lora, parts
from vlm.loading import quantize as quantized
from vlm.loading.presets import PRESETS, default_model
from vlm.models.configuration_vlm import VlmConfig
from vlm.models.idefics3 import guarded
from vlm.models.modeling_vlm import VlmForConditionalGeneration, VlmModel
from vlm.models.processing_vlm import VlmProcessor
from vlm.system import runtime
from vlm.types import Bundle

SHARD = "9MB"  # a Space takes files up to 10 MB without LFS
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
CALIBRATION = "calibration.json"  # how often these very weights answer rightly
HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


def register() -> None:
    """Register our model with transformers' Auto classes; calling it again changes nothing."""
    AutoConfig.register("vlm", VlmConfig, exist_ok=True)
    AutoModel.register(VlmConfig, VlmModel, exist_ok=True)
    AutoModelForImageTextToText.register(VlmConfig, VlmForConditionalGeneration, exist_ok=True)
    AutoProcessor.register(VlmConfig, VlmProcessor, exist_ok=True)


def load(
    name: str | None = None,
    *,
    adapter: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
) -> Bundle:
    """Open a model for training or answering.

    Args:
        name: a preset, a local folder, a Hub id such as `org/model`, or the folder of an adapter,
            which is opened with its base and merged into it; None = `default_model()`.
        adapter: the folder of an adapter for this model.
        dtype: float32, bfloat16, float16, or auto: float32 on a CPU, bfloat16 on a GPU.

    Raises:
        UserError: when the model is not found or does not describe pictures, its files are
            damaged, or the adapter belongs to another model.
    """
    name = default_model() if name is None else name
    register()
    title = name if adapter is None else str(adapter)
    if adapter is None and (folder := adapter_folder(name)):
        adapter, (name, revision) = folder, lora.base_of(folder)
    if adapter is None:
        return _open(name, device, dtype, revision, "none")
    place = runtime.pick_device(device)
    if lora.is_on_parts(adapter):
        bundle = _build_preset(name, place, "none")
    else:
        bundle = open_base(name, device=device, dtype=dtype, revision=revision)
    model = lora.open_merged(bundle, adapter).to(_dtype(dtype, place))
    return Bundle(model.eval(), _adapter_processor(adapter) or bundle.processor, title)


def adapter_folder(name: str) -> str:
    """Return the folder of an adapter named by a preset or by itself, else an empty string."""
    folder = PRESETS[name].path if name in PRESETS else name
    return folder if lora.is_adapter(folder) else ""


def is_built(name: str) -> bool:
    """Return True if `open_base` builds this model from a preset's pretrained parts."""
    return name in PRESETS and bool(PRESETS[name].text) and not PRESETS[name].openable


def _adapter_processor(folder: str) -> ProcessorMixin | None:
    """Open the processor saved with an adapter, if any: it may cut pictures differently."""
    if not os.path.isfile(os.path.join(folder, PROCESSOR_NAME)):
        return None
    try:
        return guarded(AutoProcessor.from_pretrained(folder, trust_remote_code=False))
    except Exception as error:  # a damaged file raises whatever its parser raises
        raise UserError(_why_not(folder, folder, error)) from error


def open_base(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
    quantize: str = "none",
) -> Bundle:
    """Open a model to attach an adapter to: one that `load` opens, or a preset made from parts.

    Args:
        quantize: format of the decoder's weights: 4bit, 8bit or none.

    Raises:
        UserError: as `load`.
    """
    if is_built(name):
        return _build_preset(name, runtime.pick_device(device), quantize)
    if adapter_folder(name):
        if quantize != "none":
            raise UserError(f"{name!r} is an adapter, merged when it opens; use --quantize none.")
        return load(name, device=device, dtype=dtype)
    return _open(name, device, dtype, revision, quantize)


def open_parts(adapter: str | Path) -> Bundle:
    """Open the base of an adapter that was built on a preset's parts, on the CPU.

    Raises:
        UserError: if the parts cannot be opened.
    """
    register()
    return _build_preset(lora.base_of(adapter)[0], torch.device("cpu"), "none")


def _build_preset(name: str, place: torch.device, quantize: str) -> Bundle:
    """Build a preset from its pretrained parts; the trained new parts come with the adapter."""
    logging.disable_progress_bar()
    bundle = build.build(lookup(PRESETS, name, "preset"), name, kind=quantize)
    model = bundle.model if quantize != "none" else bundle.model.to(place)
    return Bundle(model.eval(), bundle.processor, name)


def _open(name: str, device: str, dtype: str, revision: str | None, quantize: str) -> Bundle:
    """Open a model from a folder or the Hub."""
    register()
    path, place = locate(name), runtime.pick_device(device)
    number_format, sharded = _dtype(dtype, place), runtime.is_sharded(place)
    if os.path.isdir(path):
        logging.disable_progress_bar()  # progress bars only for downloads
    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False, revision=revision)
        quantization = quantized.bnb_config(quantize, config, place)
        model, loading_info = AutoModelForImageTextToText.from_pretrained(
            path,
            config=config,
            dtype=number_format,
            quantization_config=quantization,
            device_map={"": place} if quantization and not sharded else None,
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        if loading_info["missing_keys"] and config.model_type == "vlm":
            raise KeyError(
                *loading_info["missing_keys"]
            )  # transformers would initialise them randomly
        processor = AutoProcessor.from_pretrained(path, trust_remote_code=False, revision=revision)
    except UserError:
        raise
    except Exception as error:  # a damaged file raises whatever its parser raises
        raise UserError(_why_not(name, path, error)) from error
    if quantization:
        quantized.unmap_weight_files(model)
    model = model if quantization or sharded else model.to(place)  # the Trainer shards it
    return Bundle(model.eval(), guarded(processor), name)


def locate(name: str) -> str:
    """Return the folder or Hub id of a model.

    Raises:
        UserError: when the name is neither a preset, nor a folder, nor a possible Hub id.
    """
    if name in PRESETS and PRESETS[name].openable:
        return PRESETS[name].path
    if name and os.path.isdir(name):  # unlike Path.is_dir, it accepts any string
        return name
    if HUB_ID.fullmatch(name) and not os.path.exists(name):
        return name
    openable = ", ".join(key for key, preset in PRESETS.items() if preset.openable)
    raise UserError(
        f"No model {name!r}: choose one of {openable}, or give a folder with a config.json, "
        "or a Hub id such as HuggingFaceTB/SmolVLM-256M-Instruct."
    )


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name != "auto":
        return lookup(DTYPES, name, "dtype")
    return torch.bfloat16 if runtime.has_bf16(device) and device.type == "cuda" else torch.float32


def _why_not(name: str, path: str, error: Exception) -> str:
    """Explain in one sentence why a model did not open."""
    folder, kind = Path(path).is_dir(), type(error).__name__
    if folder and not (Path(path) / "config.json").is_file():
        return f"The folder {name!r} has no config.json; give the folder of a saved model."
    if isinstance(error, ValueError):  # no Auto class for pictures and text
        return f"{name!r} is not a model that describes pictures ({kind}); try another."
    if folder or not isinstance(error, OSError):
        return (
            f"The model in {name!r} did not open ({kind}): its files are damaged or do not match; "
            "download or train it again."
        )
    return (
        f"{name!r} was not found, neither as a local folder nor on the Hub; check the name and the "
        "network."
    )


def save(bundle: Bundle, folder: Path, dtype: str = "float16") -> None:
    """Write model, processor and code, so that it opens without this package too.

    Args:
        dtype: number format of the stored weights; the model in memory is unchanged.
    """
    number_format = lookup(DTYPES, dtype, "dtype")
    VlmConfig.register_for_auto_class()
    VlmForConditionalGeneration.register_for_auto_class("AutoModelForImageTextToText")
    VlmProcessor.register_for_auto_class()
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("model*.safetensors*"):
        stale.unlink()
    (folder / CALIBRATION).unlink(missing_ok=True)
    stored = copy.deepcopy(bundle.model).to(number_format)
    if isinstance(stored, VlmForConditionalGeneration):
        stored.config.auto_map = {"AutoModel": f"modeling_vlm.{VlmModel.__name__}"}
        parts.drop_local_paths(stored.config)
    stored.save_pretrained(folder, max_shard_size=SHARD)
    bundle.processor.save_pretrained(folder)
