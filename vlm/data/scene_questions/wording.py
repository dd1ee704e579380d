"""How questions and answers name the objects of the vocabulary."""

from random import Random

from vlm.data.grammar.phrases import with_article
from vlm.data.vocabulary.english import plural
from vlm.types import Turn

MASS = frozenset({"snow", "sand", "water", "fruit", "ice cream", "grass", "dirt", "fire"})
PAIRS = frozenset({"stairs", "pants", "shorts", "glasses", "sunglasses"})
SEVERAL = frozenset({"ski", "bubble"})  # asked about in the plural
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def is_plural(name: str) -> bool:
    """Return True for an object that is spoken of in the plural."""
    return name in PAIRS or name in SEVERAL


def several(name: str) -> str:
    """Return an object's plural."""
    return name if name in PAIRS else plural(name)


def a_thing(name: str) -> str:
    """Return "a dog", "snow" or "skis"."""
    if is_plural(name):
        return several(name)
    return name if name in MASS else with_article(name)


def no_thing(name: str) -> str:
    """Return "no dog", "no snow" or "no skis"."""
    return f"no {several(name) if is_plural(name) else name}"


def counted(name: str, count: int) -> str:
    """Return "no people", "one dog" or "two dogs"."""
    return f"{COUNTS[count]} {name if count == 1 else several(name)}"


def turn(prompts: tuple[str, ...], answer: str, task: str, rng: Random, **slots: str) -> Turn:
    """Return a turn with one of the prompts; an answer begins with a capital letter."""
    prompt = rng.choice(prompts).format(**slots)
    return Turn(prompt, answer[0].upper() + answer[1:], task)


def joined(parts: list[str]) -> str:
    """Return "a dog", "a dog and a ball" or "a man, a dog and a ball"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
