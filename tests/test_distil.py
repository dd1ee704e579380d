"""The probe reads what is there, and mixtures are described by what it reads."""

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune import run_moda
from tests import tiny
from vlm import align, build, distil, linear_probe, load
from vlm.data import captions
from vlm.data.captions import as_json, facts, turns
from vlm.data.replies import read_details
from vlm.mixture import Loaded, Mixture
from vlm.types import Record, Turn

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
        patch.setattr(linear_probe, "STEPS", 300)
        yield


@pytest.fixture(scope="module")
def probe(short) -> linear_probe.Probe:
    return linear_probe.fit(
        [store()[:, :90], store()[:, 90:]], [RECORDS[:90], RECORDS[90:]], VALUES
    )


def test_a_probe_reads_what_the_features_say_and_nothing_else(probe: linear_probe.Probe) -> None:
    found = probe.accuracy(store(noise=0.1)[0], RECORDS)
    assert found["articleType"] == found["subCategory"] == found["baseColour"] == 100
    assert 20 < found["gender"] < 80


def test_a_class_that_nobody_taught_is_no_mistake(probe: linear_probe.Probe) -> None:
    strange = replace(RECORDS[0], facts={**RECORDS[0].facts, "baseColour": "Mauve"})
    assert "baseColour" not in probe.accuracy(store((RECORDS[0],))[0], [strange])


def test_a_mixture_is_described_by_what_the_probe_reads(probe: linear_probe.Probe) -> None:
    told, made = distil.mixed(probe, store(), RECORDS, 200)
    assert made.shape == (1, 200, TOKENS, WIDTH) and made.dtype == np.float16
    for mixture, read in zip(told, probe.read(linear_probe.pooled(made[0])), strict=True):
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


def test_similar_pictures_are_mixed(probe: linear_probe.Probe) -> None:
    told, _ = distil.mixed(probe, store(), RECORDS, 100)
    pairs = [map(int, mixture.id.split("/")[0].split("+")) for mixture in told]
    near = [a % 9 == b % 9 for a, b in pairs]
    assert sum(near) > 80  # by chance 1 in 9


def test_the_same_seed_mixes_the_same(probe: linear_probe.Probe) -> None:
    runs = [distil.mixed(probe, store(), RECORDS, 20, seed) for seed in (1, 1, 2)]
    assert [r.id for r in runs[0][0]] == [r.id for r in runs[1][0]] != [r.id for r in runs[2][0]]
    assert (runs[0][1] == runs[1][1]).all()


def test_what_no_grammar_describes_is_not_mixed(probe: linear_probe.Probe) -> None:
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


def test_a_finished_model_is_gone_on_with(flags: list[str], tmp_path: Path, capsys) -> None:
    made = tiny.bundle("resnet")
    load.save(made, tmp_path / "finished")
    place = flags.index("--vision")
    rest = [*flags[:place], *flags[place + 2 : -2], "--model", str(tmp_path / "finished")]
    run_moda.main([*rest, "--max-steps", "1", "--learning-rate", "0"])
    after = load.load(str(tmp_path / "run" / "model"), device="cpu").model.state_dict()
    for name, value in made.model.state_dict().items():
        assert torch.allclose(value, after[name], atol=1e-3), name
    with pytest.raises(SystemExit):
        run_moda.main([*rest, "--image-features", "patches", "--out", str(tmp_path / "other")])
    assert "leave --image-features out" in capsys.readouterr().err


def test_a_model_of_another_recipe_is_refused(flags: list[str], tmp_path: Path, capsys) -> None:
    other = tiny.smolvlm(tmp_path / "other")
    place = flags.index("--vision")
    with pytest.raises(SystemExit):
        run_moda.main([*flags[:place], *flags[place + 2 :], "--model", str(other)])
    assert "run_qlora.py fine-tunes it" in capsys.readouterr().err


PATTERNS = ("solid", "striped")


def patterned(number: int, told: bool) -> Record:
    """A shirt whose metadata tells the pattern, or leaves it open."""
    known = {"articleType": "Shirts", "baseColour": COLOURS[number % 3]}
    known |= {"pattern": PATTERNS[number % 2]} if told else {}
    return Record(f"p{number}", b"", turns(known, f"p{number}"), known)


@pytest.fixture
def shirts() -> tuple[tuple[Record, ...], np.ndarray]:
    """Shirts with their pattern on two axes, told by two in three; the last twenty show none."""
    records = tuple(patterned(n, n < 280 and n % 3 > 0) for n in range(300))
    seen = np.random.default_rng(1).normal(scale=0.05, size=(1, 300, 1, 2))
    for number in range(280):
        seen[:, number, :, number % 2] += 1
    return records, seen.astype(np.float16)


def told_in_full(record: Record) -> list[dict[str, str]]:
    """The details of each answer to a question that wants them all."""
    return [read_details(turn.answer) for turn in record.turns if captions.is_thorough(turn)]


def test_what_the_probe_is_sure_of_is_told_where_all_is_asked_for(shirts) -> None:
    records, seen = shirts
    probe = linear_probe.fit([seen], [records], {"pattern": PATTERNS})
    told = distil.thorough(probe, seen[0], records, 0.7)
    for number, (before, after) in enumerate(zip(records[:280], told[:280], strict=True)):
        assert told_in_full(after) == [{"pattern": PATTERNS[number % 2]}]
        assert after.facts == before.facts  # what is measured by stays the metadata's
        others = [turn for turn in before.turns if not captions.is_thorough(turn)]
        assert list(after.turns[:-1]) == others
    assert [r for r in told[280:] if "pattern" not in r.facts] == [
        r for r in records[280:] if "pattern" not in r.facts
    ]


def test_the_metadata_has_the_first_word(shirts) -> None:
    records, seen = shirts
    probe = linear_probe.fit([seen], [records], {"pattern": PATTERNS})
    told = distil.thorough(probe, seen[0, ::-1], records, 0.7)  # every picture shows the other one
    assert told_in_full(told[31]) == [{"pattern": PATTERNS[1]}]
    assert told_in_full(told[30]) == [{"pattern": PATTERNS[1]}]  # untold, so what is seen


def test_no_detail_is_told_of_what_cannot_have_it(shirts) -> None:
    records, seen = shirts
    watch = {"articleType": "Watches", "baseColour": "Red"}
    watches = tuple(Record(r.id, b"", turns(watch, r.id), watch) for r in records)
    probe = linear_probe.fit([seen], [records], {"pattern": PATTERNS})
    assert distil.thorough(probe, seen[0], watches, 0.7) == watches
    own = Turn("Describe every detail.", "A shirt.", "question")  # words of the user's
    mine = Record("a", b"", (own,), records[1].facts)
    (kept,) = distil.thorough(probe, seen[0, 1:2], [mine], 0.7)
    assert kept.turns[0] == own


def test_mixtures_and_parts_are_taught_by_one_probe(shirts) -> None:
    records, seen = shirts
    train = Mixture([Loaded("folder", records, 2)])
    probe, parts = distil.taught(train, [seen], 50, 70)
    assert [(part.times, len(part.records)) for part, _ in parts] == [(2, 300), (1, 300)]
    assert parts[0][1] is seen and parts[1][1].shape == (1, 300, 1, 2)
    read = probe.sure(linear_probe.pooled(parts[1][1][0]), 0.7)
    for record, found in zip(parts[1][0].records, read, strict=True):
        pattern = record.facts.get("pattern") or found.get("pattern")
        assert not pattern or told_in_full(record) == [{"pattern": pattern}]
    assert sum(bool(told_in_full(record)) for record in parts[1][0].records) > 60
    plain, alone = distil.taught(train, [seen], 0, 0)
    assert alone == [(train[0], seen)] and plain.values == probe.values


def test_every_view_is_what_the_probe_reads_off_it(probe: linear_probe.Probe) -> None:
    dumb = replace(RECORDS[1], facts={"kind": "unknown"})  # no grammar describes it
    records = (RECORDS[0], dumb, *RECORDS[2:60])
    seen = store(RECORDS[:60], noise=0.6)
    part, views = distil.matched(probe, Loaded("folder", records, 6), seen)
    assert part.times == 2 and views.shape == (1, VIEWS * 60, TOKENS, WIDTH)
    assert np.array_equal(views[0, 60:120], seen[1])
    changed = 0
    for told, read in zip(part.records, probe.read(linear_probe.pooled(views[0])), strict=True):
        if told.facts == dumb.facts:
            assert told == dumb
            continue
        assert {key: told.facts[key] for key in read} == read
        assert told.turns == turns(told.facts, told.id)
        changed += told.facts != RECORDS[int(told.id.split("/")[0])].facts
    assert 0 < changed < VIEWS * 60
    assert len({told.id for told in part.records}) == VIEWS * 59 + 1


def test_a_product_is_a_kind_of_picture() -> None:
    scenes = [Record("s", b"", (), {"kind": kind}) for kind in ("cat", "ship") for _ in range(9)]
    assert distil.classes([*scenes, RECORDS[0]])["kind"] == ["cat", "ship", "product"]
    assert distil.classes(scenes)["kind"] == ["cat", "ship"]
    assert "kind" not in distil.classes(RECORDS)
    part = Mixture([Loaded("both", (*RECORDS[:18], *scenes), 1)])
    seen = np.concatenate([store(RECORDS[:18]), 1 - store(RECORDS[18:36])], 1)
    probe, parts = distil.taught(part, [seen])
    read = [row["kind"] for row in probe.read(linear_probe.pooled(seen[0]))]
    assert read[:18] == ["product"] * 18 and "product" not in read[18:]
    assert parts[0][0].records == part.records


def test_visual_words_say_what_the_probe_reads(probe: linear_probe.Probe) -> None:
    made = tiny.bundle()
    sizes = [len(names) for names in VALUES.values()]
    bundle = build.reprojected(made, "words", sizes)
    projector = bundle.model.model.projector
    projector.choose = torch.nn.Linear(WIDTH, sum(sizes))
    distil.spell(projector, probe, bundle)
    seen = torch.from_numpy(store()[0]).float()
    scores = projector.choose(seen.mean(1)).split(sizes, dim=1)
    read = probe.read(linear_probe.pooled(store()[0]))
    embedded = bundle.model.get_input_embeddings().weight
    for (key, names), score, spell in zip(VALUES.items(), scores, projector.spell, strict=True):
        assert [names[n] for n in score.argmax(1)] == [row[key] for row in read]
        ids = bundle.processor.tokenizer(f" {names[0].lower()}")["input_ids"]
        assert torch.allclose(spell.weight[:, 0], embedded[ids].mean(0))


def test_the_seed_decides_a_new_projector_of_a_finished_model(
    flags: list[str], tmp_path: Path
) -> None:
    load.save(tiny.bundle("resnet"), tmp_path / "finished")
    found = []
    for seed in (0, 0, 1):
        words = ["--model", str(tmp_path / "finished"), "--projector", "mlp"]
        args = run_moda.parse([*flags[-2:], *words])
        found.append(run_moda.new_model(args, (), seed).model.model.projector[0].weight)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_words_that_are_gone_on_with_end_bit_for_bit_the_same(
    flags: list[str], tmp_path: Path, capsys
) -> None:
    words = [*flags, "--projector", "words", "--matched", "--max-steps", "4"]
    words += ["--save-every", "2", "--keep", "0"]
    run_moda.main(words)
    run = tmp_path / "run"
    before = load.load(str(run / "model"), device="cpu").model.state_dict()
    for folder in ("model", "checkpoint-4"):
        shutil.rmtree(run / folder)
    run_moda.main([*words, "--resume"])
    after = load.load(str(run / "model"), device="cpu").model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(SystemExit):  # other questions would be asked in silence
        run_moda.main([word for word in words if word != "--matched"] + ["--resume"])
    assert "was begun with --matched True (now False)" in capsys.readouterr().err


def test_a_finished_model_gets_visual_words(flags: list[str], tmp_path: Path, monkeypatch) -> None:
    made = tiny.bundle("resnet")
    load.save(made, tmp_path / "finished")
    place = flags.index("--vision")
    rest = [*flags[:place], *flags[place + 2 : -2], "--model", str(tmp_path / "finished")]
    more = ["--projector", "words", "--matched", "--max-steps", "1", "--learning-rate", "0"]
    hardened, harden = [], distil.harden
    monkeypatch.setattr(
        distil, "harden", lambda *given: hardened.append(len(list(given[1]))) or harden(*given)
    )
    run_moda.main([*rest, *more])
    after = load.load(str(tmp_path / "run" / "model"), device="cpu")
    words = after.model.config.projector_words
    assert after.processor.num_image_tokens == len(words) > 1
    assert hardened == [len(words)]
    old, new = (model.state_dict() for model in (made.model, after.model))
    for name in new.keys() - {name for name in new if "projector" in name}:
        assert torch.allclose(old[name], new[name], atol=1e-3), name
    run_moda.main([*rest[:-1], str(tmp_path / "run" / "model"), "--max-steps", "1", "--out",
                   str(tmp_path / "again"), "--learning-rate", "0"])  # fmt: skip
    kept = load.load(str(tmp_path / "again" / "model"), device="cpu").model.model.projector
    assert torch.equal(kept.choose.weight, after.model.model.projector.choose.weight)


def test_finished_words_choose_the_same_harder_and_those_of_details_softer() -> None:
    projector = build.reprojected(tiny.bundle(), "words", [5, 3]).model.model.projector
    seen = torch.randn(9, 1, projector.choose.in_features)
    with torch.no_grad():
        before = projector.choose(seen.mean(1))
        distil.harden(projector, ("articleType", "pattern"))
        after = projector.choose(seen.mean(1))
    assert torch.allclose(after[:, :5], distil.HARDER * before[:, :5], atol=1e-5)
    assert torch.allclose(after[:, 5:], distil.SOFTER * before[:, 5:], atol=1e-5)
    assert distil.SOFTER < 1 < distil.HARDER


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


@pytest.mark.parametrize("asked", ["--mixed 5", "--sure 5", "--matched", "--projector words"])
def test_a_tower_that_learns_has_no_features_to_probe(flags: list[str], asked: str, capsys) -> None:
    with pytest.raises(SystemExit):
        run_moda.main([*flags[:-2], *asked.split(), "--unfreeze"])
    told = capsys.readouterr().err
    assert asked.split()[0] in told and "go by stored features" in told
