"""Make a data set with descriptions by a teacher and a refiner."""

import argparse
from pathlib import Path

from vlm.captioning import export, history, sample, steps
from vlm.captioning.history import CaptionHistory
from vlm.captioning.review import check_report
from vlm.captioning.review.reviews import Reviews
from vlm.captioning.writers import REFINER, TEACHER, Writer, WriterSettings, open_writer
from vlm.commands.flags import (
    add_shared,
    count,
    from_args,
    judge_flags,
    judge_settings,
    out_path,
    split,
    split_flag,
)
from vlm.data import mixture
from vlm.errors import UserError
from vlm.evaluation.judges import open_judge
from vlm.remote.endpoint import EndpointConfig
from vlm.system import files, hub
from vlm.types import Record

HELP = "make a data set: images described by a teacher"
PRIVATE = ("asked-*.jsonl", "history.jsonl", "reviews.jsonl")  # caches and names: not uploaded
SELECTIONS = {  # the data sets of MODA and phi-vlm: their source, and how images are chosen
    "moda": {"source": "fashion", "sample": 5400},
    "phi-vlm": {"source": "cifar10", "per_class": 10},
}


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    source_flags(parser)
    writer_flags(parser)
    add = parser.add_argument
    text = "image files with metadata.jsonl, or data.parquet (default: folder)"
    add("--format", default="folder", choices=("folder", "parquet"), help=text)
    text = "apply these reviews: drop rejected images, use edited texts (default: none)"
    add("--reviews", type=Path, metavar="FILE", help=text)
    text = "upload to this Hub data set, private if new (default: none)"
    add_shared(parser, push_to_hub=text, resume="continue a stopped run")
    judge_flags(parser, default="")


def source_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose the images."""
    add = parser.add_argument
    text = "fashion, cifar10, negatives or folder=DIR; not needed with --preset"
    add("source", metavar="SOURCE", nargs="?", help=text)
    add("out", type=out_path, metavar="OUT", help="a new folder")
    text = "choose images as for MODA's or phi-vlm's data set (default: none)"
    add_shared(parser, preset={"choices": SELECTIONS, "help": text})
    add(
        "--per-class",
        type=count,
        default=0,
        metavar="N",
        help="images per class, 0 = all (default: 0)",
    )
    text = "size of a stratified sample, 0 = all (default: 0)"
    add("--sample", type=count, default=0, metavar="N", help=text)
    split_flag(parser)
    add_shared(parser, "data_path", "columns", seed="seed of the sample (default: 0)")


def writer_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose the teacher and the refiner."""
    add = parser.add_argument
    who = "labels (the metadata), endpoint:MODEL, or a model: preset, folder, Hub"
    add("--teacher", default="labels", metavar="WHO", help=f"{who} (default: labels)")
    add("--refiner", metavar="WHO", help="corrects the teacher's descriptions (default: none)")
    prompt = {"default": "", "metavar": "FILE", "help": "file with another prompt (default: none)"}
    for name in (TEACHER, REFINER):
        add(f"--{name}-prompt", **prompt)
    add_shared(parser, "device")


def run(args: argparse.Namespace) -> int:
    """Choose, describe, refine, write; exit code 1 when an image has no description."""
    records = choose_records(args)
    log = open_history(args.out, args.resume)
    teacher, refiner = open_writers(args)
    faults = steps.run(records, teacher, refiner, log)
    last = REFINER if refiner else TEACHER
    lines = [grade_line(args, records, log, last)] if args.judge else []
    finished = steps.finished(records, log, last)
    images = export.apply_reviews(finished, read_reviews(args.reviews))
    export.FORMATS[args.format](images, args.out)
    lines += [
        writer_line(step, writer, records, log)
        for step, writer in ((TEACHER, teacher), (REFINER, refiner))
        if writer
    ]
    print(*lines, sep="\n")
    export.write_card(args.out, lines)
    checked = check_report.check([item.record for item in images], [item.text for item in images])
    page = check_report.write(checked, args.out.name, args.out, lines)
    print(f"Flagged captions of the data set: {page}")
    if args.push_to_hub:
        hub.upload(args.out, args.push_to_hub, "dataset", PRIVATE)
    if faults:
        print(steps.fault_summary(faults), "Run the same command with --resume to try again.")
    next_command = f"loupe train adapter --data folder={args.out}"
    print(f"Wrote {len(images)} image-text pairs. Next: {next_command}")
    return int(bool(faults))


def choose_records(args: argparse.Namespace) -> list[Record]:
    """Load the source and draw the images that the flags ask for."""
    preset = SELECTIONS.get(args.preset, {})
    source = args.source or preset.get("source")
    if not source:
        raise UserError("No images are given; name a SOURCE, such as fashion, or a --preset.")
    records = mixture.load(
        [source], split(args, source), args.data_path, columns=args.columns
    ).records
    if per_class := args.per_class or preset.get("per_class", 0):
        records = sample.per_class(records, per_class, args.seed)
    if size := args.sample or preset.get("sample", 0):
        records = sample.stratified(records, size, args.seed)
    return list(records)


def open_history(out: Path, resume: bool) -> CaptionHistory:
    """Start the history of a new folder, or open that of a run to resume."""
    if not (out / history.FILE).is_file():
        files.check_empty(out)
    return CaptionHistory(out / history.FILE, resume)


def open_writers(args: argparse.Namespace) -> tuple[Writer, Writer | None]:
    """Open the teacher and, if there is one, the refiner."""
    prompts = {TEACHER: args.teacher_prompt, REFINER: args.refiner_prompt}
    settings = WriterSettings(args.out, args.device, prompts, from_args(EndpointConfig, args))
    teacher = open_writer(args.teacher, TEACHER, settings)
    return teacher, open_writer(args.refiner, REFINER, settings) if args.refiner else None


def grade_line(
    args: argparse.Namespace, records: list[Record], log: CaptionHistory, last: str
) -> str:
    """Judge the descriptions; returns the mean grade and the cost in one line."""
    judge = open_judge(args.judge, judge_settings(args, args.out, resume=True))
    grade = steps.grade(records, judge, log, last)
    mean = "no description could be judged" if grade is None else f"{grade:.2f} of 10 overall"
    return f"{steps.JUDGE} {judge.name}: {mean}. {judge.summary()}".strip()


def writer_line(step: str, writer: Writer, records: list[Record], log: CaptionHistory) -> str:
    """How many of a writer's descriptions are flagged, and the cost, in one line."""
    flagged, total = steps.count_flagged(records, log, step)
    line = f"{step} {writer.name}: {flagged:,} of {total:,} descriptions are flagged."
    return f"{line} {writer.summary()}".strip()


def read_reviews(path: Path | None) -> Reviews | None:
    """Read the reviews in a file, None without one."""
    if path and not path.is_file():
        raise UserError(f"{path} does not exist; review first: loupe app --review DIR.")
    return Reviews(path) if path else None
