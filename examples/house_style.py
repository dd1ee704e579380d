"""Draw products whose descriptions have a style of their own: what an adapter learns in minutes.

    python examples/house_style.py --out FOLDER

FOLDER gets train/ and validation/ with pictures and a metadata.jsonl of texts and facts.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]  # run from a checkout, not installed

import draw_many  # noqa: E402

from vlm import runs  # noqa: E402
from vlm.data import phrases, words  # noqa: E402
from vlm.errors import one_sentence  # noqa: E402

COUNT, SEED = 500, 77
PROMPT = "Describe this picture."


def text(facts: dict[str, str]) -> str:
    """The house's words for a product."""
    thing = phrases.describe_colour(facts["baseColour"]) + " "
    thing += phrases.describe_kind(facts["articleType"])
    people = words.GENDERS[facts["gender"]].people
    occasion = words.USAGES[facts["usage"]].occasions[0]
    return f"New in: {thing}, made for {people}. Ready for {occasion}. Yours, the House."


def write(folder: Path, count: int = COUNT) -> None:
    """Draw, and put the house's words into the tables; scenes are left out.

    Raises:
        UserError: when the folder holds something already.
    """
    draw_many.draw(folder, count, SEED, 160)
    for split in ("train", "validation"):
        table = folder / split / "metadata.jsonl"
        rows = [json.loads(line) for line in table.read_text().splitlines()]
        for row in rows:
            if "articleType" not in row:
                (folder / split / row["file_name"]).unlink()
        told = [
            {**row, "question": PROMPT, "answer": text(row)} for row in rows if "articleType" in row
        ]
        runs.write_text(table, "".join(map(runs.line, told)))


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--count", type=int, default=COUNT, help="pictures, both splits together")
    options = parser.parse_args()
    with one_sentence():
        write(options.out, options.count)


if __name__ == "__main__":
    main()
