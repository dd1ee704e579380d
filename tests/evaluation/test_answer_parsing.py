"""Answer parsing follows the published rules and does not fall into their traps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm.evaluation.benchmarks import answer_parsing
from vlm.evaluation.benchmarks.answer_parsing import read_choice, read_text, read_yes_no
from vlm.evaluation.benchmarks.question import LETTERS

ANIMALS = ("a cat", "a dog", "a horse", "a bird")
COLOURS = ("red", "dark red", "blue", "navy blue")

CHOICES = [
    ("A", 0),
    ("B", 1),
    (" C\n", 2),
    ("(B)", 1),
    ("B.", 1),
    ("B)", 1),
    ("(B).", 1),
    ("[D]", 3),
    ("**B**", 1),
    ('"B"', 1),
    ("B:", 1),
    ("Answer: D", 3),
    ("The answer is C", 2),
    ("The answer is A.", 0),
    ("The correct option is (B).", 1),
    ("Option A is right.", 0),
    ("I would say B", 1),
    ("It must be C, because it has hooves", 2),
    ("A because of the ears", 0),
    ("A is what I see", 0),
    ("B. a dog", 1),
    ("B: a dog", 1),
    ("(B) a dog, of course", 1),
    ("A. A cat", 0),
    ("C\nIt is a horse.", 2),
    ("Answer A dog", 0),
    ("so D it is", 3),
    # by the text
    ("a dog", 1),
    ("dog", 1),
    ("The dog.", 1),
    ("A dog", 1),
    ("It is a dog.", 1),
    ("DOG", 1),
    ("The picture shows a horse on a meadow.", 2),
    ("A bird sits on a branch", 3),
    # nothing, or several
    ("A or B", None),
    ("A, B", None),
    ("A and C", None),
    ("Either (A) or (B).", None),
    ("A B C D", None),
    ("", None),
    ("   ", None),
    ("...", None),
    ("E", None),
    ("b", None),
    ("A man with a hat", None),
    ("A man, a plan", None),
    ("I see two people", None),
    ("a cat and a dog", None),
    ("catfish", None),
    ("doghouse", None),
    ("It is a mammal.", None),
    ("Because", None),
    ("Cool", None),
    ("Don't ask", None),
    ("An A-line skirt", None),
    ("B's turn", None),
    ("It was 10 A.M. then", None),
    ("made in the U.S.A.", None),
    # refusals
    ("I'm sorry, I can't help with images of people yet.", None),
    ("I cannot tell whether B is right", None),
    ("Sorry, I don't know.", None),
    ("As an AI I can not see a dog.", None),
]


@pytest.mark.parametrize(("text", "choice"), CHOICES)
def test_an_answer_chooses_one_option_or_none(text, choice):
    assert read_choice(text, ANIMALS) == choice


@pytest.mark.parametrize(
    ("text", "options", "choice"),
    [
        ("Vitamin B", ("Vitamin B", "Vitamin A"), 0),  # not option B
        ("B. Vitamin A", ("Vitamin B", "Vitamin A"), 1),
        ("D. It cannot be determined", ("x", "y", "z", "It cannot be determined"), 3),
        ("It cannot be determined", ("x", "y", "z", "It cannot be determined"), 3),
        ("C", ("A", "C", "B"), 2),  # a lone letter is the letter
        ("It is dark red.", COLOURS, 1),  # and not red
        ("navy blue", COLOURS, 3),
        ("red, blue", COLOURS, None),
        ("It is 10.5 m", ("0.5", "10.5", "5"), 1),
        ("10", ("1", "0", "100", "10"), 3),
        ("1,000", ("1", "1,000"), 1),
        ("+", ("+", "-"), 0),
        ("答案是B", ("猫", "狗"), 1),
        ("选B。", ("猫", "狗"), 1),
        ("B。狗", ("猫", "狗"), 1),
        ("这是一只猫。", ("猫", "狗"), 0),
        ("抱歉，我无法回答", ("猫", "狗"), None),
        ("ответ: собака", ("кошка", "собака"), 1),
        ("собаками", ("кошка", "собака"), None),
        ("I think so", tuple("qrstuvwxyz"), None),  # I is the ninth letter, and a word
        ("I", tuple("qrstuvwxyz"), 8),
    ],
)
def test_options_that_look_like_letters_or_overlap_are_not_confused(text, options, choice):
    assert read_choice(text, options) == choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("A or B", 1),
        ("Not (A), but (C)", 2),
        ("A is wrong and D is right.", 3),
        ("A man", None),
        ("the answer is B", 1),
    ],
)
def test_mmmu_takes_the_last_of_several_letters(text, choice):
    assert read_choice(text, ANIMALS, last=True) == choice


def test_synonyms_count_for_an_option():
    options, synonyms = ("automobile", "airplane"), (("car",), ("plane", "aeroplane"))
    assert read_text("A red car.", options, synonyms) == 0
    assert read_text("an aeroplane", options, synonyms) == 1
    assert read_text("a carpet", options, synonyms) is None
    assert read_text("a car and a plane", options, synonyms) is None


@given(st.text(), st.lists(st.text(min_size=1), min_size=1, max_size=9, unique=True), st.booleans())
def test_parsing_never_fails(text, options, last):
    choice = read_choice(text, options, last=last)
    assert choice is None or 0 <= choice < len(options)
    assert read_yes_no(text) in ("yes", "no", None)
    assert answer_parsing.matches_open(text, options) in (True, False)


@pytest.mark.parametrize("form", ["{}", "({})", "{}.", "Answer: {}", "{}\n", "The answer is {}."])
def test_a_lone_letter_is_always_parsed(form):
    for size in range(1, 9):
        options = [f"thing number {n}" for n in range(size)]
        choices = [read_choice(form.format(letter), options) for letter in LETTERS[:size]]
        assert choices == list(range(size))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes", "yes"),
        ("no.", "no"),
        ("YES, there is.", "yes"),
        ("No, there is not.", "no"),
        ("There is no dog.", "no"),
        ("There is not a dog in the image.", "no"),
        ("Yes, there is no doubt.", "yes"),
        ("The answer is yes. No other dog is there.", "yes"),
        ("There is a dog.", None),
        ("", None),
        ("maybe yes, maybe no", None),
        ("Nothing", None),
        ("nobody knows", None),
        ("Yesterday", None),
    ],
)
def test_an_answer_is_yes_or_no_or_neither(text, answer):
    assert read_yes_no(text) == answer


@pytest.mark.parametrize(
    ("text", "answers", "correct"),
    [
        ("24.57", ("24.57",), True),
        ("So the result is 1,234.5 volts", ("1234.50",), True),
        ("The answer is 3. It was easy", ("3",), True),
        ("x = 2 + 3 = 5", ("5",), True),
        ("The answer is 13", ("3",), False),
        ("It is therefore a Sonata form.", ("sonata form", "sonata"), True),
        ("a bored cat", ("c",), False),
        ("vitamin c", ("C",), True),
        ("", ("3",), False),
        ("about nan", ("nan",), True),
        ("1e400", ("5",), False),
    ],
)
def test_free_text_is_compared_by_mmmus_rule(text, answers, correct):
    assert answer_parsing.matches_open(text, answers) is correct
