"""run_qlora.py from its flags to an adapter that answers: train, save, reload, merge, resume."""

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
from tests import tiny
from vlm import (
    adapt,
    forgetting,
    generate,
    hub,
    load,
    lora,
    panel,
    presets,
    quantize,
    runs,
    runtime,
    same,
)
from vlm.__main__ import main as command
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
        patch.setattr(
            forgetting, "QUESTIONS", forgetting.QUESTIONS[:FEW]
        )  # untrained: long answers
        patch.setattr(adapt, "MEASURED", 1)
        yield folder


def flags(workshop: Path, name: str, run: str, *more: str, **changes) -> list[str]:
    given = {
        "base": name if name == PHI else workshop / name, "out": workshop / run,
        "data": f"folder={workshop / 'data'}",
        "device": "cpu", "threads": 1, "epochs": 4, "batch-size": 4, "accumulation": 1,
        "learning-rate": 0.01, "warmup-steps": 1, "eval-every": 4, "save-every": 4,
        "log-every": 1, "panel": 2, "quantize": "4bit",
    } | {key.replace("_", "-"): value for key, value in changes.items()}  # fmt: skip
    return [*itertools.chain(*((f"--{n}", str(value)) for n, value in given.items())), *more]


@pytest.fixture(scope="module", params=["pooled", "smolvlm", PHI])
def run(request, workshop: Path) -> Path:
    """A finished run on 4-bit weights."""
    run_qlora.main(flags(workshop, request.param, f"run-{request.param}"))
    return workshop / f"run-{request.param}"


def losses(run: Path, key: str) -> list[float]:
    return [row[key] for row in runs.read_jsonl(run / "metrics.jsonl") if key in row]


def test_a_run_learns_through_every_evaluation(run: Path) -> None:
    held_out = losses(run, "eval_loss")
    assert len(held_out) == 4  # before, and after every fourth of twelve steps
    assert held_out[-1] < 0.9 * held_out[0]
    norms = [row["grad_norm"] for row in runs.read_jsonl(run / "metrics.jsonl") if "loss" in row]
    assert len(norms) == 12 and min(norms) > 0


def test_the_adapter_is_found_the_same_saved_and_merged(run: Path) -> None:
    found = json.loads((run / "same.json").read_text())
    assert same.Found(**found).holds and found["pictures"] == 4
    assert "the same on 4 pictures" in (run / adapt.ADAPTER / adapt.CARD).read_text()


def test_a_run_folder_shows_before_during_and_after(run: Path) -> None:
    page = (run / panel.PAGE).read_text()
    for words in ("before", "after 12 steps", "Behold a ", "panel/0.jpg", "right answer"):
        assert words in page
    found = json.loads((run / forgetting.FILE).read_text())
    assert [row["prompt"] for row in found["rows"]] == list(forgetting.QUESTIONS)
    assert 0 <= found["same"] <= 100 and 0 < found["likelihood"] < 1


def test_an_adapter_answers_and_becomes_a_plain_model(
    run: Path, workshop, tmp_path, capsys
) -> None:
    picture, adapter = workshop / "data" / "train" / "0.png", run / adapt.ADAPTER
    said = []
    for model in (adapter, tmp_path / "plain"):
        assert command(["describe", str(picture), "--model", str(model), "--device", "cpu"]) == 0
        said.append(capsys.readouterr().out)
        if not (tmp_path / "plain").exists():
            assert command(["merge", str(adapter), str(tmp_path / "plain")]) == 0
            assert not lora.is_adapter(tmp_path / "plain")
            capsys.readouterr()
    assert said[0] == said[1] and len(said[0].strip()) > len(str(picture)) + 2


def test_what_cannot_be_merged_is_one_sentence(run: Path, workshop: Path, capsys) -> None:
    adapter, full = str(run / adapt.ADAPTER), str(workshop / "data")
    wrong = {(adapter, full): "not empty", (full, str(workshop / "new")): "is no adapter"}
    wrong |= {(adapter, __file__): "not empty"}
    for (source, out), words in wrong.items():
        with pytest.raises(SystemExit) as ended:
            command(["merge", source, out])
        assert ended.value.code == 2 and words in capsys.readouterr().err


def test_whole_weights_are_adapted_too_and_stop_early(workshop: Path) -> None:
    more = {"quantize": "none", "learning_rate": 0.0, "epochs": 40, "eval_every": 2}
    run_qlora.main(flags(workshop, "pooled", "still", **more))
    assert len(losses(workshop / "still", "loss")) == 2 * (1 + adapt.PATIENCE)
    found = json.loads((workshop / "still" / "same.json").read_text())
    assert found["reloaded"] <= 1e-5 and found["tolerance"] == same.TOLERANCE[torch.float32]
    assert json.loads((workshop / "still" / forgetting.FILE).read_text())["same"] == 100


def test_large_data_gets_no_such_care(workshop: Path) -> None:
    run_qlora.main(flags(workshop, "pooled", "large", "--no-small-data", epochs=1))
    assert not (workshop / "large" / forgetting.FILE).exists()
    assert (workshop / "large" / panel.PAGE).exists()


def test_a_difference_is_noticed(workshop: Path, run: Path) -> None:
    base = load.open_base(str(workshop / "pooled"), device="cpu")
    records = tiny.records(4)
    trained = lora.attach(base.model, adapt.AdapterConfig())
    lora.save(trained, base.processor, workshop / "odd", str(workshop / "pooled"))
    with torch.no_grad():
        next(p for n, p in trained.named_parameters() if "projector.modules" in n).add_(1.0)
    bundle = Bundle(trained, base.processor, "odd")
    found = same.check(bundle, workshop / "odd", records)
    assert not found.holds and "NOT THE SAME" in found.line()


def test_a_dry_run_says_where_the_bytes_go(workshop: Path, capsys) -> None:
    run_qlora.main(flags(workshop, "smolvlm", "dry", "--dry-run", epochs=2, batch_size=3))
    said = capsys.readouterr().out
    assert "image tokens per picture: 20" in said  # four tiles and the whole, four places each
    assert "optimiser steps: 8 of 3 x 1 examples" in said
    for words in ("frozen uint8", "learning float32", "gradients", "activations", "it fits"):
        assert words in said
    assert not (workshop / "dry").exists()


def test_tiles_are_chosen(workshop: Path, capsys) -> None:
    for more, places in (({}, 20), ({"image_size": 32}, 4)):
        run_qlora.main(flags(workshop, "smolvlm", "dry", "--dry-run", batch_size=1, **more))
        assert f"image tokens per picture: {places}\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run_qlora.main(flags(workshop, "pooled", "none", "--no-tiles"))
    assert "This base sees pictures whole" in capsys.readouterr().err


@pytest.mark.slow
def test_tiles_travel_with_the_adapter(workshop: Path) -> None:
    run_qlora.main(flags(workshop, "smolvlm", "small", image_size=32, epochs=1, panel=0))
    bundle = load.load(str(workshop / "small" / adapt.ADAPTER), device="cpu")
    assert bundle.processor.image_processor.size["longest_edge"] == 32


def test_an_adapter_is_uploaded_and_a_refusal_is_one_sentence(tmp_path, monkeypatch) -> None:
    calls = []
    for name in ("create_repo", "upload_folder"):
        monkeypatch.setattr(
            f"huggingface_hub.HfApi.{name}", lambda self, *a, **k: calls.append((a, k))
        )
    hub.upload(tmp_path / adapt.ADAPTER, "me/style")
    assert calls[0][0] == ("me/style",) and calls[0][1]["private"]
    assert calls[1][1]["folder_path"] == tmp_path / adapt.ADAPTER

    for kind in (OSError, HTTPError):  # the Hub's client raises its own when there is no network

        def refuse(*args, **kwargs):
            raise kind("no network")  # noqa: B023

        monkeypatch.setattr("huggingface_hub.HfApi.create_repo", refuse)
        with pytest.raises(adapt.UserError, match=f"did not take it .{kind.__name__}.; log in"):
            hub.upload(tmp_path, "me/style")


# Kills


def _train(flags: list[str], moment: str) -> None:
    """In a child; with a moment it kills itself before that checkpoint is whole."""
    original = runs.seal

    def dying(checkpoint: Path) -> None:
        if checkpoint.name == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        original(checkpoint)

    runs.seal, adapt.MEASURED = dying, 1
    forgetting.QUESTIONS = forgetting.QUESTIONS[:FEW]
    run_qlora.main(flags)


def test_killed_and_resumed_it_ends_bit_for_bit_the_same(workshop: Path, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.test_adapt"])

    def child(name: str, moment: str = "", *more: str) -> int:
        given = flags(workshop, "pooled", name, *more, dropout=0.1)
        process = context.Process(target=_train, args=(given, moment))
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
        cwd=Path(__file__).parents[1], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    steps = [
        row["step"] for row in runs.read_jsonl(workshop / "two/metrics.jsonl") if "loss" in row
    ]
    assert steps == list(range(1, (24 if resume else 12) + 1))  # once each, whoever wrote
    assert done.stdout.count("reloaded and merged: the same") == 1


# Several GPUs: what can be seen of it without them


def test_an_adapter_of_a_spread_model_comes_from_its_checkpoint(
    workshop: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(runtime, "sharded", lambda device: True)
    run_qlora.main(flags(workshop, "pooled", "spread", quantize="none", epochs=1))
    assert adapt.UNCHECKED in capsys.readouterr().out
    run = workshop / "spread"
    best = runs.best_checkpoint(run)
    one, other = (load_file(f / lora.WEIGHTS) for f in (run / adapt.ADAPTER, best))
    assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
    bundle = load.load(str(run / adapt.ADAPTER), device="cpu")
    assert isinstance(generate.answer(bundle, tiny.picture(), "What?"), str)
    assert not (run / "panel.html").exists() and not runs.read_jsonl(run / "samples.jsonl")


def test_accelerate_reads_the_settings_for_fsdp() -> None:
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    command = ["--config_file", "finetune/fsdp_qlora.yaml", "finetune/run_qlora.py"]
    env = prepare_multi_gpu_env(
        _validate_launch_command(launch_command_parser().parse_args(command))[0]
    )
    assert env["ACCELERATE_USE_FSDP"] == "true" and env["FSDP_USE_ORIG_PARAMS"] == "false"
    assert env["FSDP_STATE_DICT_TYPE"] == "FULL_STATE_DICT"


def test_weights_that_are_spread_are_packed_like_those_beside_them(monkeypatch) -> None:
    gpu = torch.device("cuda:0")
    assert quantize.storage(gpu) == torch.uint8
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert quantize.storage(gpu) == torch.bfloat16
    assert quantize.storage(torch.device("cpu")) == torch.uint8  # accelerate does not spread there


# What a user can do wrong


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
def test_a_mistake_is_one_sentence_and_leaves_nothing(changes, words, workshop, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        run_qlora.main(flags(workshop, "pooled", "mistake", **changes))
    assert ended.value.code == 2 and words in capsys.readouterr().err
    assert not (workshop / "mistake").exists()


def test_a_base_that_sees_nothing_and_texts_that_say_nothing(workshop: Path, capsys) -> None:
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


def test_without_4_bit_weights_it_says_so_and_goes_on(workshop, monkeypatch, capsys) -> None:
    monkeypatch.setattr(quantize, "why_not", lambda kind, device: "no kernels")
    bundle = adapt.opened(
        adapt.Base(str(workshop / "pooled"), device="cpu"), adapt.AdapterConfig(quantize="4bit")
    )
    assert "Notice: no 4bit weights here (no kernels)" in capsys.readouterr().out
    assert quantize.kind_of(bundle.model) == "none"
    assert isinstance(generate.answer(bundle, tiny.picture(), "What?"), str)
