"""The flags of the commands: made from settings dataclasses, or shared by several commands."""

import argparse
import os
from collections.abc import Collection
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vlm.config import DESCRIBE
from vlm.data import DATASETS, folder, mixture
from vlm.evaluation.judges.base import JudgeSettings
from vlm.remote.endpoint import EndpointConfig
from vlm.types import Bundle

C = TypeVar("C")
METAVARS = {int: "N", float: "X", str: "TEXT"}


def count(text: str, low: int = 0, high: int | None = None) -> int:
    """A flag's type: a whole number, `low` or more, and `high` at most where there is one."""
    if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
        allowed = f"of {low} or more" if high is None else f"from {low} to {high}"
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {allowed}")
    return int(text)


def out_path(text: str) -> Path:
    """A flag's type: a path that can be made, so that no work is lost for want of a place."""
    path = Path(text)
    place = next((p for p in (path, *path.absolute().parents) if p.exists()), path)
    if place != path and not place.is_dir():
        raise argparse.ArgumentTypeError(f"{text} cannot be made, as {place} is a file")
    if not os.access(place, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text} cannot be written, as {place} is read-only")
    return path


def add_flags(
    parser: argparse._ActionsContainer,
    cls: type,
    names: Collection[str] | None = None,
    **defaults: Any,
) -> None:
    """Add one flag for each field of a settings dataclass to a parser or a group.

    Args:
        names: the fields that get a flag; None = all.
        defaults: override the class's own.
    """
    for f in fields(cls):
        if names is not None and f.name not in names:
            continue
        default = defaults.get(f.name, f.default)
        flag = "--" + f.name.replace("_", "-")
        text = f"{f.metadata.get('help', '')} (default: {shown(default)})".replace("%", "%%")
        if f.type is bool:
            both = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=both, default=default, help=text)
        else:
            kind = f.type if isinstance(f.type, type) else str
            choices = f.metadata.get("choices")
            form = {} if choices else {"metavar": METAVARS[kind]}
            parser.add_argument(
                flag, type=kind, default=default, choices=choices, help=text, **form
            )


def shown(value: Any) -> str:
    """A default as help texts show it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value == "" else str(value)


def from_args(cls: type[C], args: argparse.Namespace) -> C:
    """Build a settings object from the flags that `add_flags` made."""
    return cls(**{f.name: getattr(args, f.name) for f in fields(cls)})


# Flags of several commands; a command may replace single options. An empty row has no common help.
SHARED: dict[str, dict[str, Any]] = {
    "data": {},
    "data_path": {
        "metavar": "DIR",
        "help": "folder of the data set (default: $VLM_DATA, then the Hub)",
    },
    "columns": {
        "default": "",
        "metavar": "LIST",
        "help": "columns of your own table, such as image=photo,text=notes (default: usual names)",
    },
    "split": {},
    "limit": {
        "type": count,
        "default": 0,
        "metavar": "N",
        "help": "pictures used, 0 = all (default: 0)",
    },
    "held_out": {"type": count, "metavar": "N"},
    "views": {
        "type": count,
        "metavar": "N",
        "help": "random views of each picture, times its repeats (default: %(default)s)",
    },
    "model": {
        "default": "moda-mini",
        "metavar": "NAME",
        "help": "preset, folder or Hub id (default: %(default)s)",
    },
    "base": {"metavar": "NAME"},
    "preset": {"metavar": "NAME"},
    "vision": {"metavar": "NAME"},
    "classifier": {"metavar": "NAME"},
    "features": {
        "type": Path,
        "default": Path("features"),
        "metavar": "DIR",
        "help": "feature store (default: %(default)s)",
    },
    "prompt": {
        "default": DESCRIBE,
        "metavar": "TEXT",
        "help": "the question (default: %(default)s)",
    },
    "batch_size": {"type": partial(count, low=1), "default": 16, "metavar": "N"},
    "seed": {"type": count, "default": 0, "metavar": "N"},
    "device": {
        "default": "auto",
        "metavar": "NAME",
        "help": "auto, cpu, cuda or mps (default: auto)",
    },
    "out": {"type": out_path, "metavar": "DIR"},
    "threads": {
        "type": count,
        "default": 0,
        "metavar": "N",
        "help": "CPU threads, 0 = all cores (default: 0)",
    },
    "resume": {"action": "store_true"},
    "dry_run": {"action": "store_true", "help": "print sizes, time and memory; train nothing"},
    "push_to_hub": {"metavar": "NAME"},
}


def add_shared(
    parser: argparse._ActionsContainer, *names: str, **changes: dict[str, Any] | str
) -> None:
    """Add flags of `SHARED`, in the order given.

    Args:
        names: flags as the table has them.
        changes: flag -> the options that differ, or just another help text.
    """
    for name in (*names, *changes):
        change = changes.get(name, {})
        options = SHARED[name] | ({"help": change} if isinstance(change, str) else change)
        parser.add_argument("--" + name.replace("_", "-"), **options)


def judge_flags(parser: argparse.ArgumentParser, default: str = "rules") -> None:
    """Add --judge, --judge-prompt and the settings of an endpoint."""
    group = parser.add_argument_group("judge")
    text = f"rules, model:NAME, endpoint or endpoint:MODEL (default: {shown(default)})"
    group.add_argument("--judge", default=default, metavar="SPEC", help=text)
    text = "text file with another rubric (default: the built-in one)"
    group.add_argument("--judge-prompt", default="", metavar="FILE", help=text)
    add_flags(parser.add_argument_group("endpoint"), EndpointConfig)


def judge_settings(
    args: argparse.Namespace, folder: Path | None, resume: bool = True
) -> JudgeSettings:
    """Build a judge's settings from `judge_flags` and, if the command has them, `model_flags`."""
    return JudgeSettings(
        folder=folder,
        resume=resume,
        prompt=args.judge_prompt,
        endpoint=from_args(EndpointConfig, args),
        device=getattr(args, "device", "auto"),
        threads=getattr(args, "threads", 0),
    )


def model_flags(parser: argparse.ArgumentParser) -> None:
    """Add --model, --device and --threads."""
    add_shared(parser, "model", "device", "threads")


def data_flags(parser: argparse.ArgumentParser) -> None:
    """Add --data, --data-path, --split and --limit."""
    text = "data set (default: %(default)s)"
    data = {"default": "fashion", "choices": DATASETS, "help": text}
    add_shared(parser, data=data)
    text = "part of the data set (default: %(default)s)"
    split = {"default": "validation", "choices": folder.SPLITS, "help": text}
    add_shared(parser, "data_path", "columns", split=split)
    add_shared(parser, "limit")


def split_flag(parser: argparse.ArgumentParser) -> None:
    """Add --split for a source that may be a folder without splits."""
    text = "part of the data set (default: train; of a folder without splits, everything)"
    add_shared(parser, split={"choices": folder.SPLITS, "help": text})


def split(args: argparse.Namespace, source: str) -> str:
    """The split named by --split, or the default that its help text gives."""
    part = mixture.parse_part(source, args.data_path)
    whole = part.name == "folder" and not folder.has_splits(part.path or "")
    return args.split or (folder.UNSPLIT if whole else "train")


def open_model(args: argparse.Namespace) -> Bundle:
    """Open the model that `model_flags` name."""
    from vlm.loading import load
    from vlm.system import runtime

    runtime.set_threads(args.threads)
    return load.load(args.model, device=args.device)
