"""Open vision towers and their image processors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    PreTrainedModel,
)
from transformers.utils import IMAGE_PROCESSOR_NAME, logging

from vlm.errors import UserError
from vlm.loading import weights
from vlm.loading.presets import IMAGE_FEATURES
from vlm.models.configuration_vlm import VlmConfig
from vlm.models.modeling_vlm import VlmForConditionalGeneration

SAFE = {"use_safetensors": True, "trust_remote_code": False}
LOAD_ERRORS = (OSError, ValueError, RuntimeError, SafetensorError)  # missing, damaged, wrong kind
ADVICE = f"choose other --image-features ({', '.join(IMAGE_FEATURES)}) or another tower"


def load_tower(path: str | Path, features: str) -> tuple[PreTrainedModel, object]:
    """Load a vision tower and its image processor from a tower, a `vlm` model or the Hub.

    Raises:
        UserError: if the tower cannot be opened or does not have such features.
    """
    AutoConfig.register("vlm", VlmConfig, exist_ok=True)
    name, path = str(path), weights.resolve(str(path))
    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
        if not _has_features(config, features):
            raise UserError(f"The tower {str(path)!r} has no {features} features; {ADVICE}.")
        if config.model_type == "vlm":
            model = VlmForConditionalGeneration.from_pretrained(path, dtype=torch.float32, **SAFE)
            tower = model.model.vision_tower
        else:
            tower = _pretrained_tower(path, config, features)
        return tower, open_image_processor(path)
    except LOAD_ERRORS as error:
        raise UserError(
            f"The vision tower {name!r} could not be opened; give a folder with --vision, or "
            f"{weights.advise(name)}."
        ) from error


def open_image_processor(path: str | Path):
    """Open the image processor of a vision model; ours, not timm's, if the folder has both."""
    own = {"image_processor_filename": IMAGE_PROCESSOR_NAME}
    return AutoImageProcessor.from_pretrained(path, trust_remote_code=False, **own)


def _has_features(config, features: str) -> bool:
    """Return True if a model with this configuration has a tower with such features."""
    if config.model_type != "vlm":
        part = getattr(config, "vision_config", config)  # the vision half of a CLIP or SigLIP
        return features != "projected" or isinstance(part, CLIPVisionConfig)
    projected = config.image_features == "projected"
    return config.vision_config is not None and projected == (features == "projected")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' warnings."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _pretrained_tower(path: str | Path, config, features: str) -> PreTrainedModel:
    """Load a pretrained tower that has all the weights its features need."""
    cls, part = AutoModel, getattr(config, "vision_config", config)
    if features == "projected":
        cls, part.projection_dim = CLIPVisionModelWithProjection, config.projection_dim
    with _quiet():  # a tower does not use all weights of its file, such as a classifier's
        tower, report = cls.from_pretrained(
            path, config=part, dtype=torch.float32, output_loading_info=True, **SAFE
        )
    unused = "pooler." if features in ("patches", "grid") else "-"
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(unused))
    if missing:  # transformers would initialise them at random
        raise UserError(
            f"The tower {str(path)!r} lacks {missing[0]}, so it has no {features} features; "
            f"{ADVICE}."
        )
    return tower
