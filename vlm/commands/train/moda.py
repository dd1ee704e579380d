"""The MODA recipe: frozen vision tower -> projector -> decoder, trained on descriptions.

    loupe train moda --preset moda-mini --data fashion --out runs/moda-mini

A stopped run continues with --resume; --dry-run prints what the training needs.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from vlm.commands.flags import add_shared, count, from_args
from vlm.commands.train.groups import RESUME, add_groups, add_settings, held_out_flag, new_parser
from vlm.config import ModaDataConfig, MonitorConfig, TrainConfig
from vlm.errors import exit_on_user_error, lookup
from vlm.loading.presets import IMAGE_FEATURES, PROJECTORS, RECIPES, SHIPPED, TOWER, Preset, Recipe
from vlm.training.moda.settings import BUILDABLE, check_flags

HELP = "a projector and a decoder on a frozen vision tower"


def main(argv: list[str] | None = None) -> None:
    """Read the flags, then train."""
    with exit_on_user_error(RESUME):
        args = parse(argv)
        config = from_args(TrainConfig, args)
        from_args(ModaDataConfig, args), from_args(MonitorConfig, args)  # checks their bounds
        check_flags(args)
        from vlm.training.moda import recipe  # imports transformers, which takes seconds

        recipe.run(args, config)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the flags; --preset and --recipe set the defaults of the others."""
    first = argparse.ArgumentParser(add_help=False)
    preset_flag(first), recipe_flag(first)
    chosen = first.parse_known_args(argv)[0]
    preset = lookup(BUILDABLE, chosen.preset, "preset")
    recipe = lookup(RECIPES, chosen.recipe, "recipe")
    parser = new_parser("moda", __doc__, listed("presets", BUILDABLE) + listed("recipes", RECIPES))
    groups = add_groups(parser, "fashion", Path("runs/moda"), preset.training)
    held_out_flag(groups.data, 0, "the training limit")
    add_shared(groups.data, views={"default": recipe.settings.get("views", 4)})
    recipe_flag(groups.data)
    part_flags(groups.model, preset, recipe.settings.get("projector"))
    run_flags(groups.run)
    classes = {ModaDataConfig: recipe.settings, MonitorConfig: {}, TrainConfig: preset.training}
    add_settings(parser, groups.run, classes)
    return parser.parse_args(argv)


def listed(title: str, table: Mapping[str, Preset | Recipe]) -> str:
    """A part of the help text: each name with its note."""
    return "\n".join(
        [f"{title}:", *(f"  {name:28} {row.note}" for name, row in table.items()), "\n"]
    )


def preset_flag(parser: argparse._ActionsContainer) -> None:
    """Add --preset."""
    text = "the parts of a new model, listed below (default: %(default)s)"
    add_shared(parser, preset={"default": "moda-mini", "help": text})


def recipe_flag(parser: argparse._ActionsContainer) -> None:
    """Add --recipe."""
    text = "settings by name, listed below (default: %(default)s)"
    parser.add_argument("--recipe", default="plain", metavar="NAME", help=text)


def part_flags(group: argparse._ArgumentGroup, preset: Preset, projector: str | None) -> None:
    """Add the flags that choose the model's parts."""
    preset_flag(group)
    text = "continue training a finished model (default: none)"
    add_shared(group, model={"default": None, "metavar": "NAME", "help": text})
    is_shipped = preset.vision in (str(SHIPPED), str(TOWER))
    tower = "the shipped model's" if is_shipped else preset.vision or "none"
    add_shared(group, vision=f"vision tower: folder, Hub id or fetched name (default: {tower})")
    text = f"decoder: folder, Hub id or fetched name (default: {preset.text or 'from scratch'})"
    group.add_argument("--text", metavar="NAME", help=text)
    text = (
        f"one vector, one for each patch, or a mean and a grid (default: {preset.image_features})"
    )
    group.add_argument("--image-features", choices=IMAGE_FEATURES, help=text)
    text = "mlp: MODA's expand and reduce; mlp2x: LLaVA 1.5's; pixel_shuffle: SmolVLM's; words: "
    text += f"visual words (default: {projector or preset.projector})"
    group.add_argument("--projector", choices=PROJECTORS, default=projector, help=text)
    text = "also train the tower's last block, on pixels"
    group.add_argument("--unfreeze", action="store_true", help=text)


def run_flags(group: argparse._ArgumentGroup) -> None:
    """Add the flags that say where and whether to run."""
    add_shared(group, "features", "dry_run")
    text = "print N encoded examples without training (default: 0)"
    group.add_argument("--show-labels", type=count, default=0, metavar="N", help=text)
