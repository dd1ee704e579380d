"""Devices, threads, memory, and the repair of a torchvision that does not match torch."""

import logging
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import torch

from tests import ROOT
from vlm.errors import UserError
from vlm.system import memory, repairs, runtime


def in_a_new_process(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


# --- what libraries print ------------------------------------------------------------------------


def test_only_the_warning_about_the_optional_kernel_is_suppressed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    logger.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s.", "why")
    logger.warning("something else")
    assert caplog.messages == ["something else"]


@pytest.mark.slow
def test_loading_a_model_imports_no_training_packages() -> None:
    result = in_a_new_process(
        "import sys; from vlm.loading.load import load; load('moda-mini'); "
        "print(*{'peft', 'bitsandbytes'} & sys.modules.keys())"
    )
    assert result.returncode == 0 and not result.stdout.strip(), result.stdout + result.stderr


# --- the repair of torchvision -------------------------------------------------------------------


@pytest.fixture
def broken() -> None:
    """Skip the test if torchvision is missing or works without the repair."""
    spec = find_spec("torchvision")
    if spec is None or repairs._library_loads(Path(spec.origin).parent):
        pytest.skip("torchvision is missing or works without the repair")


@pytest.mark.slow
def test_torchvision_is_imported_without_the_compiler() -> None:
    done = in_a_new_process(
        "import vlm, torchvision, sys\n"
        "assert not {'torch._dynamo', 'torch._dynamo.utils'} & set(sys.modules)\n"
        "from torch._dynamo.utils import same\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_broken_torchvision_works_with_the_package_only(broken: None) -> None:
    alone = in_a_new_process("import torchvision")
    assert alone.returncode != 0 and "torchvision::nms does not exist" in alone.stderr
    repaired = in_a_new_process(
        "import vlm, torchvision\n"
        "from torchvision.transforms import v2\n"
        "assert vlm.system.repairs.repair_torchvision(), 'a second call returns True as well'\n"
    )
    assert repaired.returncode == 0, repaired.stderr[-2000:]


class Recorder:
    """Stand-in for torch.library.Library that records what would be defined."""

    defined: list[str] = []

    def __init__(self, namespace: str, kind: str):
        self.namespace = namespace

    def define(self, schema: str) -> None:
        self.defined.append(f"{self.namespace}::{schema.partition('(')[0]}")


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Restore the state before the first import: torchvision installed, nothing repaired."""
    monkeypatch.setattr(repairs, "_libraries", [])
    monkeypatch.setattr(torch.library, "Library", Recorder)
    monkeypatch.setattr(Recorder, "defined", [])
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    spec = ModuleSpec("torchvision", None, origin="/nowhere/torchvision/__init__.py")
    monkeypatch.setattr(repairs.importlib.util, "find_spec", lambda name: spec)
    return monkeypatch


def test_a_healthy_torchvision_is_not_changed(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(repairs, "_library_loads", lambda folder: True)
    assert repairs.repair_torchvision() is False
    assert not Recorder.defined and not repairs._libraries


def test_a_broken_torchvision_gets_its_two_operators_once(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(repairs, "_library_loads", lambda folder: False)
    assert repairs.repair_torchvision() is repairs.repair_torchvision() is True
    assert Recorder.defined == ["torchvision::nms", "torchvision::qnms"]


def test_a_missing_or_imported_torchvision_is_not_repaired(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(repairs, "_library_loads", lambda folder: False)
    fresh.setitem(sys.modules, "torchvision", sys)
    assert repairs.repair_torchvision() is False
    fresh.delitem(sys.modules, "torchvision")
    fresh.setattr(repairs.importlib.util, "find_spec", lambda name: None)
    assert repairs.repair_torchvision() is False
    assert not Recorder.defined


def test_the_repair_waits_until_torchvision_is_imported(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(repairs, "_library_loads", lambda folder: False)
    fresh.setattr(sys, "meta_path", list(sys.meta_path))
    repairs.repair_torchvision_when_imported()
    finder = sys.meta_path[0]
    assert finder.find_spec("torch") is None and not Recorder.defined
    assert finder.find_spec("torchvision") and len(Recorder.defined) == 2


def test_importing_the_package_does_not_import_torch() -> None:
    result = in_a_new_process("import sys, vlm; assert 'torch' not in sys.modules")
    assert result.returncode == 0, result.stderr


def test_a_library_that_cannot_be_loaded_is_detected(tmp_path: Path) -> None:
    assert repairs._library_loads(tmp_path)  # a build without compiled operators
    (tmp_path / "_C.so").write_bytes(b"not a library")
    assert not repairs._library_loads(tmp_path)


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
    ("available", "picked"),
    [({}, "cpu"), ({"mps": True}, "mps"), ({"cuda": True, "mps": True}, "cuda")],
)
def test_auto_picks_the_best_device(machine, available: dict, picked: str) -> None:
    machine(**available)
    assert runtime.pick_device() == runtime.pick_device("auto") == torch.device(picked)


def test_a_named_device_is_used_if_it_exists(machine) -> None:
    machine(cuda=True)
    assert runtime.pick_device("cuda:1") == torch.device("cuda", 1)
    assert runtime.pick_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match="'cuda:2' is not on this machine"):
        runtime.pick_device("cuda:2")


def test_workers_are_refused_where_they_cannot_be_forked(monkeypatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    runtime.check_workers(0)
    with pytest.raises(UserError, match="workers need Linux"):
        runtime.check_workers(2)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "tpu", "", "CPU", "cpu:x", "cpu:1"])
def test_the_error_for_a_missing_device_lists_the_available_ones(machine, name: str) -> None:
    machine()
    with pytest.raises(UserError) as caught:
        runtime.pick_device(name)
    assert str(caught.value) == (
        f"Device {name!r} is not on this machine; choose one of: auto, cpu."
    )
    machine(cuda=True)
    with pytest.raises(UserError, match="choose one of: auto, cpu, cuda"):
        runtime.pick_device("tpu")


def test_bf16_is_used_only_where_the_hardware_supports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for supported in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda value=supported: value)
        assert runtime.has_bf16(torch.device("cpu")) is supported
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda value=supported: value)
        assert runtime.has_bf16(torch.device("cuda")) is supported
    assert not runtime.has_bf16(torch.device("mps"))


# --- threads and memory --------------------------------------------------------------------------


@pytest.fixture
def threads():
    """Restore the number of threads after the test."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_number_of_threads_is_the_given_one_or_one_per_core(threads, monkeypatch) -> None:
    assert runtime.set_threads(3) == torch.get_num_threads() == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 5}, raising=False)
    assert runtime.set_threads() == torch.get_num_threads() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert runtime.set_threads(0) == torch.get_num_threads() == 4


def test_peak_memory_is_in_bytes_and_never_decreases() -> None:
    cpu = torch.device("cpu")
    before = memory.peak_memory(cpu)
    assert 100e6 < before < 1e12  # torch alone takes more than 100 MB
    unused = before - psutil.Process().memory_info().rss
    block = torch.ones(unused + 100_000_000, dtype=torch.uint8)  # above the peak so far
    during = memory.peak_memory(cpu)
    assert during > before
    del block
    assert memory.peak_memory(cpu) >= during


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_large_blocks_are_returned_to_the_system_despite_small_ones_between() -> None:
    code = (
        "import ctypes, psutil; from vlm.system import memory\n"
        "libc, me = ctypes.CDLL(None), psutil.Process()\n"
        "libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]\n"
        "libc.free(libc.malloc(30 << 20))  # glibc now keeps blocks up to this size\n"
        "if {enabled}: memory.return_large_blocks()\n"
        "blocks = []\n"
        "for _ in range(40):\n"
        "    blocks.append(libc.malloc(8 << 20)); ctypes.memset(blocks[-1], 1, 8 << 20)\n"
        "    libc.malloc(100_000)  # too large for existing holes\n"
        "full = me.memory_info().rss\n"
        "for block in blocks: libc.free(block)\n"
        "print((full - me.memory_info().rss) >> 20)"
    )
    freed = [int(in_a_new_process(code.format(enabled=e)).stdout) for e in (True, False)]
    assert freed[0] > 300 and freed[1] < 50
