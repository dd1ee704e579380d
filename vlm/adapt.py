"""Fine-tuning with adapters: open a base, train beside it, save the adapter alone, check it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from transformers import set_seed

from vlm import (
    encoding,
    evaluate,
    forecast,
    forgetting,
    load,
    lora,
    panel,
    quantize,
    runs,
    runtime,
    same,
)
from vlm.config import SMALL, AdapterConfig, TrainConfig
from vlm.encoded import Encoded
from vlm.errors import UserError
from vlm.mixture import Mixture
from vlm.train import fit, freeze
from vlm.types import Bundle, Record, Turn

ADAPTER, CARD = "adapter", "README.md"
UNCHECKED = "Trained over several GPUs: nothing was described, and the adapter was not checked."
PATIENCE = 3  # measurements without a better held-out loss, in small-data mode
MEASURED = 100  # held-out pictures judged as it learns


class Base(NamedTuple):
    """Which model is adapted, and where it runs."""

    name: str
    revision: str | None = None
    device: str = "auto"


class Lessons(NamedTuple):
    """What is learnt from.

    Attributes:
        small: the care that few examples need; None = below `SMALL` of them.
        panel: pictures described as it learns.
    """

    train: Mixture
    held_out: Sequence[Record]
    small: bool | None = None
    panel: int = 6

    def is_small(self) -> bool:
        """True when early stopping and the forgetting probe are wanted."""
        count = sum(len(record.turns) for record in self.train.records)
        return count < SMALL if self.small is None else self.small


def opened(base: Base, config: AdapterConfig, seed: int = 0) -> Bundle:
    """The base with fresh adapters; where its weights cannot be quantised a notice is printed.

    Raises:
        UserError: when the base cannot be opened or adapted so.
    """
    place = runtime.pick_device(base.device)
    reason = quantize.why_not(config.quantize, place)
    if reason:
        print(f"Notice: no {config.quantize} weights here ({reason}); LoRA on whole weights.")
    kind = "none" if reason else config.quantize
    dtype = "auto" if kind == "none" else quantize.dtype_name(place)
    if kind != "none":
        runtime.return_large_blocks()  # little memory is what weights are quantised for
    bundle = load.open_base(
        base.name, device=base.device, dtype=dtype, revision=base.revision, quantize=kind
    )
    sized(bundle.processor.image_processor, config)
    quantize.keep_gradients(bundle.model)
    set_seed(seed)  # of the adapters' first weights
    model = lora.attach(bundle.model, config)
    freeze(model, "adapters")
    return Bundle(model, bundle.processor, base.name)


def sized(image_processor, config: AdapterConfig) -> None:
    """Cut pictures into as many tiles as asked for; the processor is saved with the adapter.

    Raises:
        UserError: when the base has no tiles.
    """
    tiled = hasattr(image_processor, "do_image_splitting")
    if not tiled and (config.image_size or not config.tiles):
        raise UserError("This base sees pictures whole; leave out --image-size and --no-tiles.")
    if tiled:
        image_processor.do_image_splitting &= config.tiles
    if config.image_size:
        image_processor.size = {"longest_edge": config.image_size}


def dry_run(bundle: Bundle, train: Mixture, config: TrainConfig) -> str:
    """Sizes, time and memory, measured on one batch."""
    examples = Encoded(bundle.processor, train.records, config.epochs, train.times)
    collate = encoding.collator(bundle.processor)
    return forecast.forecast(bundle, examples, collate, config, len(examples))


def teach(
    bundle: Bundle, base: Base, lessons: Lessons, config: TrainConfig, run: Path, resume: bool
) -> None:
    """Train, then write adapter, card, panel page and what was found into the run folder."""
    sharded = runtime.sharded(runtime.pick_device(base.device))
    if sharded:  # no process has the model whole: none can answer
        lessons = lessons._replace(panel=0)
    records, small = lessons.train.records, lessons.is_small()
    if small and not config.patience:
        config = replace(config, patience=PATIENCE)
    main, asked = runtime.is_main(), [record for record in lessons.held_out if record.turns]
    shown = panel.records(asked, lessons.panel)
    kept = panel.keep(shown, run) if main else []
    before = remembered(bundle, asked, run) if small and asked and main and not sharded else []
    weights = lora.fingerprint(bundle.model.get_base_model())
    fit(
        bundle.model,
        Encoded(bundle.processor, records, config.epochs, lessons.train.times),
        Encoded(bundle.processor, asked),
        encoding.collator(bundle.processor),
        config,
        run,
        resume=resume,
        processor=bundle.processor,
        describe=lambda: panel.answers(bundle, shown, kept),
        measure=None if sharded else lambda: evaluate.marks(bundle, asked[:MEASURED]),
    )
    if not main:
        return
    with runs.room(run):
        lora.save(
            bundle.model, bundle.processor, run / ADAPTER, base.name, base.revision,
            weights=weights, gathered=runs.best_checkpoint(run) if sharded else None,
        )  # fmt: skip
        panel.write_page(run)
        said = [UNCHECKED] if sharded else looked_back(bundle, asked, before, run)
        runs.write_text(run / ADAPTER / CARD, card(base, config, said))
    print(*said, sep="\n")


def remembered(bundle: Bundle, asked: Sequence[Record], run: Path) -> list[Turn]:
    """The base's answers to general questions; a resumed run finds them in its folder."""
    path = run / "before.json"
    if not path.exists():
        runs.write_json(path, [turn.answer for turn in forgetting.ask(bundle, asked)])
    texts = json.loads(path.read_text("utf-8"))
    return [Turn(*pair) for pair in zip(forgetting.QUESTIONS, texts, strict=True)]


def looked_back(bundle: Bundle, asked, before: list[Turn], run: Path) -> list[str]:
    """The lines that a training ends with: is the adapter the same saved, what was forgotten."""
    said = []
    if asked:
        found = same.check(bundle, run / ADAPTER, asked)
        runs.write_json(run / "same.json", found._asdict())
        said.append(found.line())
    if before:
        forgotten = forgetting.compare(bundle, asked, before)
        runs.write_json(run / forgetting.FILE, forgotten)
        said.append(forgetting.line(forgotten))
    return said


def card(base: Base, config: TrainConfig, said: Sequence[str]) -> str:
    """The adapter's README.md."""
    name = base.name + (f" (revision {base.revision})" if base.revision else "")
    return f"""---
base_model: {base.name}
library_name: peft
tags: [vision, lora]
---

# An adapter for {name}

Trained by Loupe's `finetune/run_qlora.py` for at most {config.epochs:g} epochs at a learning rate
of {config.learning_rate:g}; the adapter's settings are in adapter_config.json.

```sh
python -m vlm describe PICTURE --model FOLDER
python -m vlm merge FOLDER OUT
```

## Checked after training

{chr(10).join(f"- {line}" for line in said) or "- Nothing: there was no held-out picture."}
"""
