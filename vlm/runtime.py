"""Device, threads, number formats, and the repair of a torchvision that does not match torch."""

import contextlib
import ctypes
import importlib.abc
import importlib.util
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vlm.errors import UserError

if TYPE_CHECKING:
    import torch

_MISSING_SCHEMAS = ("nms", "qnms")
_BITSANDBYTES_CPU, _OPTIONAL_KERNEL = "bitsandbytes.backends.cpu.ops", "kernels-community"
M_MMAP_THRESHOLD, LARGE_BLOCK = -3, 2**20  # malloc.h; bytes
_repair = []  # holds the library object: the operators vanish with it


def repair_torchvision() -> bool:
    """Make `import torchvision` work when its compiled library cannot load; True if it was needed.

    The registry's Linux wheel is a CUDA build. Beside a CPU torch its `_C.so` finds no CUDA
    libraries, so its operators are never defined, and `import torchvision` fails with "operator
    torchvision::nms does not exist", which also takes transformers' AutoProcessor down. Defining
    the two schemas is enough: no code here calls them. A healthy install is left untouched.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or "torchvision" in sys.modules or _repair:
        return bool(_repair)
    import torch

    if _library_loads(Path(spec.origin).parent):
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in _MISSING_SCHEMAS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _repair.append(library)
    return True


class _Repairer(importlib.abc.MetaPathFinder):
    """Repairs torchvision when somebody is about to import it."""

    called = False  # once is enough; the repair itself asks where torchvision lies

    def find_spec(self, fullname: str, path=None, target=None) -> None:
        if fullname == "torchvision" and not self.called:
            self.called = True
            repair_torchvision()


def repair_torchvision_when_imported() -> None:
    """Until then the repair waits: it takes torch, and a --help should not take seconds."""
    if "torchvision" not in sys.modules:
        sys.meta_path.insert(0, _Repairer())


def _library_loads(folder: Path) -> bool:
    """True when every compiled `_C` library in torchvision's folder can be loaded."""
    try:
        for path in [*folder.glob("_C*.so"), *folder.glob("_C*.pyd")]:
            ctypes.CDLL(str(path))
    except OSError:
        return False
    return True


def quiet_bitsandbytes() -> None:
    """Keep one line off every training: that an optional 4-bit kernel of the Hub is not installed.

    bitsandbytes looks for it when it is imported, on CPUs that have AVX512-BF16; without it 4-bit
    weights work as everywhere else.
    """
    logging.getLogger(_BITSANDBYTES_CPU).addFilter(_not_about_the_optional_kernel)


def _not_about_the_optional_kernel(record: logging.LogRecord) -> bool:
    return _OPTIONAL_KERNEL not in str(record.msg)


def pick_device(name: str = "auto") -> "torch.device":
    """`auto` takes a CUDA GPU, then Apple's, then the CPU.

    Raises:
        UserError: when the named device is not on this machine.
    """
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available()}
    available["mps"] = torch.backends.mps.is_available()
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
        if name == "cuda" and "LOCAL_RANK" in os.environ:  # torchrun: a GPU for each process
            name = f"cuda:{os.environ['LOCAL_RANK']}"
    kind, _, number = name.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    numbered = not number or number.isdecimal() and int(number) < count
    if not available.get(kind, False) or not numbered:
        usable = ", ".join(kind for kind, there in available.items() if there)
        raise UserError(f"Device {name!r} is not on this machine; choose one of: auto, {usable}.")
    return torch.device(name)


def processes() -> int:
    """How many train together: torchrun says it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """True for the process that writes: the only one, or torchrun's first."""
    return os.environ.get("RANK", "0") == "0"


def sharded(device: "torch.device") -> bool:
    """True where `accelerate launch` spreads a model over GPUs (FSDP); no process has it whole."""
    return device.type == "cuda" and os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def has_bf16(device: "torch.device") -> bool:
    """True when the device multiplies bfloat16 in hardware (CPU: AVX512-BF16 or AMX)."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported())
    return False


def set_threads(count: int = 0) -> int:
    """Use `count` CPU threads, 0 = one for each core this process may use; return the number."""
    import torch

    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    torch.set_num_threads(count or cores)
    return count or cores


def check_workers(count: int) -> None:
    """Raise a `UserError` where processes that prepare examples cannot be forked."""
    if count and sys.platform != "linux":
        raise UserError("--workers wants Linux, where processes begin as copies; leave it out.")


def loader(items, batch: int, workers: int, collate):
    """A DataLoader that keeps the order and leaves the random state of this process alone.

    Raises:
        UserError: as `check_workers`.
    """
    import torch
    from torch.utils.data import DataLoader

    check_workers(workers)
    own = torch.Generator()  # the loader draws a seed for its workers
    copies = "fork" if workers else None  # data sets hold what could not be sent
    return DataLoader(items, batch, num_workers=workers, collate_fn=collate, generator=own,
                      multiprocessing_context=copies)  # fmt: skip


def peak_memory(device: "torch.device") -> int:
    """Largest memory this process has held so far, in bytes (GPU memory on a GPU)."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def return_large_blocks() -> None:
    """Give every freed block of 1 MB or more back to the system at once, where glibc decides it.

    By itself glibc raises that limit to 32 MB (man 3 mallopt), and a training leaves its heap full
    of holes of that size.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
