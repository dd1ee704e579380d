"""The settings of `loupe train moda`, checked before torch is imported."""

import argparse

from vlm.errors import UserError
from vlm.loading.presets import PRESETS
from vlm.system import runtime

BUILDABLE = {name: preset for name, preset in PRESETS.items() if preset.buildable}
OVERRIDES = ("vision", "text", "image_features", "projector")
# settings that, like the data, must not change on --resume
FIXED = ("preset", "model", *OVERRIDES, "unfreeze", "turns", "views", "mild", "mixed", "sure")
FIXED += ("matched", "tasks", "captions", "words", "lora", "names", "half_features", "reward")
FIXED += ("packed", "seed")
PROBE_SETTINGS = "mixed, sure, matched and --projector words"


def check_flags(args: argparse.Namespace) -> None:
    """Raise a `UserError` for flags that exclude each other."""
    parts = (name for name in overrides(args) if name != "projector")
    names = ", ".join(f"--{name.replace('_', '-')}" for name in parts)
    if args.model and names:
        raise UserError(f"--model comes with its own parts; omit {names}.")
    if uses_probe(args) and args.unfreeze:
        raise UserError(
            f"{PROBE_SETTINGS} require stored features, which --unfreeze does not use; "
            "omit one or the other."
        )
    if args.reward and (args.unfreeze or not args.packed or runtime.process_count() > 1):
        raise UserError(
            "--set reward trains in one process, on stored features and packed answers; omit "
            "--unfreeze and packed=no and start one process, or omit reward."
        )


def overrides(args: argparse.Namespace) -> dict[str, str]:
    """Return the preset's parts that the flags replace."""
    return {name: value for name in OVERRIDES if (value := getattr(args, name))}


def uses_probe(args: argparse.Namespace) -> bool:
    """Return True if pseudo-labels of a linear probe are used."""
    return bool(args.mixed or args.sure or args.matched or args.projector == "words")
