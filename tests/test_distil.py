"""The probe reads what is there, and mixtures are described by what it reads."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finetune import run_moda
from tests import tiny
from vlm import align, distil
from vlm.data.captions import as_json, facts, turns
from vlm.types import Record

KINDS = ("Shirts", "Jeans", "Heels")
GROUPS = {"Shirts": "Topwear", "Jeans": "Bottomwear", "Heels": "Shoes"}
COLOURS = ("Red", "Navy Blue", "White")
WIDTH, TOKENS, VIEWS = 16, 2, 3


def record(number: int) -> Record:
    kind, colour = KINDS[number % 3], COLOURS[number // 3 % 3]
    row = {"articleType": kind, "subCategory": GROUPS[kind], "baseColour": colour}
    known = facts(row | {"gender": "Men" if number % 2 else "Women"})
    return Record(str(number), b"", turns(known, str(number)), known)


RECORDS = tuple(record(number) for number in range(180))
VALUES = align.attribute_values(RECORDS)


def store(records=RECORDS, noise: float = 0.05) -> np.ndarray:
    """Features that say kind and colour, each on axes of its own, and nothing of the wearer."""
    chance = np.random.default_rng(0)
    seen = chance.normal(scale=noise, size=(VIEWS, len(records), TOKENS, WIDTH))
    for number, row in enumerate(records):
        seen[:, number, :, KINDS.index(row.facts["articleType"])] += 1
        seen[:, number, :, 3 + COLOURS.index(row.facts["baseColour"])] += 1
    return seen.astype(np.float16)


@pytest.fixture(scope="module", autouse=True)
def short():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distil, "STEPS", 300)
        yield


@pytest.fixture(scope="module")
def probe(short) -> distil.Probe:
    return distil.fit([store()[:, :90], store()[:, 90:]], [RECORDS[:90], RECORDS[90:]], VALUES)


def test_a_probe_reads_what_the_features_say_and_nothing_else(probe: distil.Probe) -> None:
    found = probe.accuracy(store(noise=0.1)[0], RECORDS)
    assert found["articleType"] == found["subCategory"] == found["baseColour"] == 100
    assert 20 < found["gender"] < 80


def test_a_class_that_nobody_taught_is_no_mistake(probe: distil.Probe) -> None:
    strange = replace(RECORDS[0], facts={**RECORDS[0].facts, "baseColour": "Mauve"})
    assert "baseColour" not in probe.accuracy(store((RECORDS[0],))[0], [strange])


def test_a_mixture_is_described_by_what_the_probe_reads(probe: distil.Probe) -> None:
    told, made = distil.mixed(probe, store(), RECORDS, 200)
    assert made.shape == (1, 200, TOKENS, WIDTH) and made.dtype == np.float16
    for mixture, read in zip(told, probe.read(distil.pooled(made[0])), strict=True):
        assert {key: mixture.facts[key] for key in read} == read
        assert mixture.facts["subCategory"] == GROUPS[mixture.facts["articleType"]]
        assert mixture.turns == turns(mixture.facts, mixture.id)
        assert as_json(mixture.facts) in [turn.answer for turn in mixture.turns]
    assert len({mixture.id for mixture in told}) == 200


def test_a_mixture_lies_between_two_pictures_of_which_the_first_is_more(probe) -> None:
    values = np.zeros((1, 24, 1, WIDTH), np.float16)
    values[0, :, 0, 0] = np.arange(24)
    values[0, :, 0, 1] = 1
    told, made = distil.mixed(probe, values, RECORDS[:24], 50)
    for mixture, seen in zip(told, made[0, :, 0, 0].astype(float), strict=True):
        first, second = map(int, mixture.id.split("/")[0].split("+"))
        assert first != second
        assert 0.29 < (seen - first) / (second - first) < 0.51


def test_similar_pictures_are_mixed(probe: distil.Probe) -> None:
    told, _ = distil.mixed(probe, store(), RECORDS, 100)
    pairs = [map(int, mixture.id.split("/")[0].split("+")) for mixture in told]
    near = [a % 9 == b % 9 for a, b in pairs]
    assert sum(near) > 80  # by chance 1 in 9


def test_the_same_seed_mixes_the_same(probe: distil.Probe) -> None:
    runs = [distil.mixed(probe, store(), RECORDS, 20, seed) for seed in (1, 1, 2)]
    assert [r.id for r in runs[0][0]] == [r.id for r in runs[1][0]] != [r.id for r in runs[2][0]]
    assert (runs[0][1] == runs[1][1]).all()


def test_what_no_grammar_describes_is_not_mixed(probe: distil.Probe) -> None:
    dumb = tuple(replace(row, facts={"kind": "unknown"}) for row in RECORDS[:9])
    told, made = distil.mixed(probe, store()[:, :9], dumb, 5)
    assert told == () and made.shape[1] == 0
    told, made = distil.mixed(probe, store()[:, :18], dumb + RECORDS[9:18], 5)
    assert len(told) == 5 and all(int(row.id.split("+")[0]) >= 9 for row in told)


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    """Of a short training on a folder with metadata alone."""
    for split, count in (("train", 20), ("validation", 4)):
        folder = tmp_path / "data" / split
        folder.mkdir(parents=True)
        rows = [{"file_name": f"{row.id}.png"} | row.facts for row in RECORDS[:count]]
        for row in rows:
            tiny.picture().save(folder / row["file_name"])
        (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    places = {"data": f"folder={tmp_path / 'data'}", "out": tmp_path / "run"}
    places |= {"features": tmp_path / "features", "vision": tiny.tower("vit", tmp_path / "tower")}
    numbers = {"views": 1, "turns": 2, "epochs": 1, "panel": 0, "measure": 0, "device": "cpu"}
    words = [(f"--{name}", str(value)) for name, value in (places | numbers).items()]
    return [*itertools.chain(*words), "--mixed", "50"]


def test_mixtures_are_trained_on(flags: list[str], tmp_path: Path, monkeypatch, capsys) -> None:
    fitted = []
    monkeypatch.setattr("vlm.train.fit", lambda *args, **_: fitted.append(args))
    run_moda.main(flags)
    seen, unseen = fitted[0][1:3]
    assert len(seen) == (20 + 10) * 2 and len(unseen) == 4 * 2
    found = json.loads((tmp_path / "run" / "probe.json").read_text())["folder"]
    read = f"A linear probe reads off folder: articleType {found['articleType']:.1f} %"
    assert read in capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--unfreeze"]])
def test_a_dry_run_measures_the_training_that_is_meant(
    flags: list[str], more: list[str], monkeypatch, capsys
) -> None:
    kinds = []
    monkeypatch.setattr(
        "vlm.forecast.forecast", lambda bundle, examples, *_: kinds.append(set(examples[0])) or ""
    )
    run_moda.main([*flags[:-2], *more, "--dry-run"])
    assert ("pixel_values" in kinds[0]) == bool(more)


def test_pictures_of_no_attribute_cannot_be_mixed(flags: list[str], tmp_path, capsys) -> None:
    for table in (tmp_path / "data").rglob("metadata.jsonl"):
        rows = [json.loads(line) for line in table.read_text().splitlines()]
        bare = [{"file_name": row["file_name"], "text": "A thing."} for row in rows]
        table.write_text("\n".join(map(json.dumps, bare)))
    with pytest.raises(SystemExit):
        run_moda.main(flags)
    assert "of which these have none" in capsys.readouterr().err
    assert not (tmp_path / "features").exists()


def test_a_tower_that_learns_has_no_features_to_mix(flags: list[str], capsys) -> None:
    with pytest.raises(SystemExit):
        run_moda.main([*flags, "--unfreeze"])
    assert "--mixed mixes stored features" in capsys.readouterr().err
