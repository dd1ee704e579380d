"""The MODA recipe: frozen vision tower -> projector -> decoder, trained on descriptions.

    python finetune/run_moda.py --preset moda-mini --data fashion --out runs/moda-mini

A killed run goes on with --resume; --dry-run says what the training will take.
"""

import argparse
import dataclasses
import sys
from functools import partial
from operator import mul
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

from vlm.config import TrainConfig, add_flags, add_run_flags, count, from_args  # noqa: E402
from vlm.errors import UserError, lookup, one_sentence  # noqa: E402
from vlm.presets import IMAGE_FEATURES, PRESETS, PROJECTORS, SHIPPED  # noqa: E402

BUILDABLE = {name: preset for name, preset in PRESETS.items() if preset.buildable}
OVERRIDES = ("vision", "text", "image_features", "projector")
KEPT = ("preset", "model", *OVERRIDES, "unfreeze", "turns", "views", "mild", "mixed", "sure")
KEPT += ("matched", "seed")  # what a run that is gone on with must keep, besides its data
STORED = "--mixed, --sure, --matched and --projector words"


def main(argv: list[str] | None = None) -> None:
    """Flags -> data -> model -> train -> save."""
    with one_sentence():
        args = parse(argv)
        config = from_args(TrainConfig, args)
        check_flags(args)
        from vlm import align, distil, encoding, load, mixture, runs, runtime  # these take seconds

        runtime.check_workers(config.workers)
        if not (args.dry_run or args.show_labels):
            runs.check_free(args.out, args.resume)
        runtime.set_threads(config.threads)
        device = runtime.pick_device(args.device)
        train, held_out = (
            mixture.load(args.data, split, args.data_path, limit)
            for split, limit in (("train", args.limit), ("validation", args.held_out or args.limit))
        )
        if probed(args) and not align.attribute_values(train.records):
            raise UserError(
                f"{STORED} go by pictures' attributes, of which these have none; leave them out."
            )
        bundle = new_model(args, train.records, config.seed)
        bundle.model.to(device)
        encoding.check_turns(train.records)
        turns = [turn for part in train for record in part.records[:200] for turn in record.turns]
        encoding.check_labels(bundle.processor, turns)
        if args.show_labels:
            print(encoding.show_labels(bundle.processor, turns[: args.show_labels]))
        elif args.dry_run:
            print(dry_run(bundle, train, args, config))
        else:
            mixture.sign(train, args.out, args.resume, **{name: vars(args)[name] for name in KEPT})
            teach(bundle, train, held_out, args, config)
            if args.projector == "words":
                distil.harden(bundle.model.model.projector, distil.classes(train.records))
            with runs.room(args.out):
                load.save(bundle, args.out / "model")
            print(f"Saved. Try: python -m vlm describe PICTURE --model {args.out / 'model'}")


def check_flags(args: argparse.Namespace) -> None:
    """Raise a `UserError` for flags that exclude each other, before anything is loaded."""
    parts = (name for name in overrides(args) if name != "projector")
    given = ", ".join(f"--{name.replace('_', '-')}" for name in parts)
    if args.model and given:
        raise UserError(f"--model brings its own parts; leave {given} out.")
    if probed(args) and args.unfreeze:
        raise UserError(f"{STORED} go by stored features, --unfreeze has none; leave it out.")


def overrides(args: argparse.Namespace) -> dict[str, str]:
    """The preset's parts that the flags replace."""
    return {name: value for name in OVERRIDES if (value := getattr(args, name))}


def probed(args: argparse.Namespace) -> bool:
    """True when a probe of the features has a word in what is taught."""
    return bool(args.mixed or args.sure or args.matched or args.projector == "words")


def new_model(args: argparse.Namespace, train: tuple, seed: int):
    """A finished model, or the preset's with the flags' parts; only what the stage says learns."""
    from transformers import set_seed

    from vlm import build, distil, forecast, load
    from vlm.train import freeze

    if args.model:
        bundle = load.load(args.model, device="cpu", dtype="float32")
        if not hasattr(bundle.model.config, "image_features"):
            raise UserError(f"{args.model} is not of this recipe; run_qlora.py fine-tunes it.")
        set_seed(seed)
    else:
        preset = dataclasses.replace(BUILDABLE[args.preset], **overrides(args))
        turns = (turn for record in train for turn in record.turns)
        corpus = (text for turn in turns for text in (turn.prompt, turn.answer))
        bundle = build.build(preset, args.preset, corpus, seed)
    if args.projector == "words":
        sizes = map(len, distil.classes(train).values())
        bundle = build.reprojected(bundle, args.projector, tuple(sizes))
    elif args.model and args.projector:
        bundle = build.reprojected(bundle, args.projector)
    freeze(bundle.model, "unfrozen" if args.unfreeze else "moda")
    print(forecast.parameters(bundle), forecast.published_size(bundle), sep="\n")
    return bundle


def dry_run(bundle, train, args: argparse.Namespace, config: TrainConfig) -> str:
    """Sizes, time and memory, measured on one batch: its features, or pixels with --unfreeze."""
    from vlm import encoding, features, forecast

    few = train.records[: config.batch_size]
    if args.unfreeze:
        examples = features.Live(bundle, few, 0)
    else:
        store = features.compute(bundle, few, args.features)
        examples = features.Examples(bundle.processor, few, store)
    most = args.turns or sys.maxsize
    asked = (min(len(record.turns), most) for record in train.records)
    count = sum(map(mul, asked, train.times)) * config.epochs * (1 + args.mixed / 100)
    collate = encoding.collator(bundle.processor)
    return forecast.forecast(bundle, examples, collate, config, round(count))


def teach(bundle, train, held_out, args: argparse.Namespace, config: TrainConfig) -> None:
    """Features once, then the training itself."""
    from vlm import encoding, evaluate, panel
    from vlm.train import fit

    shown = panel.records(held_out.records, args.panel, args.panel_from)
    made = on_pixels if args.unfreeze else on_features
    seen, unseen = made(bundle, train, held_out, args, config)
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


def on_features(bundle, train, held_out, args: argparse.Namespace, config: TrainConfig):
    """Training and held-out examples on stored features; what a probe teaches where wanted."""
    from torch.utils.data import ConcatDataset

    from vlm import distil, features, pictures

    grounds = pictures.scenes(train.records)
    kept = partial(features.compute, bundle, folder=args.features, workers=config.workers)
    stores = [
        kept(records, views=args.views * times, grounds=grounds, mild=args.mild)
        for _, records, times in train
    ]
    plain = [kept(records) for _, records, _ in held_out]
    parts = list(zip(train, stores, strict=True))
    if probed(args):
        more = args.mixed, args.sure, args.matched, config.seed
        probe, parts = distil.taught(train, stores, *more)
        distil.report(probe, held_out, plain, args.out)
        if args.projector == "words":
            distil.spell(bundle.model.model.projector, probe, bundle)
    seen = [
        features.Examples(bundle.processor, records, store, config.epochs * times, args.turns)
        for (_, records, times), store in parts
    ]
    unseen = [
        features.Examples(bundle.processor, records, store, turns=args.turns)
        for (_, records, _), store in zip(held_out, plain, strict=True)
    ]
    return ConcatDataset(seen), ConcatDataset(unseen)


def on_pixels(bundle, train, held_out, args: argparse.Namespace, config: TrainConfig):
    """Training and held-out examples for a tower that learns."""
    from torch.utils.data import ConcatDataset

    from vlm import features, pictures

    grounds = pictures.scenes(train.records)
    more = {"turns": args.turns, "mild": args.mild}
    seen = [
        features.Live(bundle, records, args.views * times, grounds, config.epochs * times, **more)
        for _, records, times in train
    ]
    unseen = [features.Live(bundle, records, 0, turns=args.turns) for _, records, _ in held_out]
    return ConcatDataset(seen), ConcatDataset(unseen)


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
    add_run_flags(parser, "fashion", Path("runs/moda"))
    add = parser.add_argument
    add("--held-out", type=count, default=0,
        help="held-out pictures of each set, 0 = as in training (default: 0)")  # fmt: skip
    add("--turns", type=count, default=0, help="questions a picture in a pass (default: 0, all)")
    add("--model", metavar="NAME", help="go on with a finished model (default: make a new one)")
    tower = "the shipped model's" if preset.vision == str(SHIPPED) else preset.vision or "none"
    add("--vision", help=f"vision tower: folder or Hub id (default: {tower})")
    add("--text", help=f"decoder: folder or Hub id (default: {preset.text or 'from scratch'})")
    add("--image-features", choices=IMAGE_FEATURES,
        help=f"one vector, or one for each place (default: {preset.image_features})")  # fmt: skip
    add("--projector", choices=PROJECTORS,
        help="mlp: MODA's expand and reduce; mlp2x: LLaVA 1.5's; pixel_shuffle: SmolVLM's; words: "
             f"visual words (default: {preset.projector})")  # fmt: skip
    add("--unfreeze", action="store_true", help="the tower's last block learns too, on pixels")
    add("--features", type=Path, default=Path("features"), help="feature store (default: features)")
    add("--views", type=count, default=4,
        help="random views of a picture that comes once (default: 4)")  # fmt: skip
    add("--mild", action="store_true", help="views of products nearer to their pictures")
    add("--mixed", type=count, default=0, metavar="PERCENT",
        help="add PERCENT %% mixtures of two pictures, named by a probe (default: 0)")  # fmt: skip
    add("--sure", type=partial(count, high=100), default=0, metavar="PERCENT",
        help="tell details that the probe is PERCENT %% sure of (default: 0, none)")  # fmt: skip
    add("--matched", action="store_true", help="describe every view by what the probe reads off it")
    add("--panel", type=count, default=6, help="pictures described as it learns (default: 6)")
    add("--panel-from", type=Path, help="folder of more pictures for it (default: none)")
    add("--measure", type=count, default=200, help="pictures judged as it learns (default: 200)")
    add("--dry-run", action="store_true", help="print sizes, time and memory; train nothing")
    add("--show-labels", type=count, default=0, metavar="N", help="print N examples (default: 0)")
    add_flags(parser, TrainConfig, **preset.training)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
