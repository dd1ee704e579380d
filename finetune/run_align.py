"""The alignment stage: a vision tower learns which caption is of which picture (SigLIP's loss).

    python finetune/run_align.py --data 3xfashion cifar10 negatives --out runs/align

Writes the tower, which run_moda.py takes as --vision runs/align/tower, and attributes.json with
the classes of each attribute; then says how well pictures find their captions and their kinds. A
killed run goes on with --resume.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

from vlm.config import TrainConfig, add_flags, add_run_flags, count, from_args  # noqa: E402
from vlm.errors import UserError, one_sentence  # noqa: E402

TRAINING = {"epochs": 8, "batch_size": 96, "weight_decay": 0.05, "max_grad_norm": 5.0}
START = 72  # pixels
SMALLEST = 32  # pixels: the tower halves the picture five times
SHARD = "9MB"  # of weights in one file
KEPT = ("vision", "image_size", "heads", "mild", "erase", "seed")  # kept by --resume
TEXT = {"hidden_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT |= {"intermediate_size": 512, "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}


def main(argv: list[str] | None = None) -> None:
    """Flags -> data -> towers -> train -> save -> measure."""
    with one_sentence():
        args = parse(argv)
        config = from_args(TrainConfig, args)
        check_flags(args)
        from vlm import align, mixture, runs, runtime  # transformers takes seconds

        runtime.check_workers(config.workers)
        runs.check_free(args.out, args.resume)
        device = runtime.pick_device(args.device)
        train, held_out = (
            mixture.load(args.data, split, args.data_path, args.limit)
            for split in ("train", "validation")
        )
        values = align.attribute_values(train.records)
        if not values:
            raise UserError(
                "No attribute has two values that enough pictures share; give more pictures."
            )
        model, tokenizer = new_towers(args, values, train.records, config)
        mixture.sign(train, args.out, args.resume, **{name: vars(args)[name] for name in KEPT})
        teach(model.to(device), tokenizer, values, train, held_out.records, args, config)
        with runs.room(args.out):
            best = model.average.module
            found = measured(best, tokenizer, held_out, args)
            save(best.tower, values, args)
            runs.write_json(args.out / "zeroshot.json", found)
        print(f"Saved. Go on with: python finetune/run_moda.py --vision {args.out / 'tower'}")


def check_flags(args: argparse.Namespace) -> None:
    """Raise a `UserError` for values that no training could use, before anything is loaded."""
    for flag, size in (("--image-size", args.image_size), ("--start-size", args.start_size)):
        if size < SMALLEST:
            raise UserError(f"{flag} is {size}, give at least {SMALLEST} pixels.")
    if args.start_size > args.image_size:
        raise UserError(
            f"--start-size is {args.start_size}, give at most --image-size, {args.image_size}: "
            "pictures grow."
        )
    if not 0 <= args.decay < 1:
        raise UserError(f"--decay is {args.decay:g}, give at least 0 and less than 1.")
    if args.checkpointing:
        raise UserError("The alignment keeps all activations; leave --checkpointing out.")


def new_towers(args: argparse.Namespace, values: dict, records: tuple, config: TrainConfig):
    """The vision tower of the flags, an untrained text tower, and a tokenizer of the captions."""
    from transformers import BertConfig, BertModel, set_seed

    from vlm import align, build

    corpus = [turn.answer for record in records for turn in record.turns]
    tokenizer = build.train_tokenizer(corpus)
    set_seed(config.seed)
    text = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=align.WORDS, **TEXT)
    towers = vision_tower(args), BertModel(text, add_pooling_layer=False)
    live = align.AlignModel(*towers, values, helped=args.heads)
    for side in (args.start_size, args.image_size):
        live.check_side(side)
    decay = args.decay ** (1 / config.accumulation)  # the average moves with every forward pass
    return align.Averaged(live, 0, args.start_size, decay), tokenizer


def vision_tower(args: argparse.Namespace):
    """An untrained ResNet-18, or the tower that --vision names."""
    from transformers import AutoModel, ResNetConfig

    from vlm import build

    if args.vision:
        return build.load_tower(args.vision, "pooled")[0]
    shape = ResNetConfig(hidden_sizes=[64, 128, 256, 512], depths=[2] * 4, layer_type="basic")
    return AutoModel.from_config(shape)


def teach(model, tokenizer, values: dict, train, held_out: tuple, args, config) -> None:
    """Random views of the training pictures, measured on the plain held-out ones."""
    from vlm import align, pictures
    from vlm.train import fit

    size, seed = args.image_size, config.seed
    seen = pictures.Pictures(
        train.records, values, size, times=train.times, epochs=config.epochs, augment=True,
        mild=args.mild, erase=args.erase / 100, seed=seed, workers=config.workers,
    )  # fmt: skip
    every = config.batch_size * config.accumulation
    steps = config.max_steps if config.max_steps > 0 else -(-len(seen) // every)
    model.steps = steps * config.accumulation  # it counts forward passes
    fit(
        model,
        seen,
        pictures.Pictures(held_out, values, size, workers=config.workers),
        align.collate(tokenizer),
        config,
        args.out,
        resume=args.resume,
        compute_metrics=align.accuracy(values),
    )


def measured(model, tokenizer, held_out, args: argparse.Namespace) -> dict[str, dict]:
    """Zero-shot accuracy and retrieval on each held-out set, printed as they come."""
    from vlm import zeroshot

    found = {}
    for name, records, _ in held_out:
        rows = zeroshot.measure(model, tokenizer, records, args.image_size)
        if rows["zeroshot"] or rows["retrieval"]:
            found[name] = rows
            print(f"{name}:\n{zeroshot.table(rows)}")
    return found


def save(tower, values: dict, args: argparse.Namespace) -> None:
    """The tower with its image processor, and the classes it has learned to tell apart."""
    from transformers import ViTImageProcessor

    from vlm.runs import write_json

    tower = tower.half() if args.half else tower
    tower.save_pretrained(args.out / "tower", max_shard_size=SHARD)
    size = {"height": args.image_size, "width": args.image_size}
    ViTImageProcessor(size=size).save_pretrained(args.out / "tower")
    write_json(args.out / "attributes.json", values)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_run_flags(parser, "fashion", Path("runs/align"))
    add = parser.add_argument
    add("--vision", help="vision tower: folder or Hub id (default: a ResNet-18 from scratch)")
    add("--image-size", type=count, default=128, help="side of a picture, pixels (default: 128)")
    add("--start-size", type=count,
        help=f"side at the start, pixels (default: {START}, at most --image-size)")  # fmt: skip
    add("--decay", type=float, default=0.998, help="of the average of weights (default: 0.998)")
    add("--heads", action=argparse.BooleanOptionalAction, default=True,
        help="attribute heads help to train the tower (default: yes)")  # fmt: skip
    add("--mild", action="store_true",
        help="views of products nearer to their pictures, for the end of a training")  # fmt: skip
    add("--erase", type=partial(count, high=100), default=0, metavar="PERCENT",
        help="hide a part of PERCENT %% of the views behind grey (default: 0)")  # fmt: skip
    add("--half", action="store_true", help="save the tower in float16, half the size")
    add_flags(parser, TrainConfig, **TRAINING)
    args = parser.parse_args(argv)
    if args.start_size is None:
        args.start_size = min(START, args.image_size)
    return args


if __name__ == "__main__":
    main()
