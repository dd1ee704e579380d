"""Score people's captions as if a model had written them: the first against the others.

    python bench/human_captions.py                 # validation pictures of `scenes`
    python bench/human_captions.py --shifted       # the same for captions of other pictures

Figures of a model are to be read between the two: what people reach, and what is due to chance.
METEOR and SPICE need Java and the package pycocoevalcap; without them the reasons are printed.
"""

import argparse
from collections.abc import Sequence

from vlm.commands.flags import add_shared
from vlm.commands.measure.evaluate import print_captions
from vlm.data import DATASETS, folder
from vlm.errors import UserError, exit_on_user_error
from vlm.evaluation.metrics.captioning.measure import CaptionScores, add_people, measure


def main(argv: list[str] | None = None) -> None:
    """Read the captions, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    text = "part of the data set (default: %(default)s)"
    split = {"default": "validation", "choices": folder.SPLITS, "help": text}
    add_shared(parser, "data_path", split=split)
    add_shared(parser, "limit")
    text = "give each picture the caption of another one"
    parser.add_argument("--shifted", action="store_true", help=text)
    text = "measure METEOR and SPICE too (default: yes)"
    parser.add_argument("--java", action=argparse.BooleanOptionalAction, default=True, help=text)
    args = parser.parse_args(argv)
    with exit_on_user_error():
        records = DATASETS["scenes"](args.split, args.data_path, args.limit).records
        texts = [record.facts["captions"].split("\n") for record in records]
        scores = score([row for row in texts if len(row) > 1], args.shifted, args.java)
        print_captions(scores.figures, scores.left_out)


def score(
    texts: Sequence[Sequence[str]], shifted: bool = False, java: bool = True
) -> CaptionScores:
    """Score each picture's first caption against its others.

    Args:
        texts: the captions of each picture.
        shifted: use the first caption of the next picture instead.
        java: measure METEOR and SPICE.

    Raises:
        UserError: when no picture has several captions.
    """
    if not texts:
        raise UserError("No picture has several captions; give another data set.")
    captions = [row[0] for row in texts]
    captions = [*captions[1:], captions[0]] if shifted else captions
    scores = measure(captions, [row[1:] for row in texts], with_java=java)
    add_people(scores, texts)  # every caption against all others, as in `loupe evaluate`
    return scores


if __name__ == "__main__":
    main()
