"""What pyproject.toml cannot say: the app's example pictures are installed inside the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["vlm", "vlm.*"]), "vlm.examples"],
    package_dir={"vlm.examples": "examples"},
)
