"""Loupe's control tokens: in a tokenizer trained from a corpus, or added to a pretrained one."""

from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

IMAGE, END, PAD = "<image>", "<|end|>", "<|pad|>"
CONTROL = (PAD, END, "<|system|>", "<|user|>", "<|assistant|>", IMAGE)


def train_tokenizer(corpus: Iterable[str], size: int = 2048) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer (Sennrich et al., 2016; GPT-2's bytes) for any text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(CONTROL),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        padding_side="left",
        additional_special_tokens=list(CONTROL[2:]),
        clean_up_tokenization_spaces=False,
    )


def add_control_tokens(tokenizer: PreTrainedTokenizerBase, template: str) -> None:
    """Add the missing control tokens to a pretrained tokenizer, which may keep its own padding.

    Args:
        template: the chat template; one without Loupe's end token has its own control tokens, so
            only the image placeholder is added.
    """
    needed = CONTROL[1:] if END in template else (IMAGE,)
    missing = [token for token in needed if token not in tokenizer.get_vocab()]
    tokenizer.add_special_tokens({"additional_special_tokens": missing})
    if END in template:
        tokenizer.eos_token = END
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token


def resize_embeddings(decoder: PreTrainedModel, size: int) -> None:
    """Resize the embeddings to at least `size` tokens; new ones start at the mean of the others.

    The mean is the same on every machine: adapters are bound to a hash of the embeddings.
    """
    old = decoder.config.vocab_size
    decoder.resize_token_embeddings(max(size, old), mean_resizing=False)
    with torch.no_grad():
        for layer in (decoder.get_input_embeddings(), decoder.get_output_embeddings()):
            layer.weight[old:] = layer.weight[:old].double().mean(0).to(layer.weight)
