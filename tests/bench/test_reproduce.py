"""Repeating the shipped training: the band, and what leaves it."""

import json
from pathlib import Path

import pytest

from bench import reproduce
from vlm.commands.train import moda


def test_the_band_is_wider_than_what_was_seen() -> None:
    edges = reproduce.band([{"100": 1.0, "200": 0.5}, {"100": 1.1, "200": 0.5}])
    assert edges == {"100": [0.878, 1.222], "200": [0.49, 0.51]}


@pytest.mark.parametrize(
    ("found", "fine"),
    [
        ({"100": 1.0, "200": 0.5}, True),
        ({"100": 1.0, "200": 0.6}, False),
        ({"100": 1.0}, False),
        ({"100": 1.0, "300": 0.5}, False),
    ],
)
def test_a_run_is_inside_when_every_measurement_is(found: dict, fine: bool, capsys) -> None:
    assert reproduce.inside(found, {"100": [0.9, 1.1], "200": [0.45, 0.55]}) is fine
    said = capsys.readouterr().out
    assert said.count("step") == len(found) and ("OUTSIDE" in said) == (
        "0.6000" in said or "300" in found
    )


def test_the_command_writes_a_band_and_checks_a_repeat_against_it(tmp_path, monkeypatch) -> None:
    band, only = tmp_path / "expected.json", ["--only", "everyday"]
    monkeypatch.setattr(reproduce, "losses", lambda flags, seed, args: {"100": 1.0 + 0.01 * seed})
    assert reproduce.main(["--write", *only, "--band", str(band)]) == 0
    assert json.loads(band.read_text())["band"] == {"100": [0.9392, 1.1008]}
    assert reproduce.main([*only, "--band", str(band)]) == 0
    assert reproduce.main([*only, "--band", str(band), "--seed", "19"]) == 1


def test_a_model_that_is_not_shipped_is_not_repeated(tmp_path, monkeypatch, capsys) -> None:
    flags = reproduce.RUNS["everyday"][0]
    monkeypatch.setitem(reproduce.RUNS, "everyday", (flags, tmp_path))
    assert reproduce.main(["--only", "everyday"]) == 0
    assert "everyday is not shipped here" in capsys.readouterr().out


@pytest.mark.parametrize("name", reproduce.RUNS)
def test_the_flags_are_those_of_the_training(name: str) -> None:
    assert moda.parse(reproduce.RUNS[name][0]).max_steps > 0


def test_a_band_is_of_one_model(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        reproduce.main(["--band", str(tmp_path / "band.json")])
    assert "name it with --only" in capsys.readouterr().err


def test_a_missing_band_is_a_user_error(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        reproduce.main(["--only", "moda-mini", "--band", str(tmp_path / "none.json")])
    assert caught.value.code == 2 and "--write" in capsys.readouterr().err
