"""Draw and print a metric over tokens seen, for one run or several."""

import argparse
from collections.abc import Sequence

from vlm.commands.flags import add_shared
from vlm.errors import UserError
from vlm.reporting.catalog import Run, open_run
from vlm.reporting.curves import METRICS, chart, chart_all, not_measured, points
from vlm.reporting.plots import millions

HELP = "draw a metric over tokens seen"
SUFFIX = ".png"
ALL = "all"  # MODA's metrics of one run


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="folder of a run, or a name such as moda-mini")
    add(
        "--metric",
        default="overall",
        choices=[*METRICS, ALL],
        help="all: MODA's metrics of one run (default: %(default)s)",
    )
    add_shared(
        parser, out={"metavar": "FILE", "help": "a .png file for the chart (default: table only)"}
    )


def run(args: argparse.Namespace) -> int:
    """Print the points and draw them."""
    if args.out and args.out.suffix.lower() != SUFFIX:
        raise UserError(f"--out is {str(args.out)!r}; charts are written as {SUFFIX} files.")
    runs = list(dict.fromkeys(open_run(name) for name in args.runs))
    if args.metric == ALL and len(runs) > 1:
        raise UserError(
            f"--metric {ALL} draws one run, got {len(runs)}; give one run, or choose one metric."
        )
    wanted = [name for name in METRICS if args.metric in (name, ALL)]
    if not any(points(run, name) for run in runs for name in wanted):
        raise UserError(not_measured(runs, wanted[0]))
    print("\n".join(line for name in wanted for line in table(runs, name)))
    if args.out:
        chart_all(runs[0], args.out) if args.metric == ALL else chart(runs, args.metric, args.out)
        print(f"Written to {args.out}")
    return 0


def table(runs: Sequence[Run], metric: str) -> list[str]:
    """The points as lines of text, by run; one without any says so."""
    width = max(len(run.name) for run in runs)
    lines = [METRICS[metric].title, f"{'run':{width}}  {'million tokens':>14}  {'value':>8}"]
    for run in runs:
        rows = points(run, metric)
        lines += [f"{run.name:{width}}  {millions(x):>14}  {y:8.4f}" for x, y in rows]
        if not rows:
            lines.append(f"{run.name:{width}}  {'not measured':>14}")
    return lines
