"""Build a new, untrained model from parts: a vision tower, a projector, a decoder, a tokenizer."""

from collections.abc import Iterable, Sequence

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    PreTrainedModel,
    ViTImageProcessor,
)

from vlm.errors import UserError, lookup
from vlm.loading import quantize, weights
from vlm.loading.presets import IMAGE_FEATURES, Preset
from vlm.loading.tokenizer import IMAGE, add_control_tokens, resize_embeddings, train_tokenizer
from vlm.loading.towers import heads
from vlm.loading.towers.tower import LOAD_ERRORS, SAFE, load_tower
from vlm.models.configuration_vlm import VlmConfig
from vlm.models.modeling_vlm import VlmForConditionalGeneration
from vlm.models.processing_vlm import CHAT_TEMPLATE, VlmProcessor
from vlm.models.projectors import PROJECTORS
from vlm.system import runtime
from vlm.types import Bundle

QUANTISATION_ATTRIBUTES = (  # transformers and peft read them from the whole model
    "is_loaded_in_4bit is_loaded_in_8bit is_quantized quantization_method hf_quantizer"
).split()


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
    classifiers = heads.read(weights.resolve(preset.vision)) if preset.vision else None
    config = VlmConfig(
        vision_config=tower.config if tower else None,
        text_config=decoder.config if decoder else _text_config(preset, tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        image_features=preset.image_features,
        projector=preset.projector,
        image_words=classifiers and classifiers.sizes,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **({} if tower else {"image_size": preset.image_size, "patch_size": preset.patch_size}),
    )
    model = _assemble(config, tower, decoder)
    if classifiers:
        embeddings = model.get_input_embeddings().weight
        heads.fill(model.model.image_words, classifiers, embeddings, tokenizer)
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
    for part in filter(None, (model.model.projector, model.model.image_words)):
        part.to_empty(device="cpu").to(decoder.dtype).apply(model._init_weights)
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
