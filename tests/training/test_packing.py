"""Packed sequences give the loss of separate ones."""

import numpy as np
import pytest
import torch

from tests import tiny
from vlm.config import TrainConfig
from vlm.inference import encoding
from vlm.training import forecast, packing
from vlm.training.examples import FeatureExamples
from vlm.types import IGNORE_INDEX, Record, Turn

TURNS = (
    Turn("What colour is it?", "It is red."),
    Turn("What colour is it?", "A red square."),
    Turn("Describe it.", "It is a red square. A square."),
    Turn("What colour is it?", "red", history=(("Describe it.", "A square."),)),
)


@pytest.fixture(scope="module")
def bundle():
    return tiny.bundle(image_features="patches")


def features(bundle, count: int, views: int = 1) -> np.ndarray:
    generator = np.random.default_rng(0)
    shape = (views, count, bundle.processor.num_image_tokens, bundle.model.config.vision_width)
    return generator.normal(size=shape).astype(np.float16)


def summed_loss(model, batch) -> float:
    """The sum over all labels, which does not depend on how examples are batched."""
    return float(model(**batch, num_items_in_batch=1).loss)


def test_the_loss_and_its_gradients_equal_those_of_separate_sequences(bundle):
    model, store = bundle.model.train(), features(bundle, 2)
    examples = FeatureExamples(
        bundle.processor, [Record("a", b"", TURNS), Record("b", b"", TURNS[1:3])], store
    )
    packed = packing.PackedExamples(examples)
    batches = [
        encoding.collator(bundle.processor)([examples[n] for n in range(len(examples))]),
        packing.collator(bundle.processor)([packed[0], packed[1]]),
    ]
    losses, gradients = [], []
    for batch in batches:
        model.zero_grad()
        loss = model(**batch, num_items_in_batch=1).loss
        loss.backward()
        losses.append(float(loss.detach()))
        gradients.append(model.model.projector[0].weight.grad.clone())
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)
    assert batches[1]["input_ids"].numel() < 0.7 * batches[0]["input_ids"].numel()


def test_each_answer_sees_its_own_prompt_only(bundle):
    texts = [encoding.encode_text(bundle.processor, turn) for turn in TURNS[:3]]
    packed = packing.pack(texts)
    ids, mask = packed["input_ids"][0], packed["attention_mask"][0, 0]
    decode = bundle.processor.tokenizer.decode
    seen = decode(ids[mask[-1]])
    assert seen.startswith("<|user|><image>") and "Describe it." in seen
    assert "What colour" not in seen and "It is red" not in seen
    supervised = packed["labels"][0] != IGNORE_INDEX
    end = bundle.processor.tokenizer.eos_token
    assert decode(ids[supervised]) == end.join([*(turn.answer for turn in TURNS[:3]), ""])
    assert packed["position_ids"][0].max() < len(ids) - 1


def test_one_example_is_the_plain_sequence_with_its_last_prompt_token_in_place(bundle):
    text = encoding.encode_text(bundle.processor, TURNS[0])
    packed = packing.pack([text])
    for name in ("input_ids", "labels"):
        assert torch.equal(packed[name], text[name])
    assert torch.equal(packed["position_ids"][0], torch.arange(text["input_ids"].shape[1]))
    assert torch.equal(
        packed["attention_mask"][0, 0],
        torch.ones_like(text["input_ids"][0]).bool().expand(text["input_ids"].shape[1], -1).tril(),
    )


def test_every_epoch_takes_the_next_turns_and_another_view(bundle):
    records = [Record("a", b"", TURNS), Record("none", b""), Record("b", b"", TURNS)]
    store = features(bundle, 3, views=2)
    packed = packing.PackedExamples(
        FeatureExamples(bundle.processor, records, store, epochs=2, turns=2)
    )
    assert len(packed) == 4 and len(packed.lengths()) == 4
    first, second = packed._locate(0), packed._locate(2)
    assert first[0] == second[0] == 0 and packed._locate(1)[0] == 2
    assert sorted(first[1] + second[1]) == [0, 1, 2, 3]
    assert {first[2], second[2]} == {0, 1}


def test_every_epoch_has_all_captions_and_the_next_questions(bundle):
    captions = [Turn("Caption it.", f"A square, {n}.", "caption") for n in range(3)]
    records = [Record("a", b"", (captions[0], TURNS[0], *captions[1:], TURNS[2]))]
    store = features(bundle, 1)
    packed = packing.PackedExamples(
        FeatureExamples(bundle.processor, records, store, epochs=2, turns=1)
    )
    chosen = [packed._locate(epoch)[1] for epoch in range(2)]
    assert [turns[:3] for turns in chosen] == [[0, 2, 3]] * 2
    assert sorted(turns[3] for turns in chosen) == [1, 4] and packed.answers() == 8
    assert len(FeatureExamples(bundle.processor, records, store, turns=1)) == 1


def test_padding_is_not_counted_and_gives_no_nan(bundle):
    short, long = (
        [encoding.encode_text(bundle.processor, t) for t in part] for part in (TURNS[:1], TURNS)
    )
    items = [packing.pack(short), packing.pack(long)]
    batch = packing.collator(bundle.processor)(items)
    counts = [item["input_ids"].shape[1] for item in items]
    assert int(packing.count_tokens(batch["attention_mask"])) == sum(counts)
    inputs = bundle.model.get_input_embeddings()(batch.pop("input_ids"))
    assert torch.isfinite(bundle.model(inputs_embeds=inputs, **batch).logits).all()


def test_a_decoder_that_ignores_the_mask_is_not_supported(bundle, monkeypatch):
    assert packing.is_supported(bundle)
    forward = type(bundle.model).forward

    def blind(self, *args, **kwargs):
        kwargs["attention_mask"] = None
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(bundle.model), "forward", blind)
    assert not packing.is_supported(bundle)


def test_the_forecast_counts_tokens_not_the_entries_of_the_mask(bundle):
    text = encoding.encode_text(bundle.processor, TURNS[0])
    batch = packing.collator(bundle.processor)([packing.pack([text])])
    line = forecast._format_time(bundle.model, batch, TrainConfig(batch_size=1), 1, 1.0)[0]
    assert line.startswith(f"tokens per example: {text['input_ids'].shape[1]} (")
