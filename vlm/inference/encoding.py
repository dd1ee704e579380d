"""Encode a picture, a prompt and an answer as tokens: the only place where prompts are built.

A training example is the inference prompt plus the answer:
    encode(image, turn) = prompt_inputs(image, turn.prompt, turn.history) + answer ids + [eos]
with labels on the answer and the eos only. If the chat template puts something before each answer
(SmolVLM: a space), the answer ids start with it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import torch
from PIL import Image

from vlm.data.mixture import without_questions
from vlm.errors import UserError
from vlm.types import IGNORE_INDEX, Record, Turn

MAX_PROMPT_CHARACTERS = 2000
MAX_CACHED_PROMPTS = 20_000  # about 1 kB each

History = Sequence[tuple[str, str]]  # earlier questions about the same picture, with their answers
# transformers marks control tokens with these two characters and removes them from any text
CONTROL_MARKS = dict.fromkeys((0xF0000, 0xF0001))


def check_length(prompt: str, history: History = ()) -> None:
    """Raise a `UserError` if prompt and history together exceed `MAX_PROMPT_CHARACTERS`."""
    size = len(prompt) + sum(len(text) for pair in history for text in pair)
    if size > MAX_PROMPT_CHARACTERS:
        what, remedy = ("conversation", "start a new one") if history else ("prompt", "shorten it")
        raise UserError(
            f"The {what} has {size:,} characters, but at most {MAX_PROMPT_CHARACTERS:,} are "
            f"allowed; {remedy}."
        )


def prompt_inputs(
    processor, image: Image.Image, prompt: str, history: History = ()
) -> dict[str, torch.Tensor]:
    """Build the model inputs for one question about one picture.

    The picture comes before the first question of the conversation. Control tokens in what a user
    typed or a model answered are encoded as plain text.

    Returns:
        input_ids and attention_mask int64[1, T], pixel_values float[1, 3, H, W].

    Raises:
        UserError: when prompt and history together exceed `MAX_PROMPT_CHARACTERS`.
    """
    check_length(prompt, history)
    # by default transformers escapes special tokens only; we escape all added ones
    added = processor.tokenizer.get_added_vocab()
    control = [token for token in added if not token.isspace()]
    processor.tokenizer.chat_control_tokens = control
    texts = [*(text for pair in history for text in pair), prompt]
    separated = [_separate_control_tokens(text, control, processor.image_token) for text in texts]
    return dict(
        processor.apply_chat_template(
            _messages(image, separated),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            sanitize_control_tokens=True,
        )
    )


def _messages(image: Image.Image, texts: Sequence[str]) -> list[dict]:
    """Return alternating questions and answers in the format of transformers' chat templates."""
    messages = [
        {
            "role": "assistant" if number % 2 else "user",
            "content": [{"type": "text", "text": _replace_surrogates(text)}],
        }
        for number, text in enumerate(texts)
    ]
    messages[0]["content"].insert(0, {"type": "image", "image": image})
    return messages


def _separate_control_tokens(text: str, control: Sequence[str], placeholder: str) -> str:
    """Put spaces around control tokens if removing them would leave an image placeholder.

    transformers counts placeholders after removing control tokens and its own marks around them;
    `<image<|end|>>` would then contain one.
    """
    text = text.translate(CONTROL_MARKS)
    pattern = _any_of(tuple(control))
    if placeholder in pattern.sub("", text):
        return pattern.sub(r" \g<0> ", text)
    return text


@lru_cache(maxsize=8)
def _any_of(tokens: tuple[str, ...]) -> re.Pattern[str]:
    """Compile a pattern that matches any of the tokens, longest first; cached per model."""
    return re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))) or "(?!)")


def _replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which JSON allows and tokenizers reject, by question marks."""
    return text.encode("utf-8", "replace").decode()


def batch_inputs(
    processor,
    images: Sequence[Image.Image],
    prompts: Sequence[str],
    histories: Sequence[History] | None = None,
) -> dict:
    """Batch several questions, padded on the left so that all answers start at the same place."""
    histories = [()] * len(prompts) if histories is None else histories
    rows = zip(images, prompts, histories, strict=True)
    inputs = [prompt_inputs(processor, *row) for row in rows]
    return pad(inputs, processor.tokenizer.pad_token_id, left=True)


def encode(processor, image: Image.Image, turn: Turn) -> dict[str, torch.Tensor]:
    """Build one training example: prompt, answer, eos; labels int64[1, T] are -100 on the prompt.

    In a conversation only the last answer has labels.
    """
    inputs = prompt_inputs(processor, image, turn.prompt, turn.history)
    return inputs | _with_answer(processor, inputs["input_ids"], turn.answer)


@lru_cache(maxsize=16)
def answer_prefix(processor) -> str:
    """Return the text that the chat template puts before each answer, an empty string if none."""
    answer = "answer"
    question = [{"role": "user", "content": [{"type": "text", "text": "question"}]}]
    dialogue = [*question, {"role": "assistant", "content": [{"type": "text", "text": answer}]}]
    render = processor.apply_chat_template
    prompt = render(question, add_generation_prompt=True, tokenize=False)
    text = render(dialogue, tokenize=False)
    return text.removeprefix(prompt).partition(answer)[0] if text.startswith(prompt) else ""


def _with_answer(processor, prompt_ids: torch.Tensor, answer: str) -> dict[str, torch.Tensor]:
    tokenizer = processor.tokenizer
    text = answer_prefix(processor) + _replace_surrogates(answer)
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    answer_ids = torch.tensor([[*ids, tokenizer.eos_token_id]])
    input_ids = torch.cat([prompt_ids, answer_ids], dim=1)
    labels = torch.cat([torch.full_like(prompt_ids, IGNORE_INDEX), answer_ids], dim=1)
    mask = torch.ones_like(input_ids)
    return {"input_ids": input_ids, "attention_mask": mask, "labels": labels}


def encode_text(processor, turn: Turn) -> dict[str, torch.Tensor]:
    """Return what `encode` does, without pixels, for training on stored image features.

    There the image placeholders do not depend on the picture, so a blank one is encoded.
    """
    history = tuple(map(tuple, turn.history))
    return _with_answer(processor, _blank_prompt(processor, turn.prompt, history), turn.answer)


@lru_cache(maxsize=MAX_CACHED_PROMPTS)
def _blank_prompt(processor, prompt: str, history: History) -> torch.Tensor:
    """Return prompt ids int64[1, T]; cached, as prompts repeat and cost ten times an answer."""
    blank = Image.new("RGB", (64, 64), "white")
    return prompt_inputs(processor, blank, prompt, history)["input_ids"]


def collator(processor):
    """Return a collator for examples of `encode`: pads text on the right, stacks the rest."""
    pad_id = processor.tokenizer.pad_token_id
    return lambda examples: pad(examples, pad_id, left=False)


def pad(examples: Sequence[dict], pad_id: int, left: bool) -> dict[str, torch.Tensor]:
    """Batch examples: rows as long as input_ids int64[1, T] are padded, the others stacked."""
    fill = {"input_ids": pad_id, "attention_mask": 0, "labels": IGNORE_INDEX}
    longest = max(example["input_ids"].shape[1] for example in examples)
    batch = {}
    for name in examples[0]:
        rows = [example[name] for example in examples]
        if rows[0].dim() == 2 and rows[0].shape == examples[0]["input_ids"].shape:
            rows = [_fill(row, longest, fill.get(name, 0), left) for row in rows]
        batch[name] = torch.cat(_same_tiles(rows))
    return batch


def _same_tiles(rows: list[torch.Tensor]) -> list[torch.Tensor]:
    """Pad pictures [1, tiles, ...] to the same number of tiles with zeros.

    Idefics3 and SmolVLM drop all-zero tiles.
    """
    most = max(row.shape[1] for row in rows)
    return [
        torch.cat([row, row.new_zeros(1, most - row.shape[1], *row.shape[2:])], 1)
        if row.dim() > 3 and row.shape[1] < most
        else row
        for row in rows
    ]


def _fill(row: torch.Tensor, length: int, value: int, left: bool) -> torch.Tensor:
    missing = length - row.shape[1]
    return torch.nn.functional.pad(row, (missing, 0) if left else (0, missing), value=value)


def check_labels(processor, turns: Sequence[Turn]) -> None:
    """Check that the supervised tokens decode to exactly the answers, each followed by its eos.

    Raises:
        UserError: for the first example where they do not.
    """
    tokenizer = processor.tokenizer
    for turn in turns:
        example = encode_text(processor, turn)
        labels = example["labels"][0]
        supervised = labels[labels != IGNORE_INDEX]
        text = tokenizer.decode(supervised[:-1]).removeprefix(answer_prefix(processor))
        if supervised[-1] != tokenizer.eos_token_id or text != turn.answer:
            raise UserError(
                f"The supervised tokens decode to {text!r} but the answer is {turn.answer!r}; "
                "this tokenizer cannot represent the data, so choose another model."
            )


def check_turns(records: Sequence[Record]) -> None:
    """Check the questions before training starts; print how many pictures have none.

    Raises:
        UserError: when no picture has a question, or one is too long.
    """
    if notice := without_questions(records):
        print(notice)
    for record in records:
        for turn in record.turns:
            check_length(turn.prompt, turn.history)


def show_labels(processor, turns: Sequence[Turn]) -> str:
    """Return the examples as text, with the supervised part between ⟦ and ⟧."""
    lines = []
    for turn in turns:
        example = encode_text(processor, turn)
        ids, labels = example["input_ids"][0], example["labels"][0]
        supervised = labels != IGNORE_INDEX
        decode = processor.tokenizer.decode
        lines.append(f"{decode(ids[~supervised])}⟦{decode(ids[supervised])}⟧")
    return "\n".join(lines)
