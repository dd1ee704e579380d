"""Zero-shot naming and retrieval, with towers whose answers are known."""

import pytest
import torch

from tests import tiny
from vlm import build, zeroshot
from vlm.types import Record, Turn

COLOURS = ("Red", "Green", "Blue")
RGB = {"Red": (255, 0, 0), "Green": (0, 255, 0), "Blue": (0, 0, 255)}


class Rigged(torch.nn.Module):
    """Sees the mean colour; of a text it knows the colour's name, or another one when it errs."""

    def __init__(self, tokenizer, shift: int = 0):
        super().__init__()
        self.tokenizer, self.shift = tokenizer, shift
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def pooled(self, pixel_values: torch.Tensor) -> torch.Tensor:
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
    made = []
    for number in range(9):
        colour = COLOURS[number % 3]
        picture = tiny.picture().resize((32, 32))
        picture.paste(RGB[colour], (0, 0, 32, 32))
        turns = (Turn("?", f"A {colour.lower()} shirt.", "brief"), Turn("?", "Red.", "colour"))
        made.append(
            Record(str(number), picture, turns, {"articleType": "Shirts", "baseColour": colour})
        )
    return made


TOKENIZER = build.train_tokenizer(["A red shirt. The item is green. Blue."], 300)


@pytest.mark.parametrize(("shift", "right"), [(0, 100.0), (1, 0.0)])
def test_a_picture_is_named_by_the_nearest_sentence(shift: int, right: float) -> None:
    found = zeroshot.measure(Rigged(TOKENIZER, shift), TOKENIZER, records(), 32)
    assert found["zeroshot"]["baseColour"]["mean"] == right
    assert found["zeroshot"]["baseColour"]["n"] == 9
    assert set(found["zeroshot"]) == {"articleType", "baseColour"}
    assert found["retrieval"]["R@1"]["mean"] == right
    told = zeroshot.table(found)
    assert f"zero-shot baseColour    {right:7.2f} %" in told and "picture to text R@5" in told


def test_what_has_neither_label_nor_caption_has_no_figures() -> None:
    bare = [Record("0", records()[0].image)]
    found = zeroshot.measure(Rigged(TOKENIZER), TOKENIZER, bare, 32)
    assert found == {"zeroshot": {}, "retrieval": {}} and zeroshot.table(found) == ""
