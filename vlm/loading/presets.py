"""Models by short name: where to open one, and what a new one is built from."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vlm.data.grammar.words import PROMPTS
from vlm.loading import weights

IMAGE_FEATURES = ("pooled", "projected", "patches", "grid")  # what a tower returns, see VlmConfig
PROJECTORS = ("linear", "mlp", "mlp2x", "pixel_shuffle", "words")  # help texts need no torch
SHIPPED = Path(__file__).parents[1] / "checkpoints" / "moda-mini"
EVERYDAY = SHIPPED.with_name("everyday")  # an adapter, on the parts of the preset of this name
TOWER = EVERYDAY / "tower"  # EfficientNet-Lite0, tuned by `loupe train align`
BAND = "expected.json"  # beside the shipped weights: expected losses, see bench/reproduce.py

PRODUCT_PROMPTS = MappingProxyType(
    {
        "Short": PROMPTS["brief"][0],
        "Detailed": PROMPTS["detailed"][1],
        "Attributes as JSON": PROMPTS["json"][4],
        "What is it?": PROMPTS["kind"][0],
        "Which colour?": PROMPTS["colour"][0],
        "Who is it for?": PROMPTS["gender"][0],
    }
)
EVERYDAY_PROMPTS = MappingProxyType(
    {
        "Caption": "Caption this picture.",
        "In detail": "Describe this picture in detail.",
        "What is it?": "What is this?",
        "Count": "How many people are there?",
        "Where is ...?": "Where is the dog?",
        "JSON": PROMPTS["json"][4],
    }
)


@dataclass(frozen=True)
class Preset:
    """A model that can be opened, built, or both.

    Attributes:
        note: a short description for help texts and the app's model picker.
        path: folder or Hub id of a trained model, or folder of a trained adapter on the preset's
            own parts; empty if there is none.
        vision: folder or Hub id of the tower of a new model.
        text: folder or Hub id of its decoder; empty = from scratch, with its own tokenizer.
        decoder: sizes of a decoder from scratch, by LlamaConfig's names.
        image_features: what the tower returns: one of IMAGE_FEATURES.
        image_size, patch_size: in pixels, for a model that reads raw patches without a tower.
        chat_template: the template a pretrained decoder was trained with; empty = Loupe's own.
        projector: one of PROJECTORS.
        training: defaults of `TrainConfig` that differ for this model.
        prompts: what the app offers to ask this model, by label.
        first_prompt: the label that is chosen at first.
    """

    note: str
    path: str = ""
    vision: str = ""
    text: str = ""
    decoder: Mapping[str, int] = field(default_factory=dict)
    image_features: str = "pooled"
    image_size: int = 0
    patch_size: int = 0
    chat_template: str = ""
    projector: str = "mlp"
    training: Mapping[str, float] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=lambda: PRODUCT_PROMPTS)
    first_prompt: str = "Detailed"

    @property
    def buildable(self) -> bool:
        return bool(self.vision or self.patch_size)

    @property
    def openable(self) -> bool:
        """True for a model on the Hub or in a folder that has one."""
        if not os.path.isabs(self.path):
            return bool(self.path)
        return os.path.isfile(os.path.join(self.path, "config.json"))


# widths divisible by 64 and a key/value width of at least 32, so that 4-bit weights work
_MINI_DECODER = MappingProxyType(
    {
        "hidden_size": 256,
        "intermediate_size": 768,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
    }
)


# Phi-3's turns, with the picture before the first words
_PHI3_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\n' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}"
    "{{ '<|end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
# SmolLM2's turns, without its system message
_SMOLLM2_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{{ '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

PRESETS: dict[str, Preset] = {
    "moda-mini": Preset(
        "17M, trained by this project: products and simple scenes, works offline",
        path=str(SHIPPED),
        vision=str(SHIPPED),
        decoder=_MINI_DECODER,
        training={"epochs": 2, "batch_size": 64, "eval_every": 500, "save_every": 500},
    ),
    "everyday": Preset(
        "SmolLM2-135M with an adapter of this project: any photograph",
        path=str(EVERYDAY),
        vision=str(TOWER),
        text="smollm2-135m",
        image_features="grid",
        chat_template=_SMOLLM2_TEMPLATE,
        training={"epochs": 3, "batch_size": 20, "eval_every": 400, "save_every": 200}
        | {"learning_rate": 1e-3, "warmup_steps": 50, "weight_decay": 0.0},
        prompts=EVERYDAY_PROMPTS,
        first_prompt="Caption",
    ),
    "moda": Preset(
        "MODA as published: FashionCLIP, expand-and-reduce projector, SmolLM-360M",
        vision="patrickjohncyh/fashion-clip",
        text="HuggingFaceTB/SmolLM-360M",
        image_features="projected",
        training={"epochs": 40, "batch_size": 32, "accumulation": 8},
    ),
    "phi-vlm": Preset(
        "Phi-3-mini reads image patches directly; train it with `loupe train adapter`",
        text="microsoft/Phi-3-mini-4k-instruct",
        image_features="patches",
        image_size=32,
        patch_size=4,
        chat_template=_PHI3_TEMPLATE,
        projector="mlp2x",
    ),
    "smolvlm-256m": Preset("Hub, 256M", path="HuggingFaceTB/SmolVLM-256M-Instruct"),
    "smolvlm-500m": Preset("Hub, 500M", path="HuggingFaceTB/SmolVLM-500M-Instruct"),
    "smolvlm-2.2b": Preset("Hub, 2.2B, needs a GPU", path="HuggingFaceTB/SmolVLM-Instruct"),
}


@dataclass(frozen=True)
class Recipe:
    """Settings of `loupe train moda` by name.

    Attributes:
        note: what it is for, for help texts.
        settings: values of `ModaDataConfig`, of --views and of --projector.
    """

    note: str
    settings: Mapping[str, Any] = field(default_factory=dict)


_MINI = {"matched": True, "mild": True, "mixed": 50, "turns": 4, "views": 1, "packed": False}
RECIPES = {
    "plain": Recipe("pictures and questions as they are"),
    "everyday": Recipe(
        "for --preset everyday: LoRA, a projector that knows words first, imagined classes",
        {
            "lora": 32,
            "words": 6.0,
            "names": 6,
            "captions": 2,
            "turns": 2,
            "views": 3,
            "half_features": True,
        },
    ),
    "moda-mini": Recipe(
        "as the shipped model was trained: visual words, blended pictures, pseudo-labels",
        _MINI | {"projector": "words", "sure": 70},
    ),
    "moda-mini-finish": Recipe(
        "as in the last part of its training, with --model: stricter pseudo-labels",
        _MINI | {"sure": 85},
    ),
}

ALIASES = {"phi3": "phi-vlm", "smolvlm": "smolvlm-256m"}  # of bases


# Bases of `loupe train adapter` by name: defaults that differ from the command's own.
BASES: dict[str, dict[str, dict]] = {
    "phi-vlm": {
        "adapter": {"quantize": "4bit", "targets": "qkv_proj,o_proj,gate_up_proj,down_proj"},
        "training": {"epochs": 10.0},
    },
    "moda-mini": {
        "adapter": {"quantize": "none"},
        "training": {"learning_rate": 2e-3, "epochs": 6.0, "batch_size": 16, "accumulation": 1}
        | {"checkpointing": False},
    },
    "smolvlm-256m": {"adapter": {"quantize": "4bit"}},
    "smolvlm-500m": {"adapter": {"quantize": "4bit"}},
    "smolvlm-2.2b": {"adapter": {"quantize": "4bit"}},
}


def default_model() -> str:
    """Return the everyday model if it is shipped and its decoder is here, else moda-mini."""
    preset = PRESETS["everyday"]
    return "everyday" if preset.openable and weights.is_here(preset.text) else "moda-mini"


def explain_default() -> str:
    """Return one line: which model is the default, and how to get the other; empty for just one."""
    preset = PRESETS["everyday"]
    if not preset.openable:
        return ""
    if default_model() == "everyday":
        return "The model is everyday; for products alone, the smaller moda-mini is there too."
    size = weights.PACKAGES[preset.text].size
    return (
        "The model is moda-mini, for products; for everyday, which knows any photograph, run "
        f"`loupe fetch {preset.text}` ({size} MB)."
    )
