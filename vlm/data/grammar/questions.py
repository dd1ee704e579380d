"""Yes/no questions, "what is it not?" and conversations about one item, with correct answers.

Over a data set, yes and no are equally frequent for each question ("Is it black?"), because wrong
values are drawn by one rule. An item with value u is asked about v as often as an item with v is
asked about u, and each question with a wrong value has a counterpart with the correct one. The
first is true if a pair is drawn in proportion to share(u) * share(v) * near(u, v).
Values that can both be true of one item are never wrong values for each other
(`question_words.ALIKE`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random

from vlm.data.grammar import question_words, words
from vlm.data.grammar.phrases import PAIR, describe_colour, describe_kind, fill, fits, with_article
from vlm.types import Turn

KINDS, POLO = "articleType", "polo collar"
NEARER = 4.0  # how many times more often a similar kind is asked about than another one
ALSO_TRUE = 0.2  # share of correct questions that name another true value: navy is also blue
RARE = ("sleeve", "neckline", "material", "style")  # rarely known, so asked first if known
LONG = ("brief", "detailed", "json")  # tasks; at most one of them in a conversation
OPENERS = ("kind", "brief", "detailed")  # tasks that most conversations begin with
OPENING_SHARE = 0.7  # share of conversations that do

Slots = Mapping[str, str]


def yes_no(facts: Mapping[str, str], rng: Random, count: int = 2) -> tuple[Turn, ...]:
    """Return up to `count` yes/no questions about different facts; half the answers are yes.

    Facts are accepted with the probability `_weight`, not drawn in proportion to it: this keeps the
    balance of yes and no.
    """
    weights = {key: _weight(key, _value(facts, key)) for key in question_words.YES_NO}
    keys = [key for key, weight in weights.items() if weight]
    rng.shuffle(keys)
    keys.sort(key=lambda key: key not in RARE)
    accepted = [key for key in keys if rng.random() < weights[key]]
    others = sorted(set(keys) - set(accepted), key=lambda key: (-weights[key], key))
    chosen = [*accepted, *others][:count]
    return tuple(turn for key in chosen for turn in yes_no_about(facts, key, rng))


def yes_no_about(facts: Mapping[str, str], key: str, rng: Random) -> tuple[Turn, ...]:
    """Return one yes/no question about a fact; none if no value would be surely wrong.

    Args:
        key: the fact, a key of `question_words.YES_NO`.
    """
    truth = _value(facts, key)
    if not _weight(key, truth):
        return ()
    yes = rng.random() < 0.5
    value = _also_true(key, truth, rng) if yes else wrong_value(facts, key, rng)
    slots = _question_slots(key, value, truth, yes, rng)
    return (_turn(question_words.YES_NO[key], slots, yes, _truth(key, truth, facts, rng), rng),)


def wrong_value(facts: Mapping[str, str], key: str, rng: Random) -> str:
    """Draw a value of the fact that is surely not true of the item; "" if there is none."""
    values, weights = _wrong_values(key, _value(facts, key))
    if facts.get("neckline") == POLO:  # a polo shirt is listed as a T-shirt, but is a shirt too
        pairs = [pair for pair in zip(values, weights, strict=True) if pair[0] != "Shirts"]
        values, weights = zip(*pairs, strict=True) if pairs else ((), ())
    return rng.choices(values, weights)[0] if values else ""


def what_not(facts: Mapping[str, str], rng: Random, share: float = 1.0) -> tuple[Turn, ...]:
    """Return the question what the item is not, for a share of the items of a known kind.

    Similar kinds are left out, because an answer that is open to doubt is not a correct one.
    """
    values, weights = _clearly_wrong_kinds(_value(facts, KINDS))
    if not values or rng.random() >= share:
        return ()
    return (_not(describe_kind(rng.choices(values, weights)[0]), rng),)


def is_it(kind: str, others: Sequence[str], rng: Random) -> Turn:
    """Ask "Is it a cat?" about its kind or, half of the time, about one of the others."""
    yes = not others or rng.random() < 0.5
    kind_asked = kind if yes else rng.choice(others)
    truth = f"it is {with_article(kind)}"
    return _turn(question_words.IS_IT, _kind_slots(kind_asked), yes, truth, rng)


def is_not(kind: str, others: Sequence[str], rng: Random) -> Turn:
    """Ask "What is it not?"; the answer is one of the other kinds, never `kind` itself."""
    return _not(rng.choice([other for other in others if other != kind]), rng)


def conversation(turns: Sequence[Turn], rng: Random) -> tuple[Turn, ...]:
    """Combine two or three of the turns into a conversation; return () if there are too few.

    Each task occurs at most once. The last question is the one to answer; the earlier ones become
    its history.
    """
    chosen: list[Turn] = []
    for turn in _order(turns, rng):
        tasks = {earlier.task for earlier in chosen}
        if turn.task not in tasks and not (turn.task in LONG and tasks & set(LONG)):
            chosen.append(turn)
    chosen = chosen[: rng.choice((2, 3))]
    if len(chosen) < 2:
        return ()
    first, *others = chosen
    prompts = [first.prompt, *(_follow_up(turn, rng) for turn in others)]
    history = tuple((prompts[n], turn.answer) for n, turn in enumerate(chosen[:-1]))
    return (Turn(prompts[-1], chosen[-1].answer, "chat", history),)


def _order(turns: Sequence[Turn], rng: Random) -> list[Turn]:
    """Return the turns in random order, usually with one of OPENERS first."""
    order = rng.sample(turns, len(turns))
    if rng.random() < OPENING_SHARE:
        order.sort(key=lambda turn: turn.task not in OPENERS)
        order[1:] = rng.sample(order[1:], len(order[1:]))
    return order


def _follow_up(turn: Turn, rng: Random) -> str:
    """Reword a turn's question as a follow-up."""
    if turn.task in question_words.FOLLOW_UPS:
        return rng.choice(question_words.FOLLOW_UPS[turn.task])
    joined = question_words.AND.format(question=turn.prompt[0].lower() + turn.prompt[1:])
    return rng.choice((joined, turn.prompt))


def _turn(templates: Sequence[str], slots: Slots, yes: bool, truth: str, rng: Random) -> Turn:
    fitting = [template for template in templates if fits(template, slots)]
    answer = rng.choice(question_words.YES if yes else question_words.NO)
    return Turn(fill(rng.choice(fitting), slots), answer.format(truth=truth), "yesno")


def _not(kind: str, rng: Random) -> Turn:
    answer = rng.choice(question_words.NOT_ANSWERS).format(a_kind=with_article(kind))
    return Turn(rng.choice(question_words.NOT_PROMPTS), answer, "not")


def _value(facts: Mapping[str, str], key: str) -> str:
    """Return the value of a fact; the family follows from the kind."""
    if key != "family":
        return facts.get(key, "")
    kind = facts.get(KINDS, "")
    return next((name for name, (_, kinds) in question_words.FAMILIES.items() if kind in kinds), "")


@cache
def _wrong_values(key: str, value: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the values that are surely wrong if this one is true, and their weights."""
    shares = question_words.SHARES[key]
    if value not in shares:
        return (), ()
    alike = [group for group in question_words.ALIKE.get(key, ()) if value in group]
    others = [v for v in shares if v != value and not any(v in group for group in alike)]
    weights = [shares[v] * (NEARER if _similar(v, value) else 1) for v in others]
    return tuple(others), tuple(weights)


@cache
def _clearly_wrong_kinds(kind: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the wrong kinds that are not similar to this one, and their weights."""
    pairs = zip(*_wrong_values(KINDS, kind), strict=True)
    dissimilar = [(value, weight) for value, weight in pairs if not _similar(value, kind)]
    return tuple(zip(*dissimilar, strict=True)) if dissimilar else ((), ())


def _similar(one: str, other: str) -> bool:
    """Return True for values that are easily confused."""
    return any({one, other} <= group for group in question_words.NEAR)


@cache
def _weight(key: str, value: str) -> float:
    """Return the probability that this fact is asked: low if few items have another value."""
    max_sum = max(sum(_wrong_values(key, other)[1]) for other in question_words.SHARES[key])
    return sum(_wrong_values(key, value)[1]) / max_sum


def _also_true(key: str, value: str, rng: Random) -> str:
    """Return the value itself, or another one that is also true."""
    if rng.random() > ALSO_TRUE:
        return value
    if key == "gender" and value == "Unisex":
        return rng.choice(("Men", "Women"))
    return question_words.FAMILY_COLOUR.get(value, value) if key == "baseColour" else value


def _question_slots(key: str, value: str, truth: str, yes: bool, rng: Random) -> Slots:
    """Return the slots of a question; unisex items need "only for men", as "for men" is true."""
    slots = _value_slots(key, value, rng)
    if key == "gender":
        for_both = truth == "Unisex"
        if for_both and not yes:
            return defaultdict(str, alone=slots["people"])
        slots["alone"] = "" if for_both or value == "Unisex" else slots["people"]
    return slots


def _truth(key: str, value: str, facts: Mapping[str, str], rng: Random) -> str:
    """Return what is true as a clause: "it is for women"."""
    kind = describe_kind(facts.get(KINDS, ""))
    key, value = (KINDS, facts[KINDS]) if key == "family" else (key, value)
    slots = _value_slots(key, value, rng) | words.NUMBER[kind.startswith(PAIR)]
    template = question_words.TRUTHS.get(key)
    templates = (template,) if template else question_words.DETAIL_TRUTHS
    return fill(next(text for text in templates if fits(text, slots)), slots)


def _value_slots(key: str, value: str, rng: Random) -> defaultdict[str, str]:
    """Return the slots that describe a value."""
    if key == KINDS:
        return _kind_slots(describe_kind(value))
    if key == "family":
        return defaultdict(str, family=rng.choice(question_words.FAMILIES[value][0]))
    if key == "baseColour":
        return defaultdict(str, colour=describe_colour(value), label=describe_colour(value))
    if key == "gender":
        gender = words.GENDERS[value]
        both = gender.whose if value == "Unisex" else ""
        return defaultdict(str, people=gender.people, single=gender.whose, unisex=both)
    if key == "usage":
        usage = words.USAGES[value]
        occasion = rng.choice(usage.occasions)
        return defaultdict(str, occasion=occasion, adjective=usage.adjective)
    return _detail_slots(key, value)


def _kind_slots(kind: str) -> defaultdict[str, str]:
    plural = kind.removeprefix(PAIR) if kind.startswith(PAIR) else ""
    return defaultdict(str, a_kind=with_article(kind), plural=plural)


@cache
def _detail_row(key: str, value: str) -> words.Detail:
    return next(row for row in words.DETAILS if (row.key, row.value) == (key, value))


def _detail_slots(key: str, value: str) -> defaultdict[str, str]:
    """Return the slots for a detail; an item cannot "have" no sleeves, so that noun is left out."""
    row = _detail_row(key, value)
    noun = "" if row.noun.startswith("no ") else row.noun
    adjective = "" if row.adjective in question_words.NO_PREDICATES else row.adjective
    return defaultdict(str, value=row.value, adjective=adjective, noun=noun)
