"""Makes a new, untrained model from parts: a vision tower, a projector, a decoder, a tokenizer."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
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
    PreTrainedTokenizerFast,
    ViTImageProcessor,
)

from vlm import quantize, runtime
from vlm.errors import UserError, lookup
from vlm.models.configuration_vlm import VlmConfig
from vlm.models.modeling_vlm import VlmForConditionalGeneration
from vlm.models.processing_vlm import CHAT_TEMPLATE, VlmProcessor
from vlm.models.projectors import PROJECTORS
from vlm.presets import IMAGE_FEATURES, Preset
from vlm.types import Bundle

IMAGE, END, PAD = "<image>", "<|end|>", "<|pad|>"
QUANTISED = ("is_loaded_in_4bit", "is_loaded_in_8bit", "is_quantized", "quantization_method",
             "hf_quantizer")  # what transformers and peft ask a model for  # fmt: skip
CONTROL = (PAD, END, "<|system|>", "<|user|>", "<|assistant|>", IMAGE)
SAFE = {"use_safetensors": True, "trust_remote_code": False}
UNOPENED = (OSError, ValueError, RuntimeError, SafetensorError)  # missing, damaged, of another kind
INSTEAD = f"choose other --image-features ({', '.join(IMAGE_FEATURES)}) or another tower"


def build(
    preset: Preset, name: str, corpus: Iterable[str] = (), seed: int = 0, kind: str = "none"
) -> Bundle:
    """A model of the preset's shape: pretrained parts are loaded, the rest starts from `seed`.

    Args:
        corpus: texts from which a tokenizer is trained when the preset has no decoder of its own.
        kind: how a pretrained decoder keeps its weights: 4bit, 8bit or none.

    Raises:
        UserError: when the preset has no parts, a part cannot be had, or the parts do not fit.
    """
    from transformers import set_seed  # brings peft and bitsandbytes, which answering needs not

    if not preset.buildable:
        raise UserError(
            f"{name} is a finished model; to train a new one choose a preset with parts."
        )
    lookup(PROJECTORS, preset.projector, "projector")
    lookup(dict.fromkeys(IMAGE_FEATURES), preset.image_features, "kind of image features")
    set_seed(seed)
    tower, image_processor = _eyes(preset)
    decoder, tokenizer = _decoder(preset, corpus, kind)
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
    model = _composed(config, tower, decoder)
    template = preset.chat_template or CHAT_TEMPLATE
    return Bundle(model, _processor(model, image_processor, tokenizer, template), name)


def _processor(model, image_processor, tokenizer, template: str) -> VlmProcessor:
    """With as many places for a picture as the model's projector makes tokens of it."""
    try:
        places = image_tokens(model, image_processor)
    except ValueError as error:
        name = model.config.projector
        raise UserError(f"The projector {name!r} does not fit: {error}") from error
    return VlmProcessor(image_processor, tokenizer, places, IMAGE, template)


def _eyes(preset: Preset) -> tuple[PreTrainedModel | None, object]:
    """The preset's tower and its image processor; without one, a processor for raw patches."""
    if preset.vision:
        return load_tower(preset.vision, preset.image_features)
    side = {"height": preset.image_size, "width": preset.image_size}
    return None, ViTImageProcessor(size=side)


def _composed(config: VlmConfig, tower, decoder) -> VlmForConditionalGeneration:
    """The parts in one model; those that are pretrained are taken as they are, not copied."""
    if decoder is None:
        model = VlmForConditionalGeneration(config)
        if tower:
            model.model.vision_tower.load_state_dict(tower.state_dict())
        return model
    with torch.device("meta"):  # a decoder of billions is not to be there twice
        model = VlmForConditionalGeneration(config)
    model.model.vision_tower, model.model.language_model = tower, decoder.base_model
    model.lm_head = decoder.get_output_embeddings()
    model.model.projector.to_empty(device="cpu").to(decoder.dtype).apply(model._init_weights)
    for sign in QUANTISED:
        if hasattr(decoder, sign):
            setattr(model, sign, getattr(decoder, sign))
    return model


def reprojected(bundle: Bundle, projector: str, words: Sequence[int] = ()) -> Bundle:
    """The same model with a new projector; `words`: how many each group of visual words has.

    Raises:
        UserError: when the projector does not fit the model's image features.
    """
    model, config, old = bundle.model, bundle.model.config, bundle.processor
    config.projector, config.projector_words = projector, list(words) or None
    made = PROJECTORS[projector](config.vision_width, config.text_config.hidden_size, config)
    model.model.projector = made.apply(model._init_weights).to(model.device, model.dtype)
    parts = old.image_processor, old.tokenizer, old.chat_template
    return Bundle(model, _processor(model, *parts), bundle.name)


def image_tokens(model: VlmForConditionalGeneration, image_processor) -> int:
    """How many decoder tokens one picture makes."""
    from PIL import Image

    blank = image_processor(Image.new("RGB", (64, 64)), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        return model.eval().get_image_features(blank).pooler_output.shape[1]


def load_tower(path: str | Path, features: str) -> tuple[PreTrainedModel, object]:
    """A vision tower and its image processor, from a tower's folder, a `vlm` model or the Hub.

    Raises:
        UserError: when there is no such tower here or on the Hub, or it has no such features.
    """
    AutoConfig.register("vlm", VlmConfig, exist_ok=True)
    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
        if not _gives(config, features):
            raise UserError(f"The tower {str(path)!r} has no {features} features; {INSTEAD}.")
        if config.model_type == "vlm":
            whole = VlmForConditionalGeneration.from_pretrained(path, dtype=torch.float32, **SAFE)
            tower = whole.model.vision_tower
        else:
            tower = _tower(path, config, features)
        return tower, AutoImageProcessor.from_pretrained(path, trust_remote_code=False)
    except UNOPENED as error:
        raise UserError(
            f"The vision tower {str(path)!r} could not be opened; give a folder with --vision, "
            "or go online so that it can be downloaded from the Hub."
        ) from error


def _gives(config, features: str) -> bool:
    """True when a model of this configuration has a tower with such features."""
    if config.model_type != "vlm":
        part = getattr(config, "vision_config", config)  # of a CLIP or SigLIP the half that sees
        return features != "projected" or isinstance(part, CLIPVisionConfig)
    projected = config.image_features == "projected"
    return config.vision_config is not None and projected == (features == "projected")


def _tower(path: str | Path, config, features: str) -> PreTrainedModel:
    """A pretrained tower, none of whose needed weights are made up."""
    cls, part = AutoModel, getattr(config, "vision_config", config)
    if features == "projected":
        cls, part.projection_dim = CLIPVisionModelWithProjection, config.projection_dim
    tower, found = cls.from_pretrained(
        path, config=part, dtype=torch.float32, output_loading_info=True, **SAFE
    )
    unused = "pooler." if features == "patches" else "-"
    missing = sorted(name for name in found["missing_keys"] if not name.startswith(unused))
    if missing:  # transformers would draw them at random
        raise UserError(
            f"The tower {str(path)!r} lacks {missing[0]}, so no {features} features; {INSTEAD}."
        )
    return tower


def _decoder(preset: Preset, corpus: Iterable[str], kind: str = "none"):
    """A pretrained decoder and its tokenizer, or None and a tokenizer made from the corpus."""
    if not preset.text:
        return None, train_tokenizer(corpus)
    dtype = torch.float32 if kind == "none" else torch.bfloat16
    try:
        config = AutoConfig.from_pretrained(preset.text, trust_remote_code=False)
        decoder = AutoModelForCausalLM.from_pretrained(
            preset.text, config=config, dtype=dtype,
            quantization_config=quantize.settings(kind, config, runtime.pick_device()), **SAFE,
        )  # fmt: skip
        tokenizer = AutoTokenizer.from_pretrained(
            preset.text, trust_remote_code=False, padding_side="left"
        )
    except UNOPENED as error:
        raise UserError(
            f"The decoder {preset.text!r} could not be opened; give a folder with --text, or go "
            "online so that it can be downloaded from the Hub."
        ) from error
    if kind != "none":
        quantize.let_go_of_files(decoder)
    missing = [token for token in CONTROL[1:] if token not in tokenizer.get_vocab()]
    tokenizer.add_special_tokens({"additional_special_tokens": missing})
    tokenizer.eos_token = END
    tokenizer.pad_token = tokenizer.pad_token or END
    decoder.resize_token_embeddings(max(len(tokenizer), decoder.config.vocab_size))
    return decoder, tokenizer


def _text_config(preset: Preset, tokenizer) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=-(-len(tokenizer) // 64) * 64,  # 4-bit kernels want multiples of 64
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **preset.decoder,
    )


def train_tokenizer(corpus: Iterable[str], size: int = 2048) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer (Sennrich et al., 2016; GPT-2's bytes): it can spell any text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(CONTROL),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        padding_side="left",
        additional_special_tokens=list(CONTROL[2:]),
        clean_up_tokenization_spaces=False,
    )
