"""The shipped tower of the everyday model: its files, its classifier, its card."""

import numpy as np
import pytest
import torch

from vlm.data.images import open_image
from vlm.evaluation.benchmarks.imagenet import benchmark
from vlm.inference import classifier
from vlm.loading import weights
from vlm.loading.presets import PRESETS, TOWER
from vlm.loading.towers.tower import load_tower

AGREED = 0.7  # share of pictures that it still classifies as before it was tuned


def test_files_fit_a_space_without_lfs() -> None:
    sizes = [path.stat().st_size for path in TOWER.iterdir()]
    assert max(sizes) < 10_000_000 and sum(sizes) < 13_000_000


def test_the_preset_uses_it() -> None:
    assert PRESETS["everyday"].vision == str(TOWER)


def test_it_is_a_tower_and_a_classifier() -> None:
    tower, processor = load_tower(TOWER, "grid")
    opened = classifier.load(str(TOWER))
    assert len(opened.kinds) == 1000 and processor.size == {"height": 224, "width": 224}
    pixels = torch.zeros(1, 3, 224, 224)
    with torch.inference_mode():
        pooled = tower.eval()(pixels).pooler_output.flatten(1)
        torch.testing.assert_close(opened.layer(pooled), opened.model(pixels).logits)


@pytest.mark.skipif(not weights.is_here("efficientnet-lite0"), reason="its package is missing")
def test_it_still_knows_the_classes_of_imagenet(real_data) -> None:
    path = real_data / "imagenet-samples.parquet"
    if not path.is_file():
        pytest.skip("pictures of ImageNet are missing")
    questions = benchmark.load(path=path, limit=60).questions
    pictures = [open_image(question.images[0]) for question in questions]
    old, new = (
        np.array([*classifier.load(name).classify(pictures)])
        for name in ("efficientnet-lite0", str(TOWER))
    )
    assert np.mean(old == new) >= AGREED
