"""Devices, threads, memory, and a torchvision that does not match torch."""

import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import torch

from vlm import runtime
from vlm.errors import UserError

ROOT = Path(__file__).parents[1]


def in_a_new_process(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


# --- what libraries say --------------------------------------------------------------------------


def test_an_optional_kernel_is_not_asked_for_and_other_warnings_stay(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    logger.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s.", "why")
    logger.warning("something else")
    assert caplog.messages == ["something else"]


@pytest.mark.slow
def test_opening_a_model_leaves_out_what_only_trainings_need() -> None:
    found = in_a_new_process(
        "import sys; from vlm.load import load; load('moda-mini'); "
        "print(*{'peft', 'bitsandbytes'} & sys.modules.keys())"
    )
    assert found.returncode == 0 and not found.stdout.strip(), found.stdout + found.stderr


# --- the repair of torchvision -------------------------------------------------------------------


@pytest.fixture
def broken() -> None:
    """Skips the test where torchvision is missing or works without the repair."""
    spec = find_spec("torchvision")
    if spec is None or runtime._library_loads(Path(spec.origin).parent):
        pytest.skip("the repair is for a torchvision that was built for another torch")


@pytest.mark.slow
def test_broken_torchvision_fails_alone_and_works_with_the_package(broken: None) -> None:
    alone = in_a_new_process("import torchvision")
    assert alone.returncode != 0 and "torchvision::nms does not exist" in alone.stderr
    ours = in_a_new_process(
        "import vlm, torchvision\n"
        "from torchvision.transforms import v2\n"
        "assert vlm.runtime.repair_torchvision(), 'a second call says so and does nothing'\n"
    )
    assert ours.returncode == 0, ours.stderr[-2000:]


class Recorder:
    """Takes the place of torch.library.Library and notes what would be defined."""

    defined: list[str] = []

    def __init__(self, namespace: str, kind: str):
        self.namespace = namespace

    def define(self, schema: str) -> None:
        self.defined.append(f"{self.namespace}::{schema.partition('(')[0]}")


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As at the first import: torchvision installed, not imported, nothing repaired."""
    monkeypatch.setattr(runtime, "_repair", [])
    monkeypatch.setattr(torch.library, "Library", Recorder)
    monkeypatch.setattr(Recorder, "defined", [])
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    spec = type("Spec", (), {"origin": "/nowhere/torchvision/__init__.py"})
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: spec)
    return monkeypatch


def test_healthy_torchvision_is_left_alone(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(runtime, "_library_loads", lambda folder: True)
    assert runtime.repair_torchvision() is False
    assert not Recorder.defined and not runtime._repair


def test_broken_torchvision_gets_its_two_operators_once(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(runtime, "_library_loads", lambda folder: False)
    assert runtime.repair_torchvision() is runtime.repair_torchvision() is True
    assert Recorder.defined == ["torchvision::nms", "torchvision::qnms"]


def test_missing_or_imported_torchvision_needs_no_repair(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(runtime, "_library_loads", lambda folder: False)
    fresh.setitem(sys.modules, "torchvision", sys)
    assert runtime.repair_torchvision() is False
    fresh.delitem(sys.modules, "torchvision")
    fresh.setattr(runtime.importlib.util, "find_spec", lambda name: None)
    assert runtime.repair_torchvision() is False
    assert not Recorder.defined


def test_the_repair_waits_until_torchvision_is_imported(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(runtime, "_library_loads", lambda folder: False)
    fresh.setattr(sys, "meta_path", list(sys.meta_path))
    runtime.repair_torchvision_when_imported()
    finder = sys.meta_path[0]
    assert finder.find_spec("torch") is None and not Recorder.defined
    assert finder.find_spec("torchvision") is None and len(Recorder.defined) == 2


def test_the_package_itself_needs_no_torch() -> None:
    found = in_a_new_process("import sys, vlm; assert 'torch' not in sys.modules")
    assert found.returncode == 0, found.stderr


def test_a_library_that_cannot_be_loaded_is_noticed(tmp_path: Path) -> None:
    assert runtime._library_loads(tmp_path)  # a build without compiled operators
    (tmp_path / "_C.so").write_bytes(b"not a library")
    assert not runtime._library_loads(tmp_path)


# --- devices -------------------------------------------------------------------------------------


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Pretend to be on a machine with these accelerators."""

    def pretend(cuda: bool = False, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2 if cuda else 0)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("there", "picked"),
    [({}, "cpu"), ({"mps": True}, "mps"), ({"cuda": True, "mps": True}, "cuda")],
)
def test_auto_picks_the_best_device(machine, there: dict, picked: str) -> None:
    machine(**there)
    assert runtime.pick_device() == runtime.pick_device("auto") == torch.device(picked)


def test_a_named_device_is_taken_when_it_is_there(machine) -> None:
    machine(cuda=True)
    assert runtime.pick_device("cuda:1") == torch.device("cuda", 1)
    assert runtime.pick_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match="'cuda:2' is not on this machine"):
        runtime.pick_device("cuda:2")


def test_processes_are_for_where_they_can_be_forked(monkeypatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    runtime.check_workers(0)
    with pytest.raises(UserError, match="--workers wants Linux"):
        runtime.check_workers(2)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "tpu", "", "CPU", "cpu:x", "cpu:1"])
def test_a_device_that_is_not_there_names_those_that_are(machine, name: str) -> None:
    machine()
    with pytest.raises(UserError) as caught:
        runtime.pick_device(name)
    assert str(caught.value) == (
        f"Device {name!r} is not on this machine; choose one of: auto, cpu."
    )
    machine(cuda=True)
    with pytest.raises(UserError, match="choose one of: auto, cpu, cuda"):
        runtime.pick_device("tpu")


def test_bfloat16_is_claimed_only_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for known in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda known=known: known)
        assert runtime.has_bf16(torch.device("cpu")) is known
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda known=known: known)
        assert runtime.has_bf16(torch.device("cuda")) is known
    assert not runtime.has_bf16(torch.device("mps"))


# --- threads and memory --------------------------------------------------------------------------


@pytest.fixture
def threads():
    """Gives the number of threads back as it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_threads_are_those_asked_for_or_one_for_each_core(threads, monkeypatch) -> None:
    assert runtime.set_threads(3) == torch.get_num_threads() == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 5}, raising=False)
    assert runtime.set_threads() == torch.get_num_threads() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert runtime.set_threads(0) == torch.get_num_threads() == 4


def test_peak_memory_is_in_bytes_and_never_falls() -> None:
    cpu = torch.device("cpu")
    before = runtime.peak_memory(cpu)
    assert 100e6 < before < 1e12  # torch alone takes more than that
    missing = before - psutil.Process().memory_info().rss
    held = torch.ones(missing + 100_000_000, dtype=torch.uint8)  # more than it ever held
    during = runtime.peak_memory(cpu)
    assert during > before
    del held
    assert runtime.peak_memory(cpu) >= during


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
def test_large_blocks_go_back_to_the_system_though_small_ones_lie_between() -> None:
    code = (
        "import ctypes, psutil; from vlm import runtime\n"
        "libc, me = ctypes.CDLL(None), psutil.Process()\n"
        "libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]\n"
        "libc.free(libc.malloc(30 << 20))  # glibc now keeps blocks up to this size\n"
        "if {steady}: runtime.return_large_blocks()\n"
        "blocks = []\n"
        "for _ in range(40):\n"
        "    blocks.append(libc.malloc(8 << 20)); ctypes.memset(blocks[-1], 1, 8 << 20)\n"
        "    libc.malloc(100_000)  # more than older holes hold\n"
        "full = me.memory_info().rss\n"
        "for block in blocks: libc.free(block)\n"
        "print((full - me.memory_info().rss) >> 20)"
    )
    freed = [int(in_a_new_process(code.format(steady=steady)).stdout) for steady in (True, False)]
    assert freed[0] > 300 and freed[1] < 50
