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
    ViTConfig,
    ViTImageProcessor,
)
from transformers import ResNetConfig, ResNetModel, ViTModel

from vlm import build
from vlm.presets import Preset
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
def _tower_folder(kind: str) -> str:
    return str(tower(kind, Path(tempfile.mkdtemp(prefix=f"tiny-{kind}-"))))


def bundle(tower_kind: str = "vit", seed: int = 0, **changes) -> Bundle:
    """A tiny untrained model; `changes` go into its Preset."""
    preset = Preset("tiny", vision=_tower_folder(tower_kind), decoder=DECODER, **changes)
    made = build.build(preset, "tiny", CORPUS, seed)
    made.model.eval()
    return made


def picture(colour: str = "red", side: int = SIDE) -> Image.Image:
    """A square of one colour."""
    return Image.new("RGB", (side, side), COLOURS[colour])


def noise(seed: int = 0, side: int = SIDE) -> Image.Image:
    """A picture of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def records(count: int, seed: int = 0) -> list[Record]:
    """Coloured squares, each with a question about its colour and a description."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        colour = draw.choice(list(COLOURS))
        turns = (
            Turn("What colour is it?", f"It is {colour}.", "colour"),
            Turn("Describe it.", f"A {colour} square.", "brief"),
        )
        made.append(Record(str(number), picture(colour), turns, {"baseColour": colour}))
    return made
