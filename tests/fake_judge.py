"""A true judge for the fake endpoint, and evaluations small enough to judge in a test."""

import json
import re
from fractions import Fraction
from itertools import product
from pathlib import Path

from tests.fake_endpoint import Messages
from vlm.judges.prompt import FIELDS, judgeable
from vlm.metrics import rules
from vlm.metrics.rubric import BEST, Judgement

COLOURS = ("Red", "Navy Blue", "Black", "White", "Green")
KINDS = ("Shirts", "Watches", "Handbags", "Casual Shoes")
WORDS = ("shirt", "watch", "handbag", "pair of casual shoes")


def items(count: int = 60) -> list[dict]:
    """Predictions, two of three with a fault in them: a wrong colour, no gender or none of it."""
    rows = []
    for n, (colour, kind, gender) in enumerate(product(COLOURS, KINDS, ("Men", "Women", "Boys"))):
        facts = {"articleType": kind, "baseColour": colour, "gender": gender, "usage": "Casual"}
        said = colour if n % 3 else COLOURS[COLOURS.index(colour) - 1]
        whose = f"{gender.lower()}'s " if n % 3 < 2 else ""
        text = f"A {whose}{said.lower()} {WORDS[KINDS.index(kind)]} for casual wear, number {n}."
        rows.append({"id": f"p{n}", "prompt": "Describe it.", "text": text, "facts": facts})
    return rows[:count]


def evaluation(folder: Path, count: int = 60) -> Path:
    """A folder as `python -m vlm evaluate --out` leaves it, judged by rules."""
    from vlm import evaluations

    folder.mkdir(parents=True, exist_ok=True)
    rows = items(count)
    lines = [json.dumps(row) + "\n" for row in rows]
    (folder / evaluations.PREDICTIONS).write_text("".join(lines))
    judged = [(row["id"], rules.judge(row["text"], row["facts"])) for row in rows]
    evaluations.write_judgements(folder, "rules", judged)
    return folder


def decisions(judgement: Judgement, facts: dict[str, str]) -> dict[str, object]:
    """A judgement as the counts and decisions that a language model is asked for."""
    found: dict[str, object] = {}
    for name in judgeable(facts):
        share = Fraction(getattr(judgement, name) / BEST).limit_denominator(50)
        if isinstance(FIELDS[name], tuple):
            found |= dict(zip(FIELDS[name], (share.denominator, share.numerator), strict=True))
        else:
            found[FIELDS[name]] = bool(share)
    return found | {"why": judgement.why}


def true_judge(messages: Messages) -> str:
    """What the rules judge would say, read out of the question alone."""
    asked = messages[0]["content"]
    read = {key: json.loads(re.search(rf"^{key}: (.*)$", asked, re.M)[1])
            for key in ("Metadata", "Description")}  # fmt: skip
    judgement = rules.judge(read["Description"], read["Metadata"])
    return json.dumps(decisions(judgement, read["Metadata"]))
