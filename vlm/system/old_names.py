"""Import paths of earlier releases: `vlm.load` and `vlm.generate` work for one more release."""

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any

OLD = {"vlm.load": "vlm.loading.load", "vlm.generate": "vlm.inference.generate"}


class _OldModule(ModuleType):
    """A module that moved; importing a name from it gives a DeprecationWarning."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        home = OLD[self.__name__]
        text = f"{self.__name__} is now {home}; use `from {home} import {name}`, or `vlm.{name}`."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(home), name)


def keep_old_names() -> None:
    """Keep `from vlm.load import load` and `from vlm.generate import stream` working.

    The entries are only in `sys.modules`, so that the attribute `vlm.load` stays the function.
    """
    for name in OLD:
        sys.modules.setdefault(name, _OldModule(name))
