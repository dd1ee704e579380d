"""Contrastive alignment: a vision and a small text tower learn which captions match which pictures.

pictures [B, 3, H, W] --tower--> pooled [B, Dv] --+--image_projection--> [B, E] --+
                                                  +--heads--> attributes          +--> sigmoid loss
captions [B, T] --text tower--> mean [B, Dt] ------text_projection-----> [B, E] --+

The loss is SigLIP's (Zhai et al., 2023, arXiv 2303.15343, algorithm 1): every pair is a separate
binary classification. The captions of pictures with the same facts match each other's pictures. The
heads classify attributes as an auxiliary task and are discarded after training. The saved weights
are an exponential moving average.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, logsigmoid, normalize
from torch.optim.swa_utils import AveragedModel

from vlm.errors import UserError
from vlm.types import IGNORE_INDEX

SCALE, BIAS = 10.0, -10.0  # SigLIP's initial temperature and bias
CAPTION_TOKENS = 48  # longer captions are truncated
LOSS_WEIGHTS = {"baseColour": 2.0, "kind": 2.0}  # of the heads that learn slowest, others 1


def sigmoid_loss(
    images: torch.Tensor, texts: torch.Tensor, pairs: torch.Tensor, scale, bias
) -> torch.Tensor:
    """Return SigLIP's loss per picture.

    Args:
        images, texts: float[B, E] and float[C, E], of unit length.
        pairs: bool[B, C], which texts match which pictures.
        scale, bias: the learned temperature and bias.
    """
    logits = scale * images @ texts.T + bias
    signs = 2 * pairs.to(logits.dtype) - 1  # +1 for matching pairs, -1 for all others
    return -logsigmoid(signs * logits).sum() / len(images)


class AlignModel(nn.Module):
    """Both towers, their projections and one linear head per attribute.

    Args:
        tower: an AutoModel whose output has `pooler_output`.
        text: an AutoModel for text; its `last_hidden_state` is averaged over the caption.
        values: attribute -> its values, in the order of the classes.
        width: E, of the embeddings.
        train_tower_by_heads: False trains the heads on detached features.
    """

    def __init__(
        self, tower, text, values: dict, width: int = 256, train_tower_by_heads: bool = True
    ):
        super().__init__()
        self.tower, self.text, self.train_tower_by_heads = tower, text, train_tower_by_heads
        vision_width = getattr(tower.config, "hidden_size", None) or tower.config.hidden_sizes[-1]
        self.image_projection = nn.Linear(vision_width, width)
        self.text_projection = nn.Linear(text.config.hidden_size, width)
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())
        self.bias = nn.Parameter(torch.tensor(BIAS))
        self.heads = nn.ModuleList(nn.Linear(vision_width, len(names)) for names in values.values())
        self.loss_weights = [LOSS_WEIGHTS.get(name, 1.0) for name in values]
        self.entropy = nn.CrossEntropyLoss(
            ignore_index=IGNORE_INDEX, label_smoothing=0.1, reduction="sum"
        )

    def encode_images(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return the tower's pooled features, float[B, Dv] of float[B, 3, H, W]."""
        pixels = pixel_values.contiguous(memory_format=torch.channels_last)  # 20 % faster
        return self.tower(pixels).pooler_output.flatten(1)

    def check_image_size(self, side: int) -> None:
        """Raise a `UserError` if the tower does not accept pictures of side x side pixels."""
        was_training = self.training
        try:
            with torch.inference_mode():
                self.eval().encode_images(torch.zeros(1, 3, side, side))
        except (ValueError, RuntimeError) as error:
            raise UserError(
                f"The vision tower does not accept pictures of {side} x {side} pixels ({error}); "
                "give --start-size and --image-size that it accepts."
            ) from error
        finally:
            self.train(was_training)

    def embed_texts(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return embeddings float[B, E] of unit length, of tokens int64[B, T]."""
        hidden = self.text(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask[..., None].to(hidden.dtype)
        mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)
        return normalize(self.text_projection(mean).float(), dim=-1)

    def embed_images(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return embeddings float[B, E] of unit length, of the tower's float[B, Dv]."""
        return normalize(self.image_projection(pooled).float(), dim=-1)

    def forward(self, pixel_values, labels, input_ids, attention_mask, groups) -> dict:
        """Return the loss per picture: the pairs' loss plus the heads' loss for all labels.

        Args:
            pixel_values: float[B, 3, H, W], normalised.
            labels: int64[B, A], `IGNORE_INDEX` where a picture does not have the attribute.
            input_ids, attention_mask: int64[B, T], the captions; empty ones are ignored.
            groups: int64[B], equal for pictures whose captions match each other.

        Returns:
            `loss`; `logits`: those of each head, and the embeddings of images and texts.
        """
        pooled = self.encode_images(pixel_values)
        images, texts = self.embed_images(pooled), self.embed_texts(input_ids, attention_mask)
        has_caption = attention_mask.any(1)
        pairs = groups[:, None] == groups[None, has_caption]
        loss = sigmoid_loss(images, texts[has_caption], pairs, self.log_scale.exp(), self.bias)
        features = pooled if self.train_tower_by_heads else pooled.detach()
        logits = [head(features).float() for head in self.heads]
        entropies = [self.entropy(scores, labels[:, n]) for n, scores in enumerate(logits)]
        head_loss = sum(
            weight * entropy for weight, entropy in zip(self.loss_weights, entropies, strict=True)
        )
        return {"loss": loss + head_loss / len(labels), "logits": (*logits, images, texts)}


def moving_average(decay: float):
    """Return a `multi_avg_fn` for AveragedModel: an exponential moving average with warm-up.

    After n steps, the decay is at most (1 + n) / (10 + n), as in TensorFlow's
    ExponentialMovingAverage, because the weights change fast at first.
    """

    def update(averages: list, new: list, steps: torch.Tensor) -> None:
        if not torch.is_floating_point(averages[0]):
            torch._foreach_copy_(averages, new)  # counters
            return
        current_decay = min(decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averages, new, 1 - current_decay)

    return update


class Averaged(nn.Module):
    """A wrapper that trains `live` and evaluates an exponential moving average of its weights.

    It uses progressive resizing (Tan and Le, 2021, arXiv 2104.00298): pictures have the start size
    in the first half of the steps, the mean of start and full size in the third quarter, and full
    size in the last quarter. It takes pictures as bytes and normalises them on the model's device.

    Args:
        live: the model to train.
        steps: forward passes of the whole training.
        start_size: side of the first pictures, pixels; None = always full size.
        decay: of the average, per forward pass.
    """

    def __init__(self, live: nn.Module, steps: int, start_size: int | None = None, decay=0.998):
        super().__init__()
        self.live, self.steps, self.start_size = live, steps, start_size
        self.average = AveragedModel(live, multi_avg_fn=moving_average(decay), use_buffers=True)
        self.average.requires_grad_(False)

    def forward(self, pixel_values, labels, input_ids, attention_mask, groups) -> dict:
        """Return the live model's loss in training mode, else the average's loss and logits.

        Evaluation also uses the current size, because the tower has not seen larger pictures yet.
        """
        if self.training:
            self.average.update_parameters(self.live)  # after the previous step
        model = self.live if self.training else self.average.module
        return model(self.resize(pixel_values), labels, input_ids, attention_mask, groups)

    def resize(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return the pictures, normalised, at the current size: float[B, 3, h, w]."""
        pixel_values, full = normalise(pixel_values), pixel_values.shape[-1]
        if not self.start_size or self.start_size >= full:
            return pixel_values
        quarter = 4 * int(self.average.n_averaged) // max(1, self.steps)
        sizes = (self.start_size,) * 2 + ((self.start_size + full) // 2, full)
        side = sizes[min(quarter, 3)]
        if side == full:
            return pixel_values
        return interpolate(pixel_values, (side, side), mode="bilinear", antialias=True)


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Return float[B, 3, H, W] of pictures uint8[B, 3, H, W], like the image processor."""
    return (pixels.float() / 255 - 0.5) / 0.5


def tokenize(tokenizer, texts: Sequence[str]) -> Mapping[str, torch.Tensor]:
    """Return the text tower's inputs for captions: input_ids and attention_mask, int64[B, T]."""
    return tokenizer(
        list(texts),
        padding=True,
        truncation=True,
        max_length=CAPTION_TOKENS,
        padding_side="right",
        return_tensors="pt",
    )


def make_collator(tokenizer):
    """Return a collator for `Pictures`; pixels stay bytes, a quarter of the normalised size."""

    def collate(items: list[dict]) -> dict[str, torch.Tensor]:
        tokens = tokenize(tokenizer, [item["caption"] or " " for item in items])
        has_caption = torch.tensor([bool(item["caption"]) for item in items])
        return {
            "pixel_values": torch.stack([item["pixels"] for item in items]),
            "labels": torch.tensor([item["labels"] for item in items]),
            "input_ids": tokens["input_ids"],
            "attention_mask": tokens["attention_mask"] * has_caption[:, None],
            "groups": torch.tensor([item["group"] for item in items]),
        }

    return collate


def make_accuracy(values: dict[str, list[str]]):
    """Return a `compute_metrics` for the Trainer: the accuracy, 0 to 1, of each attribute."""

    def compute(prediction) -> dict[str, float]:
        scores = {}
        for number, name in enumerate(values):
            labels = prediction.label_ids[:, number]
            labelled = labels != IGNORE_INDEX
            classes = prediction.predictions[number].argmax(-1)
            correct = classes[labelled] == labels[labelled]
            scores[name] = float(np.mean(correct)) if labelled.any() else 0.0
        return scores

    return compute
