"""The projector learns to say the words of the answers in the decoder's embeddings."""

import numpy as np
import pytest
import torch

from tests import tiny
from vlm.data.mixture import LoadedPart
from vlm.training.moda import word_alignment
from vlm.types import Record, Turn

COLOURS = ("red", "green", "blue")


def part(bundle, count: int = 60):
    """Records of one colour each, and features in which the colour is a direction."""
    generator = np.random.default_rng(0)
    width = bundle.model.config.vision_width
    directions = generator.normal(size=(3, width)) * 2
    names = [n % 3 for n in range(count)]
    records = tuple(
        Record(str(n), b"", (Turn("Describe it.", f"The {COLOURS[n]} square is {COLOURS[n]}."),))
        for n in names
    )
    tokens = bundle.processor.num_image_tokens
    features = directions[names][None, :, None] + generator.normal(size=(2, count, tokens, width))
    return LoadedPart("colours", records, 1), features.astype(np.float16)


def test_the_words_of_a_picture_become_the_nearest_embeddings():
    bundle = tiny.bundle(image_features="patches")
    colours = part(bundle)
    first = word_alignment.align(bundle, [colours], epochs=2)
    last = word_alignment.align(bundle, [colours], epochs=300)
    assert last < first
    features = torch.from_numpy(colours[1][0].astype(np.float32))
    with torch.no_grad():
        tokens = bundle.model.model.projector(features)[:, 0]
    words = word_alignment._word_embeddings(bundle, COLOURS)
    centred = torch.nn.functional.normalize(words - words.mean(0), dim=1)
    nearest = (tokens @ centred.T).argmax(1)
    assert (nearest == torch.tensor([n % 3 for n in range(60)])).float().mean() > 0.9
    assert tokens.norm(dim=1).mean() == pytest.approx(float(words.norm(dim=1).mean()), rel=0.5)


def test_rare_words_and_words_of_most_pictures_are_left_out():
    rows = [frozenset({"the", "red" if n % 2 else "blue"}) for n in range(20)]
    rows[0] |= {"rare"}
    assert word_alignment.common_words(rows) == ["blue", "red"]


def test_without_such_words_nothing_changes():
    bundle = tiny.bundle(image_features="patches")
    before = bundle.model.model.projector[0].weight.clone()
    row, features = part(bundle, 3)
    assert word_alignment.align(bundle, [(row, features)], epochs=5) == 0.0
    assert torch.equal(bundle.model.model.projector[0].weight, before)
