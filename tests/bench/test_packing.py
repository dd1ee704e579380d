"""The comparison of packed and separate answers."""

import numpy as np

from bench import packing as comparison
from tests import tiny
from vlm.inference import encoding
from vlm.training import packing
from vlm.training.examples import FeatureExamples
from vlm.types import Record, Turn


def test_both_sides_have_the_same_loss_and_the_ratio_is_printed(monkeypatch) -> None:
    monkeypatch.setattr(comparison, "ROUNDS", 1)
    bundle = tiny.bundle(image_features="patches")
    turns = tuple(Turn("Describe it.", f"A {colour} square.") for colour in tiny.COLOURS)
    shape = (1, 2, bundle.processor.num_image_tokens, bundle.model.config.vision_width)
    records = [Record(name, b"", turns) for name in "ab"]
    examples = FeatureExamples(bundle.processor, records, np.ones(shape, np.float16))
    packed = packing.PackedExamples(examples)
    table = comparison.compare(
        bundle,
        encoding.collator(bundle.processor)([examples[n] for n in range(len(examples))]),
        packing.collator(bundle.processor)([packed[n] for n in range(len(packed))]),
    ).splitlines()
    rows = [line.strip("| ").split(" | ") for line in table[2:4]]
    assert [row[0] for row in rows] == ["separate", "packed"]
    assert rows[0][2] == rows[1][2] and int(rows[1][1]) < int(rows[0][1])
    assert "times as fast" in table[-1]
