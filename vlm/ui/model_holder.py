"""The app's current model: loaded in the background, switched without breaking running answers."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from vlm.config import GenerateConfig
from vlm.errors import UserError
from vlm.loading.presets import PRESETS, default_model
from vlm.types import Bundle

FALLBACK = "moda-mini"  # needs no files that are not shipped
WAIT = 120.0  # seconds that a request waits for the first model to load
log = logging.getLogger(__name__)


def load_bundle(name: str) -> Bundle:
    """Load a model; transformers takes seconds to import, so the page is up before it."""
    from vlm.inference import generate
    from vlm.loading import load

    bundle = load.load(name)
    if name == default_model():  # warm up torch, so that the first answer is not slow
        generate.answer(bundle, Image.new("RGB", (64, 64)), "?", GenerateConfig(max_new_tokens=2))
    return bundle


class Models:
    """One current model for the whole app.

    A request calls `get_model()` once and keeps that bundle to its end, so a switch in between
    changes neither its answer nor the model name shown with it. The old model is freed when its
    last request ends.
    """

    def __init__(self, load_model: Callable[[str], Bundle] = load_bundle, first: str = ""):
        self.load_model, self.first = load_model, first or default_model()
        self.problem = ""
        self._bundle: Bundle | None = None
        self._switching = threading.Lock()
        self._settled = threading.Event()  # the first model is loaded, or failed to load
        self._thread: threading.Thread | None = None

    def start(self) -> "Models":
        """Start loading the first model in the background; later calls do nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load_first, daemon=True)
            self._thread.start()
        return self

    def get_model(self) -> Bundle:
        """Return the current model; wait while the first one loads.

        Raises:
            UserError: when no model is loaded.
        """
        self.start()
        self._settled.wait(WAIT)
        bundle = self._bundle
        if bundle is None:
            raise UserError(self.problem or "The model is still loading; try again shortly.")
        return bundle

    def switch(self, name: str) -> Bundle:
        """Load another model and make it the current one; on failure the old one stays.

        Raises:
            UserError: when it cannot be loaded.
        """
        name = str(name or "").strip()
        check_name(name)
        with self._switching:
            bundle = self._bundle
            if bundle is None or bundle.name != name:
                bundle = self._load(name)
                self._set_current(bundle)
            return bundle

    def get_name(self) -> str:
        """Return the current model's name, or the first one's while it loads."""
        bundle = self._bundle
        return bundle.name if bundle else self.first

    def is_ready(self) -> bool:
        """Return True when a model is loaded."""
        return self._bundle is not None

    def is_settled(self) -> bool:
        """Return True when a model is loaded, or the first one failed to load."""
        return self._settled.is_set()

    def summarize(self) -> list[str]:
        """Return the current model's name, size and device, or the first one's name and state."""
        bundle = self._bundle
        if bundle is None:
            return [self.first, "failed to load" if self._settled.is_set() else "loading…"]
        count = sum(parameter.numel() for parameter in bundle.model.parameters())
        return [bundle.name, f"{count / 1e6:,.1f} M parameters", get_device_name(bundle)]

    def _load_first(self) -> None:
        try:
            bundle = self._load_or_fall_back()
            with self._switching:
                if self._bundle is None:  # else a user has switched to another one meanwhile
                    self._set_current(bundle)
        except UserError as error:
            self.problem = str(error)
        finally:
            self._settled.set()

    def _load_or_fall_back(self) -> Bundle:
        """Load the first model; if it is the default one and fails, load moda-mini instead."""
        try:
            return self._load(self.first)
        except UserError as error:
            if self.first == FALLBACK or self.first != default_model():
                raise
            log.warning("%s Using %s instead.", error, FALLBACK)
            return self._load(FALLBACK)

    def _load(self, name: str) -> Bundle:
        """Load a model; every failure becomes a UserError, with details in the log."""
        try:
            return self.load_model(name)
        except UserError:
            raise
        except Exception as error:
            log.exception("%s could not be loaded", name)
            kind = type(error).__name__
            raise UserError(
                f"The model {name!r} could not be loaded ({kind}); try another."
            ) from error

    def _set_current(self, bundle: Bundle) -> None:
        self._bundle, self.problem = bundle, ""
        self._settled.set()


def get_device_name(bundle: Bundle) -> str:
    """Return the GPU's name, or CPU."""
    import torch

    device = next(bundle.model.parameters()).device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


def check_name(name: str) -> None:
    """Check a model name; on a public Space refuse paths, which would probe its disk.

    Raises:
        UserError: for an empty name, and on a Space for anything that may be a local folder.
    """
    if not name:
        raise UserError("Choose a model, or type a Hub id such as org/model.")
    parts = name.split("/")
    is_hub_id = len(parts) == 2 and all(part and not part.startswith(".") for part in parts)
    is_local = not is_hub_id or "\\" in name or Path(name).exists()
    if os.environ.get("SPACE_ID") and name not in PRESETS and is_local:
        raise UserError(
            "Local folders are not available on a public Space; give a preset or a Hub id."
        )


def list_choices() -> list[tuple[str, str]]:
    """Return (label, name) of the presets that can be loaded, the default one first."""
    default = default_model()
    names = [name for name, preset in PRESETS.items() if preset.openable]
    names.sort(key=lambda name: name != default)
    return [(f"{name}: {PRESETS[name].note}", name) for name in names]
