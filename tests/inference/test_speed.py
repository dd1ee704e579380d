"""Speed and memory: what is counted. No test depends on how fast it runs."""

import time
from pathlib import Path

import pytest
import torch

from tests import tiny
from vlm.config import GenerateConfig
from vlm.data.images import BadImage
from vlm.errors import UserError
from vlm.inference import generate, speed
from vlm.inference.confidence import answer_mask
from vlm.inference.generate import Stats, answers
from vlm.system import memory
from vlm.types import Bundle

PICTURES = [tiny.picture(colour) for colour in tiny.COLOURS]
FIGURES = ("first_token_s", "answer_s", "pictures_per_second", "tokens_per_second", "tokens")
BIG = 300_000_000  # bytes


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny.trained()


def limited(count: int) -> GenerateConfig:
    return GenerateConfig(max_new_tokens=count)


# --- what is measured ----------------------------------------------------------------------------


def test_each_batch_size_has_all_figures(bundle: Bundle) -> None:
    rows = speed.measure(bundle, PICTURES, repeats=2)
    assert list(rows) == ["1", "8"]
    for row in rows.values():
        assert all(row[name] > 0 for name in (*FIGURES, "peak_memory_mb"))
        assert row["first_token_s"] < row["answer_s"]
        assert row["memory"] in (memory.RESIDENT, memory.SINCE_START)
        assert row["repeats"] == 2 and row["threads"] == torch.get_num_threads()
        assert row["device"] == "cpu" and row["dtype"] == "float32"
        assert all(isinstance(value, int | float | str) for value in row.values())


def test_tokens_per_answer_are_counted(bundle: Bundle) -> None:
    rows = [speed.measure(bundle, PICTURES, (1, 3), 1, limited(count)) for count in (2, 4)]
    assert [row[size]["tokens"] for row in rows for size in row] == [2, 2, 4, 4]


def test_a_single_token_gives_no_rate(bundle: Bundle) -> None:
    for row in speed.measure(bundle, PICTURES, (1, 2), 2, limited(1)).values():
        assert "tokens_per_second" not in row and row["tokens"] == 1


def test_the_time_to_the_first_token_includes_opening_and_the_tower(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_image, tower, nap = speed.open_image, bundle.model.model.vision_features, 0.05

    def slowed(function):
        return lambda *args, **kwargs: (time.sleep(nap), function(*args, **kwargs))[1]

    monkeypatch.setattr(speed, "open_image", slowed(open_image))
    monkeypatch.setattr(bundle.model.model, "vision_features", slowed(tower))
    rows = speed.measure(bundle, PICTURES, (1, 2), 1, limited(3))
    assert rows["1"]["first_token_s"] >= 2 * nap
    assert rows["2"]["first_token_s"] >= 3 * nap  # two pictures are opened


def test_sizes_ascend_and_pictures_are_used_in_rotation(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = []

    def record(bundle, pictures, config) -> dict[str, float]:
        groups.append(pictures)
        return {}

    monkeypatch.setattr(speed, "_time_answers", record)
    speed.measure(bundle, "abc", (2, 1), 2)
    assert groups == [["a"], ["a"], ["b"], list("ab"), list("ab"), list("ca")]  # first a warm-up


def test_no_picture_and_a_bad_picture_are_user_errors(bundle: Bundle) -> None:
    with pytest.raises(UserError, match="No picture was given"):
        speed.measure(bundle, [])
    with pytest.raises(BadImage):
        speed.measure(bundle, [b"no picture"], (1,), 1)
    assert not bundle.lock.locked()


# --- memory --------------------------------------------------------------------------------------


def holding(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Make answering take so many more bytes for a moment."""
    answer = generate.answer
    monkeypatch.setattr(
        generate, "answer", lambda *args, **kw: (b"x" * size, answer(*args, **kw))[1]
    )


def test_a_large_allocation_is_measured_once_and_reset(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    if memory.reset_peak(torch.device("cpu")) != memory.RESIDENT:
        pytest.skip("this system cannot reset the peak memory")
    before = speed.measure(bundle, PICTURES, (1,), 1, limited(2))["1"]["peak_memory_mb"]
    with monkeypatch.context() as patch:
        holding(patch, BIG)
        during = speed.measure(bundle, PICTURES, (1,), 1, limited(2))["1"]["peak_memory_mb"]
    after = speed.measure(bundle, PICTURES, (1,), 1, limited(2))["1"]["peak_memory_mb"]
    assert during - before > 0.8 * BIG / speed.MEGABYTE
    assert during - after > 0.8 * BIG / speed.MEGABYTE


@pytest.mark.parametrize("status", [None, "Name:\tpython\n"], ids=["no such files", "no peak"])
def test_a_system_that_cannot_reset_the_peak_is_reported(
    status: str | None, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "self"
    if status:
        folder.mkdir()
        (folder / "status").write_text(status)
    monkeypatch.setattr(memory, "_PROCESS", folder)
    row = speed.measure(bundle, PICTURES, (1,), 1, limited(2))["1"]
    assert row["memory"] == memory.SINCE_START and row["peak_memory_mb"] > 50


def test_on_a_gpu_the_gpu_memory_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", devices.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 7 * 10**9)
    gpu = torch.device("cuda:0")
    assert memory.peak_since_reset(gpu, memory.reset_peak(gpu)) == 7 * 10**9
    assert devices == [gpu] and memory.reset_peak(gpu) == memory.ON_GPU


# --- tokens of a batch ---------------------------------------------------------------------------


def test_a_batch_counts_its_tokens_without_padding(bundle: Bundle) -> None:
    short, long = tiny.questions("red")[0].prompt, tiny.COUNT.prompt
    alone = []
    for prompt in (short, long):
        stats = Stats()
        generate.answer(bundle, PICTURES[0], prompt, stats=stats)
        alone.append(stats.tokens)
    together = Stats()
    answers(bundle, PICTURES[:2], [short, long], stats=together)
    assert alone[0] < alone[1] and together.tokens == sum(alone)
    assert 0 < together.first_token < together.seconds


def test_without_an_end_token_all_tokens_count() -> None:
    ids = torch.tensor([[5, 6, 2, 2], [7, 8, 9, 3]])
    assert answer_mask(ids, 2).sum() == 3 + 4  # padded with the end token
    assert answer_mask(ids, [2, 8]).sum() == 3 + 2
    assert answer_mask(ids, None).sum() == 8
