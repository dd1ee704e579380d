"""The few names of lmms-eval 0.7.3 that the adapter uses, for tests where it is not installed."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from tests import ROOT

HARNESS = ROOT / "harness"


@dataclass
class Instance:
    """One request: what is asked, as a tuple whose shape depends on the interface."""

    request_type: str
    args: tuple
    idx: int = 0
    task_name: str = "colours"


@dataclass
class GenerationResult:
    text: Any
    token_counts: Any = None


class Lmms:
    """The base class: rank, the tables of the tasks, and letting go."""

    def __init__(self) -> None:
        self._rank, self.task_dict, self.cleaned = 0, {}, False

    @property
    def rank(self) -> int:
        return self._rank

    def clean(self) -> None:
        self.cleaned = True


@dataclass(frozen=True)
class ModelManifest:
    model_id: str
    simple_class_path: str | None = None
    chat_class_path: str | None = None
    aliases: tuple[str, ...] = field(default=())


def parse(text: str) -> dict[str, Any]:
    """`a=1,b=x` as a dictionary; numbers become numbers."""
    pairs = (item.split("=", 1) for item in text.split(",") if item)
    return {name: int(value) if value.isdecimal() else value for name, value in pairs}


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-in where `import lmms_eval...` finds it."""
    modules = {
        "lmms_eval": {},
        "lmms_eval.api": {},
        "lmms_eval.api.instance": {"Instance": Instance, "GenerationResult": GenerationResult},
        "lmms_eval.api.model": {"lmms": Lmms},
        "lmms_eval.models": {},
        "lmms_eval.models.registry_v2": {"ModelManifest": ModelManifest},
        "lmms_eval.utils": {"simple_parse_args_string": parse},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)


@contextmanager
def package() -> Iterator[Callable[[str], ModuleType]]:
    """The plugin's modules by name ("" is the package), with the stand-in beneath them."""
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        patch.syspath_prepend(HARNESS)
        yield lambda name: importlib.import_module(f"loupe_lmms_eval{name}")
        for name in [name for name in sys.modules if name.startswith("loupe_lmms_eval")]:
            del sys.modules[name]


def simple(task: str, number: int, text: str, second: Any, look: Callable | None) -> Instance:
    """A request of the simple interface; `second` is generation_kwargs or an answer to weigh."""
    return Instance("generate_until", (text, second, look, number, task, "dev"), task_name=task)


def chat(task: str, number: int, messages: Callable, wanted: dict | None) -> Instance:
    """A request of the chat interface."""
    args = ("", messages, wanted, number, task, "dev")
    return Instance("generate_until", args, task_name=task)
