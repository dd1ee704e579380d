"""Local tasks for lmms-eval, one in MMBench's layout, and a scripted answerer to put behind it."""

import io
from dataclasses import dataclass
from pathlib import Path

from tests import tiny

LETTERS = "ABCD"
TURN = 1_000_000  # MMBench's rotation k of question i has the index i + k * 1,000,000
CIRCULAR, COLOURS = "loupe_circular", "loupe_colours"  # the tasks' names


@dataclass(frozen=True)
class Asked:
    """A question, and what the scripted answerer says to each rotation of its options.

    In `said`, {L} and {T} stand for the right letter and text, {l} and {t} for those of the next
    option, which is wrong.
    """

    id: int
    options: tuple[str, ...]
    right: int
    said: tuple[str, ...]
    category: str = "colour"

    @property
    def text(self) -> str:
        """The question; its number tells the answerer which one it is."""
        return f"What colour is it? (q{self.id})"

    def turned(self, turn: int) -> tuple[str, ...]:
        """The options with the first `turn` ones moved to the end."""
        return self.options[turn:] + self.options[:turn]

    def letter(self, turn: int) -> str:
        """The right letter of that rotation."""
        return LETTERS[(self.right - turn) % len(self.options)]

    def answer(self, turn: int) -> str:
        """What is said to that rotation."""
        wrong = (self.right + 1) % len(self.options)
        words = {"L": self.letter(turn), "T": self.options[self.right], "t": self.options[wrong]}
        words["l"] = LETTERS[(wrong - turn) % len(self.options)]
        return self.said[turn].format(**words)


FOUR, THREE, TWO = ("red", "green", "blue", "violet"), ("red", "green", "blue"), ("red", "blue")
LINES = {FOUR: "line", THREE: "triple", TWO: "pair"}
SCRIPT = [  # readable by any rule
    (FOUR, 0, ("{L}", "{L}.", "({L})", "{L}: {T}")),  # right in all four
    (FOUR, 1, ("{T}", "The colour is {T}.", "{L}. {T}", "the answer is {L}")),  # right, in words
    (FOUR, 2, ("{L}", "{l}", "{L}", "{L}")),  # one rotation wrong
    (FOUR, 3, ("{L}", "{l}", "{l}", "{l}")),  # right as it stands only
    (FOUR, 0, ("{l}", "{L}", "{L}", "{L}")),  # wrong as it stands only
    (FOUR, 1, ("A", "A", "A", "A")),  # always A: right in one of four
    (FOUR, 2, ("A", "A", "A", "A")),
    (FOUR, 3, ("{t}", "{t}", "it is {t}", "{t}.")),  # wrong in words
    (THREE, 0, ("{L}", "{T}", "({L})")),  # fewer options: right
    (THREE, 1, ("{L}", "{L}", "{t}")),
    (TWO, 0, ("{L}.", "{L}.")),
    (TWO, 1, ("{L}", "{l}")),
    (FOUR, 0, ("{L}", "{L}", "", "{L}")),  # says nothing once
    (FOUR, 3, ("{T}", "{T}", "{T}", "{T}")),
]
QUESTIONS = [
    Asked(number, options, right, said, LINES[options])
    for number, (options, right, said) in enumerate(SCRIPT)
]
# all rotations right: 0, 1, 8, 10, 13; right as they stand: those and 2, 3, 9, 11, 12
RIGHT_CIRCULAR, RIGHT_PLAIN = 5 / len(SCRIPT), 10 / len(SCRIPT)


def row(asked: Asked, turn: int) -> dict:
    """One line of MMBench's table (lmms-lab/MMBench on the Hub), options that lack are "nan"."""
    options = dict(zip(LETTERS, (*asked.turned(turn), "nan", "nan"), strict=False))
    return {
        "index": asked.id + turn * TURN,
        "question": asked.text,
        "hint": "nan",
        "answer": asked.letter(turn),
        **options,
        "category": asked.category,
        "image": picture(tuple(tiny.COLOURS)[asked.id % 3]),
        "source": "drawn",
        "L2-category": "perception",
        "comment": "nan",
        "split": "dev",
    }


def picture(colour: str) -> dict:
    """As the Hub's tables keep one."""
    data = io.BytesIO()
    tiny.picture(colour).save(data, "PNG")
    return {"bytes": data.getvalue(), "path": None}


def scripted() -> dict[str, str]:
    """What is said, by number of the question and its first option."""
    return {
        f"{asked.id} {asked.turned(turn)[0]}": asked.answer(turn)
        for asked in QUESTIONS
        for turn in range(len(asked.options))
    }


def write_table(path: Path, rows: list[dict]) -> None:
    """A parquet file whose image column opens as pictures."""
    from datasets import Dataset, Image

    Dataset.from_list(rows).cast_column("image", Image()).to_parquet(path)


# --- tasks ---------------------------------------------------------------------------------------

FUNCTIONS = '''
"""lmms-eval's own MMBench functions; "plain" is its score over the questions as they stand."""
from lmms_eval.tasks.mmbench import en_utils as mmbench

text, picture, circular = (
    mmbench.mmbench_doc_to_text,
    mmbench.mmbench_doc_to_visual,
    mmbench.mmbench_aggregate_dev_results_static,
)


def results(doc, said):
    row = mmbench.mmbench_process_results(doc, said)["gpt_eval_score"]
    return {"circular": row, "plain": row}


def plain(rows):
    rows = [row for row in rows if row["index"] < 1_000_000]
    return mmbench.mmbench_evaluator.eval_result(rows, "static")[0] * 100


def colour_choices(doc):
    return [f"It is {colour}." for colour in ("red", "green", "blue")]


def messages(doc):
    content = [{"type": "image", "url": doc["image"]}, {"type": "text", "text": doc["question"]}]
    return [{"role": "user", "content": content}]
'''

CIRCULAR_TASK = """
task: {name}
dataset_path: parquet
dataset_kwargs: {{data_files: {{dev: {table}}}}}
test_split: dev
output_type: generate_until
doc_to_visual: !function functions.picture
doc_to_text: !function functions.text
doc_to_target: answer
process_results: !function functions.results
generation_kwargs: {{max_new_tokens: 16, temperature: 0, do_sample: false, until: ["ASSISTANT:"]}}
lmms_eval_specific_kwargs:
  default: {{pre_prompt: "", post_prompt: "Answer with the option's letter."}}
metric_list:
  - {{metric: circular, aggregation: !function functions.circular, higher_is_better: true}}
  - {{metric: plain, aggregation: !function functions.plain, higher_is_better: true}}
"""

COLOUR_TASK = """
task: {name}
dataset_path: parquet
dataset_kwargs: {{data_files: {{dev: {table}}}}}
test_split: dev
output_type: {kind}
doc_to_visual: !function functions.picture
doc_to_text: "{{{{question}}}}"
{more}
metric_list:
  - {{metric: {metric}, aggregation: mean, higher_is_better: true}}
"""

CHOICES = """doc_to_choice: !function functions.colour_choices
doc_to_target: "{{right}}"
target_delimiter: " "
"""

MESSAGES = """doc_to_messages: !function functions.messages
doc_to_target: "{{answer}}"
generation_kwargs: {max_new_tokens: 12}
"""


def circular_rows() -> list[dict]:
    """Every rotation of every question."""
    return [row(asked, turn) for asked in QUESTIONS for turn in range(len(asked.options))]


def circular_task(folder: Path) -> Path:
    """A folder for --include_path with the circular task."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "table.parquet", circular_rows())
    (folder / "functions.py").write_text(FUNCTIONS)
    text = CIRCULAR_TASK.format(name=CIRCULAR, table=folder / "table.parquet")
    (folder / "circular.yaml").write_text(text)
    return folder


def colour_tasks(folder: Path) -> Path:
    """A folder with the colours of squares: as an answer to give, and as choices to weigh."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"image": picture(c), "question": "What colour is it?", "answer": f"It is {c}.", "right": i}
        for i, c in enumerate(tiny.COLOURS)
    ]
    write_table(folder / "table.parquet", rows)
    (folder / "functions.py").write_text(FUNCTIONS)
    for suffix, kind, metric, more in (
        ("", "generate_until", "exact_match", MESSAGES),
        ("_choices", "multiple_choice", "acc", CHOICES),
    ):
        parts = {"kind": kind, "metric": metric, "more": more, "table": folder / "table.parquet"}
        text = COLOUR_TASK.format(name=COLOURS + suffix, **parts)
        (folder / f"colours{suffix}.yaml").write_text(text)
    return folder
