"""A house style in minutes: does the adapter speak it, and is it still right about colour and kind?

    python bench/house_style.py --out runs/house-style

Draws run_qlora.py's demo data, trains an adapter on it, and compares base and adapter on held-out
pictures: share of answers in the style, exact labels, held-out loss, seconds. Prints one table.
"""

import argparse
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

from finetune import run_qlora  # noqa: E402
from vlm import runs  # noqa: E402

STYLE = re.compile(r"New in: .+, made for .+\. Ready for .+\. Yours, the House\.")
LABELS = ("articleType", "baseColour")


def main(argv: list[str] | None = None) -> None:
    """Draw, train, measure, print."""
    args = parse(argv)
    data, run = args.out / "demo", args.out / "run"
    if not data.exists():
        run_qlora.main(["--demo-data", str(data)])
    from vlm.data import folder

    records = folder.load("validation", data).records
    rows = {"base": figures(args.base, records)}
    started = time.perf_counter()
    run_qlora.main(["--base", args.base, "--data", f"folder={data}", "--out", str(run), *args.more])
    seconds = time.perf_counter() - started
    rows["adapter"] = figures(str(run / "adapter"), records)
    losses = [
        row["eval_loss"] for row in runs.read_jsonl(run / "metrics.jsonl") if "eval_loss" in row
    ]
    print(f"{'':10}{'in the style':>14}" + "".join(f"{name:>14}" for name in LABELS))
    for name, row in rows.items():
        print(f"{name:10}" + "".join(f"{row[key]:12.1f} %" for key in ("style", *LABELS)))
    change = min(losses) / losses[0] - 1
    print(f"{len(records)} held-out pictures; {seconds:.0f} s of training and checks")
    print(f"held-out loss {losses[0]:.3f} to {min(losses):.3f} ({change:+.0%})")
    runs.write_json(args.out / "house_style.json", rows | {"losses": losses, "seconds": seconds})


def figures(name: str, records) -> dict[str, float]:
    """Percent of the answers that are in the style, and that name kind and colour rightly."""
    from vlm import describe, load
    from vlm.config import DESCRIBE
    from vlm.metrics.attributes import attributes

    bundle = load.load(name)
    images = [record.image for record in records]
    texts = list(describe.texts(bundle, images, [DESCRIBE] * len(images), 16))
    right = [attributes(text, record.facts) for text, record in zip(texts, records, strict=True)]
    found = {key: 100 * sum(row.get(key, 0) for row in right) / len(right) for key in LABELS}
    return found | {"style": 100 * sum(bool(STYLE.fullmatch(text)) for text in texts) / len(texts)}


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--base", default="moda-mini", help="(default: moda-mini)")
    add("--out", type=Path, required=True, help="folder for data, run and figures")
    add("more", nargs="*", help="further flags of run_qlora.py, after --")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
