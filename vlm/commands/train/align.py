"""The alignment stage: a vision tower learns to match captions with pictures.

    loupe train align --data 3xfashion cifar10 negatives --out runs/align

Writes the tower, which `loupe train moda` takes as --vision runs/align/tower, and attributes.json
with the classes of each attribute; then prints zero-shot accuracy and retrieval. A stopped run
continues with --resume.
"""

import argparse
from pathlib import Path

from vlm.commands.flags import add_shared, count, from_args
from vlm.commands.train.groups import RESUME, add_groups, add_settings, new_parser
from vlm.config import AlignConfig, TrainConfig
from vlm.errors import UserError, exit_on_user_error

HELP = "a vision tower from pictures and captions"
TRAINING = {"epochs": 8, "batch_size": 96, "weight_decay": 0.05, "max_grad_norm": 5.0}
START = 72  # pixels
SMALLEST = 32  # pixels: the tower halves the picture five times


def main(argv: list[str] | None = None) -> None:
    """Read the flags, then train."""
    with exit_on_user_error(RESUME):
        args = parse(argv)
        config = from_args(TrainConfig, args)
        from_args(AlignConfig, args)  # checks its bounds
        check_flags(args)
        from vlm.training.align import recipe  # imports transformers, which takes seconds

        recipe.run(args, config)


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
    if not args.vision and (args.stages or args.closeness or args.tuned < 100):
        raise UserError("A tower from scratch has no stages or features to keep; give --vision.")
    if args.checkpointing:
        raise UserError("The alignment keeps all activations; omit checkpointing.")


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the flags."""
    parser = new_parser("align", __doc__)
    groups = add_groups(parser, "fashion", Path("runs/align"), TRAINING)
    text = "vision tower: folder or Hub id (default: a ResNet-18 from scratch)"
    add_shared(groups.model, vision=text)
    text = "side of a picture, pixels (default: %(default)s)"
    groups.model.add_argument("--image-size", type=count, default=128, metavar="N", help=text)
    text = f"side at the start, pixels (default: {START}, at most --image-size)"
    groups.model.add_argument("--start-size", type=count, metavar="N", help=text)
    add_settings(parser, groups.run, {AlignConfig: {}, TrainConfig: TRAINING})
    args = parser.parse_args(argv)
    if args.start_size is None:
        args.start_size = min(START, args.image_size)
    return args
