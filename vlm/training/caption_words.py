"""The words of captions and answers, which projectors and towers learn to predict."""

import re
from collections import Counter
from collections.abc import Sequence

MIN_PICTURES, MAX_SHARE = 5, 0.5  # words of fewer pictures are not learnt, of more say nothing
WORD = re.compile(r"[^\W\d_]{3,}")


def words_of(text: str) -> frozenset[str]:
    """Return the words of three letters and more, in lower case."""
    return frozenset(WORD.findall(text.lower()))


def common_words(words: Sequence[frozenset[str]]) -> list[str]:
    """Return the words of at least MIN_PICTURES pictures and at most MAX_SHARE of them."""
    counts = Counter(word for row in words for word in row)
    most = MAX_SHARE * len(words)
    return sorted(word for word, count in counts.items() if MIN_PICTURES <= count <= most)
