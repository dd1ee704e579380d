"""The guides say what is there: files, links, commands, flags."""

import contextlib
import functools
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from vlm.__main__ import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CARD = ROOT / "vlm" / "checkpoints" / "moda-mini" / "README.md"
GUIDES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), CARD]
SCRIPTS = r"^python (?:-m vlm|finetune/|bench/|examples/|app\.py)(?:[^\n\\]|\\\n)*"
COMMANDS = sorted(
    {command for path in GUIDES for command in re.findall(SCRIPTS, path.read_text("utf-8"), re.M)}
)


def tree() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text().split("## What is where")[1].split("```")[1]


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path):
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_every_file_of_the_package_stands_in_the_tree():
    named = set(re.findall(r"[\w-]+\.py", tree()))
    package = {path.name for path in (ROOT / "vlm").glob("*.py")} - {"__init__.py"}
    commands = {path.name for path in (ROOT / "finetune").glob("*.py")}
    assert package | commands <= named


def test_what_the_tree_names_is_there():
    for name in re.findall(r"^(\S+/)", tree(), re.M):
        assert (ROOT / name).is_dir(), name
    folders = ("vlm", "finetune", "examples", "harness", "bench", "tests")
    there = {path.name for folder in folders for path in (ROOT / folder).rglob("*.py")}
    there |= {path.name for path in ROOT.glob("*.py")}
    for name in re.findall(r"[\w-]+\.py\b", tree()):
        assert name in there, name


@functools.cache
def help_of(*script: str) -> str:
    """What a command says of itself; those of the package are asked without a process each."""
    if script[0] == "-m":
        said = io.StringIO()
        with contextlib.redirect_stdout(said), pytest.raises(SystemExit) as ended:
            main([*script[2:], "--help"])
        assert ended.value.code == 0
        return said.getvalue()
    out = subprocess.run(
        [sys.executable, *script, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert out.returncode == 0, out.stderr
    return out.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_use_flags_that_exist(command):
    words = shlex.split(command.split(">")[0].replace("\\\n", " "), comments=True)
    script = words[1:4] if words[1] == "-m" else words[1:2]
    for flag in (word for word in words if word.startswith("--")):
        assert flag in help_of(*script)


def test_front_matter_fits_a_space():
    head = README.split("---")[1]
    assert len(re.search(r"short_description: (.*)", head)[1]) <= 60
    version = re.search(r"sdk_version: (.*)", head)[1]
    assert f"gradio=={version}" in (ROOT / "constraints.txt").read_text()


def test_requirements_do_not_pin_what_a_space_installs_itself():
    ranges = (ROOT / "requirements.txt").read_text()
    assert "==" not in ranges and "pydantic" not in ranges
