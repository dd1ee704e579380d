"""Check that a change leaves behaviour unchanged: hashes of predictions, drawings and weights.

    python bench/behaviour.py --out before.json                      in this checkout
    python bench/behaviour.py --checkout ../other --out after.json   in another checkout
    python bench/behaviour.py --compare before.json after.json

Every part is run by the checkout's own commands in a process of its own, on one machine; floats
differ between machines. Needs the fashion data and CIFAR-10.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vlm.errors import exit_on_user_error

EVALUATIONS = {
    "fashion": ["--data", "fashion"],
    "cifar10": ["--data", "cifar10", "--limit", "200"],
    "negatives": ["--data", "negatives", "--limit", "200"],
}
QUIET = ["--no-speed", "--out"]
MODA = ["finetune/run_moda.py", "--limit", "300", "--max-steps", "30"]
MODA += ["--views", "1", "--eval-every", "30", "--save-every", "30"]
QLORA = ["finetune/run_qlora.py", "--data", "fashion", "--limit", "120", "--held-out", "20"]
QLORA += ["--max-steps", "30", "--no-small-data", "--eval-every", "30"]
SETTINGS = {"moda": {"panel": 0, "measure": 0}, "qlora": {"panel": 0}}
GRAMMAR = """
import hashlib, json
from vlm.data import DATASETS
for name, limit in (("fashion", 0), ("cifar10", 2000), ("negatives", 300)):
    whole = hashlib.sha256()
    for record in DATASETS[name]("train", None, limit).records:
        turns = [[t.prompt, t.answer, t.task, t.history] for t in record.turns]
        whole.update(json.dumps([record.id, turns, sorted(record.facts.items())]).encode())
        whole.update(record.image)
    print(name, whole.hexdigest())
"""


def main(argv: list[str] | None = None) -> int:
    """Hash, or compare two files of hashes; exit code 1 when they differ."""
    with exit_on_user_error():
        args = parse(argv)
        if args.compare:
            return compare(*(json.loads(path.read_text()) for path in args.compare))
        hashes = measure(args.checkout.resolve(), args.python)
        args.out.write_text(json.dumps(hashes, indent=1) + "\n")
        print(f"Wrote {args.out}.")
        return 0


def measure(checkout: Path, python: str) -> dict[str, str]:
    """Return the SHA-256 of each part of the checkout's output."""
    hashes = {}

    def run(*words: str) -> str:
        command = [python, *words]
        done = subprocess.run(command, cwd=checkout, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    for line in run("-c", GRAMMAR).splitlines():
        name, value = line.rsplit(" ", 1)
        hashes[f"records/{name}"] = value
    with tempfile.TemporaryDirectory() as scratch:
        for name, flags in EVALUATIONS.items():
            folder = Path(scratch, name)
            run("-m", "vlm", "evaluate", *flags, *QUIET, str(folder))
            hashes[f"predictions/{name}"] = texts_hash(folder / "predictions.jsonl")
            hashes[f"scores/{name}"] = scores_hash(folder / "scores.json")
        folder = Path(scratch, "drawn")
        run(*drawing(checkout), str(folder), "--count", "120", "--seed", "7", "--size", "112")
        hashes["drawn"] = file_hash(sorted(folder.rglob("*.*")))
        for name, words in {"moda": MODA, "qlora": QLORA}.items():
            more = ["--features", str(Path(scratch, "features"))] if name == "moda" else []
            more += settings(checkout, SETTINGS[name])
            run(*words, *more, "--out", str(Path(scratch, name)))
            weights = Path(scratch, name).glob("model/*.safetensors")
            adapter = Path(scratch, name).glob("adapter/*.safetensors")
            hashes[f"weights/{name}"] = file_hash(sorted([*weights, *adapter]))
    return hashes


def drawing(checkout: Path) -> list[str]:
    """Return the command that draws pictures."""
    return ["examples/draw_many.py", "--out"] if is_old(checkout) else ["-m", "vlm", "draw"]


def settings(checkout: Path, values: Mapping[str, int]) -> list[str]:
    """Return the flags that change a training's settings."""
    if is_old(checkout):
        return [word for name, value in values.items() for word in (f"--{name}", str(value))]
    return ["--set", *(f"{name}={value}" for name, value in values.items())]


def is_old(checkout: Path) -> bool:
    """Return True for releases before 0.2, whose drawing scripts are in examples/."""
    return (checkout / "examples" / "draw_many.py").is_file()


def scores_hash(path: Path) -> str:
    """Hash every figure of scores.json, without the sentences that explain them."""

    def without_sentences(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without_sentences(v) for key, v in value.items() if key != "says"}
        return list(map(without_sentences, value)) if isinstance(value, list) else value

    data = without_sentences(json.loads(path.read_text("utf-8")))
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def texts_hash(path: Path) -> str:
    """Hash ids, questions and answers, nothing else."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    kept = [[row["id"], row["prompt"], row["text"]] for row in rows]
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()


def file_hash(paths: Sequence[Path]) -> str:
    """Hash the names and bytes of some files."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()


def compare(before: dict[str, str], after: dict[str, str]) -> int:
    """Print each part with its verdict; 1 when one differs."""
    differing = 0
    for name in sorted({*before, *after}):
        same = before.get(name) == after.get(name)
        differing += not same
        print(f"{name:24} {'equal' if same else 'DIFFERS'}")
    return int(differing > 0)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    here = Path(__file__).resolve().parents[1]
    add("--checkout", type=Path, default=here, help="whose code is run (default: this one)")
    add("--python", default=sys.executable, help="the interpreter (default: this one)")
    add("--out", type=Path, default=Path("behaviour.json"), help="(default: behaviour.json)")
    add("--compare", nargs=2, type=Path, metavar=("BEFORE", "AFTER"), help="two files of --out")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
