"""Linear classifiers on a vision tower's features, whose classes a decoder gets as words.

    loupe heads --vision runs/align/tower --data fashion cifar10 --names

They are saved beside the tower, and `loupe train moda` uses them: besides the projector's tokens,
the decoder gets the names of the most probable classes. --names adds the tower's own classifier.
"""

import argparse

from vlm.commands.flags import add_shared
from vlm.commands.train.groups import held_out_flag, sources
from vlm.commands.train.moda import preset_flag

HELP = "add classifiers to a vision tower, as words for decoders"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    limit = "pictures of each data set, 0 = all (default: 0)"
    add_shared(parser, data=sources("fashion"))
    add_shared(parser, "data_path", "columns", limit=limit)
    held_out_flag(parser, 0, "all")
    add_shared(parser, views={"default": 1})
    preset_flag(parser)
    add_shared(parser, vision="folder of the tower (default: the preset's)")
    text = "add the classes of the tower's own classifier"
    parser.add_argument("--names", action="store_true", help=text)
    add_shared(parser, "features", "device", "threads", seed="seed of the fit (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Fit the classifiers and save them."""
    from vlm.training.moda import heads  # imports transformers, which takes seconds

    heads.run(args)
    return 0
