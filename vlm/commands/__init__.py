"""The commands of `python -m vlm` by name; each has HELP, `flags(parser)` and `run(args)`."""

from vlm.commands import (
    benchmark,
    caption,
    check,
    curve,
    describe,
    evaluate,
    judge,
    merge,
    quiz,
    ship,
)

COMMANDS = {
    "describe": describe,
    "evaluate": evaluate,
    "judge": judge,
    "curve": curve,
    "benchmark": benchmark,
    "quiz": quiz,
    "caption": caption,
    "check": check,
    "merge": merge,
    "ship": ship,
}
