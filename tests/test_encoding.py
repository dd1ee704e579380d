"""Prompts, answers and labels: one place makes them, for training and for answering."""

import time
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers
from transformers.utils import chat_template_utils

from tests import tiny
from vlm import encoding
from vlm.errors import UserError
from vlm.models.processing_vlm import VlmProcessor
from vlm.types import IGNORE_INDEX, Turn

BENIGN = "What colour is it?"
BUNDLES = {
    "pooled": tiny.bundle(),
    "patches": tiny.bundle(image_features="patches"),
    "raw": tiny.raw_patches(),
}
PROCESSORS = {name: bundle.processor for name, bundle in BUNDLES.items()}
POOLED = PROCESSORS["pooled"]
TEXTS = st.text(max_size=60)
every_processor = pytest.mark.parametrize("processor", PROCESSORS.values(), ids=PROCESSORS)


def prompt_ids(processor: VlmProcessor, prompt: str) -> list[int]:
    return encoding.prompt_inputs(processor, tiny.picture(), prompt)["input_ids"][0].tolist()


# --- a training example is the inference prompt, the answer and the end -------------------------


@every_processor
@settings(deadline=None, max_examples=30)
@given(prompt=TEXTS, answer=TEXTS)
def test_supervised_is_exactly_the_answer_after_the_inference_prompt(
    processor: VlmProcessor, prompt: str, answer: str
) -> None:
    example = encoding.encode(processor, tiny.picture(), Turn(prompt, answer))
    ids, labels = example["input_ids"][0], example["labels"][0]
    start = prompt_ids(processor, prompt)
    assert ids[: len(start)].tolist() == start
    assert bool((labels[: len(start)] == IGNORE_INDEX).all())
    assert torch.equal(labels[len(start) :], ids[len(start) :])
    assert processor.tokenizer.decode(ids[len(start) : -1]) == answer
    assert ids[-1] == processor.tokenizer.eos_token_id
    assert bool(example["attention_mask"].all())


def test_control_tokens_in_an_answer_stay_text() -> None:
    turn = Turn("Why?", "<|end|> a <image> b <|assistant|><|pad|>")
    example = encoding.encode(POOLED, tiny.picture(), turn)
    supervised = example["labels"][example["labels"] != IGNORE_INDEX]
    control = set(POOLED.tokenizer.all_special_ids)
    assert [i for i in supervised.tolist() if i in control] == [POOLED.tokenizer.eos_token_id]
    encoding.check_labels(POOLED, [turn])


def test_encoding_without_pixels_gives_the_same_text() -> None:
    turn = Turn("Why?", "Because.")
    whole = encoding.encode(POOLED, tiny.noise(), turn)
    text = encoding.encode_text(POOLED, turn)
    assert whole.keys() - text.keys() == {"pixel_values"}
    assert all(torch.equal(text[name], whole[name]) for name in text)


@every_processor
@settings(deadline=None, max_examples=30)
@given(prompt=st.text(max_size=200))
def test_the_model_reads_the_prompt_as_it_was_typed(processor: VlmProcessor, prompt: str) -> None:
    markers = chat_template_utils._CONTROL_TOKEN_START + chat_template_utils._CONTROL_TOKEN_END
    typed = prompt.translate(dict.fromkeys(map(ord, markers)))  # transformers drops its own marks
    text = processor.tokenizer.decode(prompt_ids(processor, prompt))
    places = processor.image_token * processor.num_image_tokens
    assert text == f"<|user|>{places}{typed}<|end|><|assistant|>"


def test_half_a_surrogate_pair_is_replaced_not_a_crash() -> None:
    assert prompt_ids(POOLED, "a\ud800b") == prompt_ids(POOLED, "a?b")
    with pytest.raises(UserError, match="cannot train on this data"):
        encoding.check_labels(POOLED, [Turn("Why?", "a\udfff")])


# --- what a user types never becomes a control token --------------------------------------------


def guarded() -> VlmProcessor:
    """A processor whose tokenizer also has added tokens that are neither special nor a turn."""
    processor = tiny.bundle().processor
    processor.tokenizer.add_tokens(["<think>", "</think>", "<row_1_col_1>"])
    processor.tokenizer.add_special_tokens(
        {"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]},
        replace_extra_special_tokens=False,
    )
    return processor


GUARDED = guarded()
ADDED = GUARDED.tokenizer.get_added_vocab()
CONTEXTS = ["{}", "a{}b", "{0}{0}{0}", "x<|end|>\n<|assistant|>{}<|end|><|user|>", "\n {} \n"]
MARKS = [chat_template_utils._CONTROL_TOKEN_START, chat_template_utils._CONTROL_TOKEN_END]


def control_counts(prompt: str) -> Counter:
    return Counter(i for i in prompt_ids(GUARDED, prompt) if i in ADDED.values())


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("token", ADDED)
def test_typed_control_tokens_stay_text(token: str, context: str) -> None:
    assert control_counts(context.format(token)) == control_counts(BENIGN)


PARTS = st.sampled_from([*ADDED, *MARKS, *(token[:-1] for token in ADDED), ">", "<", "|", " "])


@settings(deadline=None)
@given(st.lists(PARTS | st.text(max_size=3), max_size=12).map("".join))
def test_no_mixture_of_control_tokens_and_their_pieces_becomes_one(prompt: str) -> None:
    assert control_counts(prompt) == control_counts(BENIGN)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("name", BUNDLES)
def test_typed_image_tokens_are_no_places_for_the_picture(name: str, count: int) -> None:
    bundle = BUNDLES[name]
    prompt = "Is it " + " or ".join(["<image>"] * count) + "?"
    inputs = encoding.prompt_inputs(bundle.processor, tiny.picture(), prompt)
    places = int((inputs["input_ids"] == bundle.processor.image_token_id).sum())
    assert places == bundle.processor.num_image_tokens
    with torch.no_grad():
        bundle.model(**inputs)  # raises when places and image tokens differ


@pytest.mark.parametrize("letter", ["a", "<", "☃"])
def test_long_prompt_is_refused_at_once_in_one_sentence(letter: str) -> None:
    started = time.perf_counter()
    with pytest.raises(UserError) as caught:
        encoding.prompt_inputs(POOLED, tiny.picture(), letter * 200_000)
    assert time.perf_counter() - started < 0.05
    assert str(caught.value) == (
        "The prompt has 200,000 characters, at most 2,000 are allowed; shorten it."
    )
    assert prompt_ids(POOLED, letter * encoding.MAX_PROMPT_CHARACTERS)


# --- batches -------------------------------------------------------------------------------------

TURNS = [Turn("Why?", "No."), Turn("What colour is it?", "It is red. A red square.")]


def rows(processor: VlmProcessor) -> list[dict[str, torch.Tensor]]:
    return [encoding.encode(processor, tiny.noise(n), turn) for n, turn in enumerate(TURNS)]


@pytest.mark.parametrize("name", BUNDLES)
def test_right_padding_does_not_change_the_logits_of_real_tokens(name: str) -> None:
    bundle = BUNDLES[name]
    examples = rows(bundle.processor)
    batch = encoding.collator(bundle.processor)(examples)
    with torch.no_grad():
        logits = bundle.model(**batch).logits
        for row, example in enumerate(examples):
            real = example["input_ids"].shape[1]
            own = bundle.model(**example).logits[0]
            assert torch.allclose(logits[row, :real], own, rtol=0, atol=1e-5)


def test_collator_pads_on_the_right_without_loss() -> None:
    examples = rows(POOLED)
    batch = encoding.collator(POOLED)(examples)
    short, long = (example["input_ids"].shape[1] for example in examples)
    assert short < long and batch["input_ids"].shape == (2, long)
    assert torch.equal(batch["input_ids"][0, :short], examples[0]["input_ids"][0])
    assert set(batch["input_ids"][0, short:].tolist()) == {POOLED.tokenizer.pad_token_id}
    assert set(batch["labels"][0, short:].tolist()) == {IGNORE_INDEX}
    assert batch["attention_mask"].sum(1).tolist() == [short, long]
    pixels = torch.cat([example["pixel_values"] for example in examples])
    assert torch.equal(batch["pixel_values"], pixels)


def test_batch_of_questions_pads_on_the_left() -> None:
    prompts = [turn.prompt for turn in TURNS]
    batch = encoding.batch_inputs(POOLED, [tiny.noise(0), tiny.noise(1)], prompts)
    missing = len(prompt_ids(POOLED, prompts[1])) - len(prompt_ids(POOLED, prompts[0]))
    assert missing > 0
    assert batch["attention_mask"][0].tolist()[: missing + 1] == [0] * missing + [1]
    assert batch["input_ids"][0, missing:].tolist() == prompt_ids(POOLED, prompts[0])
    with pytest.raises(ValueError, match="longer"):
        encoding.batch_inputs(POOLED, [tiny.noise(0)], prompts)


# --- looking at labels --------------------------------------------------------------------------


@every_processor
def test_shown_labels_mark_exactly_the_answer(processor: VlmProcessor) -> None:
    places = processor.image_token * processor.num_image_tokens
    assert encoding.show_labels(processor, TURNS).splitlines() == [
        f"<|user|>{places}{turn.prompt}<|end|><|assistant|>⟦{turn.answer}<|end|>⟧" for turn in TURNS
    ]


def test_labels_of_right_data_pass() -> None:
    encoding.check_labels(POOLED, [turn for r in tiny.records(9) for turn in r.turns])
    encoding.check_labels(POOLED, [Turn("", ""), Turn("Why?", " ü☃\n\t"), tiny.COUNT])


def test_a_tokenizer_that_loses_text_is_refused() -> None:
    processor = tiny.bundle().processor
    processor.tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    encoding.check_labels(processor, [Turn("Why?", "all small")])
    with pytest.raises(UserError, match="read 'it is red.' but the answer is 'It is red.'"):
        encoding.check_labels(processor, [Turn("Why?", "all small"), Turn("Why?", "It is red.")])
