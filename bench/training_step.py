"""Time a training step of a decoder of SmolLM2-135M's shape on a CPU: attention and allocator.

    python bench/training_step.py

Every variant runs in a process of its own, since an allocator lasts as long as its process. Prints
seconds per step, peak memory, and the speed compared with torch's fused attention. The variant
with tcmalloc needs its library (Debian: `apt install libtcmalloc-minimal4`).
"""

import argparse
import ctypes.util
import json
import os
import subprocess
import sys
import time
from statistics import median

import torch

from vlm.config import AdapterConfig
from vlm.loading import lora
from vlm.system import cpu, memory

CPU = torch.device("cpu")
FUSED, PRODUCTS, TCMALLOC = "fused attention", "matrix products", "tcmalloc"
ROUNDS = 5


def main(argv: list[str] | None = None) -> None:
    """Run the variants one after another and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=30, help="of the decoder (default: 30)")
    parser.add_argument("--sequences", type=int, default=9, help="per step (default: 9)")
    parser.add_argument("--tokens", type=int, default=125, help="per sequence (default: 125)")
    parser.add_argument(
        "--only", choices=(FUSED, PRODUCTS), help="print this variant's figures as JSON"
    )
    args = parser.parse_args(argv)
    if args.only:
        print(json.dumps(measure(args)))
        return
    attentions = (FUSED, PRODUCTS)
    variants = {attention: (attention, {}) for attention in attentions}
    if library := ctypes.util.find_library("tcmalloc_minimal"):
        preload = {"LD_PRELOAD": library}
        variants |= {f"{attention}, {TCMALLOC}": (attention, preload) for attention in attentions}
    sizes = [f"--{name}={getattr(args, name)}" for name in ("layers", "sequences", "tokens")]
    rows = {
        name: run([*sizes, "--only", only], variables)
        for name, (only, variables) in variants.items()
    }
    print(table(rows))


def run(flags: list[str], variables: dict[str, str]) -> dict[str, float]:
    """Return the figures of one variant from a process with these environment variables."""
    command = [sys.executable, __file__, *flags]
    environment = os.environ | variables
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return json.loads(output.stdout)


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Return the median seconds of a step and the largest memory in GB."""
    from transformers import LlamaConfig, LlamaForCausalLM  # after vlm's repairs

    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=args.layers,
        num_attention_heads=9,
        num_key_value_heads=3,
        tie_word_embeddings=True,
    )
    model = lora.attach(LlamaForCausalLM(config), AdapterConfig(rank=32, alpha=32, dropout=0.0))
    tokens = torch.randint(0, config.vocab_size, (args.sequences, args.tokens))
    with cpu.attention_by_products(CPU, bf16=args.only == PRODUCTS):
        seconds = [step(model, tokens) for _ in range(ROUNDS + 1)][1:]  # the first warms up
    return {"seconds": median(seconds), "gigabytes": memory.peak_memory(CPU) / 1e9}


def step(model, tokens: torch.Tensor) -> float:
    """Return the seconds of one step, forward and backward, in bfloat16."""
    mask = torch.tril(torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool))
    mask = mask.expand(len(tokens), 1, -1, -1)  # of packed sequences
    start = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(input_ids=tokens, attention_mask=mask, labels=tokens).loss
    loss.backward()
    return time.perf_counter() - start


def table(rows: dict[str, dict[str, float]]) -> str:
    """Return the comparison as a Markdown table."""
    lines = ["| variant | s per step | GB | times as fast |", "|---|---|---|---|"]
    first = next(iter(rows.values()))["seconds"]
    for name, row in rows.items():
        figures = f"{row['seconds']:.2f} | {row['gigabytes']:.1f} | {first / row['seconds']:.2f}"
        lines.append(f"| {name} | {figures} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
