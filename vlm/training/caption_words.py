"""The words of captions and answers, which projectors and towers learn to predict."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import torch

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


def numbered(words: Iterable[frozenset[str]], vocabulary: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the numbers in the vocabulary of each picture's words, in ascending order."""
    numbers = {word: number for number, word in enumerate(vocabulary)}
    return [tuple(sorted(numbers[word] for word in row if word in numbers)) for row in words]


def multi_hot(rows: Sequence[Sequence[int]], width: int) -> torch.Tensor:
    """Return float[n, width]: 1 at the numbers in each row."""
    hot = torch.zeros(len(rows), width)
    for row, numbers in zip(hot, rows, strict=True):
        row[list(numbers)] = 1
    return hot
