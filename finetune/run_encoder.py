"""Train MODA-mini's vision tower from scratch: it learns the attributes of product photographs.

    python finetune/run_encoder.py --out runs/encoder

Writes the tower, which run_moda.py takes as --vision runs/encoder/tower, and attributes.json with
the classes of each attribute. A killed run goes on with --resume.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

from vlm.config import TrainConfig, add_flags, count, from_args  # noqa: E402
from vlm.data import fashion  # noqa: E402
from vlm.data.readable import usable  # noqa: E402
from vlm.errors import UserError, one_sentence  # noqa: E402

ATTRIBUTES = ("articleType", "subCategory", "baseColour", "gender", "usage", "season")
ATTRIBUTES += ("pattern", "neckline", "sleeve", "fit", "material", "style")
TRAINING = {"epochs": 24, "batch_size": 64, "weight_decay": 0.05, "max_grad_norm": 5.0}
SMALLEST = 32  # pixels: the tower halves the picture five times


def main(argv: list[str] | None = None) -> None:
    """Flags -> data -> tower -> train -> save."""
    with one_sentence():
        args = parse(argv)
        config = from_args(TrainConfig, args)
        if args.image_size < SMALLEST:
            raise UserError(f"--image-size is {args.image_size}, give at least {SMALLEST} pixels.")
        from vlm import pretrain, runs, runtime  # transformers takes seconds: only for right flags

        runs.check_free(args.out, args.resume)
        device = runtime.pick_device(args.device)
        train, held_out = (
            usable(fashion.load(split, args.data_path)) for split in ("train", "validation")
        )
        values = pretrain.attribute_values(train, ATTRIBUTES)
        if not values:
            raise UserError(
                "No attribute has two values that enough pictures share; give more pictures."
            )
        tower = new_tower(config.seed).to(device)
        teach(tower, values, train, held_out, args, config)
        with runs.room(args.out):
            save(tower, values, args)
        print(f"Saved. Go on with: python finetune/run_moda.py --vision {args.out / 'tower'}")


def new_tower(seed: int):
    """An untrained ResNet-18."""
    from transformers import AutoModel, ResNetConfig, set_seed

    set_seed(seed)
    shape = ResNetConfig(hidden_sizes=[64, 128, 256, 512], depths=[2] * 4, layer_type="basic")
    return AutoModel.from_config(shape)


def teach(tower, values: dict, train: tuple, held_out: tuple, args, config: TrainConfig) -> None:
    """Random views of the training pictures, measured on the plain held-out ones."""
    from vlm import pretrain
    from vlm.train import fit

    size, seed = args.image_size, config.seed
    fit(
        pretrain.AttributeModel(tower, values).to(tower.device),
        pretrain.Pictures(train, values, size, epochs=config.epochs, augment=True, seed=seed),
        pretrain.Pictures(held_out, values, size),
        pretrain.collate(0.5, 0.5),
        config,
        args.out,
        resume=args.resume,
        compute_metrics=pretrain.accuracy(values),
    )


def save(tower, values: dict, args: argparse.Namespace) -> None:
    """The tower with its image processor, and the classes it has learned to tell apart."""
    from transformers import ViTImageProcessor

    from vlm.runs import write_json

    tower.save_pretrained(args.out / "tower")
    size = {"height": args.image_size, "width": args.image_size}
    ViTImageProcessor(size=size).save_pretrained(args.out / "tower")
    write_json(args.out / "attributes.json", values)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--out", type=Path, default=Path("runs/encoder"), help="run folder (default: runs/encoder)")
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add("--image-size", type=count, default=128, help="side of a picture, pixels (default: 128)")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--resume", action="store_true", help="go on from the last whole checkpoint in --out")
    add_flags(parser, TrainConfig, **TRAINING)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
