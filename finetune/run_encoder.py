"""Train MODA-mini's vision tower on the attributes of product photographs.

python finetune/run_encoder.py --out runs/encoder
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

from vlm import pretrain  # noqa: E402
from vlm.config import add_flags, from_args  # noqa: E402
from vlm.train import TrainConfig  # noqa: E402

ATTRIBUTES = ("articleType", "subCategory", "baseColour", "gender", "usage", "season")
ATTRIBUTES += ("pattern", "neckline", "sleeve", "fit", "material", "style")


def main(argv: list[str] | None = None) -> None:
    """Flags -> data -> tower -> train -> save."""
    args = parse(argv)
    from transformers import AutoModel, ResNetConfig, ViTImageProcessor, set_seed

    from vlm.data import fashion
    from vlm.train import fit

    config = from_args(TrainConfig, args)
    train, held_out = (fashion.load(split, args.data_path) for split in ("train", "validation"))
    print(train.report(), held_out.report(), sep="\n")
    values = pretrain.attribute_values(train.records, ATTRIBUTES)
    shape = ResNetConfig(hidden_sizes=[64, 128, 256, 512], depths=[2] * 4, layer_type="basic")
    set_seed(config.seed)
    tower = AutoModel.from_config(shape)
    data = pretrain.Pictures(
        train.records,
        values,
        args.image_size,
        epochs=int(config.epochs),
        augment=True,
        seed=config.seed,
    )
    check = pretrain.Pictures(held_out.records, values, args.image_size)
    fit(
        pretrain.AttributeModel(tower, values),
        data,
        check,
        pretrain.collate(0.5, 0.5),
        dataclasses.replace(config, epochs=1),
        args.out,
        resume=args.resume,
        compute_metrics=pretrain.accuracy(values),
    )
    tower.save_pretrained(args.out / "tower")
    size = {"height": args.image_size, "width": args.image_size}
    ViTImageProcessor(size=size).save_pretrained(args.out / "tower")
    (args.out / "attributes.json").write_text(json.dumps(values, indent=1))


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/encoder"), help="run folder")
    parser.add_argument(
        "--data-path", type=Path, help="folder of train.parquet, validation.parquet"
    )
    parser.add_argument("--image-size", type=int, default=128, help="pixels (default: 128)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    add_flags(parser, TrainConfig, epochs=24, batch_size=64, weight_decay=0.05, max_grad_norm=5.0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
