"""Settings and the flags made of them; the commands of finetune/ up to their first real work."""

import argparse
import importlib
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pytest

from vlm.config import (
    AdapterConfig,
    GenerateConfig,
    TrainConfig,
    add_flags,
    count,
    from_args,
    problems,
    setting,
)
from vlm.data import DATASETS
from vlm.errors import UserError
from vlm.presets import PRESETS, PROJECTORS

ROOT = Path(__file__).parents[1]
CLASSES = [AdapterConfig, GenerateConfig, TrainConfig]
COMMANDS = sorted(path.stem for path in (ROOT / "finetune").glob("*.py"))
FIELDS = [(cls, f) for cls in CLASSES for f in fields(cls)]
NUMBERS = [(cls, f) for cls, f in FIELDS if f.type in (int, float)]


def names(cases: list) -> list[str]:
    return [f"{cls.__name__}.{f.name}" for cls, f in cases]


def parsed(cls: type, words: list[str], **defaults) -> object:
    """The settings that a command line gives."""
    parser = argparse.ArgumentParser()
    add_flags(parser, cls, **defaults)
    return from_args(cls, parser.parse_args(words))


def other(f) -> object:
    """An allowed value that is not the default."""
    if f.type is bool:
        return not f.default
    if f.type is str:
        return next(c for c in f.metadata["choices"] or ["other"] if c != f.default)
    low, high = f.metadata["low"], f.metadata["high"]
    near = f.default + 1 if high is None or f.default + 1 <= high else low
    return near if f.type is int else (f.default + low) / 2 if f.default > low else high


def flag(f, value: object) -> list[str]:
    name = f.name.replace("_", "-")
    return [f"--{name}" if value else f"--no-{name}"] if f.type is bool else [f"--{name}={value}"]


# Settings


@pytest.mark.parametrize("cls", CLASSES)
def test_no_flags_give_the_defaults(cls: type) -> None:
    assert parsed(cls, []) == cls()


@pytest.mark.parametrize("cls", CLASSES)
def test_flags_give_back_every_setting(cls: type) -> None:
    changed = cls(**{f.name: other(f) for f in fields(cls)})
    assert all(getattr(changed, f.name) != f.default for f in fields(cls))
    words = [word for f in fields(cls) for word in flag(f, getattr(changed, f.name))]
    assert parsed(cls, words) == changed


def test_a_boolean_has_two_flags() -> None:
    assert parsed(TrainConfig, ["--bf16"]).bf16 and not parsed(TrainConfig, ["--no-bf16"]).bf16
    assert not parsed(TrainConfig, [], bf16=False).bf16
    assert parsed(TrainConfig, ["--bf16"], bf16=False).bf16


def test_a_presets_defaults_come_before_the_class_and_after_the_flag() -> None:
    assert parsed(TrainConfig, [], epochs=7).epochs == 7
    assert parsed(TrainConfig, ["--epochs", "3"], epochs=7).epochs == 3


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError):
        TrainConfig().epochs = 3


@pytest.mark.parametrize(("cls", "f"), NUMBERS, ids=names(NUMBERS))
def test_a_number_out_of_bounds_is_named_with_what_is_allowed(cls: type, f) -> None:
    low, high = f.metadata["low"], f.metadata["high"]
    tops = [] if high is None else [high]
    for value in [low - 1, *(top + 1 for top in tops)]:
        with pytest.raises(UserError) as caught:
            cls(**{f.name: value})
        for part in (f.name, repr(value), f"at least {low}"):
            assert part in str(caught.value)
        assert high is None or f"at most {high}" in str(caught.value)
    for value in [low, *tops]:
        assert getattr(cls(**{f.name: value}), f.name) == value


@pytest.mark.parametrize(("cls", "f"), NUMBERS, ids=names(NUMBERS))
def test_what_is_no_finite_number_is_refused(cls: type, f) -> None:
    for value in (math.nan, math.inf, -math.inf, None, "1", True, [1], 1e308 * 10):
        with pytest.raises(UserError, match=f.name):
            cls(**{f.name: value})
    if f.type is int:
        with pytest.raises(UserError, match=f.name):
            cls(**{f.name: f.metadata["low"] + 0.5})


def test_all_problems_are_named_at_once() -> None:
    bad = {"learning_rate": math.nan, "batch_size": 0, "seed": 2**40, "epochs": -1.0}
    with pytest.raises(UserError) as caught:
        TrainConfig(**bad)
    assert str(caught.value).count(";") == len(bad) - 1 and "\n" not in str(caught.value)
    assert all(f"{name} is {value!r}" in str(caught.value) for name, value in bad.items())


def test_a_choice_is_answered_with_the_choices() -> None:
    @dataclass(frozen=True)
    class Paint:
        colour: str = setting("red", "of the wall", choices=("red", "blue"))

    assert problems(Paint("green")) == ["colour is 'green', choose one of: red, blue"]
    assert problems(Paint("blue")) == []
    assert parsed(Paint, ["--colour", "blue"]) == Paint("blue")
    with pytest.raises(SystemExit):
        parsed(Paint, ["--colour", "green"])


@pytest.mark.parametrize("text", ["-1", "1.5", "", "x", "1e3", "²", "nan"])
def test_a_count_is_a_whole_number(text: str) -> None:
    assert count("0") == 0 and count("12") == 12
    with pytest.raises(argparse.ArgumentTypeError):
        count(text)


# Commands


def refusal(command: str, words: list[str], capsys) -> str:
    """What a command says to wrong flags, on its last line; it must end with code 2."""
    with pytest.raises(SystemExit) as caught:
        importlib.import_module(f"finetune.{command}").main(words)
    out, error = capsys.readouterr()
    assert caught.value.code == 2 and "Traceback" not in error
    last = error.splitlines()[-1]
    assert "error: " in last
    return last


@pytest.fixture(scope="module", params=COMMANDS)
def help_text(request: pytest.FixtureRequest, no_torch: Path) -> str:
    """What --help prints, in one line."""
    return help_of([f"finetune/{request.param}.py"], no_torch)


@pytest.fixture(scope="module")
def no_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on whose path torch, which takes seconds, cannot be imported."""
    folder = tmp_path_factory.mktemp("no_torch")
    (folder / "torch.py").write_text("raise SystemExit('a help text imports torch')")
    return folder


def help_of(command: list[str], no_torch: Path) -> str:
    """What a command's --help prints, in one line; it must come at once."""
    env = os.environ | {"PYTHONPATH": str(no_torch), "COLUMNS": "100"}
    command = [sys.executable, *command, "--help"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return " ".join(done.stdout.split())


def test_help_of_all_commands_comes_without_torch(no_torch: Path) -> None:
    assert "describe" in help_of(["-m", "vlm"], no_torch)


def test_help_names_every_setting_with_its_unit_and_default(help_text: str) -> None:
    for f in fields(TrainConfig):
        text = (
            rf"--{f.name.replace('_', '-')}.*? {re.escape(f.metadata['help'])} \(default: [^)]+\)"
        )
        assert re.search(text, help_text), f.name


def test_help_gives_a_default_for_every_flag_that_takes_a_value(help_text: str) -> None:
    listed = help_text.split(" options: ")[1]
    flags = re.findall(r"(--[a-z0-9-]+) (?:[A-Z_]{2,}|N|\{[^}]+\}) (.*?)(?= --|$)", listed)
    assert len(flags) > 15
    assert all("default: " in text for _, text in flags), flags


def test_help_begins_with_what_the_command_does_and_how_to_run_it(help_text: str) -> None:
    before = help_text.split(" options: ")[0]
    assert re.search(r"python finetune/run_\w+\.py .*--out runs/", before)
    assert "--resume" in before


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (["--preset", "mini"], [name for name, row in PRESETS.items() if row.buildable]),
        (["--data", "imagenet"], DATASETS),
        (["--projector", "mpl"], PROJECTORS),
        (["--image-features", "pool"], ["pooled", "projected", "patches"]),
        (["--device", "tpu"], ["auto", "cpu"]),
    ],
    ids=["preset", "data", "projector", "image-features", "device"],
)
def test_an_unknown_name_is_answered_with_the_known_ones(words, known, capsys) -> None:
    said = refusal("run_moda", words, capsys)
    assert words[1] in said and all(name in said for name in known)


def test_a_finished_model_is_no_preset_to_train(capsys) -> None:
    """It has no parts to build a new one from."""
    buildable = sorted(name for name, row in PRESETS.items() if row.buildable)
    said = refusal("run_moda", ["--preset", "smolvlm-256m"], capsys)
    assert said.endswith(f"choose one of: {', '.join(buildable)}.")


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_settings_are_all_named_before_anything_is_loaded(command: str, capsys) -> None:
    words = ["--learning-rate", "nan", "--batch-size", "0", "--seed", "-1"]
    said = refusal(command, words, capsys)
    assert all(name in said for name in ("learning_rate is nan", "batch_size is 0", "seed is -1"))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run_moda", ["--limit", "-1"]),
        ("run_moda", ["--views", "-3"]),
        ("run_moda", ["--panel", "-1"]),
        ("run_moda", ["--show-labels", "-1"]),
        ("run_moda", ["--epochs", "many"]),
        ("run_align", ["--image-size", "-128"]),
        ("run_align", ["--image-size", "8"]),
        ("run_align", ["--batch-size", "1.5"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_number_that_makes_no_sense_is_refused(command: str, words: list, capsys) -> None:
    said = refusal(command, words, capsys)
    assert words[0] in said and words[1] in said


@pytest.mark.parametrize("command", COMMANDS)
def test_an_existing_run_is_refused_before_anything_is_loaded(
    command: str, tmp_path: Path, capsys
) -> None:
    (tmp_path / "status.json").write_text("{}")
    said = refusal(command, ["--out", str(tmp_path), "--data-path", "nowhere"], capsys)
    assert "already holds a run; add --resume" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_data_are_one_sentence(command: str, tmp_path: Path, capsys) -> None:
    words = ["--out", str(tmp_path / "run"), "--data-path", str(tmp_path)]
    said = refusal(command, words, capsys)
    what = "holds neither metadata.jsonl" if command == "run_qlora" else "No train.parquet in"
    assert what in said and str(tmp_path) in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("part", ["vision", "text"])
def test_a_missing_part_is_one_sentence(part: str, tmp_path: Path, capsys) -> None:
    from tests import tiny

    (tmp_path / "data").mkdir()
    rows = []
    for number in range(40):
        tiny.noise(number).save(tmp_path / "data" / f"{number}.png")
        rows.append(json.dumps({"file_name": f"{number}.png", "text": "Noise."}))
    (tmp_path / "data" / "metadata.jsonl").write_text("\n".join(rows))
    words = ["--data", "folder", "--data-path", str(tmp_path / "data")]
    words += ["--out", str(tmp_path / "run"), "--vision", tiny.tower_folder("vit")]
    missing = str(tmp_path / "gone")
    said = refusal("run_moda", [*words, f"--{part}", missing], capsys)
    assert missing in said and f"--{part}" in said and not (tmp_path / "run").exists()


def test_asdict_and_flags_agree_on_the_names() -> None:
    """One line of the dataclass is the only place of a setting."""
    parser = argparse.ArgumentParser()
    add_flags(parser, TrainConfig)
    assert set(vars(parser.parse_args([]))) == set(asdict(TrainConfig()))
