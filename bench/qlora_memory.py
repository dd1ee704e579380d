"""Run QLoRA at full size with random weights: memory, its forecast, and seconds per step.

    python bench/qlora_memory.py --only smolvlm-256m
    python bench/qlora_memory.py                        also Phi-3-mini, which takes 8 GB of disk

Each model is written to the disk with random weights in its published sizes and opened in NF4 by a
process of its own, through the code of `loupe train adapter`. Prints one table.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from vlm.loading.tokenizer import train_tokenizer
from vlm.system import files

PICTURES, SIDE = 4, 512  # pixels
SHARD = 2**30  # bytes


def smolvlm_256m():
    """Return the sizes of SmolVLM-256M-Instruct: SigLIP base at 512 pixels, SmolLM2-135M."""
    from transformers import Idefics3Config

    vision = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
    vision |= {"num_attention_heads": 12, "image_size": 512, "patch_size": 16}
    text = {"model_type": "llama", "hidden_size": 576, "intermediate_size": 1536}
    text |= {"num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3}
    text |= {"vocab_size": 49280, "max_position_embeddings": 8192}
    return Idefics3Config(
        vision_config=vision, text_config=text, scale_factor=4, tie_word_embeddings=True
    )


def phi3_mini():
    """Return the sizes of Phi-3-mini-4k-instruct."""
    from transformers import Phi3Config

    return Phi3Config(
        hidden_size=3072,
        intermediate_size=8192,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=32,
        vocab_size=32064,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
    )


MODELS = {"smolvlm-256m": smolvlm_256m, "phi-vlm": phi3_mini}


def write_weights(config, folder: Path, seed: int = 0) -> None:
    """Write random bfloat16 weights shard by shard, so that the model is never in memory."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    seeing = config.model_type == "idefics3"
    with torch.device("meta"):
        cls = AutoModelForImageTextToText if seeing else AutoModelForCausalLM
        empty = cls.from_config(config)
    generator, shard, index = torch.Generator().manual_seed(seed), {}, {}

    def flush() -> None:
        name = f"model-{len(set(index.values())):05}.safetensors"
        save_file(shard, folder / name, metadata={"format": "pt"})
        index.update(dict.fromkeys(shard, name))
        shard.clear()

    for name, tensor in empty.state_dict().items():
        if not (config.tie_word_embeddings and name.startswith("lm_head")):
            shard[name] = (torch.randn(tensor.shape, generator=generator) * 0.02).bfloat16()
        if sum(value.nbytes for value in shard.values()) > SHARD:
            flush()
    if shard:
        flush()
    config.save_pretrained(folder)
    table = {"metadata": {}, "weight_map": index}
    files.write_json(folder / "model.safetensors.index.json", table)


def write_processor(name: str, config, folder: Path) -> None:
    """Write a small tokenizer with the control tokens, and SmolVLM's image processor."""
    from transformers import Idefics3ImageProcessor, Idefics3Processor

    tokenizer = train_tokenizer(["A picture."] * 4)
    if name == "phi-vlm":
        tokenizer.save_pretrained(folder)
        return
    places = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    control = ["<fake_token_around_image>", "<image>", "<global-img>", "<end_of_utterance>"]
    tokenizer.add_special_tokens({"additional_special_tokens": control + places})
    tokenizer.eos_token = "<end_of_utterance>"
    config.image_token_id = tokenizer.convert_tokens_to_ids("<image>")
    template = (
        "{% for message in messages %}{{ message['role'] }}:{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }}{% endif %}"
        "{% endfor %}<end_of_utterance>\n{% endfor %}"
        "{% if add_generation_prompt %}assistant:{% endif %}"
    )
    pictures = Idefics3ImageProcessor(
        size={"longest_edge": 4 * SIDE}, max_image_size={"longest_edge": SIDE}
    )
    made = Idefics3Processor(pictures, tokenizer, image_seq_len=64, chat_template=template)
    made.save_pretrained(folder)


def write_data(folder: Path) -> None:
    """Write noisy pictures with a sentence each."""
    import numpy as np
    from PIL import Image

    for split in ("train", "validation"):
        (folder / split).mkdir(parents=True)
        rows = []
        for number in range(PICTURES):
            pixels = np.random.default_rng(number).integers(0, 256, (384, 512, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / split / f"{number}.png")
            rows.append({"file_name": f"{number}.png", "text": "A picture of noise, and no more."})
        files.write_text(folder / split / "metadata.jsonl", "".join(map(files.json_line, rows)))


def child(name: str, folder: Path, more: list[str]) -> None:
    """Run `loupe train adapter --dry-run` on the model, in a separate process."""
    from vlm.commands.train import adapter
    from vlm.loading import presets

    base = str(folder / name)
    if name == "phi-vlm":
        presets.PRESETS[name], base = replace(presets.PRESETS[name], text=base), name
    adapter.main(
        [
            "--base",
            base,
            "--data",
            f"folder={folder / 'data'}",
            "--quantize",
            "4bit",
            "--dry-run",
            *more,
        ]
    )


def measured(name: str, folder: Path, more: list[str]) -> dict:
    """Return the figures that the dry run of one model printed."""
    command = [sys.executable, __file__, "--child", name, "--folder", str(folder), "--", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    number = r"([\d.,]+)"
    found = {
        "tokens": rf"tokens per example: {number}",
        "image_tokens": rf"image tokens per picture: {number}",
        "seconds": rf"optimiser: {number} s",
        "forecast_mb": rf"total {number} MB",
        "held_mb": rf"measured peak of one step {number} MB",
    }
    values = {key: re.search(pattern, done.stdout)[1] for key, pattern in found.items()}
    return {key: float(value.replace(",", "").rstrip(".")) for key, value in values.items()}


def main(argv: list[str] | None = None) -> None:
    """Write, measure and print each model."""
    args = parse(argv)
    if args.child:
        return child(args.child, args.folder, args.more)
    rows = {}
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        write_data(Path(scratch) / "data")
        for name in args.only:
            folder = Path(scratch) / name
            folder.mkdir()
            config = MODELS[name]()
            write_processor(name, config, folder)
            write_weights(config, folder)
            rows[name] = measured(name, Path(scratch), args.more)
    print(f"{'model':14}{'tokens':>8}{'s a step':>10}{'forecast':>12}{'held':>12}{'error':>8}")
    for name, row in rows.items():
        error = row["forecast_mb"] / row["held_mb"] - 1
        print(
            f"{name:14}{row['tokens']:8.0f}{row['seconds']:10.2f}{row['forecast_mb']:9,.0f} MB"
            f"{row['held_mb']:9,.0f} MB{error:+8.1%}"
        )
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1) + "\n")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--only", nargs="+", choices=MODELS, default=list(MODELS), help="(default: all)")
    add("--scratch", type=Path, help="folder for the weights (default: the system's own)")
    add("--out", type=Path, help="write the numbers there, JSON (default: none)")
    add("--child", choices=MODELS, help=argparse.SUPPRESS)
    add("--folder", type=Path, help=argparse.SUPPRESS)
    add("more", nargs="*", help="further flags of `loupe train adapter`, after --")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
