"""The commands of `loupe` by name; each has HELP, `flags(parser)` and `run(args)`."""

from vlm.commands import app, describe, fetch, heads, merge
from vlm.commands.dataset import caption, check, draw, lineage
from vlm.commands.measure import benchmark, calibrate, curve, evaluate, judge, quiz

COMMANDS = {
    "app": app,
    "describe": describe,
    "evaluate": evaluate,
    "calibrate": calibrate,
    "judge": judge,
    "curve": curve,
    "benchmark": benchmark,
    "quiz": quiz,
    "caption": caption,
    "check": check,
    "lineage": lineage,
    "draw": draw,
    "merge": merge,
    "fetch": fetch,
    "heads": heads,
}
