"""Tiny random models and pictures: everything the tests need without a download."""

import functools
import random
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    Phi3Config,
    Phi3ForCausalLM,
    ResNetConfig,
    ResNetModel,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)

from vlm.inference import encoding
from vlm.loading import build
from vlm.loading.presets import Preset
from vlm.loading.tokenizer import train_tokenizer
from vlm.models.configuration_vlm import VlmConfig
from vlm.models.modeling_vlm import VlmForConditionalGeneration
from vlm.models.processing_vlm import VlmProcessor
from vlm.types import Bundle, Record, Turn

SIDE = 32  # pixels
DECODER = {  # the smallest widths that 4-bit weights allow
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
COLOURS = {"red": (200, 30, 30), "green": (30, 170, 60), "blue": (30, 60, 200)}
CORPUS = ["What colour is it?", "Describe it.", *(f"It is {c}. A {c} square." for c in COLOURS)]
SMOLVLM_TEMPLATE = (  # roles as words, the picture first, one control token after each message
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }}{% endif %}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
# a long answer for tests that stop one half-way: two lines, some letters of several bytes
COUNT = Turn("Count.", "one two three\nvier fünf sechs – 七 八 ☃ nine, ten, eleven.", "count")


def tower(kind: str, folder: Path) -> Path:
    """Save a random vision tower with its image processor; kinds: vit, resnet, clip."""
    torch.manual_seed(0)
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 4, "image_size": SIDE, "patch_size": 8}
    models = {
        "vit": lambda: ViTModel(ViTConfig(**shape)),
        "clip": lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(projection_dim=64, **shape)),
        "resnet": lambda: ResNetModel(
            ResNetConfig(
                embedding_size=16, hidden_sizes=[16, 64], depths=[1, 1], layer_type="basic"
            )
        ),
    }
    models[kind]().save_pretrained(folder)
    ViTImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


@functools.cache
def tower_folder(kind: str) -> str:
    return str(tower(kind, Path(tempfile.mkdtemp(prefix=f"tiny-{kind}-"))))


def bundle(tower_kind: str = "vit", seed: int = 0, **changes) -> Bundle:
    """A tiny untrained model; `changes` go into its Preset."""
    parts = {"vision": tower_folder(tower_kind), "decoder": DECODER, **changes}
    preset = Preset("tiny", **parts)
    made = build.build(preset, "tiny", CORPUS, seed)
    made.model.eval()
    return made


def raw_patches(seed: int = 0, projector: str = "linear", patch: int = 8) -> Bundle:
    """phi-vlm in small: a Phi-3 decoder that reads raw patches, without a vision tower."""
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(CORPUS)
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = Phi3Config(**DECODER, vocab_size=320, tie_word_embeddings=True, bos_token_id=None, **ids)
    config = VlmConfig(
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        image_features="patches",
        image_size=SIDE,
        patch_size=patch,
        projector=projector,
        **ids,
    )
    model = VlmForConditionalGeneration(config).eval()
    pictures = ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    count = build.count_image_tokens(model, pictures)
    return Bundle(model, VlmProcessor(pictures, tokenizer, count), "raw patches")


def phi_decoder(folder: Path) -> Path:
    """Save a random Phi-3 with its tokenizer, which has the control tokens of Phi-3's own."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(CORPUS)
    tokenizer.save_pretrained(folder)
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    shape = Phi3Config(**DECODER, vocab_size=320, bos_token_id=None, **ids)
    Phi3ForCausalLM(shape).save_pretrained(folder)
    return folder


def smolvlm(folder: Path) -> Path:
    """Save SmolVLM in small (Idefics3): pictures of 64 pixels, in tiles of 32, 4 tokens each."""
    torch.manual_seed(0)
    places = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    control = [
        "<fake_token_around_image>",
        "<image>",
        "<global-img>",
        "<end_of_utterance>",
        *places,
    ]
    tokenizer = train_tokenizer(CORPUS)
    tokenizer.add_special_tokens({"additional_special_tokens": control})
    tokenizer.eos_token = "<end_of_utterance>"
    edges = {"size": {"longest_edge": 2 * SIDE}, "max_image_size": {"longest_edge": SIDE}}
    Idefics3Processor(
        Idefics3ImageProcessor(**edges), tokenizer, image_seq_len=4, chat_template=SMOLVLM_TEMPLATE
    ).save_pretrained(folder)
    sight = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    sight |= {"num_attention_heads": 4, "image_size": SIDE, "patch_size": 8}
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = {"model_type": "llama", **DECODER, "max_position_embeddings": 512, **ids}
    config = Idefics3Config(
        vision_config=sight,
        text_config=text | {"vocab_size": 384, "bos_token_id": None},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
    )
    Idefics3ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def trained(steps: int = 150, **changes) -> Bundle:
    """A tiny model that has learnt the coloured squares and to count, in a few seconds."""
    made = bundle(**changes)
    made.model.model.vision_tower.requires_grad_(False)
    batch = lessons(made)
    learning = [p for p in made.model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=3e-3, betas=(0.9, 0.95))
    for _ in range(steps):
        made.model(**batch).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return made


def lessons(made: Bundle) -> dict[str, torch.Tensor]:
    """What `trained` learns, as one batch."""
    examples = [
        encoding.encode(made.processor, picture(colour), turn)
        for colour in COLOURS
        for turn in (*questions(colour), COUNT)
    ]
    batch = encoding.collator(made.processor)(examples)
    with torch.no_grad():
        features = made.model.model.vision_features(batch.pop("pixel_values"))
    return batch | {"vision_features": features}


@torch.no_grad()
def loss(made: Bundle) -> float:
    """The model's loss on `lessons`."""
    return made.model(**lessons(made)).loss.item()


def picture(colour: str = "red", side: int = SIDE) -> Image.Image:
    """A square of one colour."""
    return Image.new("RGB", (side, side), COLOURS[colour])


def noise(seed: int = 0, side: int = SIDE) -> Image.Image:
    """A picture of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def questions(colour: str) -> tuple[Turn, ...]:
    """What the records ask about a square of this colour."""
    return (
        Turn("What colour is it?", f"It is {colour}.", "colour"),
        Turn("Describe it.", f"A {colour} square.", "brief"),
    )


def records(count: int, seed: int = 0) -> list[Record]:
    """Coloured squares, each with a question about its colour and a description."""
    draw = random.Random(seed)
    colours = [draw.choice(list(COLOURS)) for _ in range(count)]
    return [
        Record(str(number), picture(colour), questions(colour), {"baseColour": colour})
        for number, colour in enumerate(colours)
    ]
