"""Does it look? Pictures and questions changed on purpose: an answer that stays, did not look.

Each probe gives one figure with its interval and one line that says what it means.
"""

from collections.abc import Callable, Sequence
from itertools import compress, islice

from PIL import Image, ImageChops
from tqdm import tqdm

from vlm.data.captions import PROMPTS
from vlm.data.replies import UNKNOWN
from vlm.describe import texts
from vlm.metrics import intervals
from vlm.metrics.attributes import ASKED_FOR, ITEM, labels, only_about, truths
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
    bundle: Bundle,
    records: Sequence[Record],
    told: Sequence[str],
    prompt: str,
    asked: int = ASKED,
) -> dict[str, dict]:
    """Every probe that these records allow: name -> mean, low, high, n, says.

    Pictures of nothing known are left out: to say the same of all of them is right.

    Args:
        told: the model's answers to `prompt` about the records, in the same order.
        asked: pictures that are asked more than once, 0 = all.
    """
    pairs = zip(records, told, strict=True)
    shown = [(record, text) for record, text in pairs if record.facts.get("kind") != UNKNOWN]
    records, told = [record for record, _ in shown], [text for _, text in shown]
    found = {
        "blank": _blank(bundle, told, prompt) if told else ([], ""),
        "shuffled": _shuffled(records, told),
        **_asked(bundle, records[: asked or None]),
        "mirrored": _mirrored(bundle, records, asked),
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
        known = labels(record.facts)
        right, wrong = judge(own, known).scores, judge(other, known).scores
        if right and len(told) > 1:
            lost.append(right[OVERALL] - wrong[OVERALL])
    return lost, "points of 10 are lost when {n} descriptions are held against another picture"


def _asked(bundle: Bundle, records: Sequence[Record]) -> dict[str, Probe]:
    """The same pictures asked about kind, colour and wearer; and about all that is known of them.

    An answer obeys when it names what was asked for alone, be it right or wrong.
    """
    obeyed: list[float] = []
    answers = {}
    for task, key in ASKED_FOR.items():
        known = [key in truths(record.facts) for record in records]
        some = [r for r, is_known in zip(records, known, strict=True) if is_known]
        answers[task] = _answers(bundle, records if task in DIFFERENT else some, task)
        about = compress(answers[task], known) if task in DIFFERENT else answers[task]
        pairs = zip(about, some, strict=True)
        obeyed += [100.0 * only_about(text, key, _subject(record)) for text, record in pairs]
    rows = zip(*(answers[task] for task in DIFFERENT), strict=True)
    differ = [100.0 * (len(set(row)) == len(DIFFERENT)) for row in rows]
    tasks = "kind, colour, gender, usage or season"
    return {
        "questions": (differ, "% of {n} pictures get three answers to three questions"),
        "obedience": (obeyed, f"% of {{n}} answers about {tasks} name what was asked alone"),
    }


def _subject(record: Record) -> str:
    """What may be named in any answer: a scene's kind ("The cat is brown")."""
    return ITEM if "kind" in record.facts and "articleType" not in record.facts else ""


def _mirrored(bundle: Bundle, records: Sequence[Record], asked: int) -> Probe:
    """Coloured things, asked for their colour as they are and with every hue turned round."""
    coloured = (
        record
        for record in records
        if (colour := labels(record.facts).get("baseColour")) and colour not in UNCOLOURED
    )
    some = list(islice(coloured, asked or None))
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
