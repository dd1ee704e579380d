"""The MODA recipe: frozen vision tower -> projector -> decoder, trained on descriptions.

    python finetune/run_moda.py --preset moda-mini --data fashion --out runs/moda-mini

A killed run goes on with --resume; --dry-run says what the training will take.
"""

import argparse
import dataclasses
import sys
from operator import mul
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

from vlm.config import TrainConfig, add_flags, count, from_args  # noqa: E402
from vlm.errors import lookup, one_sentence  # noqa: E402
from vlm.models.projectors import PROJECTORS  # noqa: E402
from vlm.presets import IMAGE_FEATURES, PRESETS  # noqa: E402

BUILDABLE = {name: preset for name, preset in PRESETS.items() if preset.buildable}
OVERRIDES = ("vision", "text", "image_features", "projector")


def main(argv: list[str] | None = None) -> None:
    """Flags -> data -> model -> train -> save."""
    with one_sentence():
        args = parse(argv)
        config = from_args(TrainConfig, args)
        from vlm import encoding, load, mixture, runs, runtime  # transformers takes seconds

        if not (args.dry_run or args.show_labels):
            runs.check_free(args.out, args.resume)
        runtime.set_threads(config.threads)
        device = runtime.pick_device(args.device)
        train, held_out = (
            mixture.load(args.data, split, args.data_path, limit)
            for split, limit in (("train", args.limit), ("validation", args.held_out or args.limit))
        )
        bundle = new_model(args, train.records, config.seed)
        bundle.model.to(device)
        turns = [turn for part in train for record in part.records[:200] for turn in record.turns]
        encoding.check_labels(bundle.processor, turns)
        if args.show_labels:
            print(encoding.show_labels(bundle.processor, turns[: args.show_labels]))
        elif args.dry_run:
            print(dry_run(bundle, train, args, config))
        else:
            teach(bundle, train, held_out, args, config)
            with runs.room(args.out):
                load.save(bundle, args.out / "model")
            print(f"Saved. Try: python -m vlm describe PICTURE --model {args.out / 'model'}")


def new_model(args: argparse.Namespace, train: tuple, seed: int):
    """The preset's model with the flags' parts in it; only the stage's parts will learn."""
    from vlm import build, forecast
    from vlm.train import freeze

    changes = {name: value for name in OVERRIDES if (value := getattr(args, name))}
    preset = dataclasses.replace(BUILDABLE[args.preset], **changes)
    turns = (turn for record in train for turn in record.turns)
    corpus = (text for turn in turns for text in (turn.prompt, turn.answer))
    bundle = build.build(preset, args.preset, corpus, seed)
    freeze(bundle.model, "unfrozen" if args.unfreeze else "moda")
    print(forecast.parameters(bundle), forecast.published_size(bundle), sep="\n")
    return bundle


def dry_run(bundle, train, args: argparse.Namespace, config: TrainConfig) -> str:
    """Sizes, time and memory, measured on the features of one batch."""
    from vlm import encoding, features, forecast

    few = train.records[: config.batch_size]
    examples = features.Examples(
        bundle.processor, few, features.compute(bundle, few, args.features)
    )
    most = args.turns or sys.maxsize
    asked = (min(len(record.turns), most) for record in train.records)
    count = sum(map(mul, asked, train.times)) * config.epochs
    collate = encoding.collator(bundle.processor)
    return forecast.forecast(bundle, examples, collate, config, round(count))


def teach(bundle, train, held_out, args: argparse.Namespace, config: TrainConfig) -> None:
    """Features once, then the training itself."""
    from vlm import encoding, evaluate, panel
    from vlm.train import fit

    shown = panel.records(held_out.records, args.panel, args.panel_from)
    seen, unseen = stored(bundle, train, args, config.epochs), stored(bundle, held_out, args)
    kept = panel.keep(shown, args.out)
    fit(
        bundle.model,
        seen,
        unseen,
        encoding.collator(bundle.processor),
        config,
        args.out,
        resume=args.resume,
        processor=bundle.processor,
        describe=lambda: panel.answers(bundle, shown, kept),
        measure=lambda: evaluate.marks(bundle, held_out.records[: args.measure]),
    )


def stored(bundle, parts, args: argparse.Namespace, epochs: float = 0):
    """The examples of all parts, on features; without epochs one pass over plain pictures."""
    from torch.utils.data import ConcatDataset

    from vlm import features, pictures

    grounds = pictures.scenes(parts.records) if epochs else None
    made = []
    for _, records, times in parts:
        views = args.views * times if epochs else 0
        passes = epochs * times if epochs else 1.0
        if args.unfreeze:
            made.append(features.Live(bundle, records, views, grounds, passes, args.turns))
            continue
        values = features.compute(bundle, records, args.features, views, grounds)
        made.append(features.Examples(bundle.processor, records, values, passes, args.turns))
    return made[0] if len(made) == 1 else ConcatDataset(made)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The flags; the preset chosen sets the defaults of the others."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--preset", default="moda-mini", help="what to build (default: moda-mini)")
    preset = lookup(BUILDABLE, first.parse_known_args(argv)[0].preset, "preset")
    notes = "; ".join(f"{name}: {row.note}" for name, row in BUILDABLE.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"presets: {notes}", parents=[first],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("--data", nargs="+", default=["fashion"], metavar="[Nx]NAME[=PATH]",
        help="data sets, N times in a pass (default: fashion)")  # fmt: skip
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add("--limit", type=count, default=0, help="use so many pictures only, 0 = all (default: 0)")
    add("--held-out", type=count, default=0,
        help="held-out pictures of each set, 0 = as in training (default: 0)")  # fmt: skip
    add("--turns", type=count, default=0,
        help="questions about a picture in one pass, 0 = all (default: 0)")  # fmt: skip
    add("--vision", help=f"vision tower: folder or Hub id (default: {preset.vision})")
    add("--text", help=f"decoder: folder or Hub id (default: {preset.text or 'from scratch'})")
    add("--image-features", choices=IMAGE_FEATURES, help=f"(default: {preset.image_features})")
    add("--projector", choices=PROJECTORS, help=f"(default: {preset.projector})")
    add("--unfreeze", action="store_true", help="the tower's last block learns too, on pixels")
    add("--out", type=Path, default=Path("runs/moda"), help="run folder (default: runs/moda)")
    add("--features", type=Path, default=Path("features"), help="feature store (default: features)")
    add(
        "--views",
        type=count,
        default=4,
        help="random views of a picture that comes once (default: 4)",
    )
    add("--panel", type=count, default=6, help="pictures described as it learns (default: 6)")
    add("--panel-from", type=Path, help="folder of more pictures for it (default: none)")
    add("--measure", type=count, default=200, help="pictures judged as it learns (default: 200)")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--resume", action="store_true", help="go on from the last whole checkpoint in --out")
    add("--dry-run", action="store_true", help="print sizes, time and memory; train nothing")
    add("--show-labels", type=count, default=0, metavar="N", help="print N examples (default: 0)")
    add_flags(parser, TrainConfig, **preset.training)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
