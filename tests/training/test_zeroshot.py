"""Zero-shot classification and retrieval, with a model whose answers are known."""

import pytest
import torch

from tests import tiny
from vlm.loading.tokenizer import train_tokenizer
from vlm.training.align import zeroshot
from vlm.training.align.model import normalise
from vlm.types import Record, Turn

COLOURS = ("Red", "Green", "Blue")
RGB = {"Red": (255, 0, 0), "Green": (0, 255, 0), "Blue": (0, 0, 255)}


class Rigged(torch.nn.Module):
    """A model that embeds a picture as its mean colour and a text as the colour that it names.

    Args:
        shift: embed texts as another colour, so that every answer is wrong.
    """

    def __init__(self, tokenizer, shift: int = 0):
        super().__init__()
        self.tokenizer, self.shift = tokenizer, shift
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        return normalise(pixels)

    def encode_images(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return pixel_values.mean((2, 3))

    def embed_images(self, pooled: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(pooled, dim=-1)

    def embed_texts(self, input_ids, attention_mask) -> torch.Tensor:
        rows = []
        for text in self.tokenizer.batch_decode(input_ids, skip_special_tokens=True):
            row = torch.zeros(3)
            named = [n for n, colour in enumerate(COLOURS) if colour.lower() in text.lower()]
            if named:
                row[(named[0] + self.shift) % 3] = 1
            rows.append(row)
        return torch.stack(rows)


def records() -> list[Record]:
    rows = []
    for number in range(9):
        colour = COLOURS[number % 3]
        picture = tiny.picture().resize((32, 32))
        picture.paste(RGB[colour], (0, 0, 32, 32))
        turns = (Turn("?", f"A {colour.lower()} shirt.", "brief"), Turn("?", "Red.", "colour"))
        rows.append(
            Record(str(number), picture, turns, {"articleType": "Shirts", "baseColour": colour})
        )
    return rows


TOKENIZER = train_tokenizer(["A red shirt. The item is green. Blue."], 300)


@pytest.mark.parametrize(("shift", "accuracy"), [(0, 100.0), (1, 0.0)])
def test_a_picture_is_classified_by_the_nearest_prompt(shift: int, accuracy: float) -> None:
    scores = zeroshot.measure(Rigged(TOKENIZER, shift), TOKENIZER, records(), 32)
    assert scores["zeroshot"]["baseColour"]["mean"] == accuracy
    assert scores["zeroshot"]["baseColour"]["n"] == 9
    assert set(scores["zeroshot"]) == {"articleType", "baseColour"}
    assert scores["retrieval"]["R@1"]["mean"] == accuracy
    table = zeroshot.format_table(scores)
    assert f"zero-shot baseColour    {accuracy:7.2f} %" in table and "image to text R@5" in table


def test_pictures_without_labels_or_captions_have_no_scores() -> None:
    bare = [Record("0", records()[0].image)]
    scores = zeroshot.measure(Rigged(TOKENIZER), TOKENIZER, bare, 32)
    assert scores == {"zeroshot": {}, "retrieval": {}} and zeroshot.format_table(scores) == ""
