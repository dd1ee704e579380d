"""What all tests share: the repair before transformers, no network, the real data where it is."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import vlm  # noqa: F401  repairs torchvision before anything imports transformers
from tests import ROOT, pages

BESIDE = ROOT.parent / "shared" / "data"

# at import, because the conftest.py of a subfolder may import the libraries that read these
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("no_proxy", "127.0.0.1,localhost")
if "VLM_DATA" not in os.environ and BESIDE.is_dir():
    os.environ["VLM_DATA"] = str(BESIDE)


def pytest_configure(config: pytest.Config) -> None:
    """Configure hypothesis."""
    settings.register_profile(  # how long an example takes decides nothing
        "loupe", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("loupe")


def pytest_collection_finish(session: pytest.Session) -> None:
    """The libraries' million objects are no garbage: collections need not look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data sets; the test is skipped where there is none."""
    folder = Path(os.environ.get("VLM_DATA", ""))
    if not (folder / "fashion-products" / "train.parquet").is_file():
        pytest.skip("the real data sets are not here: set VLM_DATA to their folder")
    return folder


@pytest.fixture(scope="module")
def old_objects_are_not_garbage() -> Iterator[None]:
    """Each start of the Trainer collects garbage: 0.3 s with all the libraries' objects."""
    gc.freeze()
    yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    with pages.chromium() as context:
        yield context


@pytest.fixture
def visit(browser: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Opens pages and waits for what the test's module calls READY."""
    with pages.watch_pages(browser, request.module.READY) as opened:
        yield opened
