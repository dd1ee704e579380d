"""Names from a classifier: a model learns to name a classifier's classes without pictures of them.

    loupe train names --model runs/moda/model --data scenes --out runs/names

The classifier's last layer must read the features of the model's own vision tower. Features of its
classes are imagined over those of --data, whose own questions are practised too. A stopped run
continues with --resume.
"""

import argparse
from pathlib import Path

from vlm.commands.flags import add_flags, add_shared, from_args
from vlm.commands.train.groups import RESUME, add_groups, add_settings, held_out_flag, new_parser
from vlm.config import MonitorConfig, NamesConfig, TrainConfig
from vlm.errors import exit_on_user_error

HELP = "the names of a classifier's classes, without pictures of them"
TRAINING = {"learning_rate": 1e-4, "epochs": 1.0, "batch_size": 16}
NAMES = ("per_class", "turns", "unsure")  # settings with a flag


def main(argv: list[str] | None = None) -> None:
    """Read the flags, then train."""
    with exit_on_user_error(RESUME):
        args = parse(argv)
        config, names = from_args(TrainConfig, args), from_args(NamesConfig, args)
        from_args(MonitorConfig, args)  # checks its bounds
        from vlm.training.names import recipe  # imports transformers, which takes seconds

        recipe.run(args, config, names)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the flags."""
    parser = new_parser("names", __doc__)
    groups = add_groups(parser, "scenes", Path("runs/names"), TRAINING)
    held_out_flag(groups.data, 0, "all")
    add_flags(groups.data, NamesConfig, NAMES)
    text = "the trained model: folder or preset (default: %(default)s)"
    add_shared(groups.model, model={"default": "runs/moda/model", "help": text})
    text = "image classifier: fetched name, folder or Hub id (default: %(default)s)"
    add_shared(groups.model, classifier={"default": "efficientnet-lite0", "help": text})
    text = "table of its classes: wnid, article, name, kinds (default: ImageNet's, or its labels)"
    groups.model.add_argument("--kinds", type=Path, metavar="FILE", help=text)
    add_shared(groups.run, "features")
    classes = {NamesConfig: {}, MonitorConfig: {}, TrainConfig: TRAINING}
    add_settings(parser, groups.run, classes)
    return parser.parse_args(argv)
