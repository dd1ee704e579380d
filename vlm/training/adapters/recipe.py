"""Fine-tuning with adapters: open a base model, train adapters, save and check them."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

from transformers import set_seed

from vlm.config import SMALL, AdapterConfig, TrainConfig
from vlm.data import mixture
from vlm.data.mixture import Mixture
from vlm.errors import UserError
from vlm.evaluation import evaluate
from vlm.inference import encoding
from vlm.loading import load, lora, quantize
from vlm.system import files, hub, memory, runtime
from vlm.training import forecast, panel, runs
from vlm.training.adapters import equivalence, forgetting
from vlm.training.examples import PictureExamples
from vlm.training.freezing import freeze
from vlm.training.trainer import fit
from vlm.types import Bundle, Record, Turn

CARD = "README.md"
UNCHECKED = "Trained over several GPUs: nothing was described, and the adapter was not checked."
PATIENCE = 3  # measurements without a better held-out loss, in small-data mode
MEASURED = 100  # held-out pictures scored during training


class Base(NamedTuple):
    """The model that is adapted, and its device."""

    name: str
    revision: str | None = None
    device: str = "auto"


class Pictures(NamedTuple):
    """The training and held-out pictures.

    Attributes:
        small: use early stopping and the forgetting probe; None = below `SMALL` examples.
        panel: held-out pictures described during training.
    """

    train: Mixture
    held_out: Sequence[Record]
    small: bool | None = None
    panel: int = 6

    def is_small(self) -> bool:
        """Return True if early stopping and the forgetting probe are used."""
        count = sum(len(record.turns) for record in self.train.records)
        return count < SMALL if self.small is None else self.small


def run(args: argparse.Namespace, config: TrainConfig, adapter: AdapterConfig) -> None:
    """Load data and base, attach adapters, train, save and check, for `loupe train adapter`.

    Raises:
        UserError: for data, models or folders that cannot be used.
    """
    runtime.check_workers(config.workers)
    if not args.dry_run:
        runs.check_free(args.out, args.resume)
    runtime.set_threads(config.threads)
    train, held_out = mixture.load_splits(
        args.data, args.data_path, args.limit, args.held_out, args.columns
    )
    base = Base(args.base, args.revision, args.device)
    bundle = open_base(base, adapter, config.seed)
    encoding.check_turns(train.records)
    turns = [turn for record in train.records[:200] for turn in record.turns]
    encoding.check_labels(bundle.processor, turns)
    if args.dry_run:
        print(dry_run(bundle, train, config))
        return
    pictures = Pictures(train, held_out.records, args.small_data, args.panel)
    flags = {"base": args.base, "seed": config.seed} | asdict(adapter)
    runs.sign(train, args.out, config, args.resume, **flags)
    train_model(bundle, base, pictures, config, args.out, args.resume)
    if args.push_to_hub and runtime.is_main():
        hub.upload(args.out / runs.ADAPTER, args.push_to_hub)
    print(f"Saved. Try: loupe describe PICTURE --model {args.out / runs.ADAPTER}")


def open_base(base: Base, config: AdapterConfig, seed: int = 0) -> Bundle:
    """Open the base and attach new adapters; print a notice if its weights cannot be quantised.

    Raises:
        UserError: if the base cannot be opened, or cannot be adapted with these settings.
    """
    place = runtime.pick_device(base.device)
    reason = quantize.unavailable_reason(config.quantize, place)
    if reason:
        print(f"Notice: no {config.quantize} weights here ({reason}); LoRA on whole weights.")
    kind = "none" if reason else config.quantize
    dtype = "auto" if kind == "none" else quantize.dtype_name(place)
    if kind != "none":
        memory.return_large_blocks()  # weights are quantised to save memory
    bundle = load.open_base(
        base.name, device=base.device, dtype=dtype, revision=base.revision, quantize=kind
    )
    set_tiles(bundle.processor.image_processor, config)
    quantize.keep_gradients(bundle.model)
    set_seed(seed)  # of the adapters' first weights
    model = lora.attach(bundle.model, config)
    freeze(model, "adapters")
    return Bundle(model, bundle.processor, base.name)


def set_tiles(image_processor, config: AdapterConfig) -> None:
    """Set how pictures are cut into tiles; the processor is saved with the adapter.

    Raises:
        UserError: if the base has no tiles.
    """
    tiled = hasattr(image_processor, "do_image_splitting")
    if not tiled and (config.image_size or not config.tiles):
        raise UserError("This base does not cut pictures into tiles; omit image_size and tiles.")
    if tiled:
        image_processor.do_image_splitting &= config.tiles
    if config.image_size:
        image_processor.size = {"longest_edge": config.image_size}


def dry_run(bundle: Bundle, train: Mixture, config: TrainConfig) -> str:
    """Return sizes, time and memory, measured on one batch."""
    examples = PictureExamples(bundle.processor, train.records, config.epochs, train.times)
    collate = encoding.collator(bundle.processor)
    return forecast.forecast(bundle, examples, collate, config, len(examples))


def train_model(
    bundle: Bundle, base: Base, pictures: Pictures, config: TrainConfig, run: Path, resume: bool
) -> None:
    """Train, then write adapter, card, panel page and the checks into the run folder."""
    sharded = runtime.is_sharded(runtime.pick_device(base.device))
    if sharded:  # no process has the whole model, so none can answer
        pictures = pictures._replace(panel=0)
    small = pictures.is_small()
    if small and not config.patience:
        config = replace(config, patience=PATIENCE)
    main, held_out = runtime.is_main(), [r for r in pictures.held_out if r.turns]
    shown = panel.select(held_out, pictures.panel)
    thumbnails = panel.save_thumbnails(shown, run) if main else []
    probed = small and held_out and main and not sharded
    before = base_answers(bundle, held_out, run) if probed else []
    rows = lora.hashed_rows(bundle.processor)
    base_hash = lora.base_hash(bundle.model.get_base_model(), rows)
    fit(
        bundle.model,
        PictureExamples(
            bundle.processor, pictures.train.records, config.epochs, pictures.train.times
        ),
        PictureExamples(bundle.processor, held_out),
        encoding.collator(bundle.processor),
        config,
        run,
        resume=resume,
        processor=bundle.processor,
        describe=lambda: panel.describe(bundle, shown, thumbnails),
        measure=None if sharded else lambda: evaluate.curve_scores(bundle, held_out, MEASURED),
    )
    if main:
        with files.writing(run):
            save(bundle, base, run, base_hash, runs.best_checkpoint(run) if sharded else None)
            panel.write_page(run)
            checks = [UNCHECKED] if sharded else check(bundle, held_out, before, run)
            files.write_text(run / runs.ADAPTER / CARD, card(base, config, checks))
        print(*checks, sep="\n")


def save(bundle: Bundle, base: Base, run: Path, base_hash: str, gathered: Path | None) -> None:
    """Save the adapter, from a checkpoint where no process has all weights."""
    folder, names = run / runs.ADAPTER, (base.name, base.revision)
    how = {"gathered": gathered, "on_parts": load.is_built(base.name)}
    lora.save(bundle.model, bundle.processor, folder, *names, weights=base_hash, **how)


def base_answers(bundle: Bundle, records: Sequence[Record], run: Path) -> list[Turn]:
    """Return the base's answers to general questions; a resumed run reads them from its folder."""
    path = run / "before.json"
    if not path.exists():
        files.write_json(path, [turn.answer for turn in forgetting.ask(bundle, records)])
    texts = json.loads(path.read_text("utf-8"))
    return [Turn(*pair) for pair in zip(forgetting.QUESTIONS, texts, strict=True)]


def check(
    bundle: Bundle, records: Sequence[Record], before: Sequence[Turn], run: Path
) -> list[str]:
    """Check that the saved adapter matches, and what was forgotten; one line each."""
    lines = []
    if records:
        result = equivalence.check(bundle, run / runs.ADAPTER, records)
        files.write_json(run / "same.json", result._asdict())
        lines.append(result.summary())
    if before:
        comparison = forgetting.compare(bundle, records, before)
        files.write_json(run / forgetting.FILE, comparison)
        lines.append(forgetting.summary(comparison))
    return lines


def card(base: Base, config: TrainConfig, checks: Sequence[str]) -> str:
    """Return the adapter's README.md."""
    name = base.name + (f" (revision {base.revision})" if base.revision else "")
    return f"""---
base_model: {base.name}
library_name: peft
tags: [vision, lora]
---

# An adapter for {name}

Trained with Loupe's `loupe train adapter` for at most {config.epochs:g} epochs at a learning rate
of {config.learning_rate:g}; the adapter's settings are in adapter_config.json.

```sh
loupe describe PICTURE --model FOLDER
loupe merge FOLDER OUT
```

## Checked after training

{chr(10).join(f"- {line}" for line in checks) or "- Nothing: there were no held-out pictures."}
"""
