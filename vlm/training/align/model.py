"""Contrastive alignment: a vision and a small text tower learn which captions match which pictures.

pictures [B, 3, H, W] --tower--> pooled [B, Dv] --+--image_projection--> [B, E] --+
                                                  +--heads--> attributes          +--> sigmoid loss
captions [B, T] --text tower--> mean [B, Dt] ------text_projection-----> [B, E] --+

The loss is SigLIP's (Zhai et al., 2023, arXiv 2303.15343, algorithm 1): every pair is a separate
binary classification. The captions of pictures with the same facts match each other's pictures. The
heads classify attributes, and one head predicts the words of people's captions; they are auxiliary
tasks, discarded after training. A pretrained tower can be kept close to its original features, see
`tail`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, logsigmoid, normalize

from vlm.errors import UserError
from vlm.training.align import tail
from vlm.training.caption_words import multi_hot
from vlm.types import IGNORE_INDEX

SCALE, BIAS = 10.0, -10.0  # SigLIP's initial temperature and bias
CAPTION_TOKENS = 48  # longer captions are truncated
DISTANCE_EVERY = 3  # only every third picture passes through the original tower, to save time
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
        words: size of the vocabulary of people's captions, predicted by one more head.
        original: the tower before the training, to stay close to.
        closeness: weight of the distance from its features.
        mean, std: of the image processor, for each channel.
    """

    def __init__(
        self,
        tower,
        text,
        values: dict,
        width: int = 256,
        train_tower_by_heads: bool = True,
        words: int = 0,
        original: nn.Module | None = None,
        closeness: float = 0.0,
        mean: Sequence[float] = (0.5,) * 3,
        std: Sequence[float] = (0.5,) * 3,
    ):
        super().__init__()
        self.closeness = closeness
        self.original = [original.eval()] if original else []  # a list: neither averaged nor saved
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1), persistent=False)
        self.tower, self.text, self.train_tower_by_heads = tower, text, train_tower_by_heads
        vision_width = getattr(tower.config, "hidden_size", None) or tower.config.hidden_sizes[-1]
        self.image_projection = nn.Linear(vision_width, width)
        self.text_projection = nn.Linear(text.config.hidden_size, width)
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())
        self.bias = nn.Parameter(torch.tensor(BIAS))
        self.heads = nn.ModuleList(nn.Linear(vision_width, len(names)) for names in values.values())
        self.loss_weights = [LOSS_WEIGHTS.get(name, 1.0) for name in values]
        self.word_head = nn.Linear(vision_width, words) if words else None
        self.entropy = nn.CrossEntropyLoss(
            ignore_index=IGNORE_INDEX, label_smoothing=0.1, reduction="sum"
        )

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return float[B, 3, H, W] of pictures uint8[B, 3, H, W], like the image processor."""
        return normalise(pixels, self.mean, self.std)

    def encode_images(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return the tower's pooled features, float[B, Dv] of float[B, 3, H, W]."""
        return _pool(self.tower, pixel_values)

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

    def train(self, mode: bool = True) -> "AlignModel":
        """Keep a partly frozen tower in eval mode: its batch statistics must not change."""
        super().train(mode)
        if not all(weight.requires_grad for weight in self.tower.parameters()):
            self.tower.eval()
        return self

    def forward(self, pixel_values, labels, input_ids, attention_mask, groups, words=None) -> dict:
        """Return the loss per picture: of pairs, of heads for all labels, and of the distance.

        Args:
            pixel_values: float[B, 3, H, W], normalised.
            labels: int64[B, A], `IGNORE_INDEX` where a picture does not have the attribute.
            input_ids, attention_mask: int64[B, T], the captions; empty ones are ignored.
            groups: int64[B], equal for pictures whose captions match each other.
            words: float[B, W], 1 for words of people's captions.

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
        loss = loss + (head_loss + self._word_loss(features, words)) / len(labels)
        loss = loss + self._distance_loss(pixel_values, pooled)
        return {"loss": loss, "logits": (*logits, images, texts)}

    def _word_loss(self, features: torch.Tensor, words: torch.Tensor | None) -> torch.Tensor | int:
        """Return the summed cross-entropy to equally likely words float[B, W], a scalar.

        Joulin et al., 2016 (arXiv 1511.02251).
        """
        if self.word_head is None:
            return 0
        counts = words.sum(1, keepdim=True)
        logits = self.word_head(features).float()
        return cross_entropy(logits, words / counts.clamp(min=1), reduction="sum")

    def _distance_loss(
        self, pixel_values: torch.Tensor, pooled: torch.Tensor
    ) -> torch.Tensor | int:
        if not self.original:
            return 0
        tower = self.original[0].to(pixel_values.device)
        with torch.no_grad():
            original = _pool(tower, pixel_values[::DISTANCE_EVERY])
        return self.closeness * tail.distance(pooled[::DISTANCE_EVERY], original)


def _pool(tower, pixel_values: torch.Tensor) -> torch.Tensor:
    pixels = pixel_values.contiguous(memory_format=torch.channels_last)  # 20 % faster
    return tower(pixels).pooler_output.flatten(1)


def normalise(pixels: torch.Tensor, mean=0.5, std=0.5) -> torch.Tensor:
    """Return float[B, 3, H, W] of pictures uint8[B, 3, H, W], like the image processor.

    Args:
        mean, std: numbers, or float[1, 3, 1, 1].
    """
    return (pixels.float() / 255 - mean) / std


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


def make_collator(tokenizer, words: int = 0):
    """Return a collator for `Pictures`; pixels stay bytes, a quarter of the normalised size.

    Args:
        words: size of the vocabulary of people's captions.
    """

    def collate(items: list[dict]) -> dict[str, torch.Tensor]:
        tokens = tokenize(tokenizer, [item["caption"] or " " for item in items])
        has_caption = torch.tensor([bool(item["caption"]) for item in items])
        return {
            "pixel_values": torch.stack([item["pixels"] for item in items]),
            "labels": torch.tensor([item["labels"] for item in items]),
            "input_ids": tokens["input_ids"],
            "attention_mask": tokens["attention_mask"] * has_caption[:, None],
            "groups": torch.tensor([item["group"] for item in items]),
            "words": multi_hot([item["words"] for item in items], words),
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
