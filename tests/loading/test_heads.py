"""Classifiers beside a tower: their classes reach the decoder as words."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests import tiny
from vlm.errors import UserError
from vlm.inference import encoding
from vlm.loading.tokenizer import train_tokenizer
from vlm.loading.towers import heads
from vlm.loading.towers.heads import Head, Heads
from vlm.models.projectors import VisualWords

COLOURS, SHAPES = Head("colour", ("red", "green")), Head("shape", ("blue square", "it"), 3)


def made(width: int = 64) -> Heads:
    torch.manual_seed(0)
    return Heads((COLOURS, SHAPES), nn.Linear(width, 4).requires_grad_(False))


def test_a_name_is_its_tokens_and_the_last_one_is_the_mean_of_the_rest() -> None:
    tokenizer, embeddings = train_tokenizer(tiny.CORPUS), torch.randn(400, 8)
    ids = tokenizer(" blue square green", add_special_tokens=False)["input_ids"]
    assert len(ids) > 2
    row = heads.embed_names(["blue square green"], embeddings, tokenizer, 2)[0]
    assert torch.equal(row[0], embeddings[ids[0]])
    assert torch.allclose(row[1], embeddings[ids[1:]].mean(0), atol=1e-6)
    whole = heads.embed_names(["blue square green"], embeddings, tokenizer, len(ids) + 2)[0]
    assert torch.equal(whole[: len(ids)], embeddings[ids]) and not whole[len(ids) :].any()


def test_the_words_of_a_sure_classifier_are_the_names_of_its_classes() -> None:
    tokenizer, embeddings = train_tokenizer(tiny.CORPUS), torch.randn(400, 8)
    classifiers = made(16)
    classifiers.linear.weight.mul_(1e4)
    words = VisualWords(16, 8, *zip(*classifiers.sizes, strict=True))
    heads.fill(words, classifiers, embeddings, tokenizer)
    features = torch.randn(5, 1, 16)
    tokens = words(features)
    assert tokens.shape == (5, 4, 8) and words.tokens_out(1) == 4
    colours, shapes = classifiers.linear(features[:, 0]).split([2, 2], dim=1)
    for number in range(5):
        colour = heads.embed_names(COLOURS.classes, embeddings, tokenizer)
        shape = heads.embed_names(SHAPES.classes, embeddings, tokenizer, 3)
        named = torch.cat([colour[colours[number].argmax()], shape[shapes[number].argmax()]])
        assert torch.allclose(tokens[number], named, atol=1e-5)


def test_classifiers_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert heads.read(tmp_path) is None
    heads.write(made(), tmp_path)
    opened = heads.read(tmp_path)
    assert opened and opened.heads == made().heads
    assert torch.allclose(opened.linear.weight, made().linear.weight, atol=1e-3)


@pytest.mark.parametrize(
    "table", ["", "[]", "{}", '[{"name": "colour"}]', '[{"name": 1, "classes": [], "tokens": 1}]']
)
def test_a_damaged_table_is_one_sentence(tmp_path: Path, table: str) -> None:
    heads.write(made(), tmp_path)
    (tmp_path / heads.TABLE).write_text(table)
    with pytest.raises(UserError, match=r"heads\.json or heads\.safetensors .* is damaged"):
        heads.read(tmp_path)


def test_lost_weights_are_one_sentence(tmp_path: Path) -> None:
    heads.write(made(), tmp_path)
    (tmp_path / heads.WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(UserError, match="is damaged"):
        heads.read(tmp_path)


@pytest.fixture
def tower(tmp_path: Path) -> str:
    """The folder of a tiny tower with classifiers."""
    folder = tiny.tower("vit", tmp_path / "tower")
    heads.write(made(), folder)
    return str(folder)


@torch.no_grad()
def test_a_model_shows_the_words_before_the_projectors_tokens(tower: str) -> None:
    bundle = tiny.bundle(image_features="grid", vision=tower)
    plain = tiny.bundle(image_features="grid")
    assert bundle.processor.num_image_tokens == plain.processor.num_image_tokens + 4
    assert bundle.model.config.image_words == [[2, 1], [2, 3]]
    inputs = encoding.prompt_inputs(bundle.processor, tiny.noise(), "Describe it.")
    found = bundle.model.model.get_image_features(inputs["pixel_values"])
    tokens, features = found.pooler_output, found.last_hidden_state
    words = bundle.model.model.image_words(features[:, :1])
    assert torch.equal(tokens[:, :4], words)
    assert torch.equal(tokens[:, 4:], bundle.model.model.projector(features))
    assert bundle.model(**inputs).logits.isfinite().all()
