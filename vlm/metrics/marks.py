"""Marks for replies to questions other than "describe it": JSON, yes/no, details, conversations."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from vlm.data import question_words
from vlm.data.captions import DETAIL_KEYS
from vlm.data.question_words import FOLLOW_UPS, NOT_PROMPTS
from vlm.data.replies import is_unsure, read_details, read_object, read_yes_no
from vlm.data.words import PROMPTS
from vlm.metrics import intervals
from vlm.metrics.attributes import ASKED_FOR, ITEM, named, truths
from vlm.metrics.intervals import Estimate
from vlm.types import Turn

SHORT = 20  # words; a brief answer has fewer
DENIALS = frozenset({"not", "no", "never", "isn't", "aren't", "doesn't", "cannot", "can't"})
CLAIMS = frozenset({"is", "are", "it's", "shows", "show"})
POLO, SHIRTS = "polo collar", "Shirts"
TASKS = {
    prompt: task
    for table in ({"not": NOT_PROMPTS}, PROMPTS, FOLLOW_UPS)
    for task, prompts in table.items()
    for prompt in prompts
}


def is_object(text: str) -> bool:
    """True when the text is a JSON object."""
    return read_object(text) is not None


def agree(record: str, sentence: str) -> bool:
    """True when a JSON object says what a sentence about the same picture says.

    Item and colour must be the same in both, gender and usage where both name them; a sentence that
    names no item is agreed with only when both say that they are not sure.
    """
    if is_unsure(record) or is_unsure(sentence):
        return is_object(record) and is_unsure(record) and is_unsure(sentence)
    one, two = named(record), named(sentence)
    both = [key for key in ("gender", "usage") if key in one and key in two]
    same = all(one.get(key) == two.get(key) for key in (ITEM, "baseColour", *both))
    return is_object(record) and ITEM in two and same


def is_brief(text: str) -> bool:
    """True for an answer of some words, fewer than twenty."""
    return 0 < len(text.split()) < SHORT


def is_not(text: str, facts: Mapping[str, str]) -> bool:
    """True when the text names an item that this one surely is not, and does not claim that it is.

    Items that could both be said of one thing (`question_words.ALIKE`) are no right answer for
    each other.
    """
    said, true = named(text).get(ITEM), truths(facts).get(ITEM)
    tokens = set(text.lower().replace("’", "'").replace(".", " ").replace(",", " ").split())
    claimed = tokens & CLAIMS and not tokens & DENIALS
    if not said or claimed or said == true:
        return False
    polo = said == SHIRTS and facts.get("neckline") == POLO
    return not polo and not any(
        {said, true} <= group for group in question_words.ALIKE["articleType"]
    )


def details(text: str, facts: Mapping[str, str]) -> tuple[list[bool], list[bool], int]:
    """Which of the metadata's details are named, which of the named are right, and how many more.

    A detail whose key the metadata lacks is neither right nor wrong: a product name that mentions
    no sleeve does not say that there is none. Such details are only counted.
    """
    true = {key: facts[key] for key in DETAIL_KEYS if facts.get(key)}
    said = read_details(text)
    told = [said.get(key) == value for key, value in true.items()]
    right = [value == true[key] for key, value in said.items() if key in true]
    return told, right, len(said) - len(right)


def last_answer(text: str, turn: Turn, facts: Mapping[str, str]) -> bool | None:
    """Whether the last answer of a conversation agrees with the facts that were asked for.

    A question about one attribute needs that attribute, a description or JSON the item and nothing
    that the metadata contradicts, yes/no and "what is it not" an answer that is true. None when
    the metadata tells nothing to hold the answer against.
    """
    task = TASKS.get(turn.prompt, "")
    if is_unsure(turn.answer):
        return is_unsure(text)
    if task == "not":
        return is_not(text, facts)
    if (yes := read_yes_no(turn.answer)) is not None:
        return read_yes_no(text) is yes
    said, true = named(text), truths(facts)
    if (key := ASKED_FOR.get(task, "")) in true:
        return said.get(key) == true[key]
    if ITEM not in true or (task == "json" and not is_object(text)):
        return False if ITEM in true else None
    return ITEM in said and all(true.get(name, value) == value for name, value in said.items())


def balanced(yes: Sequence[float], no: Sequence[float]) -> Estimate:
    """Balanced accuracy: the mean of the accuracies on both kinds of questions, with its interval.

    As scikit-learn's balanced_accuracy_score of a binary task (Brodersen et al., 2010). The
    resamples are drawn from each kind of questions apart.

    Args:
        yes: how right each answer is to a question whose right answer is yes.
        no: the same where it is no.

    Raises:
        ValueError: when there are none of one kind.
    """
    from scipy.stats import bootstrap

    if not yes or not no:
        raise ValueError("no accuracy without questions of both kinds")
    data = (np.asarray(yes, dtype=np.float64), np.asarray(no, dtype=np.float64))
    found, count = float(_mean_of_means(*data)), len(yes) + len(no)
    if min(len(yes), len(no)) == 1:  # one value says nothing of the others
        return Estimate(found, found, found, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # equal values give an interval of no width
        spread = bootstrap(
            data, _mean_of_means, method="percentile", vectorized=True,
            n_resamples=intervals.RESAMPLES, confidence_level=intervals.CONFIDENCE,
            rng=np.random.default_rng(intervals.SEED),
        ).confidence_interval  # fmt: skip
    return Estimate(found, float(spread.low), float(spread.high), count)


def _mean_of_means(yes: np.ndarray, no: np.ndarray, axis: int = -1) -> np.ndarray:
    return (np.mean(yes, axis=axis) + np.mean(no, axis=axis)) / 2
