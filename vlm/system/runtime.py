"""Devices, processes, threads and number formats of the machine."""

import os
import sys
from typing import TYPE_CHECKING

from vlm.errors import UserError

if TYPE_CHECKING:
    import torch


def pick_device(name: str = "auto") -> "torch.device":
    """Return the device with this name; `auto` prefers a CUDA GPU, then Apple's, then the CPU.

    Raises:
        UserError: when the machine has no such device.
    """
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available()}
    available["mps"] = torch.backends.mps.is_available()
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
        if name == "cuda" and "LOCAL_RANK" in os.environ:  # torchrun: one GPU per process
            name = f"cuda:{os.environ['LOCAL_RANK']}"
    kind, _, number = name.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    number_exists = not number or number.isdecimal() and int(number) < count
    if not available.get(kind, False) or not number_exists:
        usable = ", ".join(kind for kind, is_available in available.items() if is_available)
        raise UserError(f"Device {name!r} is not on this machine; choose one of: auto, {usable}.")
    return torch.device(name)


def process_count() -> int:
    """Return the number of processes that train together, as set by torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Return True in the process that writes files: the only one, or torchrun's first."""
    return os.environ.get("RANK", "0") == "0"


def is_sharded(device: "torch.device") -> bool:
    """Return True if `accelerate launch` distributes each model over several GPUs (FSDP)."""
    return device.type == "cuda" and os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def has_bf16(device: "torch.device") -> bool:
    """Return True if the device multiplies bfloat16 in hardware (CPU: AVX512-BF16 or AMX)."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported())
    return False


def autocast(device: "torch.device", bf16: bool = True) -> "torch.autocast":
    """Return a context that computes in bfloat16 if wanted and if the hardware has it."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=bf16 and has_bf16(device))


def set_threads(count: int = 0) -> int:
    """Set the number of CPU threads, 0 = one per core that this process may use; return it."""
    import torch

    if not count:
        has_affinity = hasattr(os, "sched_getaffinity")
        count = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    torch.set_num_threads(count)
    return count


def check_workers(count: int) -> None:
    """Raise a `UserError` where the processes that prepare examples cannot be forked."""
    if count and sys.platform != "linux":
        raise UserError("workers need Linux, where processes can be forked; omit the setting.")


def data_loader(items, batch: int, workers: int, collate):
    """Return a DataLoader that keeps the order and does not touch this process's random state.

    Args:
        batch: items per batch.
        workers: processes that prepare items, 0 = this one.

    Raises:
        UserError: as `check_workers`.
    """
    import torch
    from torch.utils.data import DataLoader

    check_workers(workers)
    return DataLoader(
        items,
        batch,
        num_workers=workers,
        collate_fn=collate,
        generator=torch.Generator(),  # the loader draws a seed for its workers from it
        multiprocessing_context="fork" if workers else None,  # items may not be picklable
    )
