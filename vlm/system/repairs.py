"""Workarounds for faults of other packages: torchvision with a CPU torch, bitsandbytes' warning."""

import ctypes
import importlib.abc
import importlib.util
import logging
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_MISSING_OPERATORS = ("nms", "qnms")
_BITSANDBYTES_CPU, _OPTIONAL_KERNEL = "bitsandbytes.backends.cpu.ops", "kernels-community"
_libraries = []  # keeps the library object alive: its operators disappear with it


def repair_torchvision_when_imported() -> None:
    """Install the repair to run when torchvision is imported.

    Not before, because it imports torch, and `--help` should not take seconds.
    """
    if "torchvision" not in sys.modules:
        sys.meta_path.insert(0, _Repairer())


class _Repairer(importlib.abc.MetaPathFinder):
    """Import hook that repairs torchvision just before it is imported."""

    busy = False  # the repair itself looks for torchvision, which calls this hook again

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        if fullname != "torchvision" or self.busy:
            return None
        self.busy = True
        try:
            repair_torchvision()
            spec = importlib.util.find_spec(fullname)
        finally:
            self.busy = False
        if spec and spec.loader:
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda module: _without_compiler(load, module)
        return spec


def _without_compiler(load, module: ModuleType) -> None:
    """Load torchvision without torch's compiler, which takes a second to import.

    torchvision imports it for one function that tells if an operator can be compiled.
    """
    names = "torch._dynamo", "torch._dynamo.utils"
    if sys.modules.keys() & set(names):
        return load(module)
    stand_ins = {name: ModuleType(name) for name in names}
    stand_ins[names[0]].__path__ = []
    stand_ins[names[1]].is_compile_supported = lambda device: False
    sys.modules.update(stand_ins)
    try:
        load(module)
    finally:
        for name in names:
            del sys.modules[name]


def repair_torchvision() -> bool:
    """Make `import torchvision` work if its compiled library cannot be loaded.

    The Linux wheel on PyPI is a CUDA build. With a CPU torch, its `_C.so` finds no CUDA libraries,
    so its operators are not defined, and `import torchvision` fails with "operator
    torchvision::nms does not exist", as does transformers' AutoProcessor. Defining the schemas of
    two operators is enough: nothing here calls them. A healthy installation is not changed.

    Returns:
        True if torchvision had to be repaired, now or earlier.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or "torchvision" in sys.modules or _libraries:
        return bool(_libraries)
    import torch

    if _library_loads(Path(spec.origin).parent):
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in _MISSING_OPERATORS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
    return True


def _library_loads(folder: Path) -> bool:
    """Return True if every compiled `_C` library in torchvision's folder can be loaded."""
    try:
        for path in [*folder.glob("_C*.so"), *folder.glob("_C*.pyd")]:
            ctypes.CDLL(str(path))
    except OSError:
        return False
    return True


def quiet_bitsandbytes() -> None:
    """Suppress the warning that an optional 4-bit kernel from the Hub is not installed.

    bitsandbytes looks for it at import, on CPUs with AVX512-BF16; 4-bit weights work without it.
    """
    logging.getLogger(_BITSANDBYTES_CPU).addFilter(_is_other_message)


def _is_other_message(record: logging.LogRecord) -> bool:
    """Return False for the message about the optional kernel."""
    return _OPTIONAL_KERNEL not in str(record.msg)
