"""Measure how many inserted errors and how many clean captions the caption checks flag.

    python bench/caption_checks.py --data fashion

Clean are the metadata's own captions of the held-out pictures. Into each a fault of each kind is
planted: words read off the picture (brands among them), talk of persons, a wrong
colour, kind or wearer, an excuse, a stuck phrase, another language. Prints both rates for each, and
what is still flagged once `labels` has refined it.
"""

import argparse
import random
import re
from collections.abc import Callable

from vlm.captioning import labels
from vlm.captioning.review import checks
from vlm.data import mixture
from vlm.data.grammar import products
from vlm.evaluation.metrics import intervals

BRANDS = ("Nordvik", "Palermo Sports", "KESTREL", "Bluebell & Co", "Umbra", "ADRIA", "Tamsin's")
SLOGANS = ("JUST RUN", "Born to ride", "LOVE", "Rock n Roll 1985", "hello sunshine", "No. 10")
READ_OFF = (
    'It has "{slogan}" printed on the front.',
    "The text {slogan} is visible on it.",
    "It says {slogan} in large letters.",
    "It carries the logo of {brand}.",
    "Made by {brand}.",
    "It is from {brand}, with the slogan {slogan}.",
    "The label reads {brand}.",
    "{brand} is written across it.",
    "The brand is {brand}.",
    "Visit www.{lower}.com for more.",
)
PERSONS = (
    "A man is wearing it.",
    "It is worn by a young woman who is smiling.",
    "The model poses against a wall.",
    "She holds it in her right hand.",
    "The person in the picture has dark hair.",
    "He is standing with his hands in his pockets.",
    "A boy with short hair wears it.",
    "The lady looks happy.",
    "Someone is holding it up.",
    "The model's face is not visible.",
)
EXCUSES = (
    "I'm sorry, but I can't help with identifying this item.",
    "As an AI language model, I cannot see pictures.",
    "I am unable to determine what is shown here.",
    "Sorry, the image could not be loaded.",
)
FOREIGN = (
    "Ein blaues Hemd für Herren, das sich gut im Sommer tragen lässt.",
    "Une chemise bleue pour hommes, idéale pour les journées chaudes.",
    "Una camisa azul para hombre que combina bien con pantalones claros.",
    "男士蓝色衬衫，适合夏季休闲穿着。",
    "Синяя мужская рубашка для повседневной носки.",
)
KEYS = {"colour": "baseColour", "kind": "articleType", "gender": "gender"}
Plant = Callable[[random.Random, str, dict], str]


def added(sentences: tuple[str, ...]) -> Plant:
    """Append a sentence."""

    def plant(rng: random.Random, text: str, facts: dict) -> str:
        brand, slogan = rng.choice(BRANDS), rng.choice(SLOGANS)
        lower = "".join(filter(str.isalnum, brand.lower()))
        return f"{text} " + rng.choice(sentences).format(brand=brand, slogan=slogan, lower=lower)

    return plant


def in_place(rng: random.Random, text: str, facts: dict) -> str:
    """Insert a brand before the item: "A photo of a Nordvik shirt ..."."""
    before = [found.end() for found in re.finditer(r"\b[Aa]n? ", text.split(".")[0])]
    place = before[-1] if before else 0  # a sentence without an article begins with the thing
    return f"{text[:place]}{rng.choice(BRANDS)} {text[place:]}"


def instead(sentences: tuple[str, ...]) -> Plant:
    """Return another text."""
    return lambda rng, text, facts: rng.choice(sentences)


def stuck(rng: random.Random, text: str, facts: dict) -> str:
    """Repeat the last words."""
    return text + " " + " ".join([" ".join(text.split()[-3:])] * rng.randint(4, 9))


def wrong(code: str, values: dict[str, list[str]]) -> Plant:
    """Return the caption of an item that differs in one attribute."""

    def plant(rng: random.Random, text: str, facts: dict) -> str:
        key = KEYS[code]
        other = rng.choice([value for value in values[key] if value != facts[key]])
        turns = products.turns(facts | {key: other}, str(rng.random()))
        told = {turn.task: turn.answer for turn in turns}
        return told["brief"]

    return plant


def plants(values: dict[str, list[str]]) -> dict[str, tuple[str, Plant]]:
    """Return, by name of an error, its expected flag and the function that inserts it."""
    found = {f"wrong {code}": (code, wrong(code, values)) for code in KEYS}
    return found | {
        "read off": ("text", added(READ_OFF)),
        "brand": ("text", in_place),
        "person": ("person", added(PERSONS)),
        "excuse": ("refusal", instead(EXCUSES)),
        "stuck": ("repetition", stuck),
        "language": ("language", instead(FOREIGN)),
    }


def main(argv: list[str] | None = None) -> None:
    """Print a line for each kind of error, and the false alarms."""
    args = parse(argv)
    records = mixture.load([args.data], args.split, args.data_path, args.limit).records
    whole = [record for record in records if record.facts.keys() >= {*KEYS.values()}]
    clean = [(record, labels.describe(record)) for record in whole]
    values = {key: sorted({record.facts[key] for record in whole}) for key in KEYS.values()}
    rng = random.Random(args.seed)
    print(f"{'fault':14}{'flagged so':>24}{'flagged at all':>18}{'once refined':>16}")
    for name, (code, plant) in plants(values).items():
        bad = [(record, plant(rng, text, dict(record.facts))) for record, text in clean]
        seen = [[flag.code for flag in checks.flags(text, record.facts)] for record, text in bad]
        left = [bool(checks.flags(labels.refine(*row), row[0].facts)) for row in bad]
        print(
            f"{name:14}{rate([code in codes for codes in seen])}"
            f"{100 * sum(map(bool, seen)) / len(seen):15.2f} %"
            f"{100 * sum(left) / len(left):13.2f} %"
        )
    alarms = [bool(checks.flags(text, record.facts)) for record, text in clean]
    print(f"{'clean':14}{rate(alarms)}  of {len(alarms):,} captions")


def rate(hits: list[bool]) -> str:
    """Return percent with a 95 % bootstrap interval."""
    found = intervals.mean([100.0 * hit for hit in hits])
    return f"{found.mean:8.2f} % [{found.low:.1f}, {found.high:.1f}]"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", default="fashion", help="a data set with metadata (default: fashion)")
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add("--split", default="validation", help="(default: validation)")
    add("--limit", type=int, default=0, help="pictures used, 0 = all (default: 0)")
    add("--seed", type=int, default=0, help="which error goes where (default: 0)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
