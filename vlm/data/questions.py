"""Yes/no questions, "what is it not?" and conversations about one thing, with right answers.

Which wrong value is asked follows one rule, so that yes and no to one and the same question ("Is it
black?") are equally frequent over a data set. A thing of value u is asked about v as often as one
of value v is asked about u, and each question with a wrong value has a twin with the right one. The
first holds when the pair is drawn in proportion to share(u) * share(v) * near(u, v).
Values that could both be said of one thing are never drawn for one another
(`question_words.ALIKE`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random

from vlm.data import question_words, words
from vlm.data.phrases import PAIR, describe_colour, describe_kind, fill, fits, with_article
from vlm.types import Turn

KINDS, POLO = "articleType", "polo collar"
NEARER = 4.0  # how much sooner a near kind is asked than another one
OTHERWISE = 0.2  # share of right questions that name another true value: navy is also blue
SELDOM = ("sleeve", "neckline", "material", "style")  # seldom known, so asked first when known
LONG = ("brief", "detailed", "json")  # at most one of these in a conversation
OPENERS = ("kind", "brief", "detailed")  # what most conversations begin with
OPENING_SHARE = 0.7

Slots = Mapping[str, str]


def yes_no(facts: Mapping[str, str], rng: Random, count: int = 2) -> tuple[Turn, ...]:
    """Up to `count` yes/no questions, each about another fact, half of them with the answer yes."""
    weights = {key: _weight(key, _value(facts, key)) for key in question_words.YES_NO}
    known = [key for key, weight in weights.items() if weight]
    rng.shuffle(known)
    known.sort(key=lambda key: key not in SELDOM)
    passed = [key for key in known if rng.random() < weights[key]]
    others = sorted(set(known) - set(passed), key=lambda key: (-weights[key], key))
    chosen = [*passed, *others][
        :count
    ]  # thinned by weight, not drawn by it: that keeps the balance
    return tuple(turn for key in chosen for turn in yes_no_about(facts, key, rng))


def yes_no_about(facts: Mapping[str, str], key: str, rng: Random) -> tuple[Turn, ...]:
    """One yes/no question about a fact (a key of `question_words.YES_NO`); none without a rival."""
    truth = _value(facts, key)
    if not _weight(key, truth):
        return ()
    yes = rng.random() < 0.5
    asked = _also_true(key, truth, rng) if yes else wrong(facts, key, rng)
    slots = _question(key, asked, truth, yes, rng)
    return (_turn(question_words.YES_NO[key], slots, yes, _truth(key, truth, facts, rng), rng),)


def wrong(facts: Mapping[str, str], key: str, rng: Random) -> str:
    """A value of the fact that is surely not true of the thing, empty when there is none."""
    values, weights = _rivals(key, _value(facts, key))
    if facts.get("neckline") == POLO:  # a polo shirt is sold as a T-shirt, and is a shirt too
        pairs = [pair for pair in zip(values, weights, strict=True) if pair[0] != "Shirts"]
        values, weights = zip(*pairs, strict=True) if pairs else ((), ())
    return rng.choices(values, weights)[0] if values else ""


def what_not(facts: Mapping[str, str], rng: Random, share: float = 1.0) -> tuple[Turn, ...]:
    """What the thing is not, for this share of things and where its kind is known.

    Kinds that it may be taken for are passed over: a doubtful answer is never a right one.
    """
    values, weights = _far(_value(facts, KINDS))
    if not values or rng.random() >= share:
        return ()
    return (_not(describe_kind(rng.choices(values, weights)[0]), rng),)


def is_it(kind: str, others: Sequence[str], rng: Random) -> Turn:
    """ "Is it a cat?": about a kind of thing, or, half of the time, about one of the others."""
    yes = not others or rng.random() < 0.5
    asked = kind if yes else rng.choice(others)
    return _turn(question_words.IS_IT, _kind_words(asked), yes, f"it is {with_article(kind)}", rng)


def is_not(kind: str, others: Sequence[str], rng: Random) -> Turn:
    """ "What is it not?": one of the other kinds; `kind` itself is passed over."""
    return _not(rng.choice([other for other in others if other != kind]), rng)


def conversation(turns: Sequence[Turn], rng: Random) -> tuple[Turn, ...]:
    """Two or three of the turns as one talk about the picture; empty when they are too few.

    No task comes twice. The last question is the one to be answered, the others are its history.
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
    asked = [first.prompt, *(_follow_up(turn, rng) for turn in others)]
    history = tuple((asked[n], turn.answer) for n, turn in enumerate(chosen[:-1]))
    return (Turn(asked[-1], chosen[-1].answer, "chat", history),)


def _order(turns: Sequence[Turn], rng: Random) -> list[Turn]:
    """The turns in random order, mostly with a question that opens a talk in front."""
    order = rng.sample(turns, len(turns))
    if rng.random() < OPENING_SHARE:
        order.sort(key=lambda turn: turn.task not in OPENERS)
        order[1:] = rng.sample(order[1:], len(order[1:]))
    return order


def _follow_up(turn: Turn, rng: Random) -> str:
    """The turn's question as one that follows another."""
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
    """The fact that a question asks for; the family follows from the kind."""
    if key != "family":
        return facts.get(key, "")
    kind = facts.get(KINDS, "")
    return next((name for name, (_, kinds) in question_words.FAMILIES.items() if kind in kinds), "")


@cache
def _rivals(key: str, value: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The values that are surely wrong for a thing of this one, and how soon each is asked."""
    shares = question_words.SHARES[key]
    if value not in shares:
        return (), ()
    alike = [group for group in question_words.ALIKE.get(key, ()) if value in group]
    others = [v for v in shares if v != value and not any(v in group for group in alike)]
    weights = [shares[v] * (NEARER if _near(v, value) else 1) for v in others]
    return tuple(others), tuple(weights)


@cache
def _far(kind: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The kinds that a thing of this one is not easily taken for, and how soon each is named."""
    rivals = zip(*_rivals(KINDS, kind), strict=True)
    apart = [(value, weight) for value, weight in rivals if not _near(value, kind)]
    return tuple(zip(*apart, strict=True)) if apart else ((), ())


def _near(one: str, other: str) -> bool:
    """True for values that are easily taken for one another."""
    return any({one, other} <= group for group in question_words.NEAR)


@cache
def _weight(key: str, value: str) -> float:
    """How readily this fact is asked, 0 to 1: rarely where few things have any other value."""
    most = max(sum(_rivals(key, other)[1]) for other in question_words.SHARES[key])
    return sum(_rivals(key, value)[1]) / most


def _also_true(key: str, value: str, rng: Random) -> str:
    """The value itself, or another one that is true as well."""
    if rng.random() > OTHERWISE:
        return value
    if key == "gender" and value == "Unisex":
        return rng.choice(("Men", "Women"))
    return question_words.FAMILY_COLOUR.get(value, value) if key == "baseColour" else value


def _question(key: str, asked: str, truth: str, yes: bool, rng: Random) -> Slots:
    """The words for the value asked; "only for men" is asked where "for men" would be true."""
    slots = _words(key, asked, rng)
    if key == "gender":
        for_both = truth == "Unisex"
        if for_both and not yes:
            return defaultdict(str, alone=slots["people"])
        slots["alone"] = "" if for_both or asked == "Unisex" else slots["people"]
    return slots


def _truth(key: str, value: str, facts: Mapping[str, str], rng: Random) -> str:
    """What is true, as a part of a sentence: "it is for women"."""
    kind = describe_kind(facts.get(KINDS, ""))
    key, value = (KINDS, facts[KINDS]) if key == "family" else (key, value)
    slots = _words(key, value, rng) | words.NUMBER[kind.startswith(PAIR)]
    templates = (
        (question_words.TRUTHS[key],)
        if key in question_words.TRUTHS
        else question_words.DETAIL_TRUTHS
    )
    return fill(next(template for template in templates if fits(template, slots)), slots)


def _words(key: str, value: str, rng: Random) -> defaultdict[str, str]:
    """Everything a template may ask for a value."""
    if key == KINDS:
        return _kind_words(describe_kind(value))
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
    return _detail_words(key, value)


def _kind_words(kind: str) -> defaultdict[str, str]:
    several = kind.removeprefix(PAIR) if kind.startswith(PAIR) else ""
    return defaultdict(str, a_kind=with_article(kind), plural=several)


@cache
def _detail_row(key: str, value: str) -> words.Detail:
    return next(row for row in words.DETAILS if (row.key, row.value) == (key, value))


def _detail_words(key: str, value: str) -> defaultdict[str, str]:
    """ "No sleeves" is nothing that a thing has: only the adjective says it."""
    row = _detail_row(key, value)
    noun = "" if row.noun.startswith("no ") else row.noun
    adjective = "" if row.adjective in question_words.NO_PREDICATES else row.adjective
    return defaultdict(str, value=row.value, adjective=adjective, noun=noun)
