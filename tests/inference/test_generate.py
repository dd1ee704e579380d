"""Answers: streamed or complete, single or in batches, stopped, timed, sampled, concurrent."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig

from tests import tiny
from vlm.config import GenerateConfig
from vlm.errors import UserError
from vlm.inference import encoding, generate
from vlm.inference.generate import Stats, answer, answers, stream
from vlm.training.panel import answer_first_turns
from vlm.types import Bundle

QUESTIONS = [(colour, turn) for colour in tiny.COLOURS for turn in tiny.questions(colour)]
QUESTIONS += [("red", tiny.COUNT)]
LONG = (tiny.picture(), tiny.COUNT.prompt)
LENGTH = 60  # least number of tokens in that answer


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """A model that has learnt answers of several lengths; no test may change it."""
    return tiny.trained()


@pytest.fixture
def slow(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """The same model, slowed down to 20 ms per token."""
    forward = bundle.model.model.forward

    def waiting(*args, **kwargs):
        time.sleep(0.02)
        return forward(*args, **kwargs)

    monkeypatch.setattr(bundle.model.model, "forward", waiting)
    return bundle


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail if a test leaves a generating thread behind."""
    before = set(threading.enumerate())
    yield
    wait_until(lambda: set(threading.enumerate()) <= before)


def wait_until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, "not done in time"
        time.sleep(0.01)


# --- three ways to one answer --------------------------------------------------------------------


def test_the_trained_model_knows_its_answers(bundle: Bundle) -> None:
    for colour, turn in QUESTIONS:
        assert answer(bundle, tiny.picture(colour), turn.prompt) == turn.answer


def test_stream_answer_and_batch_agree(bundle: Bundle) -> None:
    pictures = [tiny.picture(colour) for colour, _ in QUESTIONS]
    prompts = [turn.prompt for _, turn in QUESTIONS]
    texts = [answer(bundle, *pair) for pair in zip(pictures, prompts, strict=True)]
    assert answers(bundle, pictures, prompts) == texts
    pieces = [list(stream(bundle, *pair)) for pair in zip(pictures, prompts, strict=True)]
    assert ["".join(row) for row in pieces] == texts
    assert all(piece for row in pieces for piece in row)
    assert len(pieces[-1]) > 8  # streamed word by word


PROCESSOR = tiny.bundle().processor
TOKENIZER = PROCESSOR.tokenizer


@settings(max_examples=200)
@given(st.lists(st.integers(0, len(TOKENIZER) - 1), max_size=40))
def test_streamed_pieces_of_any_tokens_join_to_their_text(ids: list[int]) -> None:
    pieces = generate._Pieces(PROCESSOR, Stats())
    pieces.put(torch.tensor([[1, 2, 3]]))  # the prompt
    for token in ids:
        pieces.put(torch.tensor([token]))
    pieces.end()
    joined = "".join(pieces.queue.get_nowait() for _ in range(pieces.queue.qsize()))
    assert joined == TOKENIZER.decode(ids, skip_special_tokens=True)
    assert pieces.stats.tokens == len(ids)


def test_stats_are_filled(bundle: Bundle) -> None:
    stats = Stats()
    text = answer(bundle, *LONG, stats=stats)
    ids = bundle.processor.tokenizer(text)["input_ids"]
    assert stats.tokens == len(ids) + 1  # and the end token
    assert 0 < stats.first_token < stats.seconds < 10
    assert stats.tokens_per_second == pytest.approx(stats.tokens / stats.seconds)
    assert stats.stopped == "" and Stats().tokens_per_second == 0


def test_time_spent_waiting_for_the_model_is_not_counted(bundle: Bundle) -> None:
    stats = Stats()
    with ThreadPoolExecutor(1) as pool:
        with bundle.lock:
            waiting = pool.submit(answer, bundle, *LONG, GenerateConfig(5), stats=stats)
            time.sleep(0.4)
            free = time.monotonic()
        waiting.result()
    assert stats.seconds <= time.monotonic() - free


@pytest.mark.parametrize("count", [1, 5, 20])
def test_an_answer_is_cut_at_max_new_tokens(bundle: Bundle, count: int) -> None:
    stats, config = Stats(), GenerateConfig(max_new_tokens=count)
    text = answer(bundle, *LONG, config, stats=stats)
    assert stats.tokens == count
    assert answer(bundle, *LONG).startswith(text.rstrip("�"))


def test_the_panel_answers_the_first_question_of_each_record(bundle: Bundle) -> None:
    rows = list(answer_first_turns(bundle, tiny.records(4)))
    assert [row["id"] for row in rows] == ["0", "1", "2", "3"]
    expected = [f"It is {record.facts['baseColour']}." for record in tiny.records(4)]
    assert [row["text"] for row in rows] == [row["answer"] for row in rows] == expected


# --- ending early --------------------------------------------------------------------------------


def test_stop_ends_within_two_tokens(slow: Bundle) -> None:
    stop, stats = threading.Event(), Stats()
    pieces = stream(slow, *LONG, stop=stop, stats=stats)
    next(pieces)
    stop.set()
    before = stats.tokens
    list(pieces)
    assert before <= stats.tokens <= before + 2 < LENGTH
    assert stats.stopped == "stop"


@pytest.mark.parametrize("beams", [1, 2])
def test_stop_before_the_start_gives_one_token(bundle: Bundle, beams: int) -> None:
    stop, stats = threading.Event(), Stats()
    stop.set()
    answer(bundle, *LONG, GenerateConfig(num_beams=beams), stop=stop, stats=stats)
    assert stats.tokens == 1 and stats.stopped == "stop"
    assert len(answers(bundle, [LONG[0]], [LONG[1]], stop=stop)[0]) < 5


def test_the_callers_stop_event_can_be_reused(bundle: Bundle) -> None:
    stop = threading.Event()
    assert [answer(bundle, *LONG, stop=stop) for _ in range(2)] == [tiny.COUNT.answer] * 2
    assert not stop.is_set()


def test_closing_the_iterator_stops_generation_and_frees_the_model(slow: Bundle) -> None:
    before, stats = threading.active_count(), Stats()
    pieces = stream(slow, *LONG, stats=stats)
    next(pieces)
    assert threading.active_count() == before + 1 and slow.lock.locked()
    pieces.close()
    assert threading.active_count() == before  # the lock is released after the thread has ended
    assert stats.tokens < LENGTH / 2 and not slow.lock.locked()


def test_a_discarded_iterator_frees_the_model_too(slow: Bundle) -> None:
    next(stream(slow, *LONG))
    wait_until(lambda: not slow.lock.locked())


@pytest.mark.parametrize("beams", [1, 2])
def test_deadline_ends_the_answer(slow: Bundle, beams: int) -> None:
    stats = Stats()
    answer(slow, *LONG, GenerateConfig(deadline=0.2, num_beams=beams), stats=stats)
    assert 1 <= stats.tokens <= 11 and stats.stopped == "deadline"


def test_deadline_ends_a_batch(slow: Bundle) -> None:
    texts = answers(slow, [LONG[0]] * 3, [LONG[1]] * 3, GenerateConfig(deadline=0.2))
    assert all(tiny.COUNT.answer.startswith(text) for text in texts)
    assert all(text and text != tiny.COUNT.answer for text in texts)


class Broken(RuntimeError):
    """The exception that the model raises in these tests."""


@pytest.mark.parametrize("calls", [0, 20])
@pytest.mark.parametrize("beams", [1, 2])
def test_exceptions_of_the_model_reach_the_caller_at_once(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, calls: int, beams: int
) -> None:
    forward, number = bundle.model.model.forward, itertools.count()

    def breaking(*args, **kwargs):
        if next(number) >= calls:
            raise Broken("the model broke")
        return forward(*args, **kwargs)

    monkeypatch.setattr(bundle.model.model, "forward", breaking)
    pieces = []
    with pytest.raises(Broken, match="the model broke"):
        pieces.extend(stream(bundle, *LONG, GenerateConfig(num_beams=beams)))
    monkeypatch.undo()
    assert answer(bundle, *LONG) == tiny.COUNT.answer  # the next request is served


def test_text_generated_before_a_failure_is_delivered(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, number = bundle.model.model.forward, itertools.count()

    def breaking(*args, **kwargs):
        if next(number) >= 20:
            raise torch.OutOfMemoryError("no memory")
        return forward(*args, **kwargs)

    monkeypatch.setattr(bundle.model.model, "forward", breaking)
    pieces = []
    with pytest.raises(torch.OutOfMemoryError):
        for piece in stream(bundle, *LONG):
            pieces.append(piece)
    assert pieces and tiny.COUNT.answer.startswith("".join(pieces))


def test_a_refused_prompt_does_not_lock_the_model(bundle: Bundle) -> None:
    with pytest.raises(UserError, match="shorten it"):
        answer(bundle, tiny.picture(), "x" * 5000)
    assert not bundle.lock.locked()


# --- sampling and its settings -------------------------------------------------------------------

RANDOM = {"temperature": 2.0, "max_new_tokens": 20}


def test_the_seed_determines_what_is_sampled(bundle: Bundle) -> None:
    first, again = (answer(bundle, *LONG, GenerateConfig(seed=1, **RANDOM)) for _ in range(2))
    others = {answer(bundle, *LONG, GenerateConfig(seed=n, **RANDOM)) for n in range(2, 7)}
    assert first == again and len(others) == 5 and first not in others


def test_sampled_beams_are_reproducible(bundle: Bundle) -> None:
    config = GenerateConfig(seed=1, num_beams=2, **RANDOM)
    assert answer(bundle, *LONG, config) == answer(bundle, *LONG, config)


def test_greedy_answers_do_not_change_the_random_state(bundle: Bundle) -> None:
    before = torch.get_rng_state()
    answer(bundle, *LONG, GenerateConfig(seed=9))
    assert torch.equal(torch.get_rng_state(), before)


def test_top_k_and_top_p_restrict_sampling(bundle: Bundle) -> None:
    greedy = answer(bundle, *LONG, GenerateConfig(max_new_tokens=20))
    assert answer(bundle, *LONG, GenerateConfig(top_k=1, **RANDOM)) == greedy
    assert answer(bundle, *LONG, GenerateConfig(top_p=0.05, **RANDOM)) == greedy
    assert answer(bundle, *LONG, GenerateConfig(**RANDOM)) != greedy


def test_every_setting_is_passed_on_and_none_comes_from_shared_configuration(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = GenerationConfig.from_dict(bundle.model.generation_config.to_dict())
    changed.update(temperature=0.3, top_k=7, num_beams=4, repetition_penalty=1.7, do_sample=True)
    monkeypatch.setattr(bundle.model, "generation_config", changed)
    assert answer(bundle, *LONG) == tiny.COUNT.answer
    config = GenerateConfig(7, 0.5, 0.9, 11, 1.5, 3, 4, 5.0)
    generate_method, passed = bundle.model.generate, None

    def spy(generation_config, **inputs):
        nonlocal passed
        passed = generation_config
        return generate_method(generation_config=generation_config, **inputs)

    monkeypatch.setattr(bundle.model, "generate", spy)
    answer(bundle, *LONG, config)
    for name in ("max_new_tokens", "temperature", "top_p", "top_k", "repetition_penalty"):
        assert getattr(passed, name) == getattr(config, name), name
    assert passed.num_beams == 3 and passed.do_sample


def test_the_shared_generation_configuration_is_not_changed(bundle: Bundle) -> None:
    shared = bundle.model.generation_config
    before = shared.to_dict()
    for config in (GenerateConfig(5), GenerateConfig(7, num_beams=2), GenerateConfig(**RANDOM)):
        answer(bundle, *LONG, config)
    assert bundle.model.generation_config is shared and shared.to_dict() == before


def test_beam_search_gives_one_piece(bundle: Bundle) -> None:
    stats, config = Stats(), GenerateConfig(num_beams=3)
    (piece,) = stream(bundle, *LONG, config, stats=stats)
    inputs = encoding.prompt_inputs(bundle.processor, *LONG)
    ids = bundle.model.generate(**inputs, num_beams=3, max_new_tokens=96, do_sample=False)
    new = ids[0, inputs["input_ids"].shape[1] :]
    assert piece == bundle.processor.tokenizer.decode(new, skip_special_tokens=True)
    assert stats.tokens == len(new) and stats.first_token == stats.seconds > 0


BAD = {"max_new_tokens": 0, "temperature": float("nan"), "top_p": 2, "top_k": -1}
BAD |= {"repetition_penalty": 0.5, "num_beams": 9, "seed": 2**31, "deadline": float("inf")}


def test_all_settings_out_of_range_are_reported_at_once() -> None:
    assert set(BAD) == {field.name for field in fields(GenerateConfig)}
    with pytest.raises(UserError) as caught:
        GenerateConfig(**BAD)
    assert all(f"{name} is {value!r}" in str(caught.value) for name, value in BAD.items())
    assert str(caught.value).count("allowed is at least") == len(BAD)


@pytest.mark.parametrize("value", [-1e308, 1e308, float("nan"), "x", None, [], True, "5"], ids=repr)
@pytest.mark.parametrize("field", fields(GenerateConfig), ids=lambda field: field.name)
def test_no_setting_accepts_nonsense(field, value) -> None:
    with pytest.raises(UserError, match=field.name):
        GenerateConfig(**{field.name: value})


# --- concurrent requests -------------------------------------------------------------------------


def test_eight_threads_get_the_same_answers_as_one(bundle: Bundle) -> None:
    jobs = [
        (tiny.picture(colour), turn.prompt, GenerateConfig(seed=n, **(RANDOM if n % 2 else {})))
        for n, (colour, turn) in zip(range(8), itertools.cycle(QUESTIONS), strict=False)
    ]
    alone = [answer(bundle, *job) for job in jobs]
    assert len(set(alone)) > 5
    with ThreadPoolExecutor(8) as pool:
        rounds = list(pool.map(lambda job: answer(bundle, *job), jobs * 5))
    assert rounds == alone * 5
