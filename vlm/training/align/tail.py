"""Fine-tune the last stages of a pretrained tower without moving far from its original features.

Depthwise convolutions stay as they are: they are a few percent of the weights, and on a CPU the
gradient of their weights takes longer than everything else. Staying close keeps what the tower's
classifier knows without its training data (learning without forgetting; Li and Hoiem, 2016, arXiv
1606.09282).
"""

from pathlib import Path

import torch
from torch import nn

from vlm.errors import UserError
from vlm.inference import classifier
from vlm.loading.load import SHARD
from vlm.training import freezing


def unfreeze(tower: nn.Module, count: int) -> None:
    """Train only the tower's last stages and what follows them, without depthwise convolutions.

    Args:
        count: of stages, at least 1.

    Raises:
        UserError: if the tower has fewer stages.
    """
    stages = freezing.stages(tower)
    if count > len(stages):
        raise UserError(
            f"The vision tower has {len(stages)} stages, and stages={count} was given; choose "
            "at most as many as it has, or 0 for the whole tower."
        )
    first = next(iter(stages[-count].parameters()))
    is_tail = False
    for parameter in tower.parameters():  # in the order of the forward pass
        is_tail = is_tail or parameter is first
        parameter.requires_grad_(is_tail)
    for part in tower.modules():
        if isinstance(part, nn.Conv2d) and part.groups == part.in_channels > 1:
            part.requires_grad_(False)


def distance(features: torch.Tensor, original: torch.Tensor) -> torch.Tensor:
    """Return the mean of |features - original|^2 / |original|^2, a scalar, for float[B, D]."""
    squares = (features.float() - original.float()).square().sum(1)
    return (squares / original.float().square().sum(1).clamp(min=1e-6)).mean()


@torch.no_grad()
def interpolate(tower: nn.Module, original: nn.Module, share: float) -> None:
    """Set each weight to share x its own value + (1 - share) x the original's.

    Between the two, a model often keeps the abilities of both (WiSE-FT; Wortsman et al., 2022,
    arXiv 2109.01903).
    """
    weights, others = tower.state_dict(), original.state_dict()
    for name, value in weights.items():
        if value.is_floating_point():
            value.lerp_(others[name].to(value), 1 - share)


def save(tower: nn.Module, source: str | Path, folder: Path) -> None:
    """Save the tower; with the classifier that its source has, since names are read from it.

    Args:
        source: folder, Hub id or fetched name that the tower was opened from.
    """
    try:
        whole = classifier.load(str(source)).model
    except UserError:  # it has no classifier
        whole = tower
    state = tower.state_dict()
    bodies = (
        part for part in (whole, whole.base_model) if state.keys() <= part.state_dict().keys()
    )
    body = next(bodies, None)
    if body is None:
        whole = tower
    elif body is not tower:
        body.load_state_dict(state, strict=False)  # strict would ask for the classifier's layer
    whole.to(next(tower.parameters()).dtype).save_pretrained(folder, max_shard_size=SHARD)
