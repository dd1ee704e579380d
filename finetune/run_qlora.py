"""Fine-tune a model with adapters: LoRA on its decoder, QLoRA where that is kept in 4 bits.

    python finetune/run_qlora.py --demo-data demo             draws pictures with a house style
    python finetune/run_qlora.py --base moda-mini --data folder=demo --out runs/style
    python -m vlm describe PICTURE --model runs/style/adapter

A killed run goes on with --resume; --dry-run says what the training will take.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

from vlm.config import SMALL, AdapterConfig, TrainConfig, add_flags, add_run_flags, count, from_args  # noqa: E402
from vlm.errors import one_sentence  # noqa: E402
from vlm.presets import ALIASES, BASES  # noqa: E402

TRAINING = {"learning_rate": 2e-4, "epochs": 3.0, "batch_size": 4, "accumulation": 4}
TRAINING |= {"warmup_steps": 10, "weight_decay": 0.0, "optimiser": "auto", "checkpointing": True}
TRAINING |= {"eval_every": 20, "save_every": 20, "log_every": 5, "eval_first": True}


def main(argv: list[str] | None = None) -> None:
    """Flags -> data -> model with adapters -> train -> save -> check."""
    with one_sentence():
        args = parse(argv)
        if args.demo_data:
            return demo(args.demo_data)
        config, adapter = from_args(TrainConfig, args), from_args(AdapterConfig, args)
        from vlm import adapt, encoding, hub, mixture, runs, runtime  # transformers takes seconds

        runtime.check_workers(config.workers)
        if not args.dry_run:
            runs.check_free(args.out, args.resume)
        runtime.set_threads(config.threads)
        train, held_out = (
            mixture.load(args.data, split, args.data_path, limit)
            for split, limit in (("train", args.limit), ("validation", args.held_out))
        )
        base = adapt.Base(args.base, args.revision, args.device)
        bundle = adapt.opened(base, adapter, config.seed)
        encoding.check_turns(train.records)
        turns = [turn for record in train.records[:200] for turn in record.turns]
        encoding.check_labels(bundle.processor, turns)
        if args.dry_run:
            print(adapt.dry_run(bundle, train, config))
            return
        lessons = adapt.Lessons(train, held_out.records, args.small_data, args.panel)
        flags = {"base": args.base, "seed": config.seed} | asdict(adapter)
        mixture.sign(train, args.out, args.resume, **flags)
        adapt.teach(bundle, base, lessons, config, args.out, args.resume)
        if args.push_to_hub and runtime.is_main():
            hub.upload(args.out / adapt.ADAPTER, args.push_to_hub)
        print(f"Saved. Try: python -m vlm describe PICTURE --model {args.out / adapt.ADAPTER}")


def demo(folder: Path) -> None:
    """Draw a small data set whose texts have a style of their own."""
    from examples import house_style

    house_style.write(folder)
    print(f"Drawn. Go on with: python finetune/run_qlora.py --data folder={folder}")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The flags; the base sets the defaults of the others."""
    first = argparse.ArgumentParser(add_help=False)
    names = ", ".join([*ALIASES, *BASES])
    first.add_argument("--base", default="moda-mini", type=lambda name: ALIASES.get(name, name),
        help=f"{names}, a Hub id or the folder of a model (default: moda-mini)")  # fmt: skip
    defaults = BASES.get(first.parse_known_args(argv)[0].base, {})
    parser = argparse.ArgumentParser(
        description=__doc__, parents=[first], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_run_flags(parser, "folder", Path("runs/qlora"))
    add = parser.add_argument
    add("--revision", help="of a base from the Hub (default: its newest)")
    add("--held-out", type=count, default=200,
        help="held-out pictures of each set, 0 = all (default: 200)")  # fmt: skip
    add("--small-data", action=argparse.BooleanOptionalAction, default=None,
        help=f"early stopping, forgetting probe (default: below {SMALL} examples)")  # fmt: skip
    add("--panel", type=count, default=6, help="pictures described as it learns (default: 6)")
    add("--push-to-hub", metavar="NAME",
        help="upload the adapter there, private when new (default: none)")  # fmt: skip
    add("--demo-data", type=Path, metavar="FOLDER",
        help="only draw a data set with a house style into it (default: none)")  # fmt: skip
    add("--dry-run", action="store_true", help="print sizes, time and memory; train nothing")
    add_flags(parser, AdapterConfig, **defaults.get("adapter", {}))
    add_flags(parser, TrainConfig, **TRAINING | defaults.get("training", {}))
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
