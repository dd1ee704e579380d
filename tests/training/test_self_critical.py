"""Self-critical training: samples are rewarded for their CIDEr-D."""

import numpy as np
import pytest
import torch

from tests import tiny
from tests.scene_rows import write_scenes
from tests.training.test_adaptation import words
from vlm.commands.train import moda
from vlm.errors import UserError
from vlm.evaluation.metrics.captioning.ngrams import CiderD
from vlm.inference import encoding
from vlm.system.files import read_jsonl
from vlm.training.examples import FeatureExamples
from vlm.training.moda import self_critical
from vlm.training.moda.self_critical import END, SAMPLES, SelfCritical
from vlm.training.packing import PackedExamples
from vlm.types import IGNORE_INDEX, Record, Turn


def record(name: str, *captions: str) -> Record:
    return Record(name, b"", tuple(Turn("Describe it.", text, "caption") for text in captions))


RECORDS = [
    record("a", "It is a red square.", "A red square."),
    record("b", "It is a blue square.", "A blue square."),
    record("c", "It is a red circle.", "A circle, not a square."),
    record("d", "It is green.", "Nothing but green."),
    record("e", "It is green."),  # one caption only, so it is not sampled
]


@pytest.fixture
def bundle():
    return tiny.bundle(image_features="patches")


@pytest.fixture
def parts(bundle) -> list[PackedExamples]:
    tokens, width = bundle.processor.num_image_tokens, bundle.model.config.vision_width
    store = (
        np.random.default_rng(0).normal(size=(1, len(RECORDS), tokens, width)).astype(np.float16)
    )
    return [PackedExamples(FeatureExamples(bundle.processor, RECORDS, store))]


def test_the_loss_is_that_of_separate_samples_weighed_by_their_advantage(
    bundle, parts, monkeypatch
) -> None:
    tokenizer, loss = bundle.processor.tokenizer, SelfCritical(bundle, parts, 2.0, bf16=False)
    texts = ["It is a red square.", "A blue square.", "It is green.", "red", "A red square."]
    ids = [[*tokenizer(text)["input_ids"], tokenizer.eos_token_id] for text in texts]
    monkeypatch.setattr(loss, "_sample", lambda prompt, features: [ids] * len(features))
    torch.manual_seed(0)
    computed = loss(bundle.model)
    assert computed.requires_grad
    torch.manual_seed(0)
    total, count = 0.0, 0
    for index in torch.randperm(4).tolist():
        part, number = loss.pictures[index]
        split = ([*text.lower().rstrip(".").split(), END] for text in texts)
        rewards = [loss.scorer.score(text, index) for text in split]
        for n, (text, reward) in enumerate(zip(texts, rewards, strict=True)):
            advantage = reward - sum(rewards[:n] + rewards[n + 1 :]) / (SAMPLES - 1)
            example = encoding.encode_text(bundle.processor, Turn("Describe it.", text))
            example |= part.examples.vision_inputs(number, 0)
            tokens = int((example["labels"] != IGNORE_INDEX).sum())
            total += advantage * tokens * bundle.model(**example).loss.item()
            count += tokens
    assert abs(total / count) > 0.1
    assert computed.item() == pytest.approx(2 * total / count, rel=1e-4)
    assert loss.figures()["reward"] > 0 and not loss.rewards


def test_samples_end_after_their_first_end_token(bundle, parts) -> None:
    loss = SelfCritical(bundle, parts, 1.0, bf16=False)
    prompt = bundle.processor.tokenizer("Describe it.")["input_ids"]
    with pytest.raises(ValueError, match="image placeholders"):
        loss._sample(prompt, parts[0].examples.vision_inputs(0, 0)["vision_features"])
    example = encoding.encode_text(bundle.processor, RECORDS[0].turns[0])
    prompt = example["input_ids"][example["labels"] == IGNORE_INDEX].tolist()
    bundle.model.train()
    groups = loss._sample(prompt, parts[0].examples.vision_inputs(0, 0)["vision_features"])
    assert bundle.model.training and [len(group) for group in groups] == [SAMPLES]
    end = bundle.processor.tokenizer.eos_token_id
    assert all(1 <= len(sample) <= self_critical.LONGEST for sample in groups[0])
    assert all(end not in sample[:-1] for sample in groups[0])
    assert len({tuple(sample) for sample in groups[0]}) > 1


def test_a_caption_cut_short_scores_less(bundle, parts) -> None:
    loss = SelfCritical(bundle, parts, 1.0)
    tokenizer = bundle.processor.tokenizer
    ids = tokenizer("It is a red square.")["input_ids"]
    whole, cut = loss._words([*ids, tokenizer.eos_token_id]), loss._words(ids)
    assert whole == ["it", "is", "a", "red", "square", END] and cut == whole[:-1]
    assert loss.scorer.score(whole, 0) > loss.scorer.score(cut, 0) > loss.scorer.score(whole, 1)


def test_it_needs_pictures_with_several_captions(bundle, parts) -> None:
    with pytest.raises(UserError, match="needs pictures with several captions"):
        SelfCritical(bundle, [parts[0].examples], 1.0)


@pytest.mark.parametrize("flags", [["--unfreeze"], ["--set", "packed=no"]])
def test_flags_that_exclude_it_are_refused_at_once(flags, tmp_path, capsys) -> None:
    with pytest.raises(SystemExit):
        moda.main(["--set", "reward=1", *flags, "--out", str(tmp_path / "run")])
    assert "--set reward trains in one process, on stored features" in capsys.readouterr().err


@pytest.fixture
def long_is_good(monkeypatch) -> None:
    """A reward that a random model gets too: the number of words."""
    monkeypatch.setattr(CiderD, "score", lambda self, words, picture: len(words) / 5)


def run(folders, preset, out, *more: str, reward: float = 0.5) -> dict[int, dict]:
    flags = words(folders, out, "lora=4", f"reward={reward}", "log_every=1", "keep=0")
    flags += ["--preset", preset, "--save-every", "2", "--data", "scenes", *more]
    if not (out.parent / "scenes").is_dir():
        write_scenes(out.parent / "scenes")
    moda.main([*flags, "--data-path", str(out.parent / "scenes")])
    return {row["step"]: row for row in read_jsonl(out / "metrics.jsonl") if "loss" in row}


def test_a_training_logs_the_reward_and_resumes_bit_for_bit(
    folders,
    preset,
    tmp_path,
    long_is_good,
) -> None:
    whole = run(folders, preset, tmp_path / "whole")
    assert len(whole) == 3 and len({row["reward"] for row in whole.values()}) == 3
    assert all(row["reward"] > 0 and row["reward_loss"] for row in whole.values())
    (tmp_path / "half").mkdir()
    for path in (tmp_path / "whole").iterdir():
        if path.name in ("data.json", "metrics.jsonl", "checkpoint-2"):
            path.rename(tmp_path / "half" / path.name)
    rest = run(folders, preset, tmp_path / "half", "--resume")
    names = ("loss", "reward", "reward_loss", "grad_norm")
    assert [rest[3][name] for name in names] == [whole[3][name] for name in names]


def test_the_reward_changes_what_is_learned(folders, preset, tmp_path, long_is_good) -> None:
    plain = run(folders, preset, tmp_path / "plain", reward=0)
    rewarded = run(folders, preset, tmp_path / "rewarded", reward=50)
    assert "reward" not in plain[1]
    assert rewarded[1]["grad_norm"] > 2 * plain[1]["grad_norm"]
    assert rewarded[1]["loss"] - rewarded[1]["reward_loss"] == pytest.approx(
        plain[1]["loss"], rel=0.05
    )


def test_samples_have_no_placeholder_of_a_picture(bundle, parts, monkeypatch) -> None:
    loss = SelfCritical(bundle, parts, 1.0, bf16=False)
    image = bundle.model.config.image_token_id
    monkeypatch.setattr(bundle.model.lm_head, "forward", lambda x: _likely(x, image))
    example = encoding.encode_text(bundle.processor, RECORDS[0].turns[0])
    prompt = example["input_ids"][example["labels"] == IGNORE_INDEX].tolist()
    groups = loss._sample(prompt, parts[0].examples.vision_inputs(0, 0)["vision_features"])
    assert all(image not in sample for sample in groups[0])


def _likely(hidden: torch.Tensor, token: int) -> torch.Tensor:
    logits = hidden.new_zeros(*hidden.shape[:-1], 320)
    logits[..., token] = 20
    return logits
