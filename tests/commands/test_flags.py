"""Settings, the flags made from them, and the commands up to their first real work."""

import argparse
import ast
import importlib
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pytest

from tests import ROOT
from vlm.commands import COMMANDS
from vlm.commands.flags import add_flags, count, from_args, out_path
from vlm.commands.train import TRAININGS, groups
from vlm.config import (
    AdapterConfig,
    AlignConfig,
    GenerateConfig,
    ModaDataConfig,
    MonitorConfig,
    NamesConfig,
    PanelConfig,
    TrainConfig,
    problems,
    setting,
)
from vlm.data import DATASETS
from vlm.errors import UserError
from vlm.loading.presets import PRESETS, PROJECTORS

SETTINGS = {  # of each training
    "moda": (ModaDataConfig, MonitorConfig, TrainConfig),
    "align": (AlignConfig, TrainConfig),
    "adapter": (AdapterConfig, PanelConfig, TrainConfig),
    "names": (NamesConfig, MonitorConfig, TrainConfig),
}
CLASSES = list(dict.fromkeys([GenerateConfig, *(c for row in SETTINGS.values() for c in row)]))
SCRIPTS = {"run_moda": "moda", "run_align": "align", "run_qlora": "adapter"}  # of finetune/
MOST_FLAGS, SCREEN = 30, 50  # flags of a training; lines of a screen
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
def test_a_value_that_is_not_a_finite_number_is_refused(cls: type, f) -> None:
    for value in (math.nan, math.inf, -math.inf, None, "1", True, [1], 1e308 * 10):
        with pytest.raises(UserError, match=f.name):
            cls(**{f.name: value})
    if f.type is int:
        with pytest.raises(UserError, match=f.name):
            cls(**{f.name: f.metadata["low"] + 0.5})


def test_all_problems_are_reported_at_once() -> None:
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


def refusal(training: str, words: list[str], capsys) -> str:
    """The last line that a training prints for wrong flags; it must exit with code 2."""
    with pytest.raises(SystemExit) as caught:
        TRAININGS[training].main(words)
    out, error = capsys.readouterr()
    assert caught.value.code == 2 and "Traceback" not in error
    last = error.splitlines()[-1]
    assert "error: " in last
    return last


@pytest.fixture(scope="module")
def no_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a torch that cannot be imported."""
    folder = tmp_path_factory.mktemp("no_torch")
    (folder / "torch.py").write_text("raise SystemExit('a help text imports torch')")
    return folder


def help_of(words: list[str], no_torch: Path) -> str:
    """The output of --help, without torch."""
    env = os.environ | {"PYTHONPATH": f"{no_torch}{os.pathsep}{ROOT}", "COLUMNS": "100"}
    command = [sys.executable, *words, "--help"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=TRAININGS)
def training_help(request: pytest.FixtureRequest, no_torch: Path) -> tuple[str, str]:
    """A training's name and help text."""
    return request.param, help_of(["-m", "vlm", "train", request.param], no_torch)


def test_the_list_of_commands_needs_no_torch(no_torch: Path) -> None:
    text = help_of(["-m", "vlm"], no_torch)
    assert all(f"    {name}" in text for name in (*COMMANDS, "train"))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_fits_one_screen(name: str, no_torch: Path) -> None:
    text = help_of(["-m", "vlm", name], no_torch)
    assert len(text.splitlines()) <= SCREEN
    assert text.startswith(f"usage: loupe {name} ") and "(default: )" not in text


@pytest.mark.parametrize(("script", "training"), SCRIPTS.items())
def test_a_script_is_the_command(script: str, training: str) -> None:
    module = importlib.import_module(f"finetune.{script}")
    assert module.main is TRAININGS[training].main


def test_help_names_every_setting_with_its_meaning_and_default(training_help) -> None:
    name, text = training_help
    flags, listed = text.split("settings for --set:")
    flags = " ".join(flags.split())
    for f in (f for cls in SETTINGS[name] for f in fields(cls)):
        meaning, flag = re.escape(f.metadata["help"]), "--" + f.name.replace("_", "-")
        of_flag = rf"{flag}\b.*? {meaning} \(default: [^)]+\)"
        row = rf"^  {f.name}=\S+ +{meaning}$"
        assert re.search(of_flag, flags) or re.search(row, listed, re.M), f.name


def test_help_of_a_training_has_four_groups_and_few_flags(training_help) -> None:
    name, text = training_help
    groups = re.findall(r"^(\w+):$", text.split("settings for --set:")[0], re.M)
    assert groups[:5] == ["options", "data", "model", "optimisation", "run"]
    flags = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.M)
    assert flags.pop(0) == "--help"
    assert 15 < len(flags) <= MOST_FLAGS and len(set(flags)) == len(flags)


def test_help_gives_a_default_for_every_flag_that_takes_a_value(training_help) -> None:
    text = " ".join(training_help[1].split("settings for --set:")[0].split())
    listed = text.split(" options: ")[1]
    flags = re.findall(r"(--[a-z0-9-]+) (?:[A-Z_]{2,}|[NX]|\{[^}]+\}) (.*?)(?= --|$)", listed)
    assert len(flags) > 10
    assert all("default: " in meaning for _, meaning in flags), flags


def test_help_begins_with_the_purpose_and_an_example(training_help) -> None:
    name, text = training_help
    before = " ".join(text.split("options:")[0].split())
    assert re.search(rf"loupe train {name} .*--out runs/", before) and "--resume" in before


def test_no_flag_is_written_twice() -> None:
    counts = Counter(
        node.args[0].value
        for path in (ROOT / "vlm").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
        if getattr(node.func, "attr", getattr(node.func, "id", "")) in ("add", "add_argument")
        if str(node.args[0].value).startswith("--")
    )
    assert counts and not [flag for flag, number in counts.items() if number > 1]


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
def test_an_unknown_name_lists_the_allowed_ones(words, known, capsys) -> None:
    said = refusal("moda", words, capsys)
    assert words[1] in said and all(name in said for name in known)


def test_a_finished_model_is_not_a_preset_to_train(capsys) -> None:
    """It has no parts to build a new one from."""
    buildable = sorted(name for name, row in PRESETS.items() if row.buildable)
    said = refusal("moda", ["--preset", "smolvlm-256m"], capsys)
    assert said.endswith(f"choose one of: {', '.join(buildable)}.")


@pytest.mark.parametrize("command", TRAININGS)
def test_all_wrong_settings_are_reported_before_anything_is_loaded(command: str, capsys) -> None:
    words = ["--learning-rate", "nan", "--batch-size", "0", "--seed", "-1"]
    said = refusal(command, words, capsys)
    assert all(name in said for name in ("learning_rate is nan", "batch_size is 0", "seed is -1"))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("moda", ["--limit", "-1"]),
        ("moda", ["--views", "-3"]),
        ("moda", ["--set", "panel=-1"]),
        ("moda", ["--show-labels", "-1"]),
        ("moda", ["--epochs", "many"]),
        ("align", ["--image-size", "-128"]),
        ("align", ["--image-size", "8"]),
        ("align", ["--batch-size", "1.5"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_number_that_makes_no_sense_is_refused(command: str, words: list, capsys) -> None:
    error = refusal(command, words, capsys)
    name, value = words[1].split("=") if words[0] == "--set" else words
    assert name in error and value in error


@pytest.mark.parametrize("command", TRAININGS)
def test_an_existing_run_is_refused_before_anything_is_loaded(
    command: str, tmp_path: Path, capsys
) -> None:
    (tmp_path / "status.json").write_text("{}")
    said = refusal(command, ["--out", str(tmp_path), "--data-path", "nowhere"], capsys)
    assert "already contains a run; add --resume" in said


@pytest.mark.parametrize("command", TRAININGS)
def test_missing_data_are_a_user_error(command: str, tmp_path: Path, capsys) -> None:
    words = ["--out", str(tmp_path / "run"), "--data-path", str(tmp_path)]
    said = refusal(command, words, capsys)
    what = "contains neither metadata.jsonl" if command == "adapter" else "No train.parquet in"
    assert what in said and str(tmp_path) in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("part", ["vision", "text"])
def test_a_missing_part_is_a_user_error(part: str, tmp_path: Path, capsys) -> None:
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
    said = refusal("moda", [*words, f"--{part}", missing], capsys)
    assert missing in said and f"--{part}" in said and not (tmp_path / "run").exists()


def test_asdict_and_flags_agree_on_the_names() -> None:
    """One line of the dataclass is the only place of a setting."""
    parser = argparse.ArgumentParser()
    add_flags(parser, TrainConfig)
    assert set(vars(parser.parse_args([]))) == set(asdict(TrainConfig()))


def test_two_settings_with_one_name_are_refused() -> None:
    parser = argparse.ArgumentParser()
    with pytest.raises(ValueError, match="Two settings have the same name"):
        groups.add_settings(parser, parser, {PanelConfig: {}, MonitorConfig: {}})


def test_an_out_that_cannot_be_made_is_refused_before_any_work(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    assert out_path(str(tmp_path / "a" / "b")) == tmp_path / "a" / "b"
    with pytest.raises(argparse.ArgumentTypeError, match=r"cannot be made, as .*file is a file"):
        out_path(str(tmp_path / "file" / "run"))
    monkeypatch.setattr("os.access", lambda place, mode: False)
    with pytest.raises(argparse.ArgumentTypeError, match="cannot be written, as .* is read-only"):
        out_path(str(tmp_path / "a"))
