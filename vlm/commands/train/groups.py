"""What the flags of the trainings share: four groups, and --set for settings seldom changed."""

import argparse
from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, NamedTuple

from vlm.commands.flags import add_flags, add_shared, shown
from vlm.config import TrainConfig

RESUME = "; continue from the last checkpoint with --resume"  # printed on Ctrl-C
OPTIMISATION = ("learning_rate", "epochs", "max_steps", "batch_size", "accumulation", "seed")
RUN = ("threads", "eval_every", "save_every")
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def new_parser(kind: str, description: str, epilog: str = "") -> argparse.ArgumentParser:
    """A parser for `loupe train KIND`; the scripts in finetune/ are the same commands."""
    return argparse.ArgumentParser(
        prog=f"loupe train {kind}",
        usage="%(prog)s [flags]",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


class Groups(NamedTuple):
    """The groups of flags in a training's --help."""

    data: argparse._ArgumentGroup
    model: argparse._ArgumentGroup
    optimisation: argparse._ArgumentGroup
    run: argparse._ArgumentGroup


def add_groups(
    parser: argparse.ArgumentParser, data: str, out: Path, training: Mapping[str, Any]
) -> Groups:
    """Add the four groups with the flags that every training has.

    Args:
        data: the default of --data.
        out: the default of --out.
        training: defaults that differ from those of `TrainConfig`.
    """
    groups = Groups(*(parser.add_argument_group(name) for name in Groups._fields))
    add_shared(groups.data, data=sources(data))
    limit = "pictures of each data set, 0 = all (default: 0)"
    add_shared(groups.data, "data_path", "columns", limit=limit)
    add_flags(groups.optimisation, TrainConfig, OPTIMISATION, **training)
    add_shared(groups.run, out={"default": out, "help": "run folder (default: %(default)s)"})
    resume = "continue from the last complete checkpoint in --out"
    add_shared(groups.run, "device", resume=resume)
    add_flags(groups.run, TrainConfig, RUN, **training)
    return groups


def sources(default: str) -> dict[str, Any]:
    text = "fashion, cifar10, scenes, negatives, drawn, composited, folder=DIR or a folder of "
    text += f"pictures with a table; 3xNAME repeats it three times per epoch (default: {default})"
    return {"nargs": "+", "default": [default], "metavar": "[Nx]NAME[=PATH]", "help": text}


def held_out_flag(group: argparse._ArgumentGroup, default: int, meaning: str) -> None:
    """Add --held-out; `meaning` is what 0 stands for."""
    text = f"held-out pictures of each data set, 0 = {meaning} (default: {default})"
    add_shared(group, held_out={"default": default, "help": text})


def add_settings(
    parser: argparse.ArgumentParser,
    group: argparse._ArgumentGroup,
    classes: Mapping[type, Mapping[str, Any]],
) -> None:
    """Add --set NAME=VALUE for every setting, and list those that have no flag of their own.

    Args:
        classes: settings dataclass -> defaults that differ from its own.
    """
    flags = {action.dest for action in parser._actions}
    names = [f.name for cls in classes for f in fields(cls)]
    if len(names) > len(set(names)):
        raise ValueError(f"Two settings have the same name: {sorted(names)}")
    settings = {f.name: f for cls in classes for f in fields(cls)}
    changes = {name: value for row in classes.values() for name, value in row.items()}
    defaults = {name: changes.get(name, f.default) for name, f in settings.items()}
    hidden = [f for name, f in settings.items() if name not in flags]
    parser.set_defaults(**{f.name: defaults[f.name] for f in hidden})
    group.add_argument(
        "--set",
        nargs="+",
        action=_Set,
        settings=settings,
        default=argparse.SUPPRESS,
        metavar="NAME=VALUE",
        help="change settings without a flag, listed below",
    )
    rows = (f"  {f'{f.name}={shown(defaults[f.name])}':28} {f.metadata['help']}" for f in hidden)
    parser.epilog = "\n".join([parser.epilog or "", "settings for --set:", *rows]).lstrip()


class _Set(argparse.Action):
    """Write NAME=VALUE into the namespace, as the setting's own type."""

    def __init__(self, settings: Mapping[str, Field], **options: Any) -> None:
        super().__init__(**options)
        self.settings = settings

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        for text in values:
            name, sign, value = text.partition("=")
            name = name.replace("-", "_")
            if not sign or name not in self.settings:
                names = ", ".join(sorted(self.settings))
                parser.error(f"--set got {text!r}, give NAME=VALUE with one of: {names}")
            setattr(namespace, name, _parsed(parser, self.settings[name], value))


def _parsed(parser: argparse.ArgumentParser, f: Field, text: str) -> Any:
    kind = f.type if isinstance(f.type, type) else str
    try:
        return TRUTHS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        allowed = "yes or no" if kind is bool else "a whole number" if kind is int else "a number"
        return parser.error(f"--set got {f.name}={text}, give {allowed}")
