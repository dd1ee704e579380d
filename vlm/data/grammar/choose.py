"""Choose the caption grammar that fits a picture's metadata."""

from collections.abc import Callable, Mapping

from vlm.data.grammar import products, scenes, words
from vlm.types import Turn


def make_turns(facts: Mapping[str, str], name: str) -> tuple[Turn, ...]:
    """Return the grammar's questions and answers; none if no grammar knows the picture's kind."""
    turns = grammar_for(facts)
    return turns(facts, name) if turns else ()


def grammar_for(facts: Mapping[str, str]) -> Callable[..., tuple[Turn, ...]] | None:
    """Return the `turns` function of the grammar that knows the picture's kind, None if none."""
    if facts.get("articleType") in words.SINGULAR:
        return products.turns
    return scenes.turns if facts.get("kind") in scenes.KINDS else None
