"""python -m vlm describe|evaluate|...: the commands."""

import argparse

from vlm.commands import COMMANDS
from vlm.errors import one_sentence


def parser() -> argparse.ArgumentParser:
    """All commands and their flags."""
    top = argparse.ArgumentParser(prog="python -m vlm", description="Loupe's commands")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        module.flags(command)
        command.set_defaults(run=module.run)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    with one_sentence():
        args = parser().parse_args(argv)
        return args.run(args)


if __name__ == "__main__":
    raise SystemExit(main())
