"""Answer the example pictures with the shipped model and store the answers for the app.

    python examples/make_answers.py             writes examples/examples.json
    python examples/make_answers.py --model X   with another model

Answers are greedy, so they are what the app gives live.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, not installed

from make_examples import TITLES, path  # noqa: E402

from vlm import generate, load  # noqa: E402
from vlm.config import GenerateConfig  # noqa: E402
from vlm.data.captions import PROMPTS  # noqa: E402
from vlm.data.images import open_image  # noqa: E402
from vlm.errors import one_sentence  # noqa: E402
from vlm.types import Bundle  # noqa: E402

TABLE = Path(__file__).parent / "examples.json"
DETAILED, JSON, KIND = PROMPTS["detailed"][1], PROMPTS["json"][4], PROMPTS["kind"][0]
QUESTIONS = {"watch": JSON, "backpack": JSON, "ship": KIND, "aeroplane": KIND, "car": KIND}


def answered(bundle: Bundle, slug: str) -> dict[str, object]:
    """The row of one example."""
    prompt, config = QUESTIONS.get(slug, DETAILED), GenerateConfig()
    answer = generate.answer(bundle, open_image(path(slug)), prompt, config)
    row = {"file": path(slug).name, "title": TITLES[slug], "prompt": prompt, "answer": answer}
    return row | {"model": bundle.name, "settings": asdict(config)}


def main() -> None:
    """Answer all examples and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="moda-mini", help="preset, folder or Hub id")
    with one_sentence():
        bundle = load.load(parser.parse_args().model)
        rows = [answered(bundle, slug) for slug in TITLES]
    TABLE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['file']:20} {row['answer']}")


if __name__ == "__main__":
    main()
