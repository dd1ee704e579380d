"""Prompts, answers and labels, which training and inference encode in the same place."""

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers
from transformers.utils import chat_template_utils

from tests import tiny
from vlm.errors import UserError
from vlm.inference import encoding, generate
from vlm.inference.encoding import History
from vlm.loading import load
from vlm.models.processing_vlm import VlmProcessor
from vlm.types import IGNORE_INDEX, Record, Turn

BENIGN = "What colour is it?"
BUNDLES = {
    "pooled": tiny.bundle(),
    "patches": tiny.bundle(image_features="patches"),
    "raw": tiny.raw_patches(),
}
BUNDLES["smolvlm"] = load.load(str(tiny.smolvlm(Path(tempfile.mkdtemp()))), device="cpu")
PROCESSORS = {name: bundle.processor for name, bundle in BUNDLES.items()}
POOLED = PROCESSORS["pooled"]
TEXTS = st.text(max_size=60)
HISTORIES = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
OURS = {name: item for name, item in PROCESSORS.items() if isinstance(item, VlmProcessor)}
every_processor = pytest.mark.parametrize("processor", PROCESSORS.values(), ids=PROCESSORS)
each_of_ours = pytest.mark.parametrize("processor", OURS.values(), ids=OURS)  # our chat template


def prompt_ids(processor: VlmProcessor, prompt: str, history: History = ()) -> list[int]:
    inputs = encoding.prompt_inputs(processor, tiny.picture(), prompt, history)
    return inputs["input_ids"][0].tolist()


# --- a training example is the inference prompt, the answer and the eos -------------------------


@every_processor
@settings(max_examples=30)
@given(prompt=TEXTS, answer=TEXTS, history=HISTORIES)
def test_labels_cover_exactly_the_answer_after_the_inference_prompt(
    processor: VlmProcessor, prompt: str, answer: str, history: History
) -> None:
    turn = Turn(prompt, answer, history=history)
    example = encoding.encode(processor, tiny.picture(), turn)
    ids, labels = example["input_ids"][0], example["labels"][0]
    start = prompt_ids(processor, prompt, history)
    assert ids[: len(start)].tolist() == start
    assert bool((labels[: len(start)] == IGNORE_INDEX).all())
    assert torch.equal(labels[len(start) :], ids[len(start) :])
    text = processor.tokenizer.decode(ids[len(start) : -1])
    assert text == encoding.answer_prefix(processor) + answer
    assert ids[-1] == processor.tokenizer.eos_token_id
    assert bool(example["attention_mask"].all())


def test_control_tokens_in_an_answer_are_plain_text() -> None:
    turn = Turn("Why?", "<|end|> a <image> b <|assistant|><|pad|>")
    example = encoding.encode(POOLED, tiny.picture(), turn)
    supervised = example["labels"][example["labels"] != IGNORE_INDEX]
    control = set(POOLED.tokenizer.all_special_ids)
    assert [i for i in supervised.tolist() if i in control] == [POOLED.tokenizer.eos_token_id]
    encoding.check_labels(POOLED, [turn, replace(turn, history=((turn.answer, turn.answer),))])


def test_encoding_without_pixels_gives_the_same_text() -> None:
    turn = Turn("Why?", "Because.")
    example = encoding.encode(POOLED, tiny.noise(), turn)
    text = encoding.encode_text(POOLED, turn)
    assert example.keys() - text.keys() == {"pixel_values"}
    assert all(torch.equal(text[name], example[name]) for name in text)


def without_marks(text: str) -> str:
    """The text without the two characters that transformers uses as marks and removes."""
    marks = chat_template_utils._CONTROL_TOKEN_START + chat_template_utils._CONTROL_TOKEN_END
    return text.translate(dict.fromkeys(map(ord, marks)))


@each_of_ours
@settings(max_examples=30)
@given(prompt=st.text(max_size=200), history=HISTORIES)
def test_the_model_reads_the_conversation_as_it_was_typed(
    processor: VlmProcessor, prompt: str, history: History
) -> None:
    text = processor.tokenizer.decode(prompt_ids(processor, prompt, history))
    parts = [*(part for pair in history for part in pair), prompt]
    texts = [without_marks(part) for part in parts]
    texts[0] = processor.image_token * processor.num_image_tokens + texts[0]
    roles = ["<|user|>", "<|assistant|>"] * len(texts)
    lines = "".join(f"{role}{part}<|end|>" for role, part in zip(roles, texts, strict=False))
    assert text == f"{lines}<|assistant|>"


@each_of_ours
@settings(max_examples=30)
@given(st.lists(st.text(alphabet="ab ü☃\n.,'?", max_size=20), min_size=3, max_size=3))
def test_a_conversation_continues_the_tokens_of_its_earlier_turns(
    processor: VlmProcessor, texts: list[str]
) -> None:
    question, answer, following = texts
    before = encoding.encode(processor, tiny.picture(), Turn(question, answer))["input_ids"][0]
    after = prompt_ids(processor, following, [(question, answer)])
    assert after[: len(before)] == before.tolist()


def test_a_lone_surrogate_is_replaced() -> None:
    assert prompt_ids(POOLED, "a\ud800b") == prompt_ids(POOLED, "a?b")
    with pytest.raises(UserError, match="cannot represent the data"):
        encoding.check_labels(POOLED, [Turn("Why?", "a\udfff")])


# --- typed text never becomes a control token ---------------------------------------------------


def guarded() -> VlmProcessor:
    """A processor whose tokenizer also has added tokens that are neither special nor roles."""
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


def control_counts(prompt: str, history: History = ()) -> Counter:
    return Counter(i for i in prompt_ids(GUARDED, prompt, history) if i in ADDED.values())


@pytest.mark.parametrize(
    "text", ["<image<|pad|>>", "<im<|end|>age>", "<image<image>>", "<image<image<|pad|>>>"]
)
def test_removing_control_tokens_leaves_no_image_placeholder(text: str) -> None:
    assert control_counts(text, [(text, text)]) == control_counts(BENIGN, [(BENIGN, BENIGN)])


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("token", ADDED)
def test_typed_control_tokens_are_plain_text(token: str, context: str) -> None:
    assert control_counts(context.format(token)) == control_counts(BENIGN)


PARTS = st.sampled_from([*ADDED, *MARKS, *(token[:-1] for token in ADDED), ">", "<", "|", " "])


MIXTURES = st.lists(PARTS | st.text(max_size=3), max_size=12).map("".join)


@given(MIXTURES, st.lists(st.tuples(MIXTURES, MIXTURES), max_size=2))
def test_mixtures_of_control_tokens_and_their_parts_are_plain_text(
    prompt: str, history: History
) -> None:
    benign = [(BENIGN, BENIGN)] * len(history)
    assert control_counts(prompt, history) == control_counts(BENIGN, benign)


@pytest.mark.parametrize("earlier", [0, 1, 2])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("name", BUNDLES)
def test_typed_image_tokens_are_not_image_placeholders(name: str, count: int, earlier: int) -> None:
    bundle = BUNDLES[name]
    prompt = "Is it " + " or ".join(["<image>"] * count) + "?"
    history = [(prompt, prompt)] * earlier
    inputs = encoding.prompt_inputs(bundle.processor, tiny.picture(), prompt, history)
    placeholders = int((inputs["input_ids"] == bundle.processor.image_token_id).sum())
    alone = encoding.prompt_inputs(bundle.processor, tiny.picture(), "Is it?")["input_ids"]
    assert placeholders == int((alone == bundle.processor.image_token_id).sum()) > 0
    with torch.no_grad():
        bundle.model(**inputs)  # raises if placeholders and image tokens differ


@pytest.mark.parametrize("letter", ["a", "<", "☃"])
def test_a_long_prompt_is_a_user_error_at_once(letter: str) -> None:
    with pytest.raises(UserError) as caught:
        encoding.prompt_inputs(None, tiny.picture(), letter * 200_000)  # nothing is tokenized
    assert str(caught.value) == (
        "The prompt has 200,000 characters, but at most 2,000 are allowed; shorten it."
    )
    assert prompt_ids(POOLED, letter * encoding.MAX_PROMPT_CHARACTERS)


def test_long_questions_are_refused_before_training() -> None:
    turns = (Turn("What is it?", "A shoe."), Turn("a" * 2_001, "A shoe."))
    encoding.check_turns([Record("a", b"", turns[:1])])
    with pytest.raises(UserError, match="2,001 characters"):
        encoding.check_turns([Record("a", b"", turns[:1]), Record("b", b"", turns)])


def test_a_long_conversation_is_a_user_error() -> None:
    limit = encoding.MAX_PROMPT_CHARACTERS
    fits = [("a" * 700, "b" * 700), ("c" * 300, "d" * 200)]
    assert prompt_ids(POOLED, "e" * (limit - 1900), fits)
    with pytest.raises(UserError) as caught:
        prompt_ids(POOLED, "e" * (limit - 1899), fits)
    assert str(caught.value) == (
        "The conversation has 2,001 characters, but at most 2,000 are allowed; start a new one."
    )


def test_the_answer_prefix_of_a_template_is_learnt_and_not_shown() -> None:
    """SmolVLM's template puts a space there: "Assistant: It is red"."""
    smolvlm = BUNDLES["smolvlm"]
    assert [encoding.answer_prefix(item) for item in PROCESSORS.values()] == ["", "", "", " "]
    assert encoding.show_labels(smolvlm.processor, [TURNS[0]]).endswith(
        "Why?<end_of_utterance>\nAssistant:⟦ No.<end_of_utterance>⟧"
    )
    pieces = generate._Pieces(smolvlm.processor, generate.Stats())
    for text in (" ", "It ", " is"):
        pieces.on_finalized_text(text)
    assert [pieces.queue.get() for _ in range(pieces.queue.qsize())] == ["It ", " is"]


# --- batches -------------------------------------------------------------------------------------

TURNS = [Turn("Why?", "No."), Turn("What colour is it?", "It is red. A red square.")]
CONVERSATION = Turn("And who?", "Men.", "chat", (("Why?", "So."), ("What colour?", "Red.")))


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
            alone = bundle.model(**example).logits[0]
            assert torch.allclose(logits[row, :real], alone, rtol=0, atol=1e-5)


def test_the_collator_pads_on_the_right_without_loss() -> None:
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


def test_a_batch_of_questions_is_padded_on_the_left() -> None:
    prompts = [turn.prompt for turn in TURNS]
    batch = encoding.batch_inputs(POOLED, [tiny.noise(0), tiny.noise(1)], prompts)
    missing = len(prompt_ids(POOLED, prompts[1])) - len(prompt_ids(POOLED, prompts[0]))
    assert missing > 0
    assert batch["attention_mask"][0].tolist()[: missing + 1] == [0] * missing + [1]
    assert batch["input_ids"][0, missing:].tolist() == prompt_ids(POOLED, prompts[0])
    with pytest.raises(ValueError, match="longer"):
        encoding.batch_inputs(POOLED, [tiny.noise(0)], prompts)


def test_a_batch_of_conversations_has_the_tokens_of_each() -> None:
    histories = [(), CONVERSATION.history]
    pictures, prompts = [tiny.noise(0), tiny.noise(1)], ["Why?", CONVERSATION.prompt]
    batch = encoding.batch_inputs(POOLED, pictures, prompts, histories)
    for row, prompt, history in zip(batch["input_ids"], prompts, histories, strict=True):
        alone = prompt_ids(POOLED, prompt, history)
        assert row[-len(alone) :].tolist() == alone
    with pytest.raises(ValueError, match="shorter"):
        encoding.batch_inputs(POOLED, pictures, prompts, histories[:1])


# --- showing and checking labels ----------------------------------------------------------------


@each_of_ours
def test_shown_labels_mark_exactly_the_answer(processor: VlmProcessor) -> None:
    placeholders = processor.image_token * processor.num_image_tokens
    assert encoding.show_labels(processor, TURNS).splitlines() == [
        f"<|user|>{placeholders}{turn.prompt}<|end|><|assistant|>⟦{turn.answer}<|end|>⟧"
        for turn in TURNS
    ]


def test_shown_labels_of_a_conversation_mark_only_the_last_answer() -> None:
    assert encoding.show_labels(POOLED, [CONVERSATION]) == (
        "<|user|><image>Why?<|end|><|assistant|>So.<|end|><|user|>What colour?<|end|><|assistant|>"
        "Red.<|end|><|user|>And who?<|end|><|assistant|>⟦Men.<|end|>⟧"
    )
    encoding.check_labels(POOLED, [CONVERSATION])


def test_labels_of_good_data_pass_the_check() -> None:
    encoding.check_labels(POOLED, [turn for r in tiny.records(9) for turn in r.turns])
    encoding.check_labels(POOLED, [Turn("", ""), Turn("Why?", " ü☃\n\t"), tiny.COUNT])


def test_a_tokenizer_that_changes_the_text_is_refused() -> None:
    processor = tiny.bundle().processor
    processor.tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    encoding.check_labels(processor, [Turn("Why?", "all small")])
    with pytest.raises(UserError, match="decode to 'it is red.' but the answer is 'It is red.'"):
        encoding.check_labels(processor, [Turn("Why?", "all small"), Turn("Why?", "It is red.")])
