"""Reading answers: the published rules with their traps, CircularEval, what guessing gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm.metrics import choices
from vlm.metrics.choices import read_choice, read_text, read_yes_no

ANIMALS = ("a cat", "a dog", "a horse", "a bird")
COLOURS = ("red", "dark red", "blue", "navy blue")

TRICKY = [
    ("A", 0), ("B", 1), (" C\n", 2), ("(B)", 1), ("B.", 1), ("B)", 1), ("(B).", 1), ("[D]", 3),
    ("**B**", 1), ('"B"', 1), ("B:", 1), ("Answer: D", 3), ("The answer is C", 2),
    ("The answer is A.", 0), ("The correct option is (B).", 1), ("Option A is right.", 0),
    ("I would say B", 1), ("It must be C, because it has hooves", 2), ("A because of the ears", 0),
    ("A is what I see", 0), ("B. a dog", 1), ("B: a dog", 1), ("(B) a dog, of course", 1),
    ("A. A cat", 0), ("C\nIt is a horse.", 2), ("Answer A dog", 0), ("so D it is", 3),
    # by the text
    ("a dog", 1), ("dog", 1), ("The dog.", 1), ("A dog", 1), ("It is a dog.", 1), ("DOG", 1),
    ("The picture shows a horse on a meadow.", 2), ("A bird sits on a branch", 3),
    # nothing, or several
    ("A or B", None), ("A, B", None), ("A and C", None), ("Either (A) or (B).", None),
    ("A B C D", None), ("", None), ("   ", None), ("...", None), ("E", None), ("b", None),
    ("A man with a hat", None), ("A man, a plan", None), ("I see two people", None),
    ("a cat and a dog", None), ("catfish", None), ("doghouse", None), ("It is a mammal.", None),
    ("Because", None), ("Cool", None), ("Don't ask", None), ("An A-line skirt", None),
    ("B's turn", None), ("It was 10 A.M. then", None), ("made in the U.S.A.", None),
    # refusals
    ("I'm sorry, I can't help with images of people yet.", None),
    ("I cannot tell whether B is right", None), ("Sorry, I don't know.", None),
    ("As an AI I can not see a dog.", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "chosen"), TRICKY)
def test_which_option_an_answer_chooses(text, chosen):
    assert read_choice(text, ANIMALS) == chosen


@pytest.mark.parametrize(
    ("text", "options", "chosen"),
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
def test_options_that_look_like_letters_or_parts_of_each_other(text, options, chosen):
    assert read_choice(text, options) == chosen


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("A or B", 1),
        ("Not (A), but (C)", 2),
        ("A is wrong and D is right.", 3),
        ("A man", None),
        ("the answer is B", 1),
    ],
)
def test_mmmu_takes_the_last_of_several_letters(text, chosen):
    assert read_choice(text, ANIMALS, last=True) == chosen


def test_other_words_count_for_an_option():
    also = (("car",), ("plane", "aeroplane"))
    assert read_text("A red car.", ("automobile", "airplane"), also) == 0
    assert read_text("an aeroplane", ("automobile", "airplane"), also) == 1
    assert read_text("a carpet", ("automobile", "airplane"), also) is None
    assert read_text("a car and a plane", ("automobile", "airplane"), also) is None


@given(st.text(), st.lists(st.text(min_size=1), min_size=1, max_size=9, unique=True), st.booleans())
def test_reading_never_fails(text, options, last):
    chosen = read_choice(text, options, last=last)
    assert chosen is None or 0 <= chosen < len(options)
    assert read_yes_no(text) in ("yes", "no", None)
    assert choices.matches_open(text, options) in (True, False)


@given(st.integers(1, 8), st.data())
def test_a_lone_letter_is_always_read(size, data):
    place = data.draw(st.integers(0, size - 1))
    options = [f"thing number {n}" for n in range(size)]
    form = data.draw(
        st.sampled_from(["{}", "({})", "{}.", "Answer: {}", "{}\n", "The answer is {}."])
    )
    assert read_choice(form.format(choices.LETTERS[place]), options) == place


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes", "yes"), ("no.", "no"), ("YES, there is.", "yes"), ("No, there is not.", "no"),
        ("There is no dog.", "no"), ("There is not a dog in the image.", "no"),
        ("Yes, there is no doubt.", "yes"), ("The answer is yes. No other dog is there.", "yes"),
        ("There is a dog.", None), ("", None), ("maybe yes, maybe no", None), ("Nothing", None),
        ("nobody knows", None), ("Yesterday", None),
    ],
)  # fmt: skip
def test_yes_or_no(text, said):
    assert read_yes_no(text) == said


@pytest.mark.parametrize(
    ("text", "answers", "right"),
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
def test_short_answers_by_mmmus_rule(text, answers, right):
    assert choices.matches_open(text, answers) is right


def test_the_prompt_is_the_published_form():
    assert choices.prompt("What is it?", ("a cat", "a dog"), "Look closely.") == (
        "Look closely.\nWhat is it?\nA. a cat\nB. a dog\n"
        "Answer with the option's letter from the given choices directly."
    )
    short = "What is it?\nAnswer the question using a single word or phrase."
    assert choices.prompt("What is it? ") == short
    with pytest.raises(ValueError, match="27 options"):
        choices.prompt("?", ["x"] * 27)


@given(st.lists(st.text(), min_size=1, max_size=9), st.integers(-20, 20), st.data())
def test_a_rotation_keeps_the_right_text(options, shift, data):
    answer = data.draw(st.integers(0, len(options) - 1))
    moved, place = choices.rotated(options, answer, shift)
    assert moved[place] == options[answer] and sorted(moved) == sorted(options)


def test_all_rotations_put_the_right_answer_everywhere_once():
    places = [choices.rotated(ANIMALS, 2, n)[1] for n in range(4)]
    assert sorted(places) == [0, 1, 2, 3]


def test_circular_needs_every_rotation():
    rows = [("q", True), ("p", True), ("q", False), ("p", True)]
    assert choices.circular(rows) == {"q": False, "p": True}
    assert choices.circular([]) == {}


def test_what_guessing_gives():
    assert choices.random_guess(4) == 0.25
    assert choices.random_guess(4, 4) == 0.25**4
    assert choices.random_guess(0) == 0.0
