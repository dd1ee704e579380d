"""Memory of this process and of the GPU: how much is held, how much is free, what a step takes."""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path

import torch

M_MMAP_THRESHOLD, LARGE_BLOCK = -3, 2**20  # from malloc.h; bytes
# What a peak is a peak of; these words are stored with the figures.
ON_GPU = "largest GPU memory that torch held meanwhile"
RESIDENT = "largest resident memory of the whole process meanwhile"
SINCE_START = "largest resident memory of the whole process since it started"
_PROCESS = Path("/proc/self")  # Linux: status has the peak, clear_refs resets it (man 5 proc)


def measure_peak(step: Callable[[], None], device: torch.device) -> int | None:
    """Run a step and return its peak memory in bytes, None where it cannot be measured."""
    what = reset_peak(device)
    step()
    return None if what == SINCE_START else peak_since_reset(device, what)


def reset_peak(device: torch.device) -> str:
    """Reset the peak, where the system allows it; return what the next peak is a peak of."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return ON_GPU
    _release_freed_memory()
    try:
        (_PROCESS / "clear_refs").write_text("5")
        _status("VmHWM")
    except (OSError, KeyError):  # another system, or a sandbox
        return SINCE_START
    return RESIDENT


def peak_since_reset(device: torch.device, what: str) -> int:
    """Return the peak memory in bytes since `reset_peak`, which returned `what`."""
    return _status("VmHWM") if what == RESIDENT else peak_memory(device)


def peak_memory(device: torch.device) -> int:
    """Return the peak memory of this process since it started, in bytes; on a GPU, the GPU's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def current(device: torch.device) -> int:
    """Return the bytes that the process (on a GPU: torch) uses now, 0 if unknown."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    _release_freed_memory()
    try:
        return _status("VmRSS")
    except (OSError, KeyError):
        return 0


def available(device: torch.device) -> int | None:
    """Return the free bytes, None where unknown."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        with open("/proc/meminfo") as file:
            line = next(line for line in file if line.startswith("MemAvailable:"))
        return 1024 * int(line.split()[1])
    except (OSError, StopIteration):
        return None


def return_large_blocks() -> None:
    """Make glibc return every freed block of 1 MB or more to the system at once.

    By default glibc raises this limit to 32 MB (man 3 mallopt), and training leaves the heap full
    of holes of that size.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # a C library other than glibc
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def _release_freed_memory() -> None:
    """Return freed memory to the system, so that earlier work is not counted."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # a C library other than glibc
        ctypes.CDLL(None).malloc_trim(0)


def _status(name: str) -> int:
    """Return a size from /proc/self/status in bytes.

    Raises:
        KeyError: when the system does not report it.
    """
    lines = (_PROCESS / "status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines if ":" in line)[name].split()[0]) * 1024
