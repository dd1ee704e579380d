"""Ask multiple-choice, yes/no and naming questions, and compare the scores with guessing."""

import argparse

from vlm.commands.flags import add_shared, model_flags, open_model
from vlm.errors import UserError
from vlm.evaluation.benchmarks import BENCHMARKS, scoring
from vlm.evaluation.benchmarks.imagenet import benchmark as imagenet
from vlm.evaluation.benchmarks.question import Benchmark, open_picture
from vlm.evaluation.results import SCORES
from vlm.system import files

HELP = "run a benchmark on a model"


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add = parser.add_argument
    add("name", metavar="NAME", choices=BENCHMARKS, help=f"one of: {', '.join(BENCHMARKS)}")
    add_shared(
        parser,
        data_path="table or folder (default: $VLM_DATA/NAME, then the Hub)",
        split={"default": "", "help": "split of the benchmark (default: the one usually reported)"},
        limit="number of questions, evenly spaced, 0 = all (default: 0)",
        out="folder for answers.jsonl and scores.json (default: none)",
        resume="ask only the questions without an answer in --out",
    )
    circular = {"action": argparse.BooleanOptionalAction, "default": None}
    add("--circular", **circular, help="ask every rotation of the options (default: as published)")
    add("--free", action="store_true", help="hide the options: the answer must name the right one")
    text = "imagenet: score the pictures that this classifier gets right too (default: none)"
    add_shared(parser, classifier={"default": None, "help": text})
    add_shared(parser, batch_size="questions per batch (default: 16)")
    model_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Run the benchmark and print its scores; exit with 1 if a question could not be asked."""
    from vlm.evaluation.benchmarks import runner  # imports torch

    if args.resume and not args.out:
        raise UserError("--resume needs the folder to continue; give it with --out.")
    if args.free and args.circular:
        raise UserError("--free hides the options, so there is nothing to rotate; omit --circular.")
    benchmark = BENCHMARKS[args.name](args.split, args.data_path, args.limit)
    print(benchmark.report())
    if not benchmark.questions:
        raise UserError(f"{benchmark.name} has no usable questions; the reasons are above.")
    benchmark = benchmark.without_options() if args.free else benchmark
    benchmark = mark(benchmark, args.classifier) if args.classifier else benchmark
    circular = benchmark.circular if args.circular is None else args.circular
    source = {"benchmark": benchmark.name, "model": args.model}
    answers = runner.run(
        runner.plan(benchmark, circular),
        runner.model_answerer(open_model(args)),
        out=args.out,
        resume=args.resume,
        source=source,
        batch_size=args.batch_size,
    )
    rules = benchmark.scoring or scoring
    result = rules.score(answers, benchmark.last_letter)
    print(f"\n{args.model} on {benchmark.name}, percent\n\n{rules.format_table(result)}")
    if args.out:
        files.write_json(args.out / SCORES, source | {"left_out": len(benchmark.problems)} | result)
    return int(bool(result["not_asked"]))


def mark(benchmark: Benchmark, name: str) -> Benchmark:
    """Mark the pictures that the classifier gets right.

    Raises:
        UserError: for a benchmark without classes of ImageNet, or when the classifier cannot be
            opened.
    """
    from vlm.inference import classifier  # imports torch

    if not isinstance(benchmark.scoring, imagenet.KindScoring):
        raise UserError(f"--classifier is for imagenet, not {benchmark.name}; omit it.")
    opened = classifier.load(name)
    pictures = (open_picture(question) for question in benchmark.questions)
    numbers = opened.classify(pictures)
    return imagenet.mark(benchmark, [opened.kinds[number].id for number in numbers])
