"""Memory: what a training will need, counted before it starts, and what is held meanwhile."""

import contextlib
import ctypes
import gc
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from vlm import parts, runtime
from vlm.config import TrainConfig

ON_GPU = "largest GPU memory that torch held meanwhile"
RESIDENT = "largest resident memory of the whole process meanwhile"
SINCE_START = "largest resident memory of the whole process since it started"
_PROCESS = Path("/proc/self")  # Linux: status tells the peak, clear_refs forgets it (man 5 proc)
BYTES_8BIT = 2  # of optimiser state for each parameter: two moments of one byte
BYTES_32BIT = 8


def needed(model: nn.Module, example: Mapping[str, torch.Tensor], config: TrainConfig) -> Counter:
    """Bytes by what takes them: weights by number format, what learns, gradients, optimiser state.

    Activations are what a forward pass of one example leaves for its backward pass, times the
    batch; with checkpointing one block's at a time, and what enters the others. A quantised layer
    is unpacked while it is used, one at a time.
    """
    found = weights(model)
    for parameter in model.parameters():
        if parameter.requires_grad:
            found["gradients"] += parameter.numel() * parameter.element_size()
            found["optimiser"] += parameter.numel() * moments(config, parameter.device)
    found["activations"] = config.batch_size * activations(model, example, config.checkpointing)
    if unpacked := max(map(_unpacked, model.modules()), default=0):
        found["an unpacked layer"] = unpacked
    return found


def weights(model: nn.Module) -> Counter:
    """Bytes of what is there before the first step: what is frozen and what learns, by format."""
    found: Counter[str] = Counter()
    for parameter in model.parameters():
        kind = str(parameter.dtype).removeprefix("torch.")
        name = f"{'learning' if parameter.requires_grad else 'frozen'} {kind}"
        found[name] += parameter.numel() * parameter.element_size()
        if state := getattr(parameter, "quant_state", None):  # of 4-bit weights
            found["scales"] += sum(part.nbytes for part in state.as_dict(packed=True).values())
    return found


def _unpacked(module: nn.Module) -> int:
    """Bytes of a quantised layer's weights in bfloat16, as it multiplies with them; else 0."""
    packed = isinstance(module, nn.Linear) and not module.weight.is_floating_point()
    return 2 * module.in_features * module.out_features if packed else 0


def moments(config: TrainConfig, device: torch.device) -> int:
    """Bytes of optimiser state for one parameter."""
    return BYTES_8BIT if "8bit" in config.optimiser_on(device.type) else BYTES_32BIT


def activations(model: nn.Module, example: Mapping[str, torch.Tensor], checkpointing: bool) -> int:
    """Bytes that one example holds when its backward pass starts, at the logits.

    Then autograd keeps the logits' log-softmax, and both its gradient and theirs are made, all
    three in float32.
    """
    whole, kept = _kept(model, example), _logits(model, example)
    if not checkpointing:
        return whole + 2 * kept
    blocks, width = _blocks(model)
    size = model.get_input_embeddings().weight.element_size()
    entering = blocks * example["input_ids"].numel() * width * size
    return entering + (whole - kept) // blocks + 3 * kept


def _logits(model: nn.Module, example: Mapping[str, torch.Tensor]) -> int:
    """Bytes of an example's logits in float32."""
    return 4 * example["input_ids"].numel() * model.get_input_embeddings().weight.shape[0]


def _blocks(model: nn.Module) -> tuple[int, int]:
    """Of the decoder: how many blocks, and their width."""
    inside = dict(model.named_modules())[parts.decoder_name(model)]
    config = getattr(inside, "config", model.config)
    return config.num_hidden_layers, config.hidden_size


def _kept(model: nn.Module, example: Mapping[str, torch.Tensor]) -> int:
    """Bytes of the tensors that autograd keeps, each storage once, weights left out."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    sizes: dict[int, int] = {}

    def seen(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # itself, it would keep the whole graph alive in a circle

    with torch.autograd.graph.saved_tensors_hooks(seen, lambda tensor: tensor):
        loss = model.train()(**example).loss  # noqa: F841  kept alive: freed storage is used again
        return sum(sizes.values())


def measured(step: Callable[[], None], device: torch.device) -> int | None:
    """The most bytes that the process (or the GPU) held during a step; None where nothing tells."""
    what = forget_peak(device)
    step()
    return None if what == SINCE_START else peak(device, what)


def forget_peak(device: torch.device) -> str:
    """Start the record of the largest memory anew where that can be done; says what is recorded."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return ON_GPU
    _give_back()
    try:
        (_PROCESS / "clear_refs").write_text("5")
        _status("VmHWM")
    except (OSError, KeyError):  # another system, or a sandbox
        return SINCE_START
    return RESIDENT


def peak(device: torch.device, what: str) -> int:
    """The largest memory since `forget_peak`, in bytes; `what` is its answer."""
    return _status("VmHWM") if what == RESIDENT else runtime.peak_memory(device)


def held(device: torch.device) -> int:
    """Bytes that the process (or, on the GPU, torch) holds now; 0 where nothing tells."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    _give_back()
    try:
        return _status("VmRSS")
    except (OSError, KeyError):
        return 0


def _give_back() -> None:
    """Return what is freed but still held to the system, or earlier work counts as the model's."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # a C library that is not glibc
        ctypes.CDLL(None).malloc_trim(0)


def _status(name: str) -> int:
    """A size of this process in bytes; a KeyError when the system does not tell."""
    lines = (_PROCESS / "status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines if ":" in line)[name].split()[0]) * 1024


def available(device: torch.device) -> int | None:
    """Bytes that are free now; None where nothing tells."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        with open("/proc/meminfo") as file:
            line = next(line for line in file if line.startswith("MemAvailable:"))
        return 1024 * int(line.split()[1])
    except (OSError, StopIteration):
        return None
