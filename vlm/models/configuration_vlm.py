"""The configuration of a vision-language model built from parts."""

from transformers import AutoConfig, PreTrainedConfig


class VlmConfig(PreTrainedConfig):
    """Configuration of a `VlmForConditionalGeneration`.

    Attributes:
        vision_config: any vision tower that AutoModel supports; None = raw patches (phi-vlm, Fuyu).
        text_config: any decoder that AutoModel supports.
        image_token_id: the placeholder token that image tokens replace.
        image_features: "pooled" (the tower's pooler output, one token), "projected" (CLIP's image
            embedding, one token: what MODA feeds its decoder), "patches" (all of them) or "grid"
            (the patches' mean, then a smaller grid of patches).
        image_grid: side of the smaller grid, in patches.
        image_size: side of the image in pixels; with patch_size it sets the number of raw patches.
        patch_size: side of a raw patch in pixels; used without a vision tower.
        projector: a name in `projectors.PROJECTORS`.
        projector_expansion: hidden width of the "mlp" projector, in decoder widths (MODA: 4).
        projector_scale: pixel shuffle folds scale x scale neighbouring patches into one token.
        projector_words: number of words in each group of the "words" projector.
        image_words: the tower's classifiers, whose classes are also given to the decoder as words:
            for each the number of classes and of decoder tokens; None = none.
    """

    model_type = "vlm"
    sub_configs = {"vision_config": AutoConfig, "text_config": AutoConfig}
    vision_config: dict | PreTrainedConfig | None = None
    text_config: dict | PreTrainedConfig | None = None
    image_token_id: int = 0
    image_features: str = "pooled"
    image_grid: int = 4
    image_size: int = 224
    patch_size: int = 16
    projector: str = "mlp"
    projector_expansion: int = 4
    projector_scale: int = 2
    projector_words: list[int] | None = None
    image_words: list[list[int]] | None = None

    def __post_init__(self, **kwargs):
        for name in self.sub_configs:
            part = getattr(self, name)
            if isinstance(part, dict):
                setattr(self, name, AutoConfig.for_model(**part))
        if self.text_config is None:  # transformers builds a bare VlmConfig()
            self.text_config = AutoConfig.for_model("llama")
        self.tie_word_embeddings = self.text_config.tie_word_embeddings
        super().__post_init__(**kwargs)

    @property
    def vision_width(self) -> int:
        """Width of the features that enter the projector."""
        vision = self.vision_config
        if vision is None:
            return 3 * self.patch_size**2
        if self.image_features == "projected":
            return vision.projection_dim
        width = getattr(vision, "hidden_size", None)
        return width or vision.hidden_sizes[-1]
