"""Which parts of a model each stage of training changes."""

from torch import nn

from vlm.errors import UserError, lookup
from vlm.loading.adapter_weights import TRAINABLE

LAST_BLOCK = "last_block"  # of the vision tower

# stage -> the trainable parts; freezing, the optimiser and saving all follow this table
STAGES: dict[str, frozenset[str]] = {
    "projector": frozenset({"projector"}),
    "moda": frozenset({"projector", "language_model", "lm_head"}),
    "unfrozen": frozenset({"projector", "language_model", "lm_head", LAST_BLOCK}),
    "adapters": TRAINABLE,
}


def freeze(model: nn.Module, stage: str) -> list[str]:
    """Make only the stage's parts trainable; return the names of the trainable tensors."""
    parts = lookup(STAGES, stage, "stage")
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not parts.isdisjoint(name.split("."))
    if LAST_BLOCK in parts:
        last_block(model.model.vision_tower).requires_grad_(True)
    _disable_input_gradients(model)
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def _disable_input_gradients(model: nn.Module) -> None:
    """Keep checkpointing from making all embeddings require gradients, even in a frozen tower.

    Only re-entrant checkpointing needs that; it would add a backward pass through the frozen tower.
    """
    base = getattr(model, "get_base_model", lambda: model)()
    base.enable_input_require_grads = _do_nothing


def _do_nothing() -> None:
    pass


def last_block(tower: nn.Module | None) -> nn.Module:
    """Return the tower's last block: the last stage of a ResNet, the last layer of a ViT.

    Raises:
        UserError: if there is no tower or it has no list of blocks.
    """
    blocks = stages(tower) if tower is not None else []
    if not blocks:
        raise UserError("This model has no vision tower of several blocks; leave it frozen.")
    return blocks[-1]


def stages(tower: nn.Module) -> list[nn.Module]:
    """Return the stages of a CNN or the layers of a transformer, in order; [] if it has none."""
    kinds = (nn.ModuleList, nn.Sequential)
    lists = (part for part in tower.modules() if isinstance(part, kinds) and len(part) > 1)
    return list(next(lists, []))  # modules() lists the outermost first
