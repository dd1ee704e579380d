"""People's captions as a yardstick."""

import pytest

from bench import human_captions
from vlm.errors import UserError

TEXTS = [[f"A {thing} runs.", f"A {thing} is running."] for thing in ("dog", "cat", "horse", "cow")]


def test_people_agree_more_with_captions_of_the_same_picture():
    same, other = (human_captions.score(TEXTS, shifted, java=False) for shifted in (False, True))
    assert same.figures["cider_d"]["mean"] > other.figures["cider_d"]["mean"]
    assert same.figures["chair_i"]["mean"] == 0 and other.figures["chair_i"]["mean"] == 100
    with pytest.raises(UserError, match="several captions"):
        human_captions.score([])
