"""A run killed at any time resumes with bit-identical results."""

import errno
import gc
import hashlib
import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from transformers import LlamaConfig, LlamaForCausalLM, modeling_utils

from finetune import run_moda
from tests import ROOT, tiny
from vlm.loading.tokenizer import train_tokenizer
from vlm.models.modeling_vlm import VlmForConditionalGeneration
from vlm.system import files
from vlm.training import runlog, runs

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows"),
    pytest.mark.usefixtures("old_objects_are_not_garbage"),
]

STEPS, SAVE_EVERY = 24, 4
SLOW_EPOCHS = 60  # of 6 steps each: enough for more than twenty kills
VOLATILE = {"time", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second"}
# Imports of the training processes, which fork from a process that already has them.
PRELOAD = [
    "vlm",
    "vlm.training.trainer",
    "vlm.inference.generate",
    "vlm.training.moda.features",
    "finetune.run_moda",
    __name__,
]


class Workshop:
    """A folder with data, tower and decoder, and processes that train on them."""

    def __init__(self, folder: Path, context):
        self.folder, self.context = folder, context
        (folder / "decoder").mkdir()
        _write_pictures(folder / "data")
        tiny.tower("vit", folder / "tower")
        torch.manual_seed(0)
        shape = LlamaConfig(
            **tiny.DECODER, vocab_size=320, tie_word_embeddings=True, attention_dropout=0.1
        )
        LlamaForCausalLM(shape).save_pretrained(folder / "decoder")
        train_tokenizer(tiny.CORPUS).save_pretrained(folder / "decoder")

    def flags(self, run: str, *more: str, epochs: int = 4) -> list[str]:
        """Return run_moda's flags: dropout, random views and, if the hardware supports it, bf16."""
        places = {"data-path": "data", "vision": "tower", "text": "decoder", "features": "features"}
        flags = {name: self.folder / place for name, place in places.items()} | {
            "data": "folder",
            "out": self.folder / run,
            "views": 2,
            "device": "cpu",
            "threads": 1,
            "epochs": epochs,
            "batch-size": 8,
            "eval-every": 12,
            "save-every": SAVE_EVERY,
        }
        words = [(f"--{name}", str(value)) for name, value in flags.items()]
        settings = ["panel=1", "warmup_steps=2", "log_every=1"]
        return [*itertools.chain(*words), "--set", *settings, *more]

    def start(self, run: str, *more: str, moment: str = "", **changes):
        """Start a training process; with a moment, it kills itself then."""
        target = (self.flags(run, *more, **changes), self.folder / "output.txt", moment)
        process = self.context.Process(target=_train, args=target)
        process.start()
        return process

    def train(self, run: str, *more: str, **changes) -> Path:
        """Train to the end and return the run folder."""
        process = self.start(run, *more, **changes)
        process.join(300)
        assert process.exitcode == 0, (self.folder / "output.txt").read_text()[-3000:]
        return self.folder / run


def _write_pictures(folder: Path) -> None:
    """Write 24 noisy pictures with two rows each, and a validation part."""
    for split, count in (("train", 24), ("validation", 4)):
        (folder / split).mkdir(parents=True)
        rows = []
        for number, record in enumerate(tiny.records(count)):
            picture = tiny.noise(number)
            picture.paste(record.image.crop((0, 0, 20, 20)))
            picture.save(folder / split / f"{number}.png")
            question = record.turns[0]
            rows.append({"question": question.prompt, "answer": question.answer})
            rows.append({"text": record.turns[1].answer})
            rows[-1]["file_name"] = rows[-2]["file_name"] = f"{number}.png"
        lines = [json.dumps(row) for row in rows]
        (folder / split / "metadata.jsonl").write_text("\n".join(lines))


def _train(flags: list[str], output: Path, moment: str) -> None:
    """Run the command in a child process, with its output in a file."""
    with open(output, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        if moment:
            _die_at(moment)
        gc.freeze()
        run_moda.main(flags)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("TOKENIZERS_PARALLELISM", "false")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        yield Workshop(tmp_path_factory.mktemp("workshop"), context)


@pytest.fixture(scope="module")
def whole(workshop: Workshop) -> Path:
    """An uninterrupted run."""
    return workshop.train("whole")


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of the uninterrupted run, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows(run: Path, name: str) -> list[dict]:
    """Return the rows of a log without times."""
    read = files.read_jsonl(run / name)
    return [{key: row[key] for key in row.keys() - VOLATILE} for row in read]


def check_equal(run: Path, whole: Path, steps: int = STEPS) -> None:
    """Check that weights, schedule and all rows equal those of the uninterrupted run."""
    for name in ("model.safetensors", "scheduler.pt"):
        last = f"checkpoint-{steps}/{name}"
        assert sha256(run / last) == sha256(whole / last), name
    assert sha256(run / "model/model.safetensors") == sha256(whole / "model/model.safetensors")
    metrics = rows(run, "metrics.jsonl")
    assert metrics == rows(whole, "metrics.jsonl")
    losses = [row for row in metrics if "loss" in row]
    assert [row["step"] for row in losses] == list(range(1, steps + 1))
    tokens = [row["tokens_seen"] for row in losses]
    assert tokens == sorted(set(tokens))
    assert rows(run, "samples.jsonl") == rows(whole, "samples.jsonl")
    assert json.loads((run / "status.json").read_text())["state"] == "finished"
    assert not [path for path in run.iterdir() if path.name.startswith(".")]


def wait_for_step(step: int, run: Path, process) -> None:
    """Read the run's log every 2 ms until it has the step."""
    ends = time.monotonic() + 120
    while not any(row["step"] >= step for row in files.read_jsonl(run / "metrics.jsonl")):
        assert process.is_alive() and time.monotonic() < ends, "the run ended before it was killed"
        time.sleep(0.002)


def kill(process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join()


# Kills


def test_the_uninterrupted_run_has_dropout_views_and_checkpoints(whole: Path) -> None:
    """Without them, the tests below would prove little."""
    config = json.loads((whole / "model" / "config.json").read_text())
    assert config["text_config"]["attention_dropout"] == 0.1
    assert len([row for row in rows(whole, "metrics.jsonl") if "loss" in row]) == STEPS
    assert [path.name for path in runs.checkpoints(whole)] == ["checkpoint-20", "checkpoint-24"]
    assert all(map(runs.is_sealed, runs.checkpoints(whole)))


@pytest.mark.slow
def test_a_run_killed_at_a_random_step_is_resumed_by_the_command(workshop, whole: Path) -> None:
    step = random.randrange(1, STEPS - 5)
    print("killed at step", step)
    process = workshop.start("killed")
    run = workshop.folder / "killed"
    wait_for_step(step, run, process)
    kill(process)
    status = json.loads((run / "status.json").read_text())
    assert status["state"] == "running" and status["pid"] == process.pid
    command = [sys.executable, "finetune/run_moda.py", *workshop.flags("killed", "--resume")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Saved. Try: loupe describe" in done.stdout
    check_equal(run, whole)


def _half_a_file(*args, **kwargs) -> None:
    Path(args[1]).write_bytes(bytes(1000))


def _half_a_folder(folder, **kwargs) -> None:
    for path in sorted(Path(folder).iterdir())[::2]:
        path.unlink()


# moment -> the function called then, its path, and what it leaves incomplete
MOMENTS: dict[str, tuple] = {
    "weights": (modeling_utils, "safe_save_file", "checkpoint-8/model.safetensors", _half_a_file),
    "optimizer": (torch, "save", "checkpoint-8/optimizer.pt", _half_a_file),
    "seal": (runs, "seal", "checkpoint-8", None),
    "manifest": (runs, "digest", "checkpoint-8/optimizer.pt", None),
    "rotation": (shutil, "rmtree", "checkpoint-4", _half_a_folder),
    "end": (VlmForConditionalGeneration, "save_pretrained", "/model", None),
}
IN_DEFAULT = ("optimizer", "seal")


def _die_at(moment: str) -> None:
    """Make this process kill itself at a moment."""
    owner, name, place, before = MOMENTS[moment]
    original = getattr(owner, name)

    def wrapper(*args, **kwargs):
        if any(str(value).endswith(place) for value in (*args, *kwargs.values())):
            if before:
                before(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(owner, name, wrapper)


@pytest.mark.parametrize(
    "moment",
    [pytest.param(m, marks=[] if m in IN_DEFAULT else pytest.mark.slow) for m in MOMENTS],
)
def test_a_run_killed_while_saving_is_resumed(moment: str, workshop: Workshop, whole: Path) -> None:
    process = workshop.start(moment, moment=moment)
    process.join(300)
    assert process.exitcode == -signal.SIGKILL
    run = workshop.folder / moment
    unsealed = [path for path in runs.checkpoints(run) if not runs.is_sealed(path)]
    assert (moment == "end") != bool(unsealed)
    check_equal(workshop.train(moment, "--resume"), whole)


@pytest.mark.parametrize(
    "change", [["--batch-size", "4"], ["--accumulation", "2"], ["--learning-rate", "0.5"]]
)
def test_a_resumed_run_keeps_its_place_and_rate(
    change: list[str], workshop: Workshop, whole: Path, capsys
) -> None:
    with pytest.raises(SystemExit):
        run_moda.main([*workshop.flags(whole.name, "--resume"), *change])
    said = capsys.readouterr().err
    assert f"started with {change[0][2:].replace('-', '_')} " in said and f"now {change[1]}" in said


def test_a_resumed_run_measures_at_the_steps_of_this_start(workshop: Workshop) -> None:
    workshop.train("steps", epochs=2)
    run = workshop.train("steps", "--resume", "--eval-every", "5", epochs=4)
    measured = [row["step"] for row in rows(run, "metrics.jsonl") if "eval_loss" in row]
    assert measured == [12, 15, 20, 24]


@pytest.mark.slow
def test_a_run_killed_twenty_times_is_bit_identical(workshop: Workshop) -> None:
    steps = 6 * SLOW_EPOCHS
    whole = workshop.train("long", epochs=SLOW_EPOCHS)
    run, kills = workshop.folder / "battered", [0]
    while len(kills) <= 20:
        process = workshop.start("battered", *["--resume"] * run.exists(), epochs=SLOW_EPOCHS)
        if len(kills) % 4:
            wait_for_step(kills[-1] + random.randrange(1, 14), run, process)
            time.sleep(random.uniform(0, 0.02))
        else:  # at any time, also while it starts
            time.sleep(random.uniform(0, 0.7))
        kill(process)
        newest = runs.newest_checkpoint(run)
        kills.append(int(newest.name[11:]) if newest else 0)
    print("resumed from", kills)
    assert len(set(kills)) > 3
    check_equal(workshop.train("battered", "--resume", epochs=SLOW_EPOCHS), whole, steps)


def test_resuming_a_finished_run_changes_nothing(workshop: Workshop, whole: Path) -> None:
    again = shutil.copytree(whole, workshop.folder / "again")
    (again / ".status.json.5553").write_text("{")  # from a process killed while writing
    check_equal(workshop.train("again", "--resume"), whole)


# Damaged checkpoints


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, empty, remove, flip])
def test_a_damaged_checkpoint_is_skipped(damage, copy, whole) -> None:
    names = [path.name for path in (whole / "checkpoint-24").iterdir()]
    assert len(names) >= 10
    for name in names:
        damage(copy / "checkpoint-24" / name)
        assert runs.newest_checkpoint(copy) == copy / "checkpoint-20", name
        assert not (copy / "checkpoint-24").exists()
        shutil.copytree(whole / "checkpoint-24", copy / "checkpoint-24")
    assert runs.newest_checkpoint(copy) == copy / "checkpoint-24"


def test_an_empty_or_invalid_manifest_does_not_seal(copy: Path) -> None:
    for text in ("{}", "[]", "null", '{"model.safetensors": 1}'):
        (copy / "checkpoint-24" / runs.MANIFEST).write_text(text)
        assert not runs.is_sealed(copy / "checkpoint-24"), text


def test_without_a_complete_checkpoint_the_run_restarts(copy: Path) -> None:
    for path in runs.checkpoints(copy):
        cut(path / "optimizer.pt")
    assert runs.prepare(copy, resume=True) is None
    assert rows(copy, "metrics.jsonl") == rows(copy, "samples.jsonl") == []


def test_a_run_resumes_from_the_checkpoint_before_a_damaged_one(workshop, whole: Path) -> None:
    run = Path(shutil.copytree(whole, workshop.folder / "torn"))
    flip(run / "checkpoint-24" / "model.safetensors")
    check_equal(workshop.train("torn", "--resume"), whole)


# Logs


def test_rows_after_the_checkpoint_are_removed(copy: Path) -> None:
    before = {name: rows(copy, name) for name in ("metrics.jsonl", "samples.jsonl")}
    remove(copy / "checkpoint-24" / runs.MANIFEST)
    assert runs.prepare(copy, resume=True) == copy / "checkpoint-20"
    for name, old in before.items():
        kept = [row for row in old if row["step"] <= 20]
        assert rows(copy, name) == kept != old and kept


def test_a_truncated_row_loses_only_that_row(tmp_path: Path) -> None:
    """At whatever byte it is cut, even within a character."""
    path = tmp_path / "log.jsonl"
    first = {"step": 1, "text": "naïve\u2028row\u0085"}
    files.append_jsonl(path, first)
    whole = path.read_bytes()
    files.append_jsonl(path, {"step": 2, "text": "größe 漢字"})
    both = path.read_bytes()
    assert len(files.read_jsonl(path)) == 2
    for end in range(len(whole), len(both) - 1):
        path.write_bytes(both[:end])
        assert files.read_jsonl(path) == [first], end
        runs._truncate_log(path, 1)
        assert path.read_bytes() == whole


def test_the_status_file_is_replaced_atomically(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "status.json"
    files.write_json(path, {"state": "running"})
    monkeypatch.setattr(os, "fsync", _raise(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError):
        files.write_json(path, {"state": "finished"})
    assert json.loads(path.read_text()) == {"state": "running"}
    assert list(tmp_path.iterdir()) == [path]  # and no temporary file is left


# A full disk


def _raise(error: Exception) -> Callable:
    def fail(*args, **kwargs):
        raise error

    return fail


FULL = {  # the error of each library on a full disk
    "weights": SafetensorError(
        "Error while serializing: I/O error: No space left on device (os error 28)"
    ),
    "optimizer": RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
    "status": OSError(errno.ENOSPC, "No space left on device"),
}


PLACES = {
    "weights": (modeling_utils, "safe_save_file"),
    "optimizer": (torch, "save"),
    "status": (files, "write_json"),
}


@pytest.mark.parametrize("where", PLACES)
def test_a_full_disk_is_a_user_error_and_the_old_checkpoint_loads(
    where: str, workshop: Workshop, monkeypatch, capsys
) -> None:
    run = workshop.folder / f"full-{where}"
    owner, name = PLACES[where]
    original = getattr(owner, name)

    def write(*args, **kwargs):
        if runs.is_sealed(run / "checkpoint-4"):
            raise FULL[where]
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, write)
        patch.setattr(runlog, "HEARTBEAT_SECONDS", 0)
        with pytest.raises(SystemExit) as caught:
            run_moda.main(workshop.flags(run.name))
    error = capsys.readouterr().err.splitlines()[-1]
    assert caught.value.code == 2
    assert error.startswith("error: The disk is full") and error.endswith("continue with --resume.")
    status = json.loads((run / "status.json").read_text())
    assert (status["state"], status.get("error")) == (
        ("running", None) if where == "status" else ("failed", "disk full")
    )
    assert runs.newest_checkpoint(run) == run / "checkpoint-4"
    VlmForConditionalGeneration.from_pretrained(run / "checkpoint-4")


def test_a_full_disk_while_saving_the_model_is_a_user_error(
    workshop: Workshop, whole: Path, monkeypatch, capsys
) -> None:
    shutil.copytree(whole, workshop.folder / "late")
    monkeypatch.setattr(VlmForConditionalGeneration, "save_pretrained", _raise(FULL["weights"]))
    with pytest.raises(SystemExit) as caught:
        run_moda.main(workshop.flags("late", "--resume"))
    assert caught.value.code == 2
    assert "error: The disk is full" in capsys.readouterr().err.splitlines()[-1]
