"""BLEU, CIDEr-D and ROUGE-L of captions with several references, as in COCO's evaluation.

Captions are lists of words (see `tokens`). Corpus scores are functions of sums over pictures, so
that they can be resampled; rows of several pictures are float[pictures, columns].
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

Words = Sequence[str]
ORDERS = 4  # n-grams of one to four words
TINY, SMALL = 1e-15, 1e-9  # the reference's guards against division by zero
SIGMA = 6.0  # width of CIDEr-D's penalty for a different length, in bigrams
BETA = 1.2  # ROUGE-L: how much more recall counts than precision


def count_ngrams(words: Words) -> Counter:
    """Count all n-grams of one to four words."""
    starts = ((size, at) for size in range(1, ORDERS + 1) for at in range(len(words) - size + 1))
    return Counter(tuple(words[at : at + size]) for size, at in starts)


def bleu_row(caption: Words, references: Sequence[Words]) -> list[float]:
    """Return what BLEU sums: matched n-grams, n-grams (four each), length, reference length."""
    limits = Counter()
    for reference in references:
        limits |= count_ngrams(reference)
    matched = [0] * ORDERS
    for ngram, count in (count_ngrams(caption) & limits).items():
        matched[len(ngram) - 1] += count
    length = len(caption)
    closest = min((abs(len(words) - length), len(words)) for words in references)[1]
    return [*matched, *(max(0, length - n) for n in range(ORDERS)), length, closest]


def bleu(totals: np.ndarray, order: int) -> np.ndarray:
    """Compute BLEU-`order` (Papineni et al., 2002), 0 to 1.

    Args:
        totals: float[..., 10], sums of `bleu_row`.
    """
    matched, guessed = totals[..., :order], totals[..., ORDERS : ORDERS + order]
    precision = np.prod((matched + TINY) / (guessed + SMALL), axis=-1) ** (1 / order)
    ratio = (totals[..., -2] + TINY) / (totals[..., -1] + SMALL)
    return precision * np.exp(np.minimum(0, 1 - 1 / ratio))


def cider_d(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """Compute CIDEr-D of each picture, 0 to 10; a single picture scores 0, see `CiderD`."""
    scorer = CiderD(references)
    return np.array([scorer.score(caption, n) for n, caption in enumerate(captions)])


class CiderD:
    """CIDEr-D of captions of some pictures (Vedantam et al., 2015, arXiv 1411.5726).

    Rare n-grams weigh more; how rare they are is counted in the references given, so an n-gram of
    all pictures weighs nothing.

    Args:
        references: for each picture, its captions by people.
    """

    def __init__(self, references: Sequence[Sequence[Words]]):
        self.references = references
        self.frequency: Counter = Counter()  # pictures in whose references an n-gram occurs
        for texts in references:
            self.frequency.update(set().union(*map(count_ngrams, texts)))
        self.log_pictures = np.log(float(len(references)))

    def score(self, caption: Words, picture: int) -> float:
        """Return the score of a caption of the picture with this number, 0 to 10."""
        weighed = self._weigh(caption)
        texts = map(self._weigh, self.references[picture])
        return float(10 * np.mean([_similarity(weighed, text) for text in texts]))

    def consensus(self, picture: int) -> list[float]:
        """Return the score of each of a picture's references against the others, 0 to 10."""
        texts = [self._weigh(words) for words in self.references[picture]]
        others = ([text for text in texts if text is not one] for one in texts)
        return [
            float(10 * np.mean([_similarity(one, text) for text in rest])) if rest else 0.0
            for one, rest in zip(texts, others, strict=True)
        ]

    def _weigh(self, words: Words) -> tuple[dict, np.ndarray, int]:
        """Return tf-idf weights, their norm for each order, and the number of bigrams."""
        ngrams, frequency = count_ngrams(words), self.frequency
        weights = {
            ngram: count * (self.log_pictures - np.log(max(1, frequency[ngram])))
            for ngram, count in ngrams.items()
        }
        squares = np.zeros(ORDERS)
        for ngram, weight in weights.items():
            squares[len(ngram) - 1] += weight**2
        return weights, np.sqrt(squares), max(0, len(words) - 1)


def _similarity(one: tuple, two: tuple) -> float:
    """Return the mean cosine over the orders, clipped, times the penalty for length."""
    (weights, norm, length), (others, other_norm, other_length) = one, two
    dots, norms = np.zeros(ORDERS), norm * other_norm
    for ngram in weights.keys() & others.keys():
        dots[len(ngram) - 1] += min(weights[ngram], others[ngram]) * others[ngram]
    cosines = dots / np.where(norms == 0, 1, norms)
    return cosines.mean() * np.exp(-((length - other_length) ** 2) / (2 * SIGMA**2))


def rouge_l(caption: Words, references: Sequence[Words]) -> float:
    """Compute ROUGE-L (Lin, 2004), 0 to 1: best precision and best recall of a common subsequence.

    They may come from different references, as in COCO's evaluation.
    """
    common = [_common_subsequence(caption, words) for words in references]
    precision = max(common) / max(len(caption), 1)
    recall = max(n / max(len(words), 1) for n, words in zip(common, references, strict=True))
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _common_subsequence(one: Words, two: Words) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(two) + 1)
    for word in one:
        above = row
        row = [0]
        for column, other in enumerate(two):
            longest = above[column] + 1 if word == other else max(row[-1], above[column + 1])
            row.append(longest)
    return row[-1]
