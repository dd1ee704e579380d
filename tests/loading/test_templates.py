"""What is supervised is the answer and its end, for every base that run_qlora.py knows by name."""

import random
from dataclasses import replace

import pytest
import torch

from tests import tiny
from vlm.inference import encoding
from vlm.loading import build, load
from vlm.loading.presets import BASES, PRESETS
from vlm.types import IGNORE_INDEX, Turn

WORDS = ("red", "a shoe?", "\n", "  ", "ü☃", "<b>", "It is", "[INST]", "Assistant:", "### User")


@pytest.fixture(scope="module", params=["moda-mini", "phi-vlm", "smolvlm"])
def processor(request, tmp_path_factory):
    """The processor of a base; those of the Hub in small, with the same templates."""
    folder = tmp_path_factory.mktemp("base")
    if request.param == "phi-vlm":
        text = str(tiny.phi_decoder(folder))
        return build.build(replace(PRESETS["phi-vlm"], text=text), "phi-vlm").processor
    name = str(tiny.smolvlm(folder)) if request.param == "smolvlm" else request.param
    return load.load(name, device="cpu").processor


def text(rng: random.Random, control: list[str]) -> str:
    """Words and control tokens in any order."""
    return " ".join(rng.choice(rng.choice((WORDS, control))) for _ in range(rng.randrange(6)))


def conversation(rng: random.Random, control: list[str]) -> Turn:
    before = [(text(rng, control), text(rng, control)) for _ in range(rng.randrange(3))]
    return Turn(text(rng, control), text(rng, control), history=tuple(before))


def check(processor, turn: Turn) -> None:
    """Labels are the tokens of the answer and its end; no typed token became a control token."""
    example = encoding.encode_text(processor, turn)
    ids, labels = example["input_ids"][0], example["labels"][0]
    supervised = labels != IGNORE_INDEX
    count = int(supervised.sum())
    assert supervised[-count:].all() and torch.equal(ids[-count:], labels[-count:])
    said = processor.tokenizer.decode(labels[-count:-1])
    assert said == encoding.answer_prefix(processor) + turn.answer
    assert labels[-1] == processor.tokenizer.eos_token_id
    prompt = encoding.encode_text(processor, replace(turn, answer=""))["input_ids"][0]
    blank = tuple(("x", "x") for _ in turn.history)
    plain = encoding.encode_text(processor, Turn("x", "", history=blank))["input_ids"][0]
    control = torch.tensor(processor.tokenizer.all_special_ids)
    assert torch.isin(prompt, control).sum() == torch.isin(plain, control).sum()


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_supervised_tokens_are_the_answers_whatever_is_typed(processor, count: int) -> None:
    control = [token for token in processor.tokenizer.get_added_vocab() if not token.isspace()]
    rng = random.Random(count)
    turns = [conversation(rng, control) for _ in range(count)]
    assert any(token in turn.prompt for turn in turns for token in control)
    for turn in turns:
        check(processor, turn)


def test_the_bases_by_name_are_presets() -> None:
    assert set(BASES) <= set(PRESETS)
    assert all(PRESETS[name].path or PRESETS[name].patch_size for name in BASES)
