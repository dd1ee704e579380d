"""One vision-language model for MODA and phi-vlm: image features -> projector -> decoder.

image [B, 3, H, W] --vision tower--> features [B, N, Dv] --projector--> image tokens [B, N', D]
                                     --image words, if any--> more image tokens, before the others
text  [B, T]       --embedding-----> tokens [B, T, D], image tokens replace the placeholders
                                     --decoder--> hidden [B, T, D] --lm_head--> logits [B, T, V]
"""

import math

import torch
from torch import nn
from transformers import (
    AutoModel,
    CLIPVisionModelWithProjection,
    GenerationMixin,
    PreTrainedModel,
)
from transformers.modeling_outputs import BaseModelOutputWithPooling, CausalLMOutputWithPast

from .configuration_vlm import VlmConfig
from .projectors import PROJECTORS, image_words


def vision_tower(config: VlmConfig) -> nn.Module | None:
    """The tower that the configuration names; None for raw patches."""
    if config.vision_config is None:
        return None
    if config.image_features == "projected":
        return CLIPVisionModelWithProjection(config.vision_config)
    return AutoModel.from_config(config.vision_config)


def mean_and_grid(hidden: torch.Tensor, side: int) -> torch.Tensor:
    """The mean of all patches, then side x side patches, each the mean of those it covers.

    Args:
        hidden: float[B, Dv, H, W] of a CNN, or float[B, N, Dv] of a transformer, whose patches form
            a square; tokens before them are dropped.

    Returns:
        float[B, 1 + side * side, Dv].
    """
    if hidden.dim() == 3:
        width = math.isqrt(hidden.shape[1])
        hidden = hidden[:, -(width**2) :].transpose(1, 2).unflatten(2, (width, width))
    grid = nn.functional.adaptive_avg_pool2d(hidden, side).flatten(2)
    return torch.cat([hidden.mean((2, 3))[..., None], grid], 2).transpose(1, 2)


class VlmPreTrainedModel(PreTrainedModel):
    """What transformers needs to know about both classes below."""

    config: VlmConfig
    base_model_prefix = "model"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _supports_sdpa = _supports_flash_attn = _supports_attention_backend = True
    _skip_keys_device_placement = ["past_key_values"]


class VlmModel(VlmPreTrainedModel):
    """Vision tower, projector and decoder, without the output head."""

    def __init__(self, config: VlmConfig):
        super().__init__(config)
        self.vision_tower = vision_tower(config)
        width = config.text_config.hidden_size
        self.projector = PROJECTORS[config.projector](config.vision_width, width, config)
        self.image_words = image_words(config)
        self.language_model = AutoModel.from_config(config.text_config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.language_model.set_input_embeddings(value)

    def train(self, mode: bool = True) -> "VlmModel":
        """Keep frozen parts of the tower in eval mode: batch statistics must not change."""
        super().train(mode)
        for part in self.vision_tower.modules() if self.vision_tower is not None else ():
            weights = list(part.parameters())
            if weights and not any(weight.requires_grad for weight in weights):
                part.eval()
        return self

    def vision_features(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """The input of the projector.

        Args:
            pixel_values: float[B, 3, H, W], normalised by the image processor.

        Returns:
            float[B, N, Dv]; N = 1 unless `image_features` is "patches" or "grid" or there is no
            tower.
        """
        if self.vision_tower is None:
            size = self.config.patch_size
            return nn.functional.unfold(pixel_values, size, stride=size).transpose(1, 2)
        out = self.vision_tower(pixel_values, return_dict=True)
        if self.config.image_features == "projected":
            return out.image_embeds[:, None]
        if self.config.image_features == "pooled":
            return out.pooler_output.flatten(1)[:, None]
        hidden = out.last_hidden_state
        if self.config.image_features == "grid":
            return mean_and_grid(hidden, self.config.image_grid)
        is_cnn = hidden.dim() == 4  # [B, Dv, H, W]
        return hidden.flatten(2).transpose(1, 2) if is_cnn else hidden

    def get_image_features(
        self, pixel_values: torch.Tensor | None = None, vision_features=None, **kwargs
    ) -> BaseModelOutputWithPooling:
        """Image tokens for the decoder, `pooler_output` float[B, N', D].

        Args:
            vision_features: float[B, N, Dv], precomputed; used instead of `pixel_values`.
        """
        weight = next(self.projector.parameters())
        if vision_features is None:
            vision_features = self.vision_features(pixel_values.to(weight))
        tokens = self.projector(vision_features.to(weight))
        if self.image_words is not None:
            mean = slice(1 if self.config.image_features == "grid" else None)
            words = self.image_words(vision_features[:, mean].to(self.image_words.choose.weight))
            tokens = torch.cat([words, tokens], 1)
        return BaseModelOutputWithPooling(last_hidden_state=vision_features, pooler_output=tokens)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        vision_features: torch.Tensor | None = None,
        **kwargs,
    ):
        """The decoder's output for text whose placeholders are replaced by image tokens.

        Args:
            input_ids: int64[B, T].
            pixel_values: float[B, 3, H, W].
            vision_features: float[B, N, Dv], used instead of `pixel_values`.

        Raises:
            ValueError: if the numbers of placeholders and image tokens differ.
        """
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)  # [B, T, D]
        if pixel_values is not None or vision_features is not None:
            tokens = self.get_image_features(pixel_values, vision_features).pooler_output
            inputs_embeds = self._insert(tokens.to(inputs_embeds), inputs_embeds, input_ids)
        return self.language_model(inputs_embeds=inputs_embeds, **kwargs)

    def _insert(self, tokens, inputs_embeds, input_ids) -> torch.Tensor:
        """Replace the placeholders' embeddings with image tokens."""
        is_image = input_ids == self.config.image_token_id  # bool[B, T]
        if int(is_image.sum()) * tokens.shape[-1] != tokens.numel():
            raise ValueError(
                f"The text has {int(is_image.sum())} image placeholders, but the images give "
                f"{tokens.shape[0] * tokens.shape[1]} image tokens; the processor's "
                "num_image_tokens must match the model."
            )
        return inputs_embeds.masked_scatter(is_image[..., None], tokens)


class VlmForConditionalGeneration(VlmPreTrainedModel, GenerationMixin):
    """The whole model: for training with labels and for generation."""

    def __init__(self, config: VlmConfig):
        super().__init__(config)
        self.model = VlmModel(config)
        text = config.text_config
        self.lm_head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        embedding = self.model.get_input_embeddings()
        # the embedding's name depends on the decoder
        name = next(name for name, module in self.named_modules() if module is embedding)
        self._tied_weights_keys = {"lm_head.weight": f"{name}.weight"}
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def get_image_features(
        self, pixel_values: torch.Tensor, **kwargs
    ) -> BaseModelOutputWithPooling:
        """Image tokens for the decoder, `pooler_output` float[B, N', D]."""
        return self.model.get_image_features(pixel_values, **kwargs)

    def prepare_inputs_for_generation(self, *args, is_first_iteration=False, **kwargs) -> dict:
        """Pass precomputed features with the prompt only, as transformers does with pixels."""
        if not is_first_iteration and kwargs.get("use_cache", True):
            kwargs.pop("vision_features", None)
        first = {"is_first_iteration": is_first_iteration}
        return super().prepare_inputs_for_generation(*args, **first, **kwargs)

    def forward(  # generate() inspects these names
        self,
        input_ids: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values=None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        vision_features: torch.Tensor | None = None,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        """Logits float[B, T, V], and the mean loss over `labels` int64[B, T] (-100 = ignored).

        Args:
            logits_to_keep: compute logits only of so many last tokens, of these tokens, or where
                bool[B, T] is True (then float[N, V]); with labels, the tokens that predict no label
                can be left out.
        """
        num_items = {k: kwargs.pop(k) for k in ("num_items_in_batch",) if k in kwargs}
        out = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            vision_features=vision_features,
            **kwargs,
        )
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        is_mask = isinstance(keep, torch.Tensor) and keep.dtype == torch.bool
        keep = keep if is_mask else (slice(None), keep)
        logits = self.lm_head(out.last_hidden_state[keep])
        loss = None
        if labels is not None:
            targets = nn.functional.pad(labels[:, 1:], (0, 1), value=-100)[keep]
            options = {"vocab_size": logits.shape[-1], "shift_labels": targets, **num_items}
            loss = self.loss_function(logits, None, **options)
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=out.past_key_values,
            hidden_states=out.hidden_states,
            attentions=out.attentions,
        )
