"""Train, fine-tune, measure and show small vision-language models.

    import vlm

    bundle = vlm.load("moda-mini")
    for piece in vlm.stream(bundle, vlm.open_image("shirt.jpg"), "Describe this picture."):
        print(piece, end="")

Names are imported on first use, so `import vlm` loads neither torch nor transformers.
"""

import importlib
from typing import Any

from vlm.system.old_names import keep_old_names
from vlm.system.repairs import quiet_bitsandbytes, repair_torchvision_when_imported

repair_torchvision_when_imported()  # must precede transformers
quiet_bitsandbytes()  # likewise: transformers imports it in many places
keep_old_names()

__version__ = "0.2.0"
_HOMES = {
    "load": "vlm.loading.load",
    "describe": "vlm.inference.describe",
    "stream": "vlm.inference.generate",
    "answer": "vlm.inference.generate",
    "batch": "vlm.inference.batch",
    "open_image": "vlm.data.images",
    "Record": "vlm.types",
    "Turn": "vlm.types",
    "UserError": "vlm.errors",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
