"""Several answers about one picture in one sequence, so that what they share is computed once.

picture, common start of the prompts -> the rest of each different prompt -> its answers

A token sees its own segment and the segments before it in this tree, and its position is the one it
would have in a sequence of its own. So the loss is the same as that of separate sequences.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from os.path import commonprefix
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from vlm.data.scene_questions.captions import TASK as CAPTION_TASK
from vlm.inference import encoding
from vlm.training.examples import FeatureExamples, spread
from vlm.types import IGNORE_INDEX, Bundle, Turn

TOLERANCE = 0.03  # of the logits' standard deviation; bfloat16 rounds
PROBE = (("What is it?", "A dog."), ("What is it?", "A cat."), ("Is it red?", "No."))


class Segment(NamedTuple):
    """A part of the tree.

    Attributes:
        tokens: their ids.
        labels: the same length; IGNORE_INDEX for the tokens of a prompt.
        parent: index of the segment before it, -1 for the first.
    """

    tokens: tuple[int, ...]
    labels: tuple[int, ...]
    parent: int


def pack(examples: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Pack examples of `encoding.encode_text` about the same picture into one sequence.

    Returns:
        input_ids, position_ids, labels int64[1, T] and attention_mask bool[1, 1, T, T], True where
        a token (row) sees another one (column).
    """
    segments = _tree([split(example) for example in examples])
    owner = np.repeat(range(len(segments)), [len(segment.tokens) for segment in segments])
    sees, starts = np.eye(len(segments), dtype=bool), [0] * len(segments)
    for number, segment in enumerate(segments[1:], 1):
        sees[number] |= sees[segment.parent]
        starts[number] = starts[segment.parent] + len(segments[segment.parent].tokens)
    ranges = [np.arange(len(s.tokens)) + start for s, start in zip(segments, starts, strict=True)]
    rows = {
        "input_ids": [token for segment in segments for token in segment.tokens],
        "position_ids": np.concatenate(ranges),
        "labels": [label for segment in segments for label in segment.labels],
    }
    mask = torch.from_numpy(sees[owner][:, owner]).tril()[None, None]
    packed = {name: torch.as_tensor(row, dtype=torch.long)[None] for name, row in rows.items()}
    return packed | {"attention_mask": mask}


def split(example: dict[str, torch.Tensor]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids of an example's prompt and of its answer."""
    labels = example["labels"][0]
    count = int((labels == IGNORE_INDEX).sum())
    ids = example["input_ids"][0].tolist()
    return tuple(ids[:count]), tuple(ids[count:])


def _tree(pairs: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[Segment]:
    """Return the common start of all prompts, the rest of each prompt, and the answers.

    An answer's segment starts with a copy of its prompt's last token, which predicts its first
    token: one token cannot predict the first tokens of several answers.
    """
    answers: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for prompt, answer in pairs:
        answers.setdefault(prompt, []).append(answer)
    start = tuple(commonprefix([prompt[:-1] for prompt in answers]))
    segments = [Segment(start, (IGNORE_INDEX,) * len(start), -1)]
    for prompt, texts in answers.items():
        rest, parent = prompt[len(start) : -1], len(segments)
        segments.append(Segment(rest, (IGNORE_INDEX,) * len(rest), 0))
        for text in texts:
            segments.append(Segment((prompt[-1], *text), (IGNORE_INDEX, *text), parent))
    return segments


class PackedExamples(TorchDataset):
    """One item for each picture and epoch: all of its captions and some other questions, packed.

    Captions share one prompt, so they cost little. The epochs are concatenated, so item i depends
    only on i, and a resumed run sees the same data.

    Args:
        examples: whose turns and views are packed; its turns per epoch are the number of other
            questions.
    """

    def __init__(self, examples: FeatureExamples):
        self.examples = examples
        self.captions, self.others = [], []  # numbers of each record's turns
        for first, end in pairwise(examples.starts):
            turns = range(first, end)
            captions = [turn for turn in turns if examples.turns[turn][1].task == CAPTION_TASK]
            self.captions.append(captions)
            self.others.append([turn for turn in turns if turn not in captions])
        self.numbers = np.flatnonzero(np.diff(examples.starts))  # records with turns
        self.length = round(len(self.numbers) * examples.epochs)
        self.shuffled = np.random.default_rng(0).permutation(len(self.numbers))

    def __len__(self) -> int:
        return self.length

    def answers(self) -> int:
        """Return the number of answers in all items."""
        return sum(len(self._locate(index)[1]) for index in range(self.length))

    def lengths(self) -> np.ndarray:
        """Return the characters of each item, int[n], for `batching`."""
        sizes = [turn.characters for _, turn in self.examples.turns]
        items = (self._locate(index)[1] for index in range(self.length))
        return np.array([sum(sizes[turn] for turn in turns) for turns in items])

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        number, turns, view = self._locate(index)
        texts = [self.examples.text(turn) for turn in turns]
        return {**pack(texts), **self.examples.vision_inputs(number, view)}

    def _locate(self, index: int) -> tuple[int, list[int], int]:
        """Return the record's number, the numbers of its turns and that of the view of an item."""
        epoch, place = divmod(index, len(self.numbers))
        is_full = (epoch + 1) * len(self.numbers) <= self.length
        # a partial last epoch is a random sample of all pictures
        number = int(self.numbers[place if is_full else self.shuffled[place]])
        others, per_epoch = self.others[number], self.examples.turns_per_epoch
        count = min(per_epoch, len(others)) if per_epoch else len(others)
        offset = spread(number) + epoch * count if per_epoch else 0
        chosen = [others[(offset + place) % len(others)] for place in range(count)]
        turns = self.captions[number] + chosen
        return number, turns, (spread(number) + epoch) % len(self.examples.features)


def collator(processor) -> Callable[[Sequence[dict]], dict[str, torch.Tensor]]:
    """Return a collator for items of `PackedExamples`: pads on the right, stacks the rest.

    Logits are needed only of the tokens before a label.
    """
    pad_id = processor.tokenizer.pad_token_id
    return lambda items: _collate(items, pad_id)


def _collate(items: Sequence[dict], pad_id: int) -> dict[str, torch.Tensor]:
    others = [{k: value for k, value in item.items() if k != "attention_mask"} for item in items]
    batch = encoding.pad(others, pad_id, left=False)
    longest = batch["input_ids"].shape[1]
    masks = torch.cat([_pad_mask(item["attention_mask"], longest) for item in items])
    next_labels = torch.nn.functional.pad(batch["labels"][:, 1:], (0, 1), value=IGNORE_INDEX)
    return batch | {"attention_mask": masks, "logits_to_keep": next_labels != IGNORE_INDEX}


def _pad_mask(mask: torch.Tensor, longest: int) -> torch.Tensor:
    """Pad bool[1, 1, T, T]; padding sees the first token, for a softmax needs one."""
    missing = longest - mask.shape[-1]
    padded = torch.nn.functional.pad(mask, (0, missing, 0, missing))
    padded[..., mask.shape[-1] :, 0] = True
    return padded


def count_tokens(attention_mask: torch.Tensor) -> torch.Tensor:
    """Return the number of tokens without padding, for a mask [B, T] or [B, 1, T, T]."""
    is_packed = attention_mask.dim() == 4
    return (attention_mask.diagonal(dim1=-2, dim2=-1) if is_packed else attention_mask).sum()


@torch.inference_mode()
def is_supported(bundle: Bundle) -> bool:
    """Return True if the decoder computes the same for packed sequences as for separate ones.

    The placeholders' own embeddings stand for the picture.
    """
    examples = [encoding.encode_text(bundle.processor, Turn(*pair)) for pair in PROBE]
    model = bundle.model.eval()
    separate = torch.cat([_answer_logits(model, example) for example in examples])
    difference = (_answer_logits(model, pack(examples)) - separate).abs().mean()
    return bool(difference <= TOLERANCE * separate.std())


def _answer_logits(model, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the logits that predict the answers, float[answer tokens, V]."""
    inputs = {name: value.to(model.device) for name, value in batch.items()}
    words, labels = model.get_input_embeddings()(inputs.pop("input_ids")), inputs.pop("labels")
    logits = model(inputs_embeds=words, **inputs).logits
    return logits[:, :-1][labels[:, 1:] != IGNORE_INDEX].float()
