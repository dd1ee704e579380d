"""Alignment: a vision tower and a small text tower learn to tell which caption is of which picture.

pictures [B, 3, H, W] --tower--> pooled [B, Dv] --+--image_projection--> [B, E] --+
                                                  +--heads--> attributes          +--> sigmoid loss
captions [B, T] --text tower--> mean [B, Dt] ------text_projection-----> [B, E] --+

The loss is SigLIP's (Zhai et al., 2023, arXiv 2303.15343, algorithm 1): every pair is a yes/no
question of its own. Pictures with the same facts count as pairs of each other's captions. The heads
name attributes; they help, and are thrown away. What is kept is an average over the last weights.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, logsigmoid, normalize
from torch.optim.swa_utils import AveragedModel

from vlm.errors import UserError
from vlm.types import IGNORE_INDEX, Record

ATTRIBUTES = ("articleType", "subCategory", "baseColour", "gender", "usage", "season")
ATTRIBUTES += ("pattern", "neckline", "sleeve", "fit", "material", "style")
ATTRIBUTES += ("kind", "colour", "ground")
MIN_COUNT = 5  # a value seen less often than this is not worth a class
SCALE, BIAS = 10.0, -10.0  # SigLIP's initial temperature and bias
WORDS = 48  # tokens of a caption
WEIGHTS = {"baseColour": 2.0, "kind": 2.0}  # of the heads' losses, 1 elsewhere: these learn slowest


def sigmoid_loss(
    images: torch.Tensor, texts: torch.Tensor, pairs: torch.Tensor, scale, bias
) -> torch.Tensor:
    """SigLIP's loss per picture.

    Args:
        images, texts: float[B, E] and float[C, E], of length one.
        pairs: bool[B, C], which text fits which picture.
        scale, bias: the learned temperature and bias.
    """
    logits = scale * images @ texts.T + bias
    signs = 2 * pairs.to(logits.dtype) - 1  # +1 for pairs, -1 for all others
    return -logsigmoid(signs * logits).sum() / len(images)


class AlignModel(nn.Module):
    """Both towers, their projections and one linear head for each attribute.

    Args:
        tower: an AutoModel whose output has `pooler_output`.
        text: an AutoModel for text, its `last_hidden_state` is averaged over the caption.
        values: attribute -> its possible values, in the order of the classes.
        helped: False leaves the heads' loss out (they learn on features that do not know of them).
    """

    def __init__(self, tower, text, values: dict, width: int = 256, helped: bool = True):
        super().__init__()
        self.tower, self.text, self.helped = tower, text, helped
        seen = getattr(tower.config, "hidden_size", None) or tower.config.hidden_sizes[-1]
        self.image_projection = nn.Linear(seen, width)
        self.text_projection = nn.Linear(text.config.hidden_size, width)
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())
        self.bias = nn.Parameter(torch.tensor(BIAS))
        self.heads = nn.ModuleList(nn.Linear(seen, len(names)) for names in values.values())
        self.weights = [WEIGHTS.get(name, 1.0) for name in values]
        self.entropy = nn.CrossEntropyLoss(
            ignore_index=IGNORE_INDEX, label_smoothing=0.1, reduction="sum"
        )

    def pooled(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """float[B, Dv] of float[B, 3, H, W]."""
        quick = pixel_values.contiguous(memory_format=torch.channels_last)  # a fifth less time
        return self.tower(quick).pooler_output.flatten(1)

    def check_side(self, side: int) -> None:
        """Raise a `UserError` when the tower takes no pictures of this side, in pixels."""
        learning = self.training
        try:
            with torch.inference_mode():
                self.eval().pooled(torch.zeros(1, 3, side, side))
        except (ValueError, RuntimeError) as error:
            raise UserError(
                f"The vision tower takes no pictures of {side} x {side} pixels ({error}); "
                "give --start-size and --image-size that it takes."
            ) from error
        finally:
            self.train(learning)

    def embed_texts(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """float[B, E] of length one, of int64[B, T]."""
        hidden = self.text(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask[..., None].to(hidden.dtype)
        mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)
        return normalize(self.text_projection(mean).float(), dim=-1)

    def embed_images(self, pooled: torch.Tensor) -> torch.Tensor:
        """float[B, E] of length one, of the tower's float[B, Dv]."""
        return normalize(self.image_projection(pooled).float(), dim=-1)

    def forward(self, pixel_values, labels, input_ids, attention_mask, groups) -> dict:
        """Loss per picture: the pairs' and, where they help, every attribute's that is known.

        Args:
            pixel_values: float[B, 3, H, W], normalised.
            labels: int64[B, A], `IGNORE_INDEX` where a picture has no such attribute.
            input_ids, attention_mask: int64[B, T], the captions; a row without any is left out.
            groups: int64[B], equal where captions fit each other's pictures.
        """
        pooled = self.pooled(pixel_values)
        images, texts = self.embed_images(pooled), self.embed_texts(input_ids, attention_mask)
        told = attention_mask.any(1)  # a picture without a caption is nobody's pair
        pairs = groups[:, None] == groups[None, told]
        loss = sigmoid_loss(images, texts[told], pairs, self.log_scale.exp(), self.bias)
        features = pooled if self.helped else pooled.detach()
        logits = [head(features).float() for head in self.heads]
        entropies = [self.entropy(scores, labels[:, n]) for n, scores in enumerate(logits)]
        named = sum(weight * loss for weight, loss in zip(self.weights, entropies, strict=True))
        return {"loss": loss + named / len(labels), "logits": (*logits, images, texts)}


def moving_average(decay: float):
    """A `multi_avg_fn` for AveragedModel: what it was, and a little of what it is.

    The first steps count more, for the weights run away from an average that is long: after n of
    them the decay is at most (1 + n) / (10 + n), as in TensorFlow's ExponentialMovingAverage.
    """

    def mixed(averages: list, new: list, steps: torch.Tensor) -> None:
        if not torch.is_floating_point(averages[0]):
            torch._foreach_copy_(averages, new)  # counters
            return
        kept = min(decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averages, new, 1 - kept)

    return mixed


class Averaged(nn.Module):
    """Trains `live`, answers with an exponential moving average of its weights.

    While it trains, pictures grow (progressive resizing: Tan and Le, 2021, arXiv 2104.00298): the
    first half of the steps sees them at the start size, the third quarter half-way, the last one
    at their own. It takes them as bytes and normalises them where the model is.

    Args:
        live: the model that learns.
        steps: forward passes of the whole training.
        start_size: side of the first pictures, pixels; None trains at one size.
        decay: of the average, a forward pass.
    """

    def __init__(self, live: nn.Module, steps: int, start_size: int | None = None, decay=0.998):
        super().__init__()
        self.live, self.steps, self.start_size = live, steps, start_size
        self.average = AveragedModel(live, multi_avg_fn=moving_average(decay), use_buffers=True)
        self.average.requires_grad_(False)

    def forward(self, pixel_values, labels, input_ids, attention_mask, groups) -> dict:
        """The live model's loss while training, the average's loss and logits else.

        Both see pictures of this stage's size: a tower that knows small ones only would look bad.
        """
        if self.training:
            self.average.update_parameters(self.live)  # of the step before
        model = self.live if self.training else self.average.module
        return model(self.sized(pixel_values), labels, input_ids, attention_mask, groups)

    def sized(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """The pictures, normalised, at the size of this stage of the training."""
        pixel_values, full = normalised(pixel_values), pixel_values.shape[-1]
        if not self.start_size or self.start_size >= full:
            return pixel_values
        quarter = 4 * int(self.average.n_averaged) // max(1, self.steps)
        size = (self.start_size,) * 2 + ((self.start_size + full) // 2, full)
        side = size[min(quarter, 3)]
        if side == full:
            return pixel_values
        return interpolate(pixel_values, (side, side), mode="bilinear", antialias=True)


def attribute_values(
    records: Sequence[Record], names: Sequence[str] = ATTRIBUTES
) -> dict[str, list[str]]:
    """The classes of each attribute: every value seen at least `MIN_COUNT` times."""
    table = {}
    for name in names:
        seen = Counter(record.facts[name] for record in records if name in record.facts)
        table[name] = sorted(value for value, count in seen.items() if count >= MIN_COUNT)
    return {name: values for name, values in table.items() if len(values) > 1}


def normalised(pixels: torch.Tensor) -> torch.Tensor:
    """float[B, 3, H, W] of pictures uint8[B, 3, H, W], as the image processor gives it."""
    return (pixels.float() / 255 - 0.5) / 0.5


def tokenized(tokenizer, texts: Sequence[str]) -> Mapping[str, torch.Tensor]:
    """Captions as the text tower reads them: input_ids and attention_mask, int64[B, T]."""
    return tokenizer(
        list(texts), padding=True, truncation=True, max_length=WORDS, padding_side="right",
        return_tensors="pt",
    )  # fmt: skip


def collate(tokenizer):
    """A collator for `Pictures`: stacks them as bytes, for normalised they are four times that."""

    def batch(items: list[dict]) -> dict[str, torch.Tensor]:
        words = tokenized(tokenizer, [item["caption"] or " " for item in items])
        told = torch.tensor([bool(item["caption"]) for item in items])
        return {
            "pixel_values": torch.stack([item["pixels"] for item in items]),
            "labels": torch.tensor([item["labels"] for item in items]),
            "input_ids": words["input_ids"],
            "attention_mask": words["attention_mask"] * told[:, None],
            "groups": torch.tensor([item["group"] for item in items]),
        }

    return batch


def accuracy(values: dict[str, list[str]]):
    """A `compute_metrics` for the Trainer: the share of right classes for each attribute."""

    def compute(prediction) -> dict[str, float]:
        scores = {}
        for number, name in enumerate(values):
            truth = prediction.label_ids[:, number]
            known = truth != IGNORE_INDEX
            guess = prediction.predictions[number].argmax(-1)
            scores[name] = float(np.mean(guess[known] == truth[known])) if known.any() else 0.0
        return scores

    return compute
