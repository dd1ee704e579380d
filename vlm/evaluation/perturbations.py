"""Run image-ablation probes: change pictures or questions and see whether the answers change.

If an answer does not change with the picture, the model ignores the picture. Each probe gives one
figure with its interval and one line that says what it means.
"""

from collections.abc import Callable, Sequence
from itertools import compress, islice

from PIL import Image, ImageChops
from tqdm import tqdm

from vlm.data.grammar.products import PROMPTS
from vlm.data.grammar.words import UNKNOWN
from vlm.evaluation.metrics import intervals
from vlm.evaluation.metrics.attributes import (
    ITEM,
    REQUESTED,
    names_only,
    normalise_facts,
    true_attributes,
)
from vlm.evaluation.metrics.reading import claims
from vlm.evaluation.metrics.rubric import OVERALL
from vlm.evaluation.metrics.rules import judge
from vlm.inference.batch import batch
from vlm.types import Bundle, Record

BATCH_SIZE = 32
SAMPLE_SIZE = 200  # pictures for the probes that ask further questions
HALF_TURN = 128  # of Pillow's 256 hues: every colour becomes its opposite
UNCOLOURED = frozenset(
    {
        "Black",
        "White",
        "Off White",
        "Grey",
        "Grey Melange",
        "Charcoal",
        "Silver",
        "Steel",
        "Metallic",
        "Multi",
        "Cream",
        "Nude",
        "Skin",
    }
)
DIFFERENT = ("kind", "colour", "gender")  # questions with different answers

Probe = tuple[list[float], str]  # the values, and what their mean says
Transform = Callable[[Image.Image], Image.Image]


def run_probes(
    bundle: Bundle,
    records: Sequence[Record],
    descriptions: Sequence[str],
    prompt: str,
    sample_size: int = SAMPLE_SIZE,
) -> dict[str, dict]:
    """Run every probe that the records allow; returns name -> mean, low, high, n, says.

    Pictures of kind "unknown" are skipped: there the same answer to all is correct.

    Args:
        descriptions: the model's answers to `prompt` about the records, in the same order.
        sample_size: pictures for the probes that ask further questions, 0 = all.
    """
    pairs = [
        (record, text)
        for record, text in zip(records, descriptions, strict=True)
        if record.facts.get("kind") != UNKNOWN
    ]
    records, descriptions = [record for record, _ in pairs], [text for _, text in pairs]
    probes = {
        "blank": _blank(bundle, descriptions, prompt) if descriptions else ([], ""),
        "shuffled": _shuffled(records, descriptions),
        **_questions(bundle, records[: sample_size or None]),
        "mirrored": _inverted(bundle, records, sample_size),
    }
    return {
        name: intervals.mean(values).row() | {"says": says.format(n=len(values))}
        for name, (values, says) in probes.items()
        if values
    }


def _blank(bundle: Bundle, descriptions: Sequence[str], prompt: str) -> Probe:
    """Compare the descriptions with that of a blank picture."""
    blank = Image.new("RGB", (224, 224), "white")
    of_blank = next(batch(bundle, [blank], [prompt], 1))
    differ = [100.0 * (text != of_blank) for text in descriptions]
    return differ, "% of {n} descriptions differ from the description of a blank picture"


def _shuffled(records: Sequence[Record], descriptions: Sequence[str]) -> Probe:
    """Judge each picture's metadata against the description of another picture."""
    shift = len(descriptions) // 2 or 1
    others = [*descriptions[shift:], *descriptions[:shift]]
    lost = []
    for record, description, other in zip(records, descriptions, others, strict=True):
        facts = normalise_facts(record.facts)
        right, wrong = judge(description, facts).scores, judge(other, facts).scores
        if right and len(descriptions) > 1:
            lost.append(right[OVERALL] - wrong[OVERALL])
    return lost, "points of 10 are lost when {n} descriptions are judged by another picture's facts"


def _questions(bundle: Bundle, records: Sequence[Record]) -> dict[str, Probe]:
    """Ask for kind, colour and gender, and for each other attribute that a record has.

    Two probes: whether three questions get three answers, and whether each answer names only the
    requested attribute, correctly or not.
    """
    obedient: list[float] = []
    answers = {}
    for task, key in REQUESTED.items():
        is_known = [key in true_attributes(record.facts) for record in records]
        known = list(compress(records, is_known))
        answers[task] = _answers(bundle, records if task in DIFFERENT else known, task)
        of_known = compress(answers[task], is_known) if task in DIFFERENT else answers[task]
        pairs = zip(of_known, known, strict=True)
        obedient += [100.0 * names_only(text, key, _subject(record)) for text, record in pairs]
    rows = zip(*(answers[task] for task in DIFFERENT), strict=True)
    differ = [100.0 * (len(set(row)) == len(DIFFERENT)) for row in rows]
    tasks = "kind, colour, gender, usage or season"
    return {
        "questions": (differ, "% of {n} pictures get three answers to three questions"),
        "obedience": (
            obedient,
            f"% of {{n}} answers about {tasks} mention only the requested attribute",
        ),
    }


def _subject(record: Record) -> str:
    """Return what any answer may name: a scene's kind ("The cat is brown")."""
    return ITEM if "kind" in record.facts and "articleType" not in record.facts else ""


def _inverted(bundle: Bundle, records: Sequence[Record], sample_size: int) -> Probe:
    """Ask for the colour of coloured things, with true and with inverted hues."""
    coloured = (
        record
        for record in records
        if (colour := normalise_facts(record.facts).get("baseColour")) and colour not in UNCOLOURED
    )
    sample = list(islice(coloured, sample_size or None))
    true, inverted = (_answers(bundle, sample, "colour", *t) for t in ((), (invert_hues,)))
    differ = [
        100.0 * (_colours(one) != _colours(two)) for one, two in zip(true, inverted, strict=True)
    ]
    return differ, "% of {n} colour answers change when the hues are inverted"


def _colours(text: str) -> set[frozenset[str]]:
    return {claim.labels for claim in claims(text) if claim.key == "baseColour"}


def _answers(
    bundle: Bundle, records: Sequence[Record], task: str, *transform: Transform
) -> list[str]:
    """Return greedy answers to the questions of a task, in its various wordings."""
    wordings = PROMPTS[task]
    prompts = [wordings[n % len(wordings)] for n in range(len(records))]
    images = [record.image for record in records]
    answers = batch(bundle, images, prompts, BATCH_SIZE, *transform)
    title = f"{'inverted hues' if transform else 'probe'}: {task}"
    return list(tqdm(answers, title, len(records), leave=False))


def invert_hues(picture: Image.Image) -> Image.Image:
    """Replace every hue by its opposite; black, white and grey stay the same."""
    hue, saturation, value = picture.convert("HSV").split()
    opposite = ImageChops.add_modulo(hue, Image.new("L", hue.size, HALF_TURN))
    return Image.merge("HSV", (opposite, saturation, value)).convert("RGB")
