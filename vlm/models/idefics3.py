"""Idefics3's processor (also SmolVLM's) for texts whose control tokens are escaped.

Its own `__call__` maps characters to tokens, which fails for texts with escaped control tokens
(transformers 5.23: "char_to_token() is not available"). ProcessorMixin's does the same work
without that mapping.
"""

from transformers import Idefics3Processor as _Idefics3Processor
from transformers import ProcessorMixin


class Idefics3Processor(_Idefics3Processor):
    """Saved under the name of transformers' own class, which can open it."""

    @property
    def unused_input_names(self) -> list[str]:
        return ["rows", "cols"]  # only used to count an image's tokens

    def prepare_inputs_layout(self, images=None, text=None, videos=None, audio=None, **kwargs):
        return (*super().prepare_inputs_layout(images, text, **kwargs), videos, audio)

    def __call__(self, images=None, text=None, videos=None, audio=None, **kwargs):
        return ProcessorMixin.__call__(self, images, text, videos, audio, **kwargs)


def guarded(processor: ProcessorMixin) -> ProcessorMixin:
    """Return the processor; if it is Idefics3's, switch it to the class above."""
    if type(processor) is _Idefics3Processor:
        processor.__class__ = Idefics3Processor
    return processor
