"""The commands of `python -m vlm` by name; each has HELP, `flags(parser)` and `run(args)`."""

from vlm.commands import benchmark, curve, describe, evaluate, judge, quiz, ship

COMMANDS = {
    "describe": describe,
    "evaluate": evaluate,
    "judge": judge,
    "curve": curve,
    "benchmark": benchmark,
    "quiz": quiz,
    "ship": ship,
}
