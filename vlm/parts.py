"""The parts of a vision-language model by their roles, whatever its class calls them."""

from torch import nn

DECODERS = ("language_model", "text_model")
CONNECTORS = ("projector", "connector", "multi_modal_projector")
TOWERS = ("vision_tower", "vision_model")


def decoder_name(model: nn.Module) -> str:
    """The full name of the language model, such as "model.language_model"."""
    return part_name(model, DECODERS) or getattr(model, "base_model_prefix", "")


def part_name(model: nn.Module, names: tuple[str, ...]) -> str:
    """The full name of the outermost module called so; empty when there is none."""
    found = [name for name, _ in model.named_modules() if name.rpartition(".")[2] in names]
    return min(found, key=lambda name: name.count("."), default="")


def linear_layers(model: nn.Module, inside: str = "") -> dict[str, nn.Linear]:
    """Full name -> layer, of the linear layers inside a part, or of all."""
    start = f"{inside}." if inside else ""
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name.startswith(start)
    }
