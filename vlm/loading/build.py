"""Build a new, untrained model from parts: a vision tower, a projector, a decoder, a tokenizer."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    LlamaConfig,
    PreTrainedModel,
    ViTImageProcessor,
)
from transformers.utils import IMAGE_PROCESSOR_NAME, logging

from vlm.errors import UserError, lookup
from vlm.loading import quantize, weights
from vlm.loading.presets import IMAGE_FEATURES, Preset
from vlm.loading.tokenizer import IMAGE, add_control_tokens, resize_embeddings, train_tokenizer
from vlm.models.configuration_vlm import VlmConfig
from vlm.models.modeling_vlm import VlmForConditionalGeneration
from vlm.models.processing_vlm import CHAT_TEMPLATE, VlmProcessor
from vlm.models.projectors import PROJECTORS
from vlm.system import runtime
from vlm.types import Bundle

QUANTISATION_ATTRIBUTES = (  # transformers and peft read them from the whole model
    "is_loaded_in_4bit is_loaded_in_8bit is_quantized quantization_method hf_quantizer"
).split()
SAFE = {"use_safetensors": True, "trust_remote_code": False}
LOAD_ERRORS = (OSError, ValueError, RuntimeError, SafetensorError)  # missing, damaged, wrong kind
ADVICE = f"choose other --image-features ({', '.join(IMAGE_FEATURES)}) or another tower"


def build(
    preset: Preset, name: str, corpus: Iterable[str] = (), seed: int = 0, kind: str = "none"
) -> Bundle:
    """Build the preset's model: load the pretrained parts, initialise the others from `seed`.

    Args:
        corpus: texts to train a tokenizer on, used when the preset has no pretrained decoder.
        kind: quantisation of a pretrained decoder's weights: 4bit, 8bit or none.

    Raises:
        UserError: if the preset has no parts, a part cannot be loaded or the parts do not fit.
    """
    if not preset.buildable:
        raise UserError(f"{name} is a finished model; to build one, choose a preset with parts.")
    lookup(PROJECTORS, preset.projector, "projector")
    lookup(dict.fromkeys(IMAGE_FEATURES), preset.image_features, "kind of image features")
    torch.manual_seed(seed)  # transformers' set_seed would import peft
    tower, image_processor = _vision_parts(preset)
    decoder, tokenizer = _text_parts(preset, corpus, kind)
    config = VlmConfig(
        vision_config=tower.config if tower else None,
        text_config=decoder.config if decoder else _text_config(preset, tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        image_features=preset.image_features,
        projector=preset.projector,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **({} if tower else {"image_size": preset.image_size, "patch_size": preset.patch_size}),
    )
    model = _assemble(config, tower, decoder)
    template = preset.chat_template or CHAT_TEMPLATE
    return Bundle(model, _processor(model, image_processor, tokenizer, template), name)


def replace_projector(bundle: Bundle, projector: str, words: Sequence[int] = ()) -> Bundle:
    """Give the model a new projector; `words`: the number of words in each group of visual words.

    Raises:
        UserError: if the projector does not fit the model's image features.
    """
    model, config, processor = bundle.model, bundle.model.config, bundle.processor
    config.projector, config.projector_words = projector, list(words) or None
    layers = PROJECTORS[projector](config.vision_width, config.text_config.hidden_size, config)
    model.model.projector = layers.apply(model._init_weights).to(model.device, model.dtype)
    parts = processor.image_processor, processor.tokenizer, processor.chat_template
    return Bundle(model, _processor(model, *parts), bundle.name)


def _assemble(config: VlmConfig, tower, decoder) -> VlmForConditionalGeneration:
    """Put the parts into one model, without copying a pretrained decoder."""
    if decoder is None:
        model = VlmForConditionalGeneration(config)
        if tower:
            model.model.vision_tower.load_state_dict(tower.state_dict())
        return model
    with torch.device("meta"):  # avoid two copies of the decoder in memory
        model = VlmForConditionalGeneration(config)
    model.model.vision_tower, model.model.language_model = tower, decoder.base_model
    model.lm_head = decoder.get_output_embeddings()
    model.model.projector.to_empty(device="cpu").to(decoder.dtype).apply(model._init_weights)
    for name in QUANTISATION_ATTRIBUTES:
        if hasattr(decoder, name):
            setattr(model, name, getattr(decoder, name))
    return model


# --- processor -----------------------------------------------------------------------------------


def _processor(model, image_processor, tokenizer, template: str) -> VlmProcessor:
    """Return a processor that reserves one placeholder for each image token of the model."""
    try:
        count = count_image_tokens(model, image_processor)
    except ValueError as error:
        name = model.config.projector
        raise UserError(f"The projector {name!r} does not fit: {error}") from error
    return VlmProcessor(image_processor, tokenizer, count, IMAGE, template)


def count_image_tokens(model: VlmForConditionalGeneration, image_processor) -> int:
    """Return the number of decoder tokens for one image."""
    from PIL import Image

    blank = image_processor(Image.new("RGB", (64, 64)), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        return model.eval().get_image_features(blank).pooler_output.shape[1]


# --- vision tower --------------------------------------------------------------------------------


def _vision_parts(preset: Preset) -> tuple[PreTrainedModel | None, object]:
    """Return the preset's tower and image processor; for raw patches, None and a processor."""
    if preset.vision:
        return load_tower(preset.vision, preset.image_features)
    side = {"height": preset.image_size, "width": preset.image_size}
    return None, ViTImageProcessor(size=side)


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


# --- decoder -------------------------------------------------------------------------------------


def _text_parts(preset: Preset, corpus: Iterable[str], kind: str = "none"):
    """Return a pretrained decoder and its tokenizer, or None and one trained on the corpus."""
    if not preset.text:
        return None, train_tokenizer(corpus)
    dtype = torch.float32 if kind == "none" else torch.bfloat16
    try:
        path = weights.resolve(preset.text)
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
        bits = quantize.bnb_config(kind, config, runtime.pick_device())
        decoder = AutoModelForCausalLM.from_pretrained(
            path, config=config, dtype=dtype, quantization_config=bits, **SAFE
        )
        tokenizer = AutoTokenizer.from_pretrained(
            path, trust_remote_code=False, padding_side="left"
        )
    except LOAD_ERRORS as error:
        raise UserError(
            f"The decoder {preset.text!r} could not be opened; give a folder with --text, or "
            f"{weights.advise(preset.text)}."
        ) from error
    if kind != "none":
        quantize.unmap_weight_files(decoder)
    add_control_tokens(tokenizer, preset.chat_template or CHAT_TEMPLATE)
    resize_embeddings(decoder, len(tokenizer))
    return decoder, tokenizer


def _text_config(preset: Preset, tokenizer) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=-(-len(tokenizer) // 64) * 64,  # 4-bit kernels need multiples of 64
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **preset.decoder,
    )
