"""Loupe's control tokens: in a tokenizer trained from a corpus, or added to a pretrained one."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

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


def add_control_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    """Add the missing control tokens to a pretrained tokenizer, which may keep its own padding."""
    missing = [token for token in CONTROL[1:] if token not in tokenizer.get_vocab()]
    tokenizer.add_special_tokens({"additional_special_tokens": missing})
    tokenizer.eos_token = END
    tokenizer.pad_token = tokenizer.pad_token or END
