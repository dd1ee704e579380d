"""lmms-eval itself runs our models, and its MMBench score is ours.

The harness is large and lives in an environment of its own: set LOUPE_LMMS_EVAL to that
environment's Python (see harness/README.md). Without it only our half of the comparison runs.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import ROOT, tiny
from tests.harness import tasks
from vlm.evaluation.benchmarks import answer_parsing, mmbench, runner, scoring
from vlm.loading import load

PYTHON = os.environ.get("LOUPE_LMMS_EVAL", "")
needs_harness = pytest.mark.skipif(
    not PYTHON, reason="set LOUPE_LMMS_EVAL to a Python that has lmms-eval and harness/ installed"
)
CATEGORIES = {"line": 0.3, "triple": 0.5, "pair": 0.5}  # CircularEval, by either way
FIRST = re.compile(r"\(q(\d+)\).*?^A\. (\w+)$", re.M | re.S)  # number and first option

SCRIPTED = """
import json, re, sys
import vlm
from vlm.inference import generate

said = json.load(open(sys.argv.pop(1)))
first = re.compile(sys.argv.pop(1), re.M | re.S)
generate.answers = lambda bundle, images, prompts, config: [
    said[" ".join(first.search(prompt).groups())] for prompt in prompts
]
from lmms_eval.cli.dispatch import main

main()
"""

VERDICTS = """
import json, sys
import vlm
import pandas as pd
from lmms_eval.tasks.mmbench.mmbench_evals import MMBench_Evaluator

options, answers = json.loads(sys.argv[1])
judge, found = MMBench_Evaluator(), []
for answer in answers:
    rows = pd.DataFrame([{"index": 1, "question": "?", "prediction": answer, **options}])
    found.append("".join(L for L in options if judge.eval_sub_data(rows, {1: L}, static_only=True)))
print(json.dumps(found))
"""


def python(*words: str, cwd: Path) -> str:
    """Run the environment's Python on this checkout, without a network; its output."""
    here = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'harness'}", "HF_HOME": str(cwd / "hf")}
    quiet = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    out = subprocess.run(
        [PYTHON, *words],
        cwd=cwd,
        env=os.environ | here | quiet,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert out.returncode == 0, out.stdout + out.stderr
    return out.stdout


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model that has learnt the colours."""
    folder = tmp_path_factory.mktemp("model")
    load.save(tiny.trained(), folder)
    return folder


@pytest.fixture
def harness(model: Path, tmp_path: Path) -> Callable[..., dict]:
    """Runs tasks with lmms-eval and gives its results."""

    def run(tasks: Path, names: str, *more: str, start: tuple[str, ...] = ()) -> dict:
        words = ["--model_args", f"pretrained={model},batch_size=8,threads=1,device=cpu"]
        words += ["--include_path", str(tasks), "--tasks", names, "--output_path", "out", *more]
        said = python(*(start or ("-m", "loupe_lmms_eval")), *words, cwd=tmp_path)
        files = list((tmp_path / "out").rglob("[0-9]*_results.json"))
        assert len(files) == 1, said
        return json.loads(files[0].read_text())["results"]

    return run


# --- our half ------------------------------------------------------------------------------------


def by_script(questions, pictures) -> list[str]:
    """The scripted answers, as `vlm.evaluation.benchmarks.runner` asks for them."""
    said = tasks.scripted()
    return [said[" ".join(FIRST.search(question.prompt).groups())] for question in questions]


def test_our_scores_of_the_scripted_answers(tmp_path: Path):
    tasks.write_table(tmp_path / "dev.parquet", tasks.circular_rows())
    benchmark = mmbench.load("dev", tmp_path / "dev.parquet")
    assert len(benchmark.questions) == len(tasks.QUESTIONS) and not benchmark.problems
    found = scoring.score(runner.run(runner.plan(benchmark, circular=True), by_script))
    scores, categories = found["scores"], found["categories"]
    assert scores["circular"]["mean"] == pytest.approx(tasks.RIGHT_CIRCULAR, abs=1e-4)
    assert scores["plain"]["mean"] == pytest.approx(tasks.RIGHT_PLAIN, abs=1e-4)
    assert {name: part["circular"]["mean"] for name, part in categories.items()} == CATEGORIES


# --- the harness ---------------------------------------------------------------------------------


@needs_harness
def test_lmms_eval_gives_the_same_scores(harness, tmp_path: Path):
    (tmp_path / "said.json").write_text(json.dumps(tasks.scripted()))
    folder = tasks.circular_task(tmp_path / "tasks")
    start = ("-c", SCRIPTED, "said.json", FIRST.pattern)
    scores = harness(folder, tasks.CIRCULAR, "--model", "vlm", start=start)[tasks.CIRCULAR]
    assert scores["circular,none"] == pytest.approx(100 * tasks.RIGHT_CIRCULAR)
    assert scores["plain,none"] == pytest.approx(100 * tasks.RIGHT_PLAIN)
    (details,) = (tmp_path / "out" / "submissions").iterdir()
    assert json.loads(details.read_text())["category_acc"] == pytest.approx(CATEGORIES)


@needs_harness
@pytest.mark.parametrize(
    ("name", "flags", "metric"),
    [("", (), "exact_match"), ("_choices", ("--force_simple",), "acc")],
)
def test_a_model_that_knows_the_colours_scores_full_marks(harness, tmp_path, name, flags, metric):
    folder, task = tasks.colour_tasks(tmp_path / "tasks"), tasks.COLOURS + name
    scores = harness(folder, task, "--model", "loupe", *flags)[task]
    assert scores[f"{metric},none"] == 1.0


@needs_harness
def test_lmms_eval_lists_the_model_with_both_interfaces(tmp_path: Path):
    script = (
        "from loupe_lmms_eval import __main__\n"
        "from lmms_eval.models import get_model, get_model_manifest\n"
        "print(get_model_manifest('loupe').model_id, get_model('vlm').__name__,"
        " get_model('vlm', force_simple=True).__name__)"
    )
    assert python("-c", script, cwd=tmp_path).split() == ["vlm", "Chat", "Simple"]


OPTIONS = dict(zip(tasks.LETTERS, tasks.FOUR, strict=True))
AGREED = ["B", "(B)", "B.", "B. green", "The answer is C", "A man in a green coat", "green"]
AGREED += [
    "dark red",
    "red or green",
    "I cannot determine it.",
    "E",
    "None of them",
    "",
    "a",
    "**B**",
]
DIFFERENT = [  # answer, what lmms-eval 0.7.3 reads without a judge, what we read
    ("A man", "A", ""),  # a word of one letter, in front of a short text
    ("A green.", "A", "B"),
    ("A women's green.", "A", "B"),
    ("A or B", "A", ""),  # both letters; theirs takes one
    ("Answer is B or C", "C", ""),
    ("It is not A, it is B", "B", ""),
    ("Can't say", "C", ""),  # no letter at all; theirs takes any capital
    ("Do not know", "D", ""),
    ("bored", "A", ""),  # "red" inside another word
]


@needs_harness
def test_answers_that_both_rules_parse_differently(tmp_path: Path):
    answers = [*AGREED, *(answer for answer, _, _ in DIFFERENT)]
    theirs = json.loads(python("-c", VERDICTS, json.dumps([OPTIONS, answers]), cwd=tmp_path))
    ours = [answer_parsing.read_choice(answer, tasks.FOUR) for answer in answers]
    letters = ["" if place is None else tasks.LETTERS[place] for place in ours]
    found = list(zip(answers, theirs, letters, strict=True))
    assert [row for row in found if row[1] != row[2]] == DIFFERENT
