"""Linear classifiers on a vision tower's features, whose classes a decoder gets as words.

    loupe train heads --vision TOWER --data fashion cifar10 --names

They are saved beside the tower, and `loupe train moda` uses them: besides the projector's tokens,
the decoder gets the names of the most probable classes. --names adds the tower's own classifier.
"""

import argparse

from vlm.commands.flags import add_shared, count
from vlm.commands.train.groups import held_out_flag, new_parser, sources
from vlm.commands.train.moda import preset_flag
from vlm.errors import exit_on_user_error, lookup
from vlm.training.moda.settings import BUILDABLE

HELP = "linear classifiers on a vision tower, as words for decoders"


def main(argv: list[str] | None = None) -> None:
    """Read the flags, then fit the classifiers."""
    with exit_on_user_error():
        args = parse(argv)
        lookup(BUILDABLE, args.preset, "preset")
        from vlm.training.moda import heads  # imports transformers, which takes seconds

        heads.run(args)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the flags."""
    parser = new_parser("heads", __doc__)
    limit = "pictures of each data set, 0 = all (default: 0)"
    add_shared(parser, data=sources("fashion"))
    add_shared(parser, "data_path", limit=limit)
    held_out_flag(parser, 0, "all")
    views = {"type": count, "default": 1, "metavar": "N"}
    text = "random views of each picture, times its repeats (default: %(default)s)"
    parser.add_argument("--views", **views, help=text)
    preset_flag(parser)
    add_shared(parser, vision="folder of the tower (default: the preset's)")
    text = "add the classes of the tower's own classifier"
    parser.add_argument("--names", action="store_true", help=text)
    add_shared(parser, "features", "device", "threads", "seed")
    return parser.parse_args(argv)
