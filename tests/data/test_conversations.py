"""Conversations about one picture, composed of its questions."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from vlm.data.grammar import products, question_words, questions, words
from vlm.types import Turn

TASKS = (*words.PROMPTS, "not", "yesno")


@given(st.lists(st.sampled_from(TASKS), min_size=3, max_size=20), st.integers(0, 99))
def test_a_conversation_consists_of_the_turns(tasks: list[str], seed: int) -> None:
    turns = [Turn(f"Is it {n}?", f"It is {n}.", task) for n, task in enumerate(tasks)]
    conversations = questions.conversation(turns, Random(seed))
    kinds = {"long" if task in questions.LONG else task for task in tasks}
    assert len(conversations) == (len(kinds) > 1)
    for conversation in conversations:
        assert conversation.task == "chat" and len(conversation.history) in (1, 2)
        answers = [*(answer for _, answer in conversation.history), conversation.answer]
        used = [tasks[int(answer[6:-1])] for answer in answers]
        assert len(set(used)) == len(used) and len(set(used) & set(questions.LONG)) <= 1
        assert conversation.history[0][0] in {turn.prompt for turn in turns}
        assert conversations == questions.conversation(turns, Random(seed))


def test_one_turn_makes_no_conversation() -> None:
    turn = Turn("What is it?", "A shirt.", "kind")
    assert questions.conversation([], Random(0)) == ()
    assert questions.conversation([turn, turn], Random(0)) == ()


def test_follow_ups_are_worded_as_follow_ups() -> None:
    facts = [{"articleType": "Shirts", "baseColour": "Blue", "gender": "Men"}] * 50
    conversations = [
        turn
        for n, known in enumerate(facts)
        for turn in products.turns(known, str(n))
        if turn.task == "chat"
    ]
    assert len(conversations) == 50
    prompts = [prompt for wordings in words.PROMPTS.values() for prompt in wordings]
    assert sum(conversation.prompt in prompts for conversation in conversations) == 0
    follow_ups = [text for texts in question_words.FOLLOW_UPS.values() for text in texts]
    assert len(set(follow_ups)) == len(follow_ups) and set(follow_ups).isdisjoint(prompts)
    assert set(question_words.FOLLOW_UPS) == set(words.PROMPTS) | {"not"}
