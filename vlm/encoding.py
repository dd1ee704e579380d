"""Turns a picture, a prompt and an answer into tokens: the only place where a prompt is made.

A training example is the inference prompt plus the answer:
    encode(image, turn) = prompt_inputs(image, turn.prompt, turn.history) + answer ids + [eos]
with labels over the answer and the eos only. Where a chat template sets something before answers (a
space: SmolVLM), the answer ids begin with it.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import torch
from PIL import Image

from vlm.errors import UserError
from vlm.types import IGNORE_INDEX, Record, Turn

MAX_PROMPT_CHARACTERS = 2000
PROMPTS = 20_000  # encoded prompts kept in memory, about 1 kB each

History = Sequence[tuple[str, str]]  # earlier questions about the same picture, with their answers
MARKS = dict.fromkeys((0xF0000, 0xF0001))  # transformers' own, of control tokens; it drops them


def check_length(prompt: str, history: History = ()) -> None:
    """Refuse what is longer than `MAX_PROMPT_CHARACTERS`, all together, with a `UserError`."""
    size = len(prompt) + sum(len(text) for pair in history for text in pair)
    if size > MAX_PROMPT_CHARACTERS:
        what, remedy = ("conversation", "begin a new one") if history else ("prompt", "shorten it")
        raise UserError(
            f"The {what} has {size:,} characters, at most {MAX_PROMPT_CHARACTERS:,} are allowed; "
            f"{remedy}."
        )


def prompt_inputs(
    processor, image: Image.Image, prompt: str, history: History = ()
) -> dict[str, torch.Tensor]:
    """Model inputs for one question about one picture, int64[1, T] and float[1, 3, H, W].

    The picture stands before the first question of the conversation. Control tokens that a user
    typed, or a model answered, stay plain text.

    Raises:
        UserError: when prompt and history are longer than `MAX_PROMPT_CHARACTERS` together.
    """
    check_length(prompt, history)
    added = processor.tokenizer.get_added_vocab()  # transformers alone guards the special ones only
    control = [token for token in added if not token.isspace()]
    processor.tokenizer.chat_control_tokens = control
    said = [*(text for pair in history for text in pair), prompt]
    return dict(
        processor.apply_chat_template(
            _messages(image, [_apart(text, control, processor.image_token) for text in said]),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            sanitize_control_tokens=True,
        )
    )


def _messages(image: Image.Image, said: Sequence[str]) -> list[dict]:
    """The conversation, question and answer in turns, as transformers' chat templates take it."""
    messages = [
        {
            "role": "assistant" if number % 2 else "user",
            "content": [{"type": "text", "text": _spellable(text)}],
        }
        for number, text in enumerate(said)
    ]
    messages[0]["content"].insert(0, {"type": "image", "image": image})
    return messages


def _apart(text: str, control: Sequence[str], placeholder: str) -> str:
    """The text, with spaces around control tokens where it would else hold a picture's place.

    transformers counts places after it has cut control tokens out, and its own marks of them:
    `<image<|end|>>` has one then.
    """
    text = text.translate(MARKS)
    tokens = _any_of(tuple(control))
    if placeholder in tokens.sub("", text):
        return tokens.sub(r" \g<0> ", text)
    return text


@lru_cache(maxsize=8)
def _any_of(tokens: tuple[str, ...]) -> re.Pattern[str]:
    """Matches any of them, the longest first; kept, for every prompt of a model asks for it."""
    return re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))) or "(?!)")


def _spellable(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON lets through and tokenizers refuse."""
    return text.encode("utf-8", "replace").decode()


def batch_inputs(
    processor,
    images: Sequence[Image.Image],
    prompts: Sequence[str],
    histories: Sequence[History] | None = None,
) -> dict:
    """Several questions as one batch, padded on the left so that all answers start together."""
    earlier = [()] * len(prompts) if histories is None else histories
    rows = zip(images, prompts, earlier, strict=True)
    inputs = [prompt_inputs(processor, *row) for row in rows]
    return _pad(inputs, processor.tokenizer.pad_token_id, left=True)


def encode(processor, image: Image.Image, turn: Turn) -> dict[str, torch.Tensor]:
    """One training example: prompt, answer, eos; labels int64[1, T] are -100 over the prompt.

    Of a conversation the last answer alone is learnt.
    """
    inputs = prompt_inputs(processor, image, turn.prompt, turn.history)
    return inputs | _with_answer(processor, inputs["input_ids"], turn.answer)


@lru_cache(maxsize=16)
def lead(processor) -> str:
    """What the chat template sets between the prompt for an answer and the answer, if anything."""
    mark = "answer"
    asked = [{"role": "user", "content": [{"type": "text", "text": "question"}]}]
    told = [*asked, {"role": "assistant", "content": [{"type": "text", "text": mark}]}]
    render = processor.apply_chat_template
    prompt = render(asked, add_generation_prompt=True, tokenize=False)
    whole = render(told, tokenize=False)
    return whole.removeprefix(prompt).partition(mark)[0] if whole.startswith(prompt) else ""


def _with_answer(processor, prompt_ids: torch.Tensor, answer: str) -> dict[str, torch.Tensor]:
    tokenizer = processor.tokenizer
    text = lead(processor) + _spellable(answer)
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    answer_ids = torch.tensor([[*ids, tokenizer.eos_token_id]])
    input_ids = torch.cat([prompt_ids, answer_ids], dim=1)
    labels = torch.cat([torch.full_like(prompt_ids, IGNORE_INDEX), answer_ids], dim=1)
    mask = torch.ones_like(input_ids)
    return {"input_ids": input_ids, "attention_mask": mask, "labels": labels}


def encode_text(processor, turn: Turn) -> dict[str, torch.Tensor]:
    """`encode` without pixels, for models whose pictures are stored as features.

    The places of a picture do not depend on its content there, so a blank one stands in.
    """
    history = tuple(map(tuple, turn.history))
    return _with_answer(processor, _blank_prompt(processor, turn.prompt, history), turn.answer)


@lru_cache(maxsize=PROMPTS)
def _blank_prompt(processor, prompt: str, history: History) -> torch.Tensor:
    """int64[1, T]; grammars ask in few wordings, and a prompt takes ten times an answer's time."""
    blank = Image.new("RGB", (64, 64), "white")
    return prompt_inputs(processor, blank, prompt, history)["input_ids"]


def collator(processor):
    """A collator for `encode`'s examples: pads text on the right, stacks the rest."""
    pad = processor.tokenizer.pad_token_id
    return lambda examples: _pad(examples, pad, left=False)


def _pad(examples: Sequence[dict], pad_id: int, left: bool) -> dict[str, torch.Tensor]:
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
    """Pictures [1, tiles, ...] cut into fewer tiles than others get black ones, left out again.

    Idefics3 and SmolVLM drop tiles that are all zero.
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
    """Make sure that the supervised tokens are exactly the answers and their ends.

    Raises:
        UserError: naming the first example where they are not.
    """
    tokenizer = processor.tokenizer
    for turn in turns:
        example = encode_text(processor, turn)
        labels = example["labels"][0]
        supervised = labels[labels != IGNORE_INDEX]
        text = tokenizer.decode(supervised[:-1]).removeprefix(lead(processor))
        if supervised[-1] != tokenizer.eos_token_id or text != turn.answer:
            raise UserError(
                f"The supervised tokens read {text!r} but the answer is {turn.answer!r}; "
                "this tokenizer cannot train on this data as it is."
            )


def check_turns(records: Iterable[Record]) -> None:
    """Raise a `UserError` for a question that is too long, before anything is trained on it."""
    for record in records:
        for turn in record.turns:
            check_length(turn.prompt, turn.history)


def show_labels(processor, turns: Sequence[Turn]) -> str:
    """The examples as text, the supervised part between ⟦ and ⟧."""
    lines = []
    for turn in turns:
        example = encode_text(processor, turn)
        ids, labels = example["input_ids"][0], example["labels"][0]
        supervised = labels != IGNORE_INDEX
        decode = processor.tokenizer.decode
        lines.append(f"{decode(ids[~supervised])}⟦{decode(ids[supervised])}⟧")
    return "\n".join(lines)
