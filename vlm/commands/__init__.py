"""The commands of `python -m vlm` by name; each has HELP, `flags(parser)` and `run(args)`."""

from vlm.commands import (
    benchmark,
    caption,
    check,
    curve,
    describe,
    evaluate,
    judge,
    lineage,
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
    "lineage": lineage,
    "merge": merge,
    "ship": ship,
}
