"""The guides name only files, links, commands and flags that exist."""

import contextlib
import functools
import io
import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from vlm.__main__ import main

README = (ROOT / "README.md").read_text()
CARDS = sorted((ROOT / "vlm" / "checkpoints").rglob("README.md"))
GUIDES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *CARDS]
SCRIPTS = r"^(?:loupe |python (?:-m vlm|finetune/|bench/|examples/|app\.py))(?:[^\n\\]|\\\n)*"
COMMANDS = sorted(
    {command for path in GUIDES for command in re.findall(SCRIPTS, path.read_text("utf-8"), re.M)}
)


def tree() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text().split("## What is where")[1].split("```")[3]


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_are_not_broken(path: Path):
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_the_tree_lists_every_script_of_the_trainings():
    assert {path.name for path in (ROOT / "finetune").glob("*.py")} <= set(
        re.findall(r"\w+\.py", tree())
    )


def test_the_tree_names_only_what_exists():
    for name in re.findall(r"^(\S+/)", tree(), re.M):
        assert (ROOT / name).is_dir(), name
    folders = ("vlm", "finetune", "examples", "harness", "bench", "tests")
    existing = {path.name for folder in folders for path in (ROOT / folder).rglob("*.py")}
    existing |= {path.name for path in ROOT.glob("*.py")}
    for name in re.findall(r"[\w-]+\.py\b", tree()):
        assert name in existing, name


@functools.cache
def help_text(*script: str) -> str:
    """Return a command's help; commands of the package run in this process."""
    if script[0] == "loupe":
        captured = io.StringIO()
        with contextlib.redirect_stdout(captured), pytest.raises(SystemExit) as exit_info:
            main([*script[1:], "--help"])
        assert exit_info.value.code == 0
        return captured.getvalue()
    process = subprocess.run(
        [sys.executable, *script, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def script_of(words: list[str]) -> list[str]:
    """Return the words that name the program: `loupe train moda`, `finetune/run_moda.py`."""
    if words[:3] == ["python", "-m", "vlm"]:
        words = ["loupe", *words[3:]]
    if words[0] == "loupe":
        return [word for word in words[: 3 if words[1] == "train" else 2] if word != "--help"]
    return words[1:2]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_and_their_flags_exist(command):
    words = shlex.split(command.split(">")[0].replace("\\\n", " "), comments=True)
    text = help_text(*script_of(words))
    flags = set(re.findall(r"--[a-z0-9-]+", text))
    assert {word for word in words if word.startswith("--")} <= flags
    if "--set" in words:
        values = itertools.takewhile(lambda w: w[0] != "-", words[words.index("--set") + 1 :])
        assert all(f"  {value.partition('=')[0]}=" in text for value in values)


def test_front_matter_fits_a_space():
    head = README.split("---")[1]
    assert len(re.search(r"short_description: (.*)", head)[1]) <= 60
    version = re.search(r"sdk_version: (.*)", head)[1]
    assert f"gradio=={version}" in (ROOT / "constraints.txt").read_text()


def test_requirements_do_not_pin_what_a_space_installs():
    ranges = (ROOT / "requirements.txt").read_text()
    assert "==" not in ranges and "pydantic" not in ranges
