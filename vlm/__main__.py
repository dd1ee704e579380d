"""The commands: `loupe describe`, `loupe evaluate`, ..., also as `python -m vlm describe`."""

import argparse
import io
import sys

from vlm.commands import COMMANDS
from vlm.commands.train import TRAININGS
from vlm.errors import exit_on_user_error


def list_commands() -> argparse.ArgumentParser:
    """Return the parser of `loupe --help`, which lists the commands."""
    top = argparse.ArgumentParser(
        prog="loupe", description="Train, fine-tune, measure and show small vision-language models."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        commands.add_parser(name, help=module.HELP)
    train = commands.add_parser("train", help="train a model, a vision tower or an adapter")
    kinds = train.add_subparsers(dest="training", required=True, metavar="KIND")
    for name, module in TRAININGS.items():
        kinds.add_parser(name, help=module.HELP)
    return top


def command_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command."""
    module, form = COMMANDS[name], argparse.RawDescriptionHelpFormatter
    command = argparse.ArgumentParser(
        prog=f"loupe {name}", description=module.__doc__, formatter_class=form
    )
    module.flags(command)
    command.usage = short_usage(command)
    return command


def short_usage(command: argparse.ArgumentParser) -> str:
    """A usage line that names only the positional arguments; --help lists the flags."""
    arguments = [action for action in command._actions if not action.option_strings]
    forms = {"?": "[{}]", "+": "{} ..."}
    names = [forms.get(str(a.nargs), "{}").format(a.metavar or a.dest) for a in arguments]
    return " ".join(["%(prog)s", "[flags]", *names])


def use_utf8() -> None:
    """Print UTF-8 everywhere; a console or file on Windows may have another encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    use_utf8()
    with exit_on_user_error():
        words = sys.argv[1:] if argv is None else argv
        if words[:1] == ["train"] and "".join(words[1:2]) in TRAININGS:
            TRAININGS[words[1]].main(words[2:])  # its defaults follow from its --preset or --base
            return 0
        if "".join(words[:1]) not in COMMANDS:
            list_commands().parse_args(words)
        args = command_parser(words[0]).parse_intermixed_args(words[1:])
        return COMMANDS[words[0]].run(args)


if __name__ == "__main__":
    raise SystemExit(main())
