"""Describe one picture in one call."""

from vlm.config import DESCRIBE, GenerateConfig
from vlm.data.images import Picture, open_image
from vlm.inference.generate import answer
from vlm.loading.load import load
from vlm.types import Bundle


def describe(
    picture: Picture,
    model: str | Bundle | None = None,
    prompt: str = DESCRIBE,
    config: GenerateConfig | None = None,
) -> str:
    """Describe a picture, or answer another question about it.

    For example:

        describe("shirt.jpg")
        describe(photo, model=load("org/model"), prompt="What colour is it?")

    Args:
        picture: encoded bytes, a path or a PIL picture.
        model: a name that `load` accepts (None = the default model), or a loaded model. A name is
            loaded on every call; for several pictures load the model once and pass it.
        prompt: the question.
        config: how the answer is decoded; greedily if omitted.

    Raises:
        UserError: when the picture or the model cannot be opened, or the prompt is too long.
    """
    image = open_image(picture)
    bundle = model if isinstance(model, Bundle) else load(model)
    return answer(bundle, image, prompt, config)
