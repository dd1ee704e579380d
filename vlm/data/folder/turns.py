"""The questions and answers of a row, from its texts, its conversation or its label."""

from collections.abc import Mapping
from typing import NamedTuple

from vlm.data.folder import columns as roles
from vlm.data.folder import conversations
from vlm.data.grammar import phrases, products, scenes
from vlm.data.tables.rows import Row, cell_text
from vlm.types import Turn

PROMPTS = (
    "Describe this picture.",
    "Describe the image.",
    "What do you see?",
    "Caption this picture.",
)
WHAT = "What is this?"
NO_CONTENT = "no text, no question and answer, and no metadata such as baseColour"


class Said(NamedTuple):
    """What a row says about its picture.

    Attributes:
        images: the picture cells inside a conversation.
        problem: the reason it is unusable, or an empty string.
    """

    turns: tuple[Turn, ...] = ()
    facts: Mapping[str, str] = {}
    images: tuple[object, ...] = ()
    problem: str = ""


def read(row: Row, columns: Mapping[str, str]) -> Said:
    """Read a row: its conversation, else its question and answer, else texts, else its label."""
    facts = _facts(row.cells, columns)
    if messages := _messages(row.cells, columns):
        talk = conversations.read(messages)
        asked = _conversation(talk.pairs, row, columns)
        return Said(asked, facts, talk.images, talk.problem)
    question, answer = (_text(roles.cell(row.cells, r, columns)) for r in ("question", "answer"))
    if question and answer:
        rejected = _text(roles.cell(row.cells, "rejected", columns))
        return Said((Turn(question, answer, "question", rejected=rejected),), facts)
    described = [text for cell in roles.texts(row.cells, columns) if (text := _text(cell))]
    if described:
        asked = (Turn(_prompt(row.number + n), text) for n, text in enumerate(described))
        return Said(tuple(asked), facts)
    if label := _label(row.cells, columns):
        return Said((Turn(WHAT, label, "kind"),), facts) if "kind" not in facts else Said((), facts)
    names = ", ".join(map(str, row.cells))
    return Said((), facts, (), "" if facts else f"{NO_CONTENT}; the columns are {names}")


def _messages(cells: Mapping, columns: Mapping[str, str]) -> list[object]:
    """Return a row's messages; TRL's prompt and completion may be two lists of them."""
    parts = [roles.cell(cells, role, columns) for role in ("messages", "question", "answer")]
    whole, *halves = [list(part) if conversations.is_list(part) else [] for part in parts]
    if whole or not any(halves):
        return whole
    texts = [part if isinstance(part, str) else "" for part in parts[1:]]
    asked = halves[0] or [{"role": "user", "content": texts[0]}]
    return asked + (halves[1] or [{"role": "assistant", "content": texts[1]}])


def _conversation(
    pairs: tuple[tuple[str, str], ...], row: Row, columns: Mapping[str, str]
) -> tuple[Turn, ...]:
    """Return one turn for each answer, with the pairs before it; the last has the rejected one."""
    rejected = roles.cell(row.cells, "rejected", columns)
    if conversations.is_list(rejected):
        rejected = next((m.get("content", m.get("value")) for m in reversed(rejected)), "")
    asked = [(question or _prompt(row.number), answer) for question, answer in pairs]
    turns = [Turn(q, a, "question", tuple(asked[:n])) for n, (q, a) in enumerate(asked)]
    last = Turn(*asked[-1], "question", tuple(asked[:-1]), _text(rejected)) if asked else None
    return (*turns[:-1], last) if last else ()


def _text(cell: object) -> str:
    """Return the text of a cell; True is yes, several annotators' answers are the commonest one."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, list | tuple):
        texts = [text for item in cell if (text := _text(item))]
        repeated = max(texts, key=texts.count, default="")
        return repeated if texts.count(repeated) > 1 else ", ".join(texts)
    if isinstance(cell, Mapping):
        return _text(cell.get("text") or cell.get("answer") or cell.get("content"))
    return cell.strip() if isinstance(cell, str) else cell_text(cell)


def _prompt(number: int) -> str:
    return PROMPTS[number % len(PROMPTS)]


def _facts(cells: Mapping, columns: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of a row, as text; a label that the grammar knows is its kind."""
    kind = cells.get("kind")
    label = _text(roles.cell(cells, "label", columns)).lower()
    kind = kind or (label if label in scenes.KINDS else "")
    return products.facts(cells) | ({"kind": kind} if isinstance(kind, str) and kind else {})


def _label(cells: Mapping, columns: Mapping[str, str]) -> str:
    """Return a class label as an answer, such as "A golden retriever."; empty for numbers."""
    cell = roles.cell(cells, "label", columns)
    name = " ".join(cell.replace("_", " ").split()) if isinstance(cell, str) else ""
    if not name or name.isdecimal():
        return ""
    text = phrases.with_article(name)
    return f"{text[0].upper()}{text[1:]}."
