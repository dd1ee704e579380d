"""Convert published weight files into folders that transformers opens."""

import re
from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from PIL import Image
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    TimmWrapperConfig,
    TimmWrapperForImageClassification,
    ViTImageProcessor,
)

CLASSES = 1000  # of ImageNet
MEAN, STD = [127 / 255] * 3, [128 / 255] * 3
# names of the layers of a block: EfficientNet-PyTorch -> timm, without and with an expansion
PLAIN_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw"}
PLAIN_BLOCK |= {"_bn2": "bn2"}
EXPANDED_BLOCK = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"}
EXPANDED_BLOCK |= {"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}
OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
OUTSIDE |= {"_fc": "classifier"}


def convert_gguf(file: Path, folder: Path) -> None:
    """Save a decoder and its tokenizer from a GGUF file, dequantised, in float32 safetensors."""
    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(**source)
    model = AutoModelForCausalLM.from_pretrained(
        **source, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def convert_efficientnet_lite(file: Path, folder: Path) -> None:
    """Save an EfficientNet-Lite of the EfficientNet-PyTorch format as timm's model of that name.

    The input is (pixel - 127) / 128 (Tan & Le, 2019, arXiv 1905.11946, and the Lite models' code).
    """
    name = "tf_efficientnet_lite" + re.search(r"lite(\d)", file.name)[1]
    settings = timm.create_model(name).pretrained_cfg
    config = TimmWrapperConfig.from_dict(
        {"architecture": name, "num_classes": CLASSES, "pretrained_cfg": settings}
    )
    model = TimmWrapperForImageClassification(config).eval()
    state = torch.load(file, map_location="cpu", weights_only=True)
    model.timm_model.load_state_dict(rename_efficientnet(state, model.timm_model.state_dict()))
    config.hidden_size = model.timm_model.num_features  # the width of its patch features
    model.save_pretrained(folder)
    side, scale = settings["input_size"][-1], {"image_mean": MEAN, "image_std": STD}
    ViTImageProcessor(
        size={"height": side, "width": side}, resample=Image.Resampling.BICUBIC, **scale
    ).save_pretrained(folder)


def rename_efficientnet(
    state: Mapping[str, torch.Tensor], target: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Rename the parameters of EfficientNet-PyTorch to timm's names.

    Args:
        target: parameters of timm's model, for the numbers of its blocks.
    """
    blocks = list(
        dict.fromkeys(m[0] for key in target if (m := re.match(r"blocks\.\d+\.\d+", key)))
    )
    renamed = {}
    for key, value in state.items():
        match = re.match(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
        if match:
            number, layer, rest = int(match[1]), match[2], match[3]
            expanded = f"_blocks.{number}._expand_conv.weight" in state
            names = EXPANDED_BLOCK if expanded else PLAIN_BLOCK
            renamed[f"{blocks[number]}.{names[layer]}.{rest}"] = value
        else:
            layer, rest = key.split(".")
            renamed[f"{OUTSIDE[layer]}.{rest}"] = value
    return renamed


CONVERTERS = {".gguf": convert_gguf, ".pth": convert_efficientnet_lite}
