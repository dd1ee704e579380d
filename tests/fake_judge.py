"""A correct judge for the fake endpoint, and small evaluations to judge in a test."""

import json
import re
from fractions import Fraction
from itertools import product
from pathlib import Path

from tests.fake_endpoint import Messages
from vlm.evaluation import results
from vlm.evaluation.judges.prompt import FIELDS, judgeable_metrics
from vlm.evaluation.metrics import rules
from vlm.evaluation.metrics.rubric import BEST, Judgement

COLOURS = ("Red", "Navy Blue", "Black", "White", "Green")
KINDS = ("Shirts", "Watches", "Handbags", "Casual Shoes")
WORDS = ("shirt", "watch", "handbag", "pair of casual shoes")


def items(count: int = 60) -> list[dict]:
    """Predictions; of three, the first has a wrong colour and the last lacks the gender."""
    rows = []
    for n, (colour, kind, gender) in enumerate(product(COLOURS, KINDS, ("Men", "Women", "Boys"))):
        facts = {"articleType": kind, "baseColour": colour, "gender": gender, "usage": "Casual"}
        named = colour if n % 3 else COLOURS[COLOURS.index(colour) - 1]
        whose = f"{gender.lower()}'s " if n % 3 < 2 else ""
        text = f"A {whose}{named.lower()} {WORDS[KINDS.index(kind)]} for casual wear, number {n}."
        rows.append({"id": f"p{n}", "prompt": "Describe it.", "text": text, "facts": facts})
    return rows[:count]


def evaluation(folder: Path, count: int = 60) -> Path:
    """Write a folder like `python -m vlm evaluate --out`, judged by rules."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = items(count)
    lines = [json.dumps(row) + "\n" for row in rows]
    (folder / results.PREDICTIONS).write_text("".join(lines))
    judged = [(row["id"], rules.judge(row["text"], row["facts"])) for row in rows]
    results.write_judgements(folder, "rules", judged)
    return folder


def decisions(judgement: Judgement, facts: dict[str, str]) -> dict[str, object]:
    """Turn a judgement into the counts and decisions that a language model is asked for."""
    answer: dict[str, object] = {}
    for name in judgeable_metrics(facts):
        share = Fraction(getattr(judgement, name) / BEST).limit_denominator(50)
        if isinstance(FIELDS[name], tuple):
            answer |= dict(zip(FIELDS[name], (share.denominator, share.numerator), strict=True))
        else:
            answer[FIELDS[name]] = bool(share)
    return answer | {"why": judgement.why}


def correct_judge(messages: Messages) -> str:
    """The answer of the rules judge, computed from the question alone."""
    question = messages[0]["content"]
    values = {
        key: json.loads(re.search(rf"^{key}: (.*)$", question, re.M)[1])
        for key in ("Metadata", "Description")
    }
    judgement = rules.judge(values["Description"], values["Metadata"])
    return json.dumps(decisions(judgement, values["Metadata"]))
