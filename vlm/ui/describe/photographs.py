"""Photographs that installed packages bring, as examples for models that know more than products.

They are read from the packages, which have their own terms, and never copied.
"""

from importlib import util
from pathlib import Path
from typing import NamedTuple

from vlm.loading.presets import EVERYDAY_PROMPTS
from vlm.ui.describe import prompts
from vlm.ui.describe.examples import Example


class Photograph(NamedTuple):
    """A picture file of an installed package.

    Attributes:
        file: its path in the package.
    """

    title: str
    package: str
    file: str


PHOTOGRAPHS = (
    Photograph("Cheetah", "gradio", "media_assets/images/cheetah1.jpg"),
    Photograph("Lion", "gradio", "media_assets/images/lion.jpg"),
    Photograph("Tower", "gradio", "media_assets/images/tower.jpg"),
    Photograph("Bus", "gradio", "media_assets/images/bus.png"),
    Photograph("Temple", "sklearn", "datasets/images/china.jpg"),
    Photograph("Flower", "sklearn", "datasets/images/flower.jpg"),
    Photograph("Portrait", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
)


def read() -> list[Example]:
    """Return the photographs whose package and file are here, without stored answers."""
    found = [(photo.title, find(photo)) for photo in PHOTOGRAPHS]
    return [Example(path, title) for title, path in found if path]


def find(photo: Photograph) -> Path | None:
    """Return the file, None if the package or the file is missing; the package is not imported."""
    spec = util.find_spec(photo.package)
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / photo.file if folders else None
    return path if path and path.is_file() else None


def are_shown(model: str) -> bool:
    """Return True for a model that is asked about everyday pictures, if there are any here."""
    return prompts.of(model) is EVERYDAY_PROMPTS and bool(read())
