"""The linear probe, its pseudo-labels for views and mixtures, and visual words."""

import itertools
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune import run_moda
from tests import tiny
from vlm.commands.train import moda
from vlm.data import attributes
from vlm.data.grammar import products
from vlm.data.grammar.products import as_json, facts, turns
from vlm.data.mixture import LoadedPart, Mixture
from vlm.evaluation.metrics.replies import read_details
from vlm.loading import build, load
from vlm.training.moda import linear_probe, probe_labels, recipe
from vlm.types import Record, Turn

KINDS = ("Shirts", "Jeans", "Heels")
GROUPS = {"Shirts": "Topwear", "Jeans": "Bottomwear", "Heels": "Shoes"}
COLOURS = ("Red", "Navy Blue", "White")
WIDTH, TOKENS, VIEWS = 16, 2, 3


def record(number: int) -> Record:
    kind, colour = KINDS[number % 3], COLOURS[number // 3 % 3]
    row = {"articleType": kind, "subCategory": GROUPS[kind], "baseColour": colour}
    known_facts = facts(row | {"gender": "Men" if number % 2 else "Women"})
    return Record(str(number), b"", turns(known_facts, str(number)), known_facts)


RECORDS = tuple(record(number) for number in range(180))
VALUES = attributes.attribute_values(RECORDS)


def store(records=RECORDS, noise: float = 0.05) -> np.ndarray:
    """Return features that encode kind and colour on separate axes, and not the gender."""
    rng = np.random.default_rng(0)
    values = rng.normal(scale=noise, size=(VIEWS, len(records), TOKENS, WIDTH))
    for number, row in enumerate(records):
        values[:, number, :, KINDS.index(row.facts["articleType"])] += 1
        values[:, number, :, 3 + COLOURS.index(row.facts["baseColour"])] += 1
    return values.astype(np.float16)


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


def test_a_probe_predicts_only_what_the_features_encode(probe: linear_probe.Probe) -> None:
    accuracy = probe.accuracy(store(noise=0.1)[0], RECORDS)
    assert accuracy["articleType"] == accuracy["subCategory"] == accuracy["baseColour"] == 100
    assert 20 < accuracy["gender"] < 80


def test_an_unknown_class_is_not_counted_as_an_error(probe: linear_probe.Probe) -> None:
    strange = replace(RECORDS[0], facts={**RECORDS[0].facts, "baseColour": "Mauve"})
    assert "baseColour" not in probe.accuracy(store((RECORDS[0],))[0], [strange])


def test_mixtures_are_labelled_with_the_probe_predictions(probe: linear_probe.Probe) -> None:
    records, mixed_store = probe_labels.mix(probe, store(), RECORDS, 200)
    assert mixed_store.shape == (1, 200, TOKENS, WIDTH) and mixed_store.dtype == np.float16
    predictions = probe.predict(linear_probe.mean_pool(mixed_store[0]))
    for mixture, predicted in zip(records, predictions, strict=True):
        assert {key: mixture.facts[key] for key in predicted} == predicted
        assert mixture.facts["subCategory"] == GROUPS[mixture.facts["articleType"]]
        assert mixture.turns == turns(mixture.facts, mixture.id)
        assert as_json(mixture.facts) in [turn.answer for turn in mixture.turns]
    assert len({mixture.id for mixture in records}) == 200


def test_a_mixture_is_between_two_pictures_and_closer_to_the_first(probe) -> None:
    values = np.zeros((1, 24, 1, WIDTH), np.float16)
    values[0, :, 0, 0] = np.arange(24)
    values[0, :, 0, 1] = 1
    records, mixed_store = probe_labels.mix(probe, values, RECORDS[:24], 50)
    for mixture, value in zip(records, mixed_store[0, :, 0, 0].astype(float), strict=True):
        first, second = map(int, mixture.id.split("/")[0].split("+"))
        assert first != second
        assert 0.29 < (value - first) / (second - first) < 0.51


def test_similar_pictures_are_mixed(probe: linear_probe.Probe) -> None:
    records, _ = probe_labels.mix(probe, store(), RECORDS, 100)
    pairs = [map(int, mixture.id.split("/")[0].split("+")) for mixture in records]
    similar = [a % 9 == b % 9 for a, b in pairs]
    assert sum(similar) > 80  # at random, 1 in 9


def test_mixtures_depend_on_the_seed(probe: linear_probe.Probe) -> None:
    runs = [probe_labels.mix(probe, store(), RECORDS, 20, seed) for seed in (1, 1, 2)]
    assert [r.id for r in runs[0][0]] == [r.id for r in runs[1][0]] != [r.id for r in runs[2][0]]
    assert (runs[0][1] == runs[1][1]).all()


def test_pictures_without_a_grammar_are_not_mixed(probe: linear_probe.Probe) -> None:
    unknown = tuple(replace(row, facts={"kind": "unknown"}) for row in RECORDS[:9])
    records, mixed_store = probe_labels.mix(probe, store()[:, :9], unknown, 5)
    assert records == () and mixed_store.shape[1] == 0
    records, mixed_store = probe_labels.mix(probe, store()[:, :18], unknown + RECORDS[9:18], 5)
    assert len(records) == 5 and all(int(row.id.split("+")[0]) >= 9 for row in records)


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    """Flags for a short training on a folder with metadata only."""
    for split, count in (("train", 20), ("validation", 4)):
        folder = tmp_path / "data" / split
        folder.mkdir(parents=True)
        rows = [{"file_name": f"{row.id}.png"} | row.facts for row in RECORDS[:count]]
        for row in rows:
            tiny.picture().save(folder / row["file_name"])
        (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    places = {"data": f"folder={tmp_path / 'data'}", "out": tmp_path / "run"}
    places |= {"features": tmp_path / "features", "vision": tiny.tower("vit", tmp_path / "tower")}
    numbers = {"views": 1, "epochs": 1, "device": "cpu"}
    words = [(f"--{name}", str(value)) for name, value in (places | numbers).items()]
    settings = ["--set", "turns=2", "panel=0", "measure=0"]
    return [*itertools.chain(*words), *settings, "--set", "mixed=50"]


def test_training_uses_mixtures(flags: list[str], tmp_path: Path, monkeypatch, capsys) -> None:
    fitted = []
    monkeypatch.setattr("vlm.training.moda.recipe.fit", lambda *args, **_: fitted.append(args))
    run_moda.main(flags)
    train_data, eval_data = fitted[0][1:3]
    assert len(train_data) == 20 + 10 and len(eval_data) == 4  # pictures, of two answers each
    accuracy = json.loads((tmp_path / "run" / "probe.json").read_text())["folder"]
    line = f"Accuracy of a linear probe on folder: articleType {accuracy['articleType']:.1f} %"
    assert line in capsys.readouterr().out


def test_training_can_continue_from_a_saved_model(flags: list[str], tmp_path: Path, capsys) -> None:
    bundle = tiny.bundle("resnet")
    load.save(bundle, tmp_path / "finished")
    place = flags.index("--vision")
    rest = [*flags[:place], *flags[place + 2 : -2], "--model", str(tmp_path / "finished")]
    run_moda.main([*rest, "--max-steps", "1", "--learning-rate", "0"])
    after = load.load(str(tmp_path / "run" / "model"), device="cpu").model.state_dict()
    for name, value in bundle.model.state_dict().items():
        assert torch.allclose(value, after[name], atol=1e-3), name
    with pytest.raises(SystemExit):
        run_moda.main([*rest, "--image-features", "patches", "--out", str(tmp_path / "other")])
    assert "omit --image-features" in capsys.readouterr().err


def test_a_model_of_another_recipe_is_rejected(flags: list[str], tmp_path: Path, capsys) -> None:
    other = tiny.smolvlm(tmp_path / "other")
    place = flags.index("--vision")
    with pytest.raises(SystemExit):
        run_moda.main([*flags[:place], *flags[place + 2 :], "--model", str(other)])
    assert "fine-tune it with `loupe train adapter`" in capsys.readouterr().err


PATTERNS = ("solid", "striped")


def patterned(number: int, has_pattern: bool) -> Record:
    """Return a shirt, with or without the pattern in its metadata."""
    known_facts = {"articleType": "Shirts", "baseColour": COLOURS[number % 3]}
    known_facts |= {"pattern": PATTERNS[number % 2]} if has_pattern else {}
    return Record(f"p{number}", b"", turns(known_facts, f"p{number}"), known_facts)


@pytest.fixture
def shirts() -> tuple[tuple[Record, ...], np.ndarray]:
    """Shirts with the pattern on two axes and in 2 of 3 metadata rows; the last 20 have none."""
    records = tuple(patterned(n, n < 280 and n % 3 > 0) for n in range(300))
    values = np.random.default_rng(1).normal(scale=0.05, size=(1, 300, 1, 2))
    for number in range(280):
        values[:, number, :, number % 2] += 1
    return records, values.astype(np.float16)


def full_descriptions(record: Record) -> list[dict[str, str]]:
    """Return the details in each answer to a question about all details."""
    return [
        read_details(turn.answer) for turn in record.turns if products.asks_for_every_detail(turn)
    ]


def test_confident_details_are_added_to_full_descriptions(shirts) -> None:
    records, features = shirts
    probe = linear_probe.fit([features], [records], {"pattern": PATTERNS})
    described = probe_labels.add_details(probe, features[0], records, 0.7)
    for number, (before, after) in enumerate(zip(records[:280], described[:280], strict=True)):
        assert full_descriptions(after) == [{"pattern": PATTERNS[number % 2]}]
        assert after.facts == before.facts  # evaluation still uses the metadata
        others = [turn for turn in before.turns if not products.asks_for_every_detail(turn)]
        assert list(after.turns[:-1]) == others
    assert [r for r in described[280:] if "pattern" not in r.facts] == [
        r for r in records[280:] if "pattern" not in r.facts
    ]


def test_metadata_overrides_the_probe(shirts) -> None:
    records, features = shirts
    probe = linear_probe.fit([features], [records], {"pattern": PATTERNS})
    described = probe_labels.add_details(
        probe, features[0, ::-1], records, 0.7
    )  # every picture shows the other pattern
    assert full_descriptions(described[31]) == [{"pattern": PATTERNS[1]}]
    assert full_descriptions(described[30]) == [{"pattern": PATTERNS[1]}]  # not in the metadata


def test_impossible_details_are_not_added(shirts) -> None:
    records, features = shirts
    watch = {"articleType": "Watches", "baseColour": "Red"}
    watches = tuple(Record(r.id, b"", turns(watch, r.id), watch) for r in records)
    probe = linear_probe.fit([features], [records], {"pattern": PATTERNS})
    assert probe_labels.add_details(probe, features[0], watches, 0.7) == watches
    own = Turn("Describe every detail.", "A shirt.", "question")  # the user's own text
    mine = Record("a", b"", (own,), records[1].facts)
    (described,) = probe_labels.add_details(probe, features[0, 1:2], [mine], 0.7)
    assert described.turns[0] == own


def test_one_probe_labels_parts_and_mixtures(shirts) -> None:
    records, features = shirts
    train = Mixture([LoadedPart("folder", records, 2)])
    probe, parts = probe_labels.add_pseudo_labels(train, [features], 50, 70)
    assert [(part.times, len(part.records)) for part, _ in parts] == [(2, 300), (1, 300)]
    assert parts[0][1] is features and parts[1][1].shape == (1, 300, 1, 2)
    predictions = probe.predict(linear_probe.mean_pool(parts[1][1][0]), 0.7)
    for record, predicted in zip(parts[1][0].records, predictions, strict=True):
        pattern = record.facts.get("pattern") or predicted.get("pattern")
        assert not pattern or full_descriptions(record) == [{"pattern": pattern}]
    assert sum(bool(full_descriptions(record)) for record in parts[1][0].records) > 60
    second_probe, unchanged = probe_labels.add_pseudo_labels(train, [features], 0, 0)
    assert unchanged == [(train[0], features)] and second_probe.values == probe.values


def test_views_are_relabelled_with_the_probe_predictions(probe: linear_probe.Probe) -> None:
    unknown = replace(RECORDS[1], facts={"kind": "unknown"})  # no grammar describes it
    records = (RECORDS[0], unknown, *RECORDS[2:60])
    features = store(RECORDS[:60], noise=0.6)
    part, views = probe_labels.relabel_views(probe, LoadedPart("folder", records, 6), features)
    assert part.times == 2 and views.shape == (1, VIEWS * 60, TOKENS, WIDTH)
    assert np.array_equal(views[0, 60:120], features[1])
    changed = 0
    for relabelled, predicted in zip(
        part.records, probe.predict(linear_probe.mean_pool(views[0])), strict=True
    ):
        if relabelled.facts == unknown.facts:
            assert relabelled == unknown
            continue
        assert {key: relabelled.facts[key] for key in predicted} == predicted
        assert relabelled.turns == turns(relabelled.facts, relabelled.id)
        changed += relabelled.facts != RECORDS[int(relabelled.id.split("/")[0])].facts
    assert 0 < changed < VIEWS * 60
    assert len({relabelled.id for relabelled in part.records}) == VIEWS * 59 + 1


def test_product_is_added_to_the_kinds() -> None:
    scenes = [Record("s", b"", (), {"kind": kind}) for kind in ("cat", "ship") for _ in range(9)]
    assert probe_labels.classes([*scenes, RECORDS[0]])["kind"] == ["cat", "ship", "product"]
    assert probe_labels.classes(scenes)["kind"] == ["cat", "ship"]
    assert "kind" not in probe_labels.classes(RECORDS)
    part = Mixture([LoadedPart("both", (*RECORDS[:18], *scenes), 1)])
    features = np.concatenate([store(RECORDS[:18]), 1 - store(RECORDS[18:36])], 1)
    probe, parts = probe_labels.add_pseudo_labels(part, [features])
    kinds = [row["kind"] for row in probe.predict(linear_probe.mean_pool(features[0]))]
    assert kinds[:18] == ["product"] * 18 and "product" not in kinds[18:]
    assert parts[0][0].records == part.records


def test_visual_words_are_initialised_from_the_probe(probe: linear_probe.Probe) -> None:
    base = tiny.bundle()
    sizes = [len(names) for names in VALUES.values()]
    bundle = build.replace_projector(base, "words", sizes)
    projector = bundle.model.model.projector
    projector.choose = torch.nn.Linear(WIDTH, sum(sizes))
    probe_labels.init_visual_words(projector, probe, bundle)
    features = torch.from_numpy(store()[0]).float()
    scores = projector.choose(features.mean(1)).split(sizes, dim=1)
    predictions = probe.predict(linear_probe.mean_pool(store()[0]))
    embedded = bundle.model.get_input_embeddings().weight
    for (key, names), score, spell in zip(VALUES.items(), scores, projector.spell, strict=True):
        assert [names[n] for n in score.argmax(1)] == [row[key] for row in predictions]
        ids = bundle.processor.tokenizer(f" {names[0].lower()}")["input_ids"]
        assert torch.allclose(spell.weight[:, 0], embedded[ids].mean(0))


def test_new_projector_weights_depend_on_the_seed(flags: list[str], tmp_path: Path) -> None:
    load.save(tiny.bundle("resnet"), tmp_path / "finished")
    weights = []
    for seed in (0, 0, 1):
        words = ["--model", str(tmp_path / "finished"), "--projector", "mlp"]
        args = moda.parse([*flags[-2:], *words])
        weights.append(recipe.build_model(args, (), seed).model.model.projector[0].weight)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_resumed_training_of_visual_words_is_bit_identical(
    flags: list[str], tmp_path: Path, capsys
) -> None:
    words = [*flags, "--projector", "words", "--max-steps", "4"]
    words += ["--save-every", "2", "--set", "keep=0", "matched=yes"]
    run_moda.main(words)
    run = tmp_path / "run"
    before = load.load(str(run / "model"), device="cpu").model.state_dict()
    for folder in ("model", "checkpoint-4"):
        shutil.rmtree(run / folder)
    run_moda.main([*words, "--resume"])
    after = load.load(str(run / "model"), device="cpu").model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(SystemExit):  # other questions would be used without notice
        run_moda.main([word for word in words if word != "matched=yes"] + ["--resume"])
    assert "was started with matched True (now False)" in capsys.readouterr().err


def test_visual_words_can_be_added_to_a_saved_model(
    flags: list[str], tmp_path: Path, monkeypatch
) -> None:
    base = tiny.bundle("resnet")
    load.save(base, tmp_path / "finished")
    place = flags.index("--vision")
    rest = [*flags[:place], *flags[place + 2 : -2], "--model", str(tmp_path / "finished")]
    more = ["--projector", "words", "--max-steps", "1", "--learning-rate", "0"]
    more += ["--set", "matched=yes"]
    sharpened, sharpen = [], probe_labels.sharpen_visual_words
    monkeypatch.setattr(
        probe_labels,
        "sharpen_visual_words",
        lambda *arguments: sharpened.append(len(list(arguments[1]))) or sharpen(*arguments),
    )
    run_moda.main([*rest, *more])
    after = load.load(str(tmp_path / "run" / "model"), device="cpu")
    words = after.model.config.projector_words
    assert after.processor.num_image_tokens == len(words) > 1
    assert sharpened == [len(words)]
    old, new = (model.state_dict() for model in (base.model, after.model))
    for name in new.keys() - {name for name in new if "projector" in name}:
        assert torch.allclose(old[name], new[name], atol=1e-3), name
    run_moda.main(
        [
            *rest[:-1],
            str(tmp_path / "run" / "model"),
            "--max-steps",
            "1",
            "--out",
            str(tmp_path / "again"),
            "--learning-rate",
            "0",
        ]
    )
    kept = load.load(str(tmp_path / "again" / "model"), device="cpu").model.model.projector
    assert torch.equal(kept.choose.weight, after.model.model.projector.choose.weight)


def test_saved_visual_words_are_sharper_except_for_details() -> None:
    projector = build.replace_projector(tiny.bundle(), "words", [5, 3]).model.model.projector
    features = torch.randn(9, 1, projector.choose.in_features)
    with torch.no_grad():
        before = projector.choose(features.mean(1))
        probe_labels.sharpen_visual_words(projector, ("articleType", "pattern"))
        after = projector.choose(features.mean(1))
    assert torch.allclose(after[:, :5], probe_labels.OTHER_SCALE * before[:, :5], atol=1e-5)
    assert torch.allclose(after[:, 5:], probe_labels.DETAIL_SCALE * before[:, 5:], atol=1e-5)
    assert probe_labels.DETAIL_SCALE < 1 < probe_labels.OTHER_SCALE


@pytest.mark.parametrize("more", [[], ["--unfreeze"]])
def test_a_dry_run_measures_the_requested_training(
    flags: list[str], more: list[str], monkeypatch, capsys
) -> None:
    kinds = []
    monkeypatch.setattr(
        "vlm.training.forecast.forecast",
        lambda bundle, examples, *_: kinds.append(set(examples[0])) or "",
    )
    run_moda.main([*flags[:-2], *more, "--dry-run"])
    assert ("pixel_values" in kinds[0]) == bool(more)


def test_mixing_requires_attributes(flags: list[str], tmp_path, capsys) -> None:
    for table in (tmp_path / "data").rglob("metadata.jsonl"):
        rows = [json.loads(line) for line in table.read_text().splitlines()]
        bare = [{"file_name": row["file_name"], "text": "A thing."} for row in rows]
        table.write_text("\n".join(map(json.dumps, bare)))
    with pytest.raises(SystemExit):
        run_moda.main(flags)
    assert "and these have none" in capsys.readouterr().err
    assert not (tmp_path / "features").exists()


@pytest.mark.parametrize(
    "choice", ["--set mixed=5", "--set sure=5", "--set matched=yes", "--projector words"]
)
def test_probe_settings_require_a_frozen_tower(flags: list[str], choice: str, capsys) -> None:
    with pytest.raises(SystemExit):
        run_moda.main([*flags[:-2], *choice.split(), "--unfreeze"])
    error = capsys.readouterr().err
    assert re.search(r"mixed, sure, matched and --projector words .* stored features", error)
