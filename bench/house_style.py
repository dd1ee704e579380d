"""Train an adapter on a house style; measure the style, and whether colour and kind stay correct.

    python bench/house_style.py --out runs/house-style

Draws the demo data, trains an adapter on it, and compares base and adapter on held-out
pictures: share of answers in the style, exact labels, held-out loss, seconds. Prints one table.
"""

import argparse
import re
import time
from pathlib import Path

from vlm.commands.train import adapter
from vlm.system import files
from vlm.training import runs

STYLE = re.compile(r"New in: .+, made for .+\. Ready for .+\. Yours, the House\.")
LABELS = ("articleType", "baseColour")


def main(argv: list[str] | None = None) -> None:
    """Draw, train, measure, print."""
    args = parse(argv)
    data, run = args.out / "demo", args.out / "run"
    if not data.exists():
        adapter.main(["--demo-data", str(data)])
    from vlm.data import folder

    records = folder.load("validation", data).records
    rows = {"base": figures(args.base, records)}
    started = time.perf_counter()
    adapter.main(["--base", args.base, "--data", f"folder={data}", "--out", str(run), *args.more])
    seconds = time.perf_counter() - started
    rows["adapter"] = figures(str(run / "adapter"), records)
    losses = [
        row["eval_loss"] for row in files.read_jsonl(run / runs.METRICS) if "eval_loss" in row
    ]
    print(f"{'':10}{'in the style':>14}" + "".join(f"{name:>14}" for name in LABELS))
    for name, row in rows.items():
        print(f"{name:10}" + "".join(f"{row[key]:12.1f} %" for key in ("style", *LABELS)))
    change = min(losses) / losses[0] - 1
    print(f"{len(records)} held-out pictures; {seconds:.0f} s of training and checks")
    print(f"held-out loss {losses[0]:.3f} to {min(losses):.3f} ({change:+.0%})")
    files.write_json(args.out / "house_style.json", rows | {"losses": losses, "seconds": seconds})


def figures(name: str, records) -> dict[str, float]:
    """Return the percentages of answers in the style and with correct kind and colour."""
    from vlm.config import DESCRIBE
    from vlm.evaluation.metrics.attributes import attribute_scores
    from vlm.inference.batch import batch
    from vlm.loading import load

    bundle = load.load(name)
    images = [record.image for record in records]
    texts = list(batch(bundle, images, [DESCRIBE] * len(images), 16))
    right = [
        attribute_scores(text, record.facts) for text, record in zip(texts, records, strict=True)
    ]
    found = {key: 100 * sum(row.get(key, 0) for row in right) / len(right) for key in LABELS}
    return found | {"style": 100 * sum(bool(STYLE.fullmatch(text)) for text in texts) / len(texts)}


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--base", default="moda-mini", help="(default: moda-mini)")
    add("--out", type=Path, required=True, help="folder for data, run and figures")
    add("more", nargs="*", help="further flags of `loupe train adapter`, after --")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
