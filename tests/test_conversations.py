"""Conversations about one picture, made of its questions."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from vlm.data import captions, question_words, questions, words
from vlm.types import Turn

TASKS = (*words.PROMPTS, "not", "yesno")


@given(st.lists(st.sampled_from(TASKS), min_size=3, max_size=20), st.integers(0, 99))
def test_a_conversation_is_made_of_the_turns(tasks: list[str], seed: int) -> None:
    turns = [Turn(f"Is it {n}?", f"It is {n}.", task) for n, task in enumerate(tasks)]
    talks = questions.conversation(turns, Random(seed))
    kinds = {"long" if task in questions.LONG else task for task in tasks}
    assert len(talks) == (len(kinds) > 1)
    for talk in talks:
        assert talk.task == "chat" and len(talk.history) in (1, 2)
        answers = [*(answer for _, answer in talk.history), talk.answer]
        told = [tasks[int(answer[6:-1])] for answer in answers]
        assert len(set(told)) == len(told) and len(set(told) & set(questions.LONG)) <= 1
        assert talk.history[0][0] in {turn.prompt for turn in turns}
        assert talks == questions.conversation(turns, Random(seed))


def test_no_conversation_of_one_turn() -> None:
    turn = Turn("What is it?", "A shirt.", "kind")
    assert questions.conversation([], Random(0)) == ()
    assert questions.conversation([turn, turn], Random(0)) == ()


def test_follow_ups_are_worded_as_follow_ups() -> None:
    facts = [{"articleType": "Shirts", "baseColour": "Blue", "gender": "Men"}] * 50
    talks = [turn for n, known in enumerate(facts) for turn in captions.turns(known, str(n))
             if turn.task == "chat"]  # fmt: skip
    assert len(talks) == 50
    prompts = [prompt for said in words.PROMPTS.values() for prompt in said]
    assert sum(talk.prompt in prompts for talk in talks) == 0
    every = [text for said in question_words.FOLLOW_UPS.values() for text in said]
    assert len(set(every)) == len(every) and set(every).isdisjoint(prompts)
    assert set(question_words.FOLLOW_UPS) == set(words.PROMPTS) | {"not"}
