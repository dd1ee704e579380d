"""run_qlora.py end to end: train, save, reload, merge and resume an adapter."""

import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import HTTPError
from safetensors.torch import load_file

from finetune import run_qlora
from tests import ROOT, tiny
from vlm.__main__ import main as command
from vlm.inference import generate
from vlm.loading import adapter_weights, load, lora, presets, quantize
from vlm.system import files, hub, runtime
from vlm.training import panel, runs
from vlm.training.adapters import equivalence, forgetting, recipe
from vlm.types import Bundle

FEW = 3  # general questions
PHI = "tiny-phi"  # a preset made of parts, like phi-vlm


def write_pictures(folder: Path, train: int = 12, validation: int = 4) -> None:
    """Coloured squares, each with a sentence about it."""
    for split, count in (("train", train), ("validation", validation)):
        (folder / split).mkdir(parents=True)
        rows = []
        for record in tiny.records(count):
            record.image.save(folder / split / f"{record.id}.png")
            text = f"Behold a {record.facts['baseColour']} square!"
            rows.append({"file_name": f"{record.id}.png", "text": text})
        (folder / split / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("adapt")
    write_pictures(folder / "data")
    load.save(tiny.bundle(), folder / "pooled", dtype="float32")
    tiny.smolvlm(folder / "smolvlm")
    tiny.phi_decoder(folder / "phi")
    shape = {"text": str(folder / "phi"), "image_size": tiny.SIDE, "patch_size": 8}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, PHI, replace(presets.PRESETS["phi-vlm"], **shape))
        # fewer questions, because an untrained model gives long answers
        patch.setattr(forgetting, "QUESTIONS", forgetting.QUESTIONS[:FEW])
        patch.setattr(recipe, "MEASURED", 1)
        yield folder


SETTINGS = ("dropout", "image_size", "log_every", "panel", "patience", "tiles", "warmup_steps")


def flags(workshop: Path, name: str, run: str, *more: str, **changes) -> list[str]:
    values = {
        "base": name if name == PHI else workshop / name,
        "out": workshop / run,
        "data": f"folder={workshop / 'data'}",
        "device": "cpu",
        "threads": 1,
        "epochs": 4,
        "batch_size": 4,
        "accumulation": 1,
        "learning_rate": 0.01,
        "eval_every": 4,
        "save_every": 4,
        "quantize": "4bit",
        "warmup_steps": 1,
        "log_every": 1,
        "panel": 2,
    } | changes
    named = [
        (f"--{key.replace('_', '-')}", str(values[key])) for key in values if key not in SETTINGS
    ]
    settings = [f"{key}={values[key]}" for key in values if key in SETTINGS]
    return [*itertools.chain(*named), "--set", *settings, *more]


@pytest.fixture(scope="module", params=["pooled", "smolvlm", PHI])
def run(request, workshop: Path) -> Path:
    """A finished run on 4-bit weights."""
    run_qlora.main(flags(workshop, request.param, f"run-{request.param}"))
    return workshop / f"run-{request.param}"


def losses(run: Path, key: str) -> list[float]:
    return [row[key] for row in files.read_jsonl(run / "metrics.jsonl") if key in row]


def test_held_out_loss_falls_and_every_step_has_a_gradient(run: Path) -> None:
    held_out = losses(run, "eval_loss")
    assert len(held_out) == 4  # before training and after every fourth of twelve steps
    assert held_out[-1] < 0.9 * held_out[0]
    norms = [row["grad_norm"] for row in files.read_jsonl(run / "metrics.jsonl") if "loss" in row]
    assert len(norms) == 12 and min(norms) > 0


def test_saved_and_merged_adapters_match(run: Path) -> None:
    saved = json.loads((run / "same.json").read_text())
    assert equivalence.Equivalence(**saved).matches and saved["pictures"] == 4
    assert "outputs match on 4 pictures" in (run / runs.ADAPTER / recipe.CARD).read_text()


def test_the_panel_page_shows_before_during_and_after(run: Path) -> None:
    page = (run / panel.PAGE).read_text()
    for words in ("before", "after 12 steps", "Behold a ", "panel/0.jpg", "correct answer"):
        assert words in page
    comparison = json.loads((run / forgetting.FILE).read_text())
    assert [row["prompt"] for row in comparison["rows"]] == list(forgetting.QUESTIONS)
    assert 0 <= comparison["same"] <= 100 and 0 < comparison["likelihood"] < 1


def test_an_adapter_answers_like_the_merged_model(run: Path, workshop, tmp_path, capsys) -> None:
    picture, adapter = workshop / "data" / "train" / "0.png", run / runs.ADAPTER
    outputs = []
    for model in (adapter, tmp_path / "plain"):
        assert command(["describe", str(picture), "--model", str(model), "--device", "cpu"]) == 0
        outputs.append(capsys.readouterr().out)
        if not (tmp_path / "plain").exists():
            assert command(["merge", str(adapter), str(tmp_path / "plain")]) == 0
            assert not lora.is_adapter(tmp_path / "plain")
            capsys.readouterr()
    assert outputs[0] == outputs[1] and len(outputs[0].strip()) > len(str(picture)) + 2


def test_an_impossible_merge_is_a_user_error(run: Path, workshop: Path, capsys) -> None:
    adapter, full = str(run / runs.ADAPTER), str(workshop / "data")
    wrong = {(adapter, full): "not empty", (full, str(workshop / "new")): "is not an adapter"}
    wrong |= {(adapter, __file__): "not empty"}
    for (source, out), words in wrong.items():
        with pytest.raises(SystemExit) as ended:
            command(["merge", source, out])
        assert ended.value.code == 2 and words in capsys.readouterr().err


def test_unquantised_training_stops_early(workshop: Path) -> None:
    more = {"quantize": "none", "learning_rate": 0.0, "epochs": 40, "eval_every": 2}
    run_qlora.main(flags(workshop, "pooled", "still", **more))
    assert len(losses(workshop / "still", "loss")) == 2 * (1 + recipe.PATIENCE)
    saved = json.loads((workshop / "still" / "same.json").read_text())
    assert saved["reloaded"] <= 1e-5 and saved["tolerance"] == equivalence.TOLERANCE[torch.float32]
    assert json.loads((workshop / "still" / forgetting.FILE).read_text())["same"] == 100


def test_large_data_skips_the_forgetting_probe(workshop: Path) -> None:
    run_qlora.main(flags(workshop, "pooled", "large", "--no-small-data", epochs=1))
    assert not (workshop / "large" / forgetting.FILE).exists()
    assert (workshop / "large" / panel.PAGE).exists()


def test_a_changed_adapter_does_not_match(workshop: Path, run: Path) -> None:
    base = load.open_base(str(workshop / "pooled"), device="cpu")
    records = tiny.records(4)
    trained = lora.attach(base.model, recipe.AdapterConfig())
    lora.save(trained, base.processor, workshop / "odd", str(workshop / "pooled"))
    with torch.no_grad():
        next(p for n, p in trained.named_parameters() if "projector.modules" in n).add_(1.0)
    bundle = Bundle(trained, base.processor, "odd")
    result = equivalence.check(bundle, workshop / "odd", records)
    assert not result.matches and "DO NOT MATCH" in result.summary()


def test_a_dry_run_prints_memory_by_use(workshop: Path, capsys) -> None:
    run_qlora.main(flags(workshop, "smolvlm", "dry", "--dry-run", epochs=2, batch_size=3))
    output = capsys.readouterr().out
    assert "image tokens per picture: 20" in output  # 4 tiles and the whole picture, 4 each
    assert "optimiser steps: 8 of 3 x 1 examples" in output
    for words in ("frozen uint8", "trainable float32", "gradients", "activations", "it fits"):
        assert words in output
    assert not (workshop / "dry").exists()


def test_tiles_can_be_set(workshop: Path, capsys) -> None:
    for more, places in (({}, 20), ({"image_size": 32}, 4)):
        run_qlora.main(flags(workshop, "smolvlm", "dry", "--dry-run", batch_size=1, **more))
        assert f"image tokens per picture: {places}\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run_qlora.main(flags(workshop, "pooled", "none", tiles="no"))
    assert "This base does not cut pictures into tiles" in capsys.readouterr().err


@pytest.mark.slow
def test_tiles_are_saved_with_the_adapter(workshop: Path) -> None:
    run_qlora.main(flags(workshop, "smolvlm", "small", image_size=32, epochs=1, panel=0))
    bundle = load.load(str(workshop / "small" / runs.ADAPTER), device="cpu")
    assert bundle.processor.image_processor.size["longest_edge"] == 32


def test_an_adapter_is_uploaded_and_a_failure_is_a_user_error(tmp_path, monkeypatch) -> None:
    calls = []
    for name in ("create_repo", "upload_folder"):
        monkeypatch.setattr(
            f"huggingface_hub.HfApi.{name}", lambda self, *a, **k: calls.append((a, k))
        )
    hub.upload(tmp_path / runs.ADAPTER, "me/style")
    assert calls[0][0] == ("me/style",) and calls[0][1]["private"]
    assert calls[1][1]["folder_path"] == tmp_path / runs.ADAPTER

    for kind in (OSError, HTTPError):  # the Hub's client raises its own without a network

        def refuse(*args, **kwargs):
            raise kind("no network")  # noqa: B023

        monkeypatch.setattr("huggingface_hub.HfApi.create_repo", refuse)
        with pytest.raises(recipe.UserError, match=f"failed .{kind.__name__}.; log in"):
            hub.upload(tmp_path, "me/style")


# Kills


def _train(flags: list[str], moment: str) -> None:
    """Run in a child process; with a moment, kill it before that checkpoint is complete."""
    original = runs.seal

    def dying(checkpoint: Path) -> None:
        if checkpoint.name == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        original(checkpoint)

    runs.seal, recipe.MEASURED = dying, 1
    forgetting.QUESTIONS = forgetting.QUESTIONS[:FEW]
    run_qlora.main(flags)


def test_a_killed_and_resumed_run_is_bit_identical(workshop: Path, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.test_adapters"])

    def child(name: str, moment: str = "", *more: str) -> int:
        arguments = flags(workshop, "pooled", name, *more, dropout=0.1)
        process = context.Process(target=_train, args=(arguments, moment))
        process.start()
        process.join(300)
        return process.exitcode

    assert child("whole") == 0
    assert child("killed", "checkpoint-8") == -signal.SIGKILL
    assert child("killed", "", "--resume") == 0
    for name in ("adapter/adapter_model.safetensors", "checkpoint-12/adapter_model.safetensors"):
        one, other = (load_file(workshop / run / name) for run in ("whole", "killed"))
        assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
    assert losses(workshop / "whole", "loss") == losses(workshop / "killed", "loss")
    assert losses(workshop / "whole", "eval_loss") == losses(workshop / "killed", "eval_loss")


@pytest.mark.slow
@pytest.mark.parametrize("resume", [False, True])
def test_two_processes_train_one_adapter(workshop: Path, resume: bool) -> None:
    more = ["--resume"] if resume else []
    changes = {"epochs": 8 if resume else 4, "quantize": "none", "batch_size": 2, "patience": 99}
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [sys.executable, *start, "finetune/run_qlora.py"]
    done = subprocess.run(
        [*command, *flags(workshop, "pooled", "two", *more, **changes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    steps = [
        row["step"] for row in files.read_jsonl(workshop / "two/metrics.jsonl") if "loss" in row
    ]
    assert steps == list(range(1, (24 if resume else 12) + 1))  # each step once, from any process
    assert done.stdout.count("reloaded and merged: outputs match") == 1


# Several GPUs, as far as it can be tested without them


def test_an_adapter_of_a_sharded_model_comes_from_its_checkpoint(
    workshop: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(runtime, "is_sharded", lambda device: True)
    run_qlora.main(flags(workshop, "pooled", "spread", quantize="none", epochs=1))
    assert recipe.UNCHECKED in capsys.readouterr().out
    run = workshop / "spread"
    best = runs.best_checkpoint(run)
    one, other = (load_file(f / adapter_weights.WEIGHTS) for f in (run / runs.ADAPTER, best))
    assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
    bundle = load.load(str(run / runs.ADAPTER), device="cpu")
    assert isinstance(generate.answer(bundle, tiny.picture(), "What?"), str)
    assert not (run / "panel.html").exists() and not files.read_jsonl(run / "samples.jsonl")


def test_accelerate_reads_the_settings_for_fsdp() -> None:
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    command = ["--config_file", "finetune/fsdp_qlora.yaml", "finetune/run_qlora.py"]
    env = prepare_multi_gpu_env(
        _validate_launch_command(launch_command_parser().parse_args(command))[0]
    )
    assert env["ACCELERATE_USE_FSDP"] == "true" and env["FSDP_USE_ORIG_PARAMS"] == "false"
    assert env["FSDP_STATE_DICT_TYPE"] == "FULL_STATE_DICT"


def test_sharded_weights_share_one_storage_dtype(monkeypatch) -> None:
    gpu = torch.device("cuda:0")
    assert quantize.storage_dtype(gpu) == torch.uint8
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert quantize.storage_dtype(gpu) == torch.bfloat16
    assert (
        quantize.storage_dtype(torch.device("cpu")) == torch.uint8
    )  # accelerate does not shard there


# User errors


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base": "nowhere"}, "No model 'nowhere'"),
        ({"data": "folder=nowhere"}, "nowhere"),
        ({"targets": "c_attn"}, "--targets names c_attn"),
        ({"rank": 0}, "rank is 0"),
        ({"quantize": "2bit"}, "choose from"),
    ],
)
def test_a_mistake_is_a_user_error_and_leaves_no_files(changes, words, workshop, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        run_qlora.main(flags(workshop, "pooled", "mistake", **changes))
    assert ended.value.code == 2 and words in capsys.readouterr().err
    assert not (workshop / "mistake").exists()


def test_a_text_only_base_or_data_without_text_is_a_user_error(workshop: Path, capsys) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    LlamaForCausalLM(LlamaConfig(**tiny.DECODER, vocab_size=64)).save_pretrained(workshop / "blind")
    (workshop / "silent" / "train").mkdir(parents=True)
    tiny.picture().save(workshop / "silent" / "train" / "a.png")
    (workshop / "silent" / "train" / "metadata.jsonl").write_text('{"file_name": "a.png"}')
    for changes in ({"base": workshop / "blind"}, {"data": f"folder={workshop / 'silent'}"}):
        with pytest.raises(SystemExit) as ended:
            run_qlora.main(flags(workshop, "pooled", "mistake", **changes))
        assert ended.value.code == 2
        assert len(capsys.readouterr().err.strip().splitlines()[-1]) > 20
        assert not (workshop / "mistake").exists()


def test_without_4_bit_weights_a_notice_is_printed(workshop, monkeypatch, capsys) -> None:
    monkeypatch.setattr(quantize, "unavailable_reason", lambda kind, device: "no kernels")
    bundle = recipe.open_base(
        recipe.Base(str(workshop / "pooled"), device="cpu"), recipe.AdapterConfig(quantize="4bit")
    )
    assert "Notice: no 4bit weights here (no kernels)" in capsys.readouterr().out
    assert quantize.kind_of(bundle.model) == "none"
    assert isinstance(generate.answer(bundle, tiny.picture(), "What?"), str)
