"""An installed copy needs nothing from the repository: app, examples, drawing, trainings."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import ROOT

pytestmark = pytest.mark.slow
SOURCES = ("vlm", "examples", "pyproject.toml", "setup.py", "requirements.txt", "README.md")
PROBE = """
import json, sys
import vlm
print(vlm.__file__)
assert not {"torch", "transformers"} & set(sys.modules)
from vlm.ui.describe import examples
print(json.dumps([[str(e.path), bool(e.answer)] for e in examples.read()]))
from vlm.ui import build_app
from vlm.ui.model_holder import Models
build_app(Models(first="moda-mini"))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the wheel, unpacked in a folder of its own."""
    folder = tmp_path_factory.mktemp("install")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "."]
    subprocess.run([*command, "-w", "wheel"], cwd=folder, check=True, capture_output=True)
    (wheel,) = (folder / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, folder: Path, *words: str) -> str:
    """The output of Python in another folder, with the unpacked wheel."""
    env = os.environ | {"PYTHONPATH": str(site), "VLM_CACHE": str(folder / "cache")}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_app_has_its_examples(site: Path, tmp_path: Path) -> None:
    origin, listed = run(site, tmp_path, "-c", PROBE).splitlines()[:2]
    assert Path(origin).is_relative_to(site)
    examples = json.loads(listed)
    assert len(examples) == len(list((ROOT / "examples").glob("*.jpg")))
    assert all(Path(path).is_relative_to(site) and answered for path, answered in examples)


def test_the_commands_work(site: Path, tmp_path: Path) -> None:
    picture = str(site / "vlm" / "examples" / "polo.jpg")
    assert "T-shirt" in run(
        site, tmp_path, "-m", "vlm", "describe", picture, "--model", "moda-mini"
    )
    words = ["train", "moda", "--data", "drawn", "--limit", "24", "--held-out", "12", "--dry-run"]
    assert "drawn/train: 24 pictures" in run(site, tmp_path, "-m", "vlm", *words)
    words = ["train", "adapter", "--data", "drawn", "--limit", "24", "--held-out", "12"]
    assert "tokens per example" in run(site, tmp_path, "-m", "vlm", *words, "--dry-run")
    for page in ("report.html.jinja", "panel.html.jinja", "check.html.jinja"):
        assert list((site / "vlm").rglob(page))
