"""The model that the app answers with: opened in the background, switched while others use it."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from vlm.config import GenerateConfig
from vlm.errors import UserError
from vlm.presets import PRESETS
from vlm.types import Bundle

FIRST = "moda-mini"
WAIT = 120.0  # seconds that a request waits for the first model
log = logging.getLogger(__name__)


def open_bundle(name: str) -> Bundle:
    """`load.load`, imported late: transformers takes seconds, the page is up before it."""
    from vlm import generate, load

    bundle = load.load(name)
    if name == FIRST:  # the first answer would else pay for what torch prepares once
        generate.answer(bundle, Image.new("RGB", (64, 64)), "?", GenerateConfig(max_new_tokens=2))
    return bundle


class Models:
    """One current model for the whole app.

    A request takes `current()` once and keeps that bundle to its end, so a switch in between
    changes neither its answer nor the name shown with it; the old model goes with its last user.
    """

    def __init__(self, open_model: Callable[[str], Bundle] = open_bundle, first: str = FIRST):
        self.open_model, self.first = open_model, first
        self.name, self.problem = first, ""
        self._bundle: Bundle | None = None
        self._switching = threading.Lock()
        self._settled = threading.Event()  # the first model is open, or has failed to
        self._thread: threading.Thread | None = None

    def start(self) -> "Models":
        """Begin to open the first model in the background; harmless when repeated."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._open_first, daemon=True)
            self._thread.start()
        return self

    def current(self) -> Bundle:
        """The model to answer with; waits while the first one is being opened.

        Raises:
            UserError: when no model is open.
        """
        self.start()
        self._settled.wait(WAIT)
        bundle = self._bundle
        if bundle is None:
            raise UserError(self.problem or "The model is still being opened; try again shortly.")
        return bundle

    def switch(self, name: str) -> Bundle:
        """Open another model and make it the current one; when that fails the old one stays.

        Raises:
            UserError: when it cannot be opened.
        """
        name = str(name or "").strip()
        check_name(name)
        with self._switching:
            bundle = self._bundle
            if bundle is None or bundle.name != name:
                bundle = self._open(name)
                self._take(bundle)
            return bundle

    def ready(self) -> bool:
        """True when a model is open."""
        return self._bundle is not None

    def settled(self) -> bool:
        """True when there is nothing to wait for: a model is open, or the first one failed."""
        return self._settled.is_set()

    def facts(self) -> list[str]:
        """What is open, as a few words each: name, size, device."""
        bundle = self._bundle
        if bundle is None:
            return [self.first, "could not be opened" if self._settled.is_set() else "loading…"]
        count = sum(parameter.numel() for parameter in bundle.model.parameters())
        return [bundle.name, f"{count / 1e6:,.1f} M parameters", device(bundle)]

    def _open_first(self) -> None:
        try:
            bundle = self._open(self.first)
            with self._switching:
                if self._bundle is None:  # somebody may have been quicker with another one
                    self._take(bundle)
        except UserError as error:
            self.problem = str(error)
        finally:
            self._settled.set()

    def _open(self, name: str) -> Bundle:
        """Open; whatever goes wrong becomes one sentence, the rest goes to the log."""
        try:
            return self.open_model(name)
        except UserError:
            raise
        except Exception as error:
            log.exception("%s did not open", name)
            kind = type(error).__name__
            raise UserError(f"The model {name!r} did not open ({kind}); try another.") from error

    def _take(self, bundle: Bundle) -> None:
        self._bundle, self.problem = bundle, ""
        self._settled.set()


def device(bundle: Bundle) -> str:
    """Where the model computes, for people: CPU, or the GPU's name."""
    import torch

    place = next(bundle.model.parameters()).device
    return torch.cuda.get_device_name(place) if place.type == "cuda" else place.type.upper()


def check_name(name: str) -> None:
    """Refuse what a visitor of a public Space must not open: a path would probe its disk.

    Raises:
        UserError: for an empty name, and on a Space for anything that may be a local folder.
    """
    if not name:
        raise UserError("Choose a model, or type a Hub id such as org/model.")
    parts = name.split("/")
    hub_id = len(parts) == 2 and all(part and not part.startswith(".") for part in parts)
    local = not hub_id or "\\" in name or Path(name).exists()
    if os.environ.get("SPACE_ID") and name not in PRESETS and local:
        raise UserError("Local folders are closed on a public Space; give a preset or a Hub id.")


def choices() -> list[tuple[str, str]]:
    """The presets that can be opened, each with its note, the shipped one first."""
    rows = {name: preset for name, preset in PRESETS.items() if preset.path}
    return [(f"{name}: {preset.note}", name) for name, preset in rows.items()]
