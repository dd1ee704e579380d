"""Classifiers on a vision tower's mean feature, whose classes a decoder gets as words.

A tower's folder may have them as heads.json (their names, classes and tokens) and heads.safetensors
(one linear layer for all). The words are expected embeddings, as in `VisualWords`: class names as
hints for a captioner that has not learnt them (ViECap; Fei et al., 2023, arXiv 2307.16525), but
weighted by their probabilities.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from vlm.errors import UserError
from vlm.models.projectors import VisualWords
from vlm.system import files

TABLE, WEIGHTS = "heads.json", "heads.safetensors"
DAMAGE = (OSError, ValueError, KeyError, TypeError, IndexError, RuntimeError, SafetensorError)


@dataclass(frozen=True)
class Head:
    """A classifier.

    Attributes:
        name: what it classifies, such as "articleType".
        classes: their names, as the decoder gets them.
        tokens: decoder tokens of a name; a longer name's last one is the mean of the rest.
    """

    name: str
    classes: tuple[str, ...]
    tokens: int = 1


@dataclass(frozen=True, eq=False)
class Heads:
    """Several classifiers on the same feature.

    Attributes:
        linear: Dv -> the classes of all heads, one after another.
    """

    heads: tuple[Head, ...]
    linear: nn.Linear

    @property
    def sizes(self) -> list[list[int]]:
        """The number of classes and of tokens of each, for `VlmConfig.image_words`."""
        return [[len(head.classes), head.tokens] for head in self.heads]


def write(heads: Heads, folder: Path) -> None:
    """Write the classifiers beside a tower, in float16."""
    state = {name: value.half().contiguous() for name, value in heads.linear.state_dict().items()}
    files.write_bytes(folder / WEIGHTS, save(state))
    files.write_json(folder / TABLE, [asdict(head) for head in heads.heads])


def read(folder: str | Path) -> Heads | None:
    """Return the classifiers of a tower's folder; None if it has none.

    Raises:
        UserError: if they are damaged.
    """
    table = Path(folder) / TABLE
    if not table.is_file():
        return None
    try:
        rows = json.loads(table.read_text("utf-8"))
        heads = tuple(Head(row["name"], tuple(row["classes"]), row["tokens"]) for row in rows)
        state = load_file(Path(folder) / WEIGHTS)
        if len(state["weight"]) != sum(len(head.classes) for head in heads):
            raise ValueError("another number of classes")
        linear = nn.Linear(*reversed(state["weight"].shape))
        linear.load_state_dict(state)
    except DAMAGE as error:
        raise UserError(
            f"{TABLE} or {WEIGHTS} in {str(folder)!r} is damaged ({type(error).__name__}); make "
            "both again with `loupe heads`, or delete them."
        ) from error
    return Heads(heads, linear.requires_grad_(False))


@torch.no_grad()
def fill(words: VisualWords, heads: Heads, embeddings: torch.Tensor, tokenizer) -> None:
    """Give visual words the classifiers' weights and the names' embeddings, float[V, D]."""
    words.choose.load_state_dict(heads.linear.state_dict())
    for head, layer in zip(heads.heads, words.spell, strict=True):
        named = embed_names(head.classes, embeddings, tokenizer, head.tokens)
        layer.weight.copy_(named.flatten(1).T)


def embed_names(
    names: Sequence[str], embeddings: torch.Tensor, tokenizer, tokens: int = 1
) -> torch.Tensor:
    """Return the embeddings of names, float[n, tokens, D].

    The last token of a longer name is the mean of the rest; those that a shorter one lacks are 0.
    """
    rows = torch.zeros(len(names), tokens, embeddings.shape[1])
    for row, name in zip(rows, names, strict=True):
        ids = tokenizer(f" {name}", add_special_tokens=False)["input_ids"]
        for place, parts in enumerate([[i] for i in ids[: tokens - 1]] + [ids[tokens - 1 :]]):
            if parts:
                row[place] = embeddings[parts].float().mean(0)
    return rows
