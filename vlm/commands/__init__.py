"""The commands of `python -m vlm` by name; each has HELP, `flags(parser)` and `run(args)`."""

from vlm.commands import describe, evaluate

COMMANDS = {"describe": describe, "evaluate": evaluate}
