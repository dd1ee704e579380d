"""Speed and memory: that the right things are counted. No test is decided by how fast it ran."""

import time
from pathlib import Path

import pytest
import torch

from tests import tiny
from vlm import generate, memory, speed
from vlm.confidence import own_tokens
from vlm.config import GenerateConfig
from vlm.data.images import BadImage
from vlm.errors import UserError
from vlm.generate import Stats, batch
from vlm.types import Bundle

PICTURES = [tiny.picture(colour) for colour in tiny.COLOURS]
FIGURES = ("first_token_s", "answer_s", "pictures_per_second", "tokens_per_second", "tokens")
BIG = 300_000_000  # bytes


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny.trained()


def few(count: int) -> GenerateConfig:
    return GenerateConfig(max_new_tokens=count)


# --- what is measured ----------------------------------------------------------------------------


def test_each_size_has_its_figures(bundle: Bundle) -> None:
    found = speed.measure(bundle, PICTURES, repeats=2)
    assert list(found) == ["1", "8"]
    for row in found.values():
        assert all(row[name] > 0 for name in (*FIGURES, "peak_memory_mb"))
        assert row["first_token_s"] < row["answer_s"]
        assert row["memory"] in (memory.RESIDENT, memory.SINCE_START)
        assert row["repeats"] == 2 and row["threads"] == torch.get_num_threads()
        assert row["device"] == "cpu" and row["dtype"] == "float32"
        assert all(isinstance(value, int | float | str) for value in row.values())


def test_more_tokens_are_counted_as_more(bundle: Bundle) -> None:
    rows = [speed.measure(bundle, PICTURES, (1, 3), 1, few(count)) for count in (2, 4)]
    assert [row[size]["tokens"] for row in rows for size in row] == [2, 2, 4, 4]


def test_one_token_gives_no_rate(bundle: Bundle) -> None:
    for row in speed.measure(bundle, PICTURES, (1, 2), 2, few(1)).values():
        assert "tokens_per_second" not in row and row["tokens"] == 1


def test_the_time_to_the_first_token_holds_opening_and_the_tower(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, tower, nap = speed.open_image, bundle.model.model.vision_features, 0.05

    def slowly(function):
        return lambda *args, **kwargs: (time.sleep(nap), function(*args, **kwargs))[1]

    monkeypatch.setattr(speed, "open_image", slowly(whole))
    monkeypatch.setattr(bundle.model.model, "vision_features", slowly(tower))
    found = speed.measure(bundle, PICTURES, (1, 2), 1, few(3))
    assert found["1"]["first_token_s"] >= 2 * nap
    assert found["2"]["first_token_s"] >= 3 * nap  # two pictures are opened


def test_sizes_are_taken_from_small_to_large_and_pictures_in_turn(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(speed, "_timed", lambda _, pictures, config: seen.append(pictures) or {})
    speed.measure(bundle, "abc", (2, 1), 2)
    assert seen == [["a"], ["a"], ["b"], list("ab"), list("ab"), list("ca")]  # first to warm up


def test_no_picture_and_a_bad_one_are_a_sentence(bundle: Bundle) -> None:
    with pytest.raises(UserError, match="no picture to measure"):
        speed.measure(bundle, [])
    with pytest.raises(BadImage):
        speed.measure(bundle, [b"no picture"], (1,), 1)
    assert not bundle.lock.locked()


# --- memory --------------------------------------------------------------------------------------


def holding(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Answering takes so many bytes more, for a moment."""
    whole = generate.answer
    monkeypatch.setattr(
        generate, "answer", lambda *args, **kw: (b"x" * size, whole(*args, **kw))[1]
    )


def test_a_large_allocation_is_seen_and_forgotten(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    if memory.forget_peak(torch.device("cpu")) != memory.RESIDENT:
        pytest.skip("this system cannot forget the largest memory")
    before = speed.measure(bundle, PICTURES, (1,), 1, few(2))["1"]["peak_memory_mb"]
    with monkeypatch.context() as patch:
        holding(patch, BIG)
        during = speed.measure(bundle, PICTURES, (1,), 1, few(2))["1"]["peak_memory_mb"]
    after = speed.measure(bundle, PICTURES, (1,), 1, few(2))["1"]["peak_memory_mb"]
    assert during - before > 0.8 * BIG / speed.MEGABYTE
    assert during - after > 0.8 * BIG / speed.MEGABYTE


@pytest.mark.parametrize("status", [None, "Name:\tpython\n"], ids=["no such files", "no peak"])
def test_a_system_that_cannot_forget_says_so(
    status: str | None, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "self"
    if status:
        folder.mkdir()
        (folder / "status").write_text(status)
    monkeypatch.setattr(memory, "_PROCESS", folder)
    row = speed.measure(bundle, PICTURES, (1,), 1, few(2))["1"]
    assert row["memory"] == memory.SINCE_START and row["peak_memory_mb"] > 50


def test_on_a_gpu_its_own_memory_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", asked.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 7 * 10**9)
    gpu = torch.device("cuda:0")
    assert memory.peak(gpu, memory.forget_peak(gpu)) == 7 * 10**9
    assert asked == [gpu] and memory.forget_peak(gpu) == memory.ON_GPU


# --- what batches tell of themselves -------------------------------------------------------------


def test_a_batch_counts_its_tokens_without_padding(bundle: Bundle) -> None:
    short, long = tiny.questions("red")[0].prompt, tiny.COUNT.prompt
    alone = []
    for prompt in (short, long):
        stats = Stats()
        generate.answer(bundle, PICTURES[0], prompt, stats=stats)
        alone.append(stats.tokens)
    together = Stats()
    batch(bundle, PICTURES[:2], [short, long], stats=together)
    assert alone[0] < alone[1] and together.tokens == sum(alone)
    assert 0 < together.first_token < together.seconds


def test_tokens_without_any_end_are_all_counted() -> None:
    ids = torch.tensor([[5, 6, 2, 2], [7, 8, 9, 3]])
    assert own_tokens(ids, 2).sum() == 3 + 4  # the end may serve as padding, too
    assert own_tokens(ids, [2, 8]).sum() == 3 + 2
    assert own_tokens(ids, None).sum() == 8
