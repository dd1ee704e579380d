"""Settings as frozen dataclasses: each field has its default, help text, bounds and choices."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

from vlm.errors import UserError

DESCRIBE = "Describe this picture."  # the default question
CAPTION = "Caption this picture."  # the question when captions are compared with people's
SCHEDULES = ("cosine_with_min_lr", "linear", "constant_with_warmup")
OPTIMISERS = ("auto", "adamw_torch", "adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit")
QUANTIZE = ("4bit", "8bit", "none")
SMALL = 1000  # examples: with fewer a fine-tuning stops early and measures what was forgotten


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
    projector_rate: float = setting(
        0.0, "peak learning rate of the projector, 0 = learning_rate", low=0, high=1
    )
    min_lr_rate: float = setting(0.1, "last learning rate, as a share of the peak", low=0, high=1)
    schedule: str = setting(
        SCHEDULES[0], "learning-rate schedule after the warm-up", choices=SCHEDULES
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
class PanelConfig:
    """What is described while a model trains."""

    panel: int = setting(6, "held-out pictures described during training", low=0)

    def __post_init__(self):
        check(self)


@dataclass(frozen=True)
class MonitorConfig(PanelConfig):
    """What is described and scored while a model trains."""

    panel_from: str = setting("", "a folder of more pictures to describe")
    measure: int = setting(200, "held-out pictures whose descriptions are scored", low=0)


@dataclass(frozen=True)
class ModaDataConfig:
    """What the MODA training makes of pictures and questions; `--recipe` sets several at once."""

    turns: int = setting(
        0,
        "questions per image per epoch, later epochs ask the next ones, 0 = all; packed answers "
        "also have all captions",
        low=0,
    )
    tasks: str = setting("", "kinds of questions, such as caption,presence; empty = all")
    captions: int = setting(
        0, "captions of each picture, those most like its others, 0 = all", low=0
    )
    mild: bool = setting(False, "weaker augmentation for product photos")
    mixed: int = setting(
        0, "add this percentage of blends of two pictures, labelled by a linear probe", low=0
    )
    sure: int = setting(
        0, "add the probe's labels above this percentage of confidence, 0 = none", low=0, high=100
    )
    matched: bool = setting(False, "label each view with the linear probe's predictions")
    words: float = setting(
        0.0,
        "passes that first teach a new projector the words of the answers, 0 = none",
        low=0,
        high=1000,
    )
    names: int = setting(
        0, "imagined pictures of each class of the tower's classifier, 0 = none", low=0
    )
    lora: int = setting(
        0, "rank of LoRA on the decoder, 0 = train the decoder's own weights", low=0, high=1024
    )
    half_features: bool = setting(False, "run the frozen tower in bfloat16: faster, less exact")
    reward: float = setting(
        0.0, "weight of a loss that rewards sampled captions by CIDEr-D, 0 = none", low=0, high=1000
    )
    packed: bool = setting(True, "a picture's answers in one sequence, where the decoder allows it")

    def __post_init__(self):
        check(self)


@dataclass(frozen=True)
class NamesConfig:
    """What the training on a classifier's names imagines."""

    per_class: int = setting(10, "imagined pictures of each class per epoch", low=1)
    variants: int = setting(16, "different features of each imagined picture", low=1)
    turns: int = setting(
        1, "questions per picture per epoch, later epochs ask the next ones, 0 = all", low=0
    )
    unsure: int = setting(20, "percentage in which the classifier is unsure", low=0, high=100)
    fade: float = setting(0.6, "what is kept of the real background", low=0, high=1)

    def __post_init__(self):
        check(self)


@dataclass(frozen=True)
class AlignConfig:
    """How a vision tower is aligned with captions."""

    decay: float = setting(0.998, "decay of the weights' moving average", low=0, high=0.99999)
    heads: bool = setting(True, "train attribute heads beside the captions")
    mild: bool = setting(False, "weaker augmentation for product photos, for the last part")
    erase: int = setting(0, "percentage of views with a part hidden behind grey", low=0, high=100)
    half: bool = setting(False, "save the tower in float16, half the size")
    stages: int = setting(0, "train only the last N stages of --vision, 0 = all", low=0)
    closeness: float = setting(
        0.0, "weight of the distance from the original features of --vision", low=0, high=1000
    )
    tuned: int = setting(
        100,
        "percentage of the trained weights in the saved ones, the rest is --vision's",
        low=1,
        high=100,
    )

    def __post_init__(self):
        check(self)


@dataclass(frozen=True)
class AdapterConfig:
    """How a model is adapted: LoRA (arXiv 2106.09685), on 4-bit weights QLoRA (2305.14314)."""

    rank: int = setting(16, "rank of the LoRA matrices", low=1, high=1024)
    alpha: float = setting(
        32.0, "LoRA scale: updates are multiplied by alpha / rank", low=0, high=4096
    )
    dropout: float = setting(0.05, "dropout on the LoRA input", low=0, high=0.9)
    targets: str = setting(
        "all", "the decoder's linear layers to adapt, separated by commas, or all"
    )
    connector: str = setting(
        "full", "how the projector is trained", choices=("full", "lora", "frozen")
    )
    vision: str = setting("frozen", "how the vision tower is trained", choices=("lora", "frozen"))
    image_size: int = setting(
        0, "longest side of a picture that is cut into tiles, pixels, 0 = the base's own", low=0
    )
    tiles: bool = setting(True, "cut pictures into tiles, where the base does")
    quantize: str = setting(
        "none",
        "format of the decoder's frozen weights: NF4, LLM.int8, unquantised",
        choices=QUANTIZE,
    )

    def __post_init__(self):
        check(self)


def problems(config: Any) -> list[str]:
    """Return one clause for each setting outside its bounds."""
    clauses = []
    for f in fields(config):
        value, meta = getattr(config, f.name), f.metadata
        if meta.get("choices") and value not in meta["choices"]:
            clauses.append(
                f"{f.name} is {value!r}, choose one of: {', '.join(map(str, meta['choices']))}"
            )
        elif meta.get("low") is not None and not _within(value, meta["low"], meta["high"], f.type):
            upper = "" if meta["high"] is None else f" and at most {meta['high']}"
            clauses.append(f"{f.name} is {value!r}, allowed is at least {meta['low']}{upper}")
    return clauses


def _within(value: Any, low: float, high: float | None, kind: Any) -> bool:
    """Return True for a finite number of the right kind within [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    if kind is int and value != int(value):
        return False
    return low <= value and (high is None or value <= high)


def check(config: Any) -> None:
    """Raise one `UserError` that names every setting out of bounds."""
    clauses = problems(config)
    if clauses:
        raise UserError("Settings out of range: " + "; ".join(clauses) + ".")
