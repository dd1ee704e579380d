"""Fine-tune a model with adapters: LoRA on its decoder, QLoRA where that is kept in 4 bits.

    loupe train adapter --demo-data --out runs/style    drawn pictures described in a house style
    loupe train adapter --base moda-mini --data folder=pictures --out runs/mine
    loupe describe PICTURE --model runs/style/adapter

A stopped run continues with --resume; --dry-run prints what the training needs.
"""

import argparse
from pathlib import Path

from vlm.commands.flags import add_flags, add_shared, from_args
from vlm.commands.train.groups import RESUME, add_groups, add_settings, held_out_flag, new_parser
from vlm.config import SMALL, AdapterConfig, PanelConfig, TrainConfig
from vlm.data.drawing import house_style
from vlm.errors import UserError, exit_on_user_error
from vlm.loading.presets import ALIASES, BASES

DEFAULT_DATA = "folder"
CACHE = Path()  # where --demo-data without a folder draws
HELP = "adapters (LoRA, QLoRA) beside a model's own weights"
ADAPTER = ("rank", "alpha", "targets", "connector", "vision", "quantize")  # settings with a flag
TRAINING = {"learning_rate": 2e-4, "epochs": 3.0, "batch_size": 4, "accumulation": 4}
TRAINING |= {"warmup_steps": 10, "weight_decay": 0.0, "optimiser": "auto", "checkpointing": True}
TRAINING |= {"eval_every": 20, "save_every": 20, "log_every": 5, "eval_first": True}


def main(argv: list[str] | None = None) -> None:
    """Read the flags, then train; `--demo-data FOLDER` only draws."""
    with exit_on_user_error(RESUME):
        args = parse(argv)
        if args.demo_data is not None and not use_demo(args):
            return
        config, adapter = from_args(TrainConfig, args), from_args(AdapterConfig, args)
        from vlm.training.adapters import recipe  # imports transformers, which takes seconds

        recipe.run(args, config, adapter)


def use_demo(args: argparse.Namespace) -> bool:
    """Point --data to the demo data, drawn if needed; False if they are only drawn into FOLDER."""
    if args.data != [DEFAULT_DATA]:
        raise UserError("--demo-data is the training data; omit --data.")
    if args.demo_data == CACHE:
        args.data = [f"folder={house_style.ensure_drawn()}"]
        return True
    house_style.draw(args.demo_data)
    print(f"Drawn. Train with: loupe train adapter --data folder={args.demo_data}")
    return False


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the flags; --base sets the defaults of the others."""
    first = argparse.ArgumentParser(add_help=False)
    base_flags(first)
    defaults = BASES.get(first.parse_known_args(argv)[0].base, {})
    training = TRAINING | defaults.get("training", {})
    adapter = defaults.get("adapter", {})
    parser = new_parser("adapter", __doc__)
    groups = add_groups(parser, DEFAULT_DATA, Path("runs/qlora"), training)
    held_out_flag(groups.data, 200, "all")
    demo_flag(groups.data)
    base_flags(groups.model)
    add_flags(groups.model, AdapterConfig, ADAPTER, **adapter)
    text = f"early stopping and a forgetting probe (default: below {SMALL} examples)"
    both = {"action": argparse.BooleanOptionalAction, "default": None}
    groups.optimisation.add_argument("--small-data", **both, help=text)
    text = "upload the adapter to this repository, private if new (default: none)"
    add_shared(groups.run, "dry_run", push_to_hub=text)
    classes = {AdapterConfig: adapter, PanelConfig: {}, TrainConfig: training}
    add_settings(parser, groups.run, classes)
    return parser.parse_args(argv)


def base_flags(parser: argparse._ActionsContainer) -> None:
    """Add --base and --revision."""
    names = ", ".join([*ALIASES, *BASES])
    text = f"{names}, a Hub id or the folder of a model (default: %(default)s)"
    kind = {"default": "moda-mini", "type": lambda name: ALIASES.get(name, name)}
    add_shared(parser, base=kind | {"help": text})
    parser.add_argument(
        "--revision", help="revision of a base from the Hub (default: the newest)", metavar="NAME"
    )


def demo_flag(group: argparse._ArgumentGroup) -> None:
    """Add --demo-data."""
    text = "train on drawn products described in a house style; with FOLDER, only draw them there"
    kind = {"type": Path, "nargs": "?", "const": CACHE, "metavar": "FOLDER"}
    group.add_argument("--demo-data", **kind, help=text)
