"""Names without pictures: imagined features are what the classifier says; a model learns them."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from transformers import ResNetConfig, ResNetForImageClassification, ResNetModel, ViTImageProcessor

from tests import tiny
from tests.data.test_kinds import FEW
from vlm.commands.train import names
from vlm.config import NamesConfig
from vlm.data.kinds import kinds
from vlm.errors import UserError
from vlm.inference import classifier
from vlm.loading import load
from vlm.training.examples import FeatureExamples
from vlm.training.names.examples import draw_chances, examples
from vlm.training.names.synthesis import Imagined, Synthesiser, SyntheticFeatures
from vlm.types import Record, Turn

WIDTH, CLASSES = 24, len(FEW)
QUICK = NamesConfig(per_class=2, variants=3)


def synthesiser(tokens: int = 17, fade: float = 0.6) -> Synthesiser:
    """A random classifier of non-negative features; the first token is the mean of the others."""
    rng = np.random.default_rng(0)
    cells = np.maximum(rng.normal(0, 1, (20, max(1, tokens - 1), WIDTH)), 0)
    features = np.concatenate([cells.mean(1, keepdims=True), cells], 1)[:, :tokens]
    weight = rng.normal(0, 1, (CLASSES, WIDTH)).astype(np.float32)
    return Synthesiser(weight, np.zeros(CLASSES, np.float32), features, True, fade)


@pytest.mark.parametrize("tokens", [1, 17])
def test_the_classifier_gives_an_imagined_feature_its_chances(tokens: int) -> None:
    made = synthesiser(tokens)
    for number in range(CLASSES):
        feature = made(Imagined({number: 0.8}), np.random.default_rng(number))
        assert feature.shape == (tokens, WIDTH) and feature.dtype == np.float16
        found = made.probabilities(feature[0].astype(np.float32))
        assert found.argmax() == number and abs(found[number] - 0.8) < 0.05
        assert feature.min() >= 0  # as the real ones
    mixed = made(Imagined({0: 0.4, 1: 0.4}), np.random.default_rng(0))
    found = made.probabilities(mixed[0].astype(np.float32))
    assert abs(found[:2].sum() - 0.8) < 0.05


def test_the_cells_show_the_thing_in_one_place() -> None:
    made, rng = synthesiser(), np.random.default_rng(0)
    mask = np.mean([made._mask(17, rng) for _ in range(50)], 0)
    assert mask[0] == 1 and np.isclose(mask[1:].mean(), 1)
    grid = mask[1:].reshape(4, 4)
    assert grid[1:3, 1:3].mean() > 2 * grid[[0, 0, 3, 3], [0, 3, 0, 3]].mean()


def test_views_differ_and_repeat_exactly() -> None:
    made = SyntheticFeatures(synthesiser(), [Imagined({0: 0.8}), Imagined({1: 0.7}, 3)], 4, seed=5)
    assert made.shape == (4, 2, 17, WIDTH) and len(made) == 4
    assert np.array_equal(np.array(made)[2, 1], made[2, 1])
    assert not np.array_equal(made[0, 0], made[1, 0])


def test_most_imagined_pictures_are_clear_and_the_others_are_torn_between_siblings() -> None:
    rng = Random(0)
    drawn = [draw_chances(0, [1, 2], 0.25, rng) for _ in range(400)]
    unsure = [row for row in drawn if len(row) > 1]
    assert 0.2 < len(unsure) / len(drawn) < 0.3
    assert all(max(row, key=row.get) == 0 for row in drawn)
    assert all(sum(row.values()) <= 0.9001 for row in unsure)
    assert len(draw_chances(3, [], 1.0, Random(0))) == 1


# the classifier


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A classifier, its tower, a model with that tower, pictures with captions."""
    root = tmp_path_factory.mktemp("names")
    torch.manual_seed(0)
    shape = {"embedding_size": 16, "hidden_sizes": [16, 64], "depths": [1, 1]}
    labels = {number: kind.name for number, kind in enumerate(FEW)}
    config = ResNetConfig(**shape, layer_type="basic", id2label=labels)
    model = ResNetForImageClassification(config).eval()
    model.classifier[1].weight.data *= 20  # clear answers
    pictures = ViTImageProcessor(size={"height": tiny.SIDE, "width": tiny.SIDE})
    for name, part in (("classifier", model), ("tower", model.resnet)):
        part.save_pretrained(root / name)
        pictures.save_pretrained(root / name)
    tower = ResNetModel.from_pretrained(root / "tower")
    bundle = tiny.bundle("resnet")
    bundle.model.model.vision_tower.load_state_dict(tower.state_dict())
    load.save(bundle, root / "model")
    other = tiny.bundle("vit")
    load.save(other, root / "other")
    data = root / "data"
    data.mkdir()
    rows = [{"file_name": f"{n}.png", "text": f"A dog runs, {n}."} for n in range(20)]
    for number, row in enumerate(rows):
        tiny.noise(number).save(data / row["file_name"])
    (data / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rows = ["wnid,article,name,kinds"]
    rows += [f'{k.id},{k.article},{k.name},"{", ".join(k.broader)}"' for k in FEW]
    (root / "kinds.csv").write_text("\n".join(rows) + "\n")
    return {path.stem: path for path in root.iterdir()}


def test_a_classifier_has_its_labels_or_a_tables_names(folders) -> None:
    plain = classifier.load(str(folders["classifier"]))
    assert [kind.name for kind in plain.kinds] == [kind.name for kind in FEW]
    assert not plain.kinds[0].broader and plain.layer.out_features == CLASSES
    named = classifier.load(str(folders["classifier"]), folders["kinds"])
    assert named.kinds == FEW
    pictures = [tiny.noise(number) for number in range(3)]
    assert list(named.classify(pictures)) == list(plain.classify(iter(pictures)))


def test_imagenets_classes_are_recognised() -> None:
    table = kinds.load()
    first = [kinds.imagenet_synonyms()[kind.id][0] for kind in table]
    assert classifier._are_imagenet([kind.id for kind in table])
    assert classifier._are_imagenet([f"{name}, other" for name in first])
    assert classifier._are_imagenet([f"LABEL_{n}" for n in range(1000)])
    assert not classifier._are_imagenet(first[1:] + first[:1])
    assert not classifier._are_imagenet(first[:10])


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        ("nowhere", None, "'nowhere' could not be opened"),
        ("classifier", kinds.IMAGENET, "has 1000 classes, but"),
        ("tower", None, "could not be opened"),
    ],
)
def test_unusable_classifiers_are_refused(folders, name, table, said) -> None:
    with pytest.raises(UserError, match=said):
        classifier.load(str(folders.get(name, name)), table)


# examples


def test_examples_mix_with_stored_features(folders) -> None:
    opened = classifier.load(str(folders["classifier"]), folders["kinds"])
    backgrounds = np.random.default_rng(0).random((8, 1, 64), np.float32)
    turns = (Turn("What is this?", "A dog runs.", "caption"),)
    captioned = [Record(str(n), b"", turns) for n in range(8)]
    records, features = examples(opened, backgrounds, QUICK, captioned=captioned)
    assert features.shape == (3, len(records), 1, 64) and len(records) == 2 * CLASSES + 8
    tasks = Counter(turn.task for record in records for turn in record.turns)
    assert set(tasks) == {"what", "presence", "caption"}
    swapped = [r for r in records if r.turns[0].answer.endswith(" runs.")]
    assert len(swapped) == 8 and not any("A dog" in r.turns[0].answer for r in swapped)
    data = FeatureExamples(tiny.bundle("resnet").processor, records, features, epochs=2, turns=1)
    assert data[0]["vision_features"].shape == (1, 1, 64)
    again = examples(opened, backgrounds, QUICK, captioned=captioned)[0]
    other = examples(opened, backgrounds, QUICK, captioned=captioned, seed=1)[0]
    assert again == records != other


# the recipe


def words(folders, out: Path, *more: str) -> list[str]:
    flags = ["--model", folders["model"], "--classifier", folders["classifier"]]
    flags += ["--kinds", folders["kinds"], "--data", f"folder={folders['data']}", "--out", out]
    flags += ["--features", out.parent / "features", "--max-steps", "4", "--batch-size", "4"]
    flags += ["--per-class", "2", "--eval-every", "4", "--save-every", "2"]
    return [*map(str, flags), "--set", "panel=1", "measure=0", "bf16=no", *more]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load.load(str(folder), device="cpu").model.state_dict()


def test_a_model_is_trained_on_names_and_a_stopped_run_resumes(folders, tmp_path) -> None:
    names.main(words(folders, tmp_path / "run"))
    first = weights(tmp_path / "run/model")
    before = weights(folders["model"])
    changed = {name.split(".")[1] for name in first if not torch.equal(first[name], before[name])}
    assert {"projector", "language_model"} <= changed and "vision_tower" not in changed
    for name in ("checkpoint-4", "model"):  # as if it had been killed after step 2
        for file in sorted((tmp_path / "run" / name).rglob("*"), reverse=True):
            file.unlink()
        (tmp_path / "run" / name).rmdir()
    names.main([*words(folders, tmp_path / "run"), "--resume"])
    again = weights(tmp_path / "run/model")
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        ("other", [], "does not read the features of this model's vision tower"),
        ("model", ["unsure=101"], "unsure is 101, allowed is"),
    ],
)
def test_unusable_parts_are_refused(folders, tmp_path, capsys, model, more, said) -> None:
    parts = folders | {"model": folders[model]}
    with pytest.raises(SystemExit):
        names.main(words(parts, tmp_path / "run", *more))
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run/model").exists()
