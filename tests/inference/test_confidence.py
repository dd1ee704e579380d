"""The mean probability of an answer's tokens, and conversations, in streams and in batches."""

import threading

import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor

from tests import tiny
from vlm.config import GenerateConfig
from vlm.inference import encoding
from vlm.inference.confidence import Confidence, answer_mask
from vlm.inference.generate import Stats, answer, answers, stream
from vlm.types import Bundle

QUESTIONS = [(tiny.picture(c), turn.prompt) for c in tiny.COLOURS for turn in tiny.questions(c)]
COUNT = (tiny.picture(), tiny.COUNT.prompt)
CONVERSATION = (("What colour is it?", "It is red."), ("Describe it.", "A red square."))


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """A half-trained model, so that some probabilities are low; no test may change it."""
    return tiny.trained(60)


@torch.no_grad()
def probabilities(bundle: Bundle, picture, prompt: str, config: GenerateConfig, history=()) -> list:
    """The probability of each token of the answer, by one full forward pass for each."""
    inputs = encoding.prompt_inputs(bundle.processor, picture, prompt, history)
    penalty = RepetitionPenaltyLogitsProcessor(config.repetition_penalty)
    ids = inputs.pop("input_ids")
    values = []
    for token in chosen(bundle, picture, prompt, config, history):
        mask = torch.ones_like(ids)
        logits = bundle.model(**inputs | {"input_ids": ids, "attention_mask": mask}).logits[:, -1]
        values.append(penalty(ids, logits.float()).softmax(-1)[0, token].item())
        ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
    return values


def chosen(bundle: Bundle, picture, prompt: str, config: GenerateConfig, history) -> list[int]:
    """The tokens of an answer with its end token, which an answer cut short lacks."""
    stats = Stats()
    text = answer(bundle, picture, prompt, config, history=history, stats=stats)
    ids = bundle.processor.tokenizer(text)["input_ids"]
    ends = [bundle.processor.tokenizer.eos_token_id] * (stats.tokens - len(ids))
    assert len(ends) in (0, 1)
    return [*ids, *ends]


CONFIGS = {
    "greedy": GenerateConfig(),
    "cut": GenerateConfig(max_new_tokens=3),
    "penalty": GenerateConfig(repetition_penalty=1.5),
    "sampled": GenerateConfig(temperature=0.4, top_k=2, top_p=0.7),
}


@pytest.mark.parametrize("history", [(), CONVERSATION], ids=["alone", "in a conversation"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_probability_is_the_mean_over_the_tokens(
    bundle: Bundle, config: GenerateConfig, history: encoding.History
) -> None:
    each = probabilities(bundle, *QUESTIONS[0], config, history)
    stats = Stats()
    answer(bundle, *QUESTIONS[0], config, history=history, stats=stats)
    assert stats.tokens == len(each)
    assert stats.probability == pytest.approx(sum(each) / len(each), abs=1e-4)
    assert 0 < stats.probability < 0.9999


def test_probability_of_a_batch_is_over_all_tokens_without_padding(bundle: Bundle) -> None:
    questions = [*QUESTIONS, COUNT]
    each = [p for pair in questions for p in probabilities(bundle, *pair, GenerateConfig())]
    stats = Stats()
    answers(bundle, *zip(*questions, strict=True), stats=stats)
    assert stats.tokens == len(each)
    assert stats.probability == pytest.approx(sum(each) / len(each), abs=1e-4)


def test_the_text_is_what_generate_gives_without_our_processors(bundle: Bundle) -> None:
    for picture, prompt in [*QUESTIONS, COUNT]:
        inputs = encoding.prompt_inputs(bundle.processor, picture, prompt)
        ids = bundle.model.generate(**inputs, max_new_tokens=96, do_sample=False)
        new = ids[0, inputs["input_ids"].shape[1] :]
        text = bundle.processor.tokenizer.decode(new, skip_special_tokens=True)
        assert answer(bundle, picture, prompt) == text


def test_probability_covers_an_answer_cut_short_and_not_beam_search(bundle: Bundle) -> None:
    stop, stats = threading.Event(), Stats()
    stop.set()
    answer(bundle, *COUNT, stop=stop, stats=stats)
    assert stats.tokens == 1 and 0 < stats.probability < 1
    closed = Stats()
    pieces = stream(bundle, *COUNT, stats=closed)
    next(pieces)
    pieces.close()
    assert 0 < closed.probability < 1
    beams = Stats()
    answer(bundle, *COUNT, GenerateConfig(num_beams=2), stats=beams)
    assert beams.probability == 0


def test_a_model_is_more_confident_in_what_it_learnt_than_in_an_unknown_question(
    bundle: Bundle,
) -> None:
    learnt, unknown = Stats(), Stats()
    answer(bundle, *QUESTIONS[0], stats=learnt)
    answer(bundle, tiny.noise(), "x y z, is it?", stats=unknown)
    assert learnt.probability > unknown.probability + 0.05


def test_an_extra_step_changes_nothing() -> None:
    """On some devices transformers runs one step more than it returns."""
    tokens = torch.tensor([[3, 1, 2, 0]])
    confidence = Confidence()
    for step in range(4):
        scores = torch.zeros(1, 4)
        scores[0, 1] = step  # the token 1 at step 0 had the probability 1/4
        confidence(tokens[:, : step + 1], scores)
    ids, mask = tokens[:, 1:3], torch.tensor([[True, False]])
    (evidence,) = confidence.of_answers(ids, mask)
    assert evidence.token_probabilities == pytest.approx((0.25,)) and not evidence.features


@pytest.mark.parametrize("ends", [9, [8, 9], None])
def test_the_answer_mask_ends_with_the_first_end_token(ends: int | list[int] | None) -> None:
    ids = torch.tensor([[1, 9, 9, 9], [1, 2, 3, 9], [1, 2, 3, 4]])
    mask = answer_mask(ids, ends)
    assert mask.sum(1).tolist() == ([2, 4, 4] if ends else [4, 4, 4])


def test_a_conversation_gets_the_same_answer_alone_and_in_a_batch(bundle: Bundle) -> None:
    pictures, prompts = zip(*QUESTIONS, strict=True)
    histories = [CONVERSATION[: n % 3] for n in range(len(QUESTIONS))]
    rows = zip(pictures, prompts, histories, strict=True)
    alone = [answer(bundle, image, prompt, history=history) for image, prompt, history in rows]
    assert answers(bundle, pictures, prompts, histories=histories) == alone
    assert alone != answers(bundle, pictures, prompts)  # it does read the history
