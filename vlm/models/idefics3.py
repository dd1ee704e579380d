"""Idefics3's processor (SmolVLM's too), able to leave control tokens in a user's text as text.

Its own `__call__` asks the tokenizer where characters went, which text with guarded control tokens
cannot tell (transformers 5.23: "char_to_token() is not available"). The common one of all
processors does the same work without asking.
"""

from transformers import Idefics3Processor as _Idefics3Processor
from transformers import ProcessorMixin


class Idefics3Processor(_Idefics3Processor):
    """Saved under the name of transformers' own, which opens it."""

    @property
    def unused_input_names(self) -> list[str]:
        return ["rows", "cols"]  # they only say how many places a picture takes

    def prepare_inputs_layout(self, images=None, text=None, videos=None, audio=None, **kwargs):
        return (*super().prepare_inputs_layout(images, text, **kwargs), videos, audio)

    def __call__(self, images=None, text=None, videos=None, audio=None, **kwargs):
        return ProcessorMixin.__call__(self, images, text, videos, audio, **kwargs)


def guarded(processor: ProcessorMixin) -> ProcessorMixin:
    """The same processor; one of Idefics3 gets the class above."""
    if type(processor) is _Idefics3Processor:
        processor.__class__ = Idefics3Processor
    return processor
