"""python -m vlm caption: a teacher describes, a refiner corrects, a data set comes out."""

import argparse
from pathlib import Path

from vlm.commands import shared
from vlm.config import count, from_args
from vlm.endpoint import EndpointConfig
from vlm.errors import UserError
from vlm.judges import open_judge
from vlm.judges.base import from_flags, judge_flags

HELP = "make a data set: pictures and what a teacher says of them"
LOCAL = ("asked-*.jsonl", "history.jsonl", "reviews.jsonl")  # who asked and decided: not uploaded
PRESETS = {  # the data sets of MODA and phi-vlm: source, and how their pictures are chosen
    "moda": {"source": "fashion", "sample": 5400},
    "phi-vlm": {"source": "cifar10", "per_class": 10},
}


def flags(parser: argparse.ArgumentParser) -> None:
    """Everything that can be set."""
    add = parser.add_argument
    add("source", metavar="SOURCE", nargs="?",
        help="fashion, cifar10, negatives or folder=DIR; not needed with --preset")  # fmt: skip
    add("out", type=Path, metavar="OUT", help="a new folder")
    who = "labels (the metadata), endpoint:MODEL, or a model: preset, folder, Hub"
    add("--teacher", default="labels", metavar="WHO", help=f"{who} (default: labels)")
    add("--refiner", metavar="WHO", help="corrects what the teacher said (default: nobody)")
    for name in ("teacher", "refiner"):
        add(f"--{name}-prompt", default="", metavar="FILE",
            help="text file that replaces our question (default: ours)")  # fmt: skip
    add("--preset", choices=PRESETS, help="the pictures of MODA's or phi-vlm's data set")
    add("--per-class", type=count, default=0, help="pictures of each class, 0 = all (default: 0)")
    add("--sample", type=count, default=0,
        help="pictures drawn, mixed like the whole, 0 = all (default: 0)")  # fmt: skip
    add("--format", default="folder", choices=("folder", "parquet"),
        help="pictures with metadata.jsonl, or data.parquet (default: folder)")  # fmt: skip
    shared.split_flag(parser)
    add("--seed", type=count, default=0, help="which pictures are drawn (default: 0)")
    add("--data-path", help="folder of the data set (default: $VLM_DATA, then the Hub)")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--reviews", type=Path, metavar="FILE",
        help="leave out what was rejected there, take what was edited (default: none)")  # fmt: skip
    add("--push-to-hub", metavar="NAME",
        help="upload the data set there, private when new (default: none)")  # fmt: skip
    add("--resume", action="store_true", help="go on with a run that was stopped")
    judge_flags(parser)
    parser.set_defaults(judge="")


def run(args: argparse.Namespace) -> int:
    """Choose, describe, refine, write; exit code 1 when a picture has no description."""
    from vlm.teach import checked, export, steps
    from vlm.teach.writers import REFINER, TEACHER

    records = chosen(args)
    history = started(args.out, args.resume)
    teacher, refiner = writers(args)
    faults = steps.run(records, teacher, refiner, history)
    last = REFINER if refiner else TEACHER
    grade = judgement(args, records, history, last)
    told = steps.finished(records, history, last)
    done = export.reviewed(told, decisions(args.reviews))
    export.FORMATS[args.format](done, args.out)
    lines = [grade] if grade else []
    for step, writer in ((TEACHER, teacher), (REFINER, refiner)):
        if writer:
            doubtful, total = steps.doubts(records, history, step)
            line = f"{step} {writer.name}: {doubtful:,} of {total:,} descriptions are doubtful."
            lines.append(f"{line} {writer.summary()}".strip())
    print(*lines, sep="\n")
    export.card(args.out, lines)
    final = checked.check([item.record for item in done], [item.text for item in done])
    print(f"Doubts about the final ones: {checked.write(final, args.out.name, args.out, lines)}")
    if args.push_to_hub:
        from vlm import hub

        hub.upload(args.out, args.push_to_hub, "dataset", LOCAL)
    if faults:
        print(steps.told(faults), "Run the same command with --resume to ask again.")
    following = f"python finetune/run_qlora.py --data folder={args.out}"
    print(f"Wrote {len(done)} pairs. Go on with: {following}")
    return int(bool(faults))


def judgement(args: argparse.Namespace, records: list, history, last: str) -> str:
    """What the judge says of the descriptions, in a line; empty without one."""
    from vlm.teach import steps

    if not args.judge:
        return ""
    judge = open_judge(args.judge, from_flags(args, args.out, resume=True))
    grade = steps.judged(records, judge, history, last)
    mean = "nothing could be judged" if grade is None else f"{grade:.2f} of 10 overall"
    return f"{steps.JUDGE} {judge.name}: {mean}. {judge.summary()}".strip()


def decisions(path: Path | None):
    """The decisions of a file; None without one."""
    from vlm.teach.reviews import Reviews

    if path and not path.is_file():
        raise UserError(f"{path} is not there; review first: python app.py --review DIR.")
    return Reviews(path) if path else None


def chosen(args: argparse.Namespace) -> list:
    """The pictures that the flags ask for."""
    from vlm import mixture
    from vlm.teach import sample

    preset = PRESETS.get(args.preset, {})
    source = args.source or preset.get("source")
    if not source:
        raise UserError("No pictures were named; give SOURCE, such as fashion, or a --preset.")
    records = mixture.load([source], shared.split(args, source), args.data_path).records
    if each := args.per_class or preset.get("per_class", 0):
        records = sample.per_class(records, each, args.seed)
    if size := args.sample or preset.get("sample", 0):
        records = sample.stratified(records, size, args.seed)
    return list(records)


def started(out: Path, resume: bool):
    """The history of a new folder, or of one that is gone on with."""
    from vlm import runs
    from vlm.teach.history import FILE, History

    if not (out / FILE).is_file():
        runs.check_new(out)
    return History(out / FILE, resume)


def writers(args: argparse.Namespace) -> tuple:
    """Teacher and refiner; None for a refiner that was not asked for."""
    from vlm.teach.writers import REFINER, TEACHER, WriterSettings, open_writer

    files = {TEACHER: args.teacher_prompt, REFINER: args.refiner_prompt}
    settings = WriterSettings(args.out, args.device, files, from_args(EndpointConfig, args))
    teacher = open_writer(args.teacher, TEACHER, settings)
    return teacher, open_writer(args.refiner, REFINER, settings) if args.refiner else None
