"""Does it look? Pictures and questions changed on purpose: an answer that stays, did not look.

Each probe gives one figure with its interval and one line that says what it means.
"""

from collections.abc import Callable, Sequence
from itertools import islice

from PIL import Image, ImageChops
from tqdm import tqdm

from vlm.data.captions import PROMPTS
from vlm.describe import texts
from vlm.metrics import intervals
from vlm.metrics.attributes import only_about
from vlm.metrics.reading import claims
from vlm.metrics.rubric import OVERALL
from vlm.metrics.rules import judge
from vlm.types import Bundle, Record

BATCH = 32
ASKED = 200  # pictures that are asked more than once
HALF_TURN = 128  # of Pillow's 256 hues: every colour becomes its opposite
UNCOLOURED = frozenset({"Black", "White", "Off White", "Grey", "Grey Melange", "Charcoal", "Silver",
                        "Steel", "Metallic", "Multi", "Cream", "Nude", "Skin"})  # fmt: skip
DIFFERENT = ("kind", "colour", "gender")  # questions that have different answers


def probes(
    bundle: Bundle, records: Sequence[Record], told: Sequence[str], prompt: str
) -> dict[str, dict]:
    """Every probe that these records allow: name -> mean, low, high, n, says.

    Args:
        told: the model's answers to `prompt` about the records, in the same order.
    """
    found = {
        "blank": _blank(bundle, told, prompt),
        "shuffled": _shuffled(records, told),
        **_asked(bundle, records[:ASKED]),
        "mirrored": _mirrored(bundle, records),
    }
    return {
        name: intervals.mean(values).row() | {"says": says.format(n=len(values))}
        for name, (values, says) in found.items()
        if values
    }


Probe = tuple[list[float], str]
Change = Callable[[Image.Image], Image.Image]


def _blank(bundle: Bundle, told: Sequence[str], prompt: str) -> Probe:
    blank = Image.new("RGB", (224, 224), "white")
    of_nothing = next(texts(bundle, [blank], [prompt], 1))
    differ = [100.0 * (text != of_nothing) for text in told]
    return differ, "% of {n} descriptions differ from the description of a blank picture"


def _shuffled(records: Sequence[Record], told: Sequence[str]) -> Probe:
    """Each picture's metadata against the description of another picture."""
    shift = len(told) // 2 or 1
    others = [*told[shift:], *told[:shift]]
    lost = []
    for record, own, other in zip(records, told, others, strict=True):
        right, wrong = judge(own, record.facts).scores, judge(other, record.facts).scores
        if right and len(told) > 1:
            lost.append(right[OVERALL] - wrong[OVERALL])
    return lost, "points of 10 are lost when {n} descriptions are held against another picture"


def _asked(bundle: Bundle, records: Sequence[Record]) -> dict[str, Probe]:
    """The same pictures asked about kind, colour and wearer."""
    answers = {task: _answers(bundle, records, task) for task in DIFFERENT}
    rows = zip(*answers.values(), strict=True)
    differ = [100.0 * (len(set(row)) == len(DIFFERENT)) for row in rows]
    obeyed = [100.0 * only_about(text, "baseColour") for text in answers["colour"]]
    return {
        "questions": (differ, "% of {n} pictures get three answers to three questions"),
        "obedience": (obeyed, "% of {n} answers to a question about colour name a colour alone"),
    }


def _mirrored(bundle: Bundle, records: Sequence[Record]) -> Probe:
    """Coloured things, asked for their colour as they are and with every hue turned round."""
    coloured = (
        record
        for record in records
        if record.facts.get("baseColour") and record.facts["baseColour"] not in UNCOLOURED
    )
    some = list(islice(coloured, ASKED))
    plain, turned = (_answers(bundle, some, "colour", *how) for how in ((), (mirrored,)))
    differ = [
        100.0 * (_colours(one) != _colours(two)) for one, two in zip(plain, turned, strict=True)
    ]
    return differ, "% of {n} coloured things are told another colour when their hues are mirrored"


def _colours(text: str) -> set[frozenset[str]]:
    return {claim.labels for claim in claims(text) if claim.key == "baseColour"}


def _answers(bundle: Bundle, records: Sequence[Record], task: str, *change: Change) -> list[str]:
    """Greedy answers to a question of the task, in its different wordings."""
    wordings = PROMPTS[task]
    prompts = [wordings[n % len(wordings)] for n in range(len(records))]
    said = texts(bundle, [record.image for record in records], prompts, BATCH, *change)
    what = f"{'mirrored' if change else 'asked'}: {task}"
    return list(tqdm(said, what, len(records), leave=False))


def mirrored(picture: Image.Image) -> Image.Image:
    """The picture with every hue turned to its opposite; black, white and grey stay."""
    hue, saturation, value = picture.convert("HSV").split()
    turned = ImageChops.add_modulo(hue, Image.new("L", hue.size, HALF_TURN))
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")
