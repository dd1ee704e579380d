"""Settings as frozen dataclasses: one line a setting gives its default, help, bounds and flag."""

import argparse
import math
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from vlm.errors import UserError

C = TypeVar("C")

DESCRIBE = "Describe this picture."  # the question when none is asked
SCHEDULES = ("cosine_with_min_lr", "linear", "constant_with_warmup")
OPTIMISERS = ("auto", "adamw_torch", "adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit")
QUANTIZE = ("4bit", "8bit", "none")
SMALL = 1000  # examples: with fewer a fine-tuning stops early and looks at what is forgotten


def setting(default: Any, help: str, *, low=None, high=None, step=None, choices=None) -> Any:
    """A dataclass field with the help text, bounds and choices that flags and sliders read."""
    bounds = {"help": help, "low": low, "high": high, "step": step, "choices": choices}
    return field(default=default, metadata=bounds)


@dataclass(frozen=True)
class GenerateConfig:
    """How an answer is decoded; the app's sliders and the command line's flags are made from it."""

    max_new_tokens: int = setting(96, "longest answer, in tokens", low=1, high=1024, step=1)
    temperature: float = setting(0.0, "0 = greedy, higher = more varied", low=0, high=2, step=0.05)
    top_p: float = setting(
        1.0, "sample from the likeliest share of mass", low=0.05, high=1, step=0.05
    )
    top_k: int = setting(0, "sample from the k likeliest tokens, 0 = all", low=0, high=200, step=1)
    repetition_penalty: float = setting(1.0, "1 = none", low=1, high=2, step=0.05)
    num_beams: int = setting(
        1, "beams, 1 = no beam search; beams are not streamed", low=1, high=8, step=1
    )
    seed: int = setting(0, "seed of the sampling", low=0, high=2**31 - 1, step=1)
    deadline: float = setting(120.0, "stop the answer after this many seconds", low=0.1, high=3600)

    def __post_init__(self):
        check(self)


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained; the defaults are the MODA recipe's."""

    learning_rate: float = setting(1e-3, "peak learning rate", low=0, high=1)
    min_lr_rate: float = setting(0.1, "last learning rate, as a share of the peak", low=0, high=1)
    schedule: str = setting(
        SCHEDULES[0], "of the learning rate after the warm-up", choices=SCHEDULES
    )
    warmup_steps: int = setting(100, "steps of linear warm-up", low=0)
    optimiser: str = setting(
        "adamw_torch", "auto: paged 8-bit AdamW on a GPU, AdamW elsewhere", choices=OPTIMISERS
    )
    weight_decay: float = setting(0.01, "AdamW's weight decay", low=0, high=1)
    max_grad_norm: float = setting(1.0, "gradients are clipped to this norm", low=0)
    epochs: float = setting(40.0, "passes over the data", low=0)
    max_steps: int = setting(-1, "stop after this many steps, -1 = all epochs", low=-1)
    batch_size: int = setting(32, "examples in one forward pass", low=1)
    accumulation: int = setting(1, "forward passes in one optimiser step", low=1)
    eval_every: int = setting(500, "steps between measurements of held-out loss", low=1)
    eval_first: bool = setting(False, "measure before the first step too")
    patience: int = setting(0, "stop after N measurements without a better loss, 0 = never", low=0)
    save_every: int = setting(500, "steps between checkpoints", low=1)
    keep: int = setting(2, "checkpoints kept, the newest ones, 0 = all", low=0)
    log_every: int = setting(20, "steps between lines of metrics.jsonl", low=1)
    bf16: bool = setting(True, "compute in bfloat16 where the hardware has it")
    checkpointing: bool = setting(False, "compute activations twice: less memory, more time")
    threads: int = setting(0, "CPU threads, 0 = one for each core", low=0, high=1024)
    workers: int = setting(
        0, "processes that prepare pictures and examples for a GPU, 0 = none", low=0, high=1024
    )
    seed: int = setting(0, "seed of order, dropout and initial weights", low=0, high=2**31 - 1)

    def __post_init__(self):
        check(self)

    def optimiser_on(self, device: str) -> str:
        """The optimiser by its name in transformers, on a kind of device such as "cuda"."""
        if self.optimiser != "auto":
            return self.optimiser
        return "paged_adamw_8bit" if device == "cuda" else "adamw_torch"


@dataclass(frozen=True)
class AdapterConfig:
    """How a model is adapted: LoRA (arXiv 2106.09685), on 4-bit weights QLoRA (2305.14314)."""

    rank: int = setting(16, "of the low-rank matrices", low=1, high=1024)
    alpha: float = setting(32.0, "their scale: they are added times alpha / rank", low=0, high=4096)
    dropout: float = setting(0.05, "of their input", low=0, high=0.9)
    targets: str = setting("all", "names of the decoder's linear layers, with commas, or all")
    connector: str = setting("full", "how the projector learns", choices=("full", "lora", "frozen"))
    vision: str = setting("frozen", "how the vision tower learns", choices=("lora", "frozen"))
    image_size: int = setting(
        0, "longest side of a picture that is cut into tiles, pixels, 0 = the base's own", low=0
    )
    tiles: bool = setting(True, "cut pictures into tiles, where the base does")
    quantize: str = setting("none", "the decoder's frozen weights: NF4, LLM.int8 or as they are",
                            choices=QUANTIZE)  # fmt: skip

    def __post_init__(self):
        check(self)


def problems(config: Any) -> list[str]:
    """Every setting that lies outside its bounds, as one clause each."""
    found = []
    for f in fields(config):
        value, meta = getattr(config, f.name), f.metadata
        if meta.get("choices") and value not in meta["choices"]:
            found.append(
                f"{f.name} is {value!r}, choose one of: {', '.join(map(str, meta['choices']))}"
            )
        elif meta.get("low") is not None and not _within(value, meta["low"], meta["high"], f.type):
            upper = "" if meta["high"] is None else f" and at most {meta['high']}"
            found.append(f"{f.name} is {value!r}, allowed is at least {meta['low']}{upper}")
    return found


def _within(value: Any, low: float, high: float | None, kind: Any) -> bool:
    """True for a finite number of the right kind within [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    if kind is int and value != int(value):
        return False
    return low <= value and (high is None or value <= high)


def check(config: Any) -> None:
    """Raise one `UserError` that names every setting out of bounds."""
    found = problems(config)
    if found:
        raise UserError("Settings out of range: " + "; ".join(found) + ".")


def count(text: str, low: int = 0, high: int | None = None) -> int:
    """A flag's type: a whole number, `low` or more, and `high` at most where there is one."""
    if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
        allowed = f"of {low} or more" if high is None else f"from {low} to {high}"
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {allowed}")
    return int(text)


def add_flags(parser: argparse.ArgumentParser, cls: type, **defaults: Any) -> None:
    """Add one flag for each field of a settings dataclass; `defaults` override the class's own."""
    group = parser.add_argument_group(cls.__name__)
    for f in fields(cls):
        default = defaults.get(f.name, None if f.default is MISSING else f.default)
        flag = "--" + f.name.replace("_", "-")
        shown = "none" if default == "" else default
        text = f"{f.metadata.get('help', '')} (default: {shown})".replace("%", "%%")
        if f.type is bool:
            group.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=default, help=text
            )
        else:
            kind = f.type if isinstance(f.type, type) else str
            choices = f.metadata.get("choices")
            group.add_argument(flag, type=kind, default=default, choices=choices, help=text)


def add_run_flags(parser: argparse.ArgumentParser, data: str, out: Path) -> None:
    """The flags that every training has: what is learnt from, where it runs, where the run lies."""
    add = parser.add_argument
    add("--data", nargs="+", default=[data], metavar="[Nx]NAME[=PATH]",
        help="fashion, cifar10, negatives, composited, folder=DIR or a folder of pictures with a "
             f"table; 3xNAME comes three times in a pass (default: {data})")  # fmt: skip
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add("--limit", type=count, default=0, help="pictures of each set, 0 = all (default: 0)")
    add("--out", type=Path, default=out, help=f"run folder (default: {out})")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--resume", action="store_true", help="go on from the last whole checkpoint in --out")


def from_args(cls: type[C], args: argparse.Namespace) -> C:
    """Build a settings object from the flags that `add_flags` made."""
    return cls(**{f.name: getattr(args, f.name) for f in fields(cls)})
