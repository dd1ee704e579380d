"""The architecture, read from the sources: imports point down, importing defines, parts are small.

The table below is the diagram of the package. A new module needs a place in it.
"""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FILE, MAX_FUNCTION = 250, 40  # lines; a function's docstring is not counted
PURE_DATA = {
    "vlm.data.words",
    "vlm.data.question_words",
    "vlm.metrics.lexicon",
}  # files that are one table, of any length
# both must precede transformers, which imports torchvision and bitsandbytes in many places
RUNS_AT_IMPORT = {"vlm": ["repair_torchvision_when_imported()", "quiet_bitsandbytes()"]}

# From the bottom to the top: a module may import those of the lines above its own, and none of its
# own line. A full name wins over a pattern.
ORDER = [
    "types errors config runtime presets",  # L0
    "data.images data.words data.source data.augment data.taxonomy",  # L1
    "data.phrases data.question_words data.replies data.pixels data.compose data.negatives_canvas",
    "data.questions data.negatives_*",
    "data.captions data.cifar10",
    "data.*",
    "data.composited",
    "data",
    "metrics.rubric metrics.intervals metrics.lexicon",
    "metrics.reading",
    "metrics.*",
    "metrics.marks",
    "metrics",
    "models.configuration_vlm models.projectors models.idefics3",
    "models.modeling_vlm models.processing_vlm",
    "models",
    "parts runs hub batching",  # L2
    "quantize lora",
    "build",
    "load memory encoding confidence plots mixture pictures align",
    "answers linear_probe",
    "chat costs",
    "endpoint",
    "evaluations curves runlog figures",
    "features encoded train generate forecast zeroshot distil",  # L3
    "describe judges.base judges.prompt speed report_parts",  # L4
    "judges.*",
    "judges",
    "abilities probes report panel forgetting same benchmarks.question",
    "benchmarks.*",
    "benchmarks",
    "evaluate teach.wordlists",
    "teach.checks teach.duplicates teach.history teach.prompts teach.sample",
    "teach.reviews",
    "teach.labels",
    "teach.writers",
    "teach.steps",
    "teach.*",
    "teach adapt",
    "ui.*",  # L5
    "ui",
    "commands.shared",
    "commands.*",
    "commands",
    "__main__",
]
AMONG_THEMSELVES = {ORDER.index("types errors config runtime presets"), ORDER.index("ui.*")}
ABOVE = {"app", "bench", "examples", "finetune", "harness", "tests"}  # what uses the package


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {
    module_name(path): path.read_text()
    for path in sorted(ROOT.glob("vlm/**/*.py"))
    if "checkpoints" not in path.parts  # copies that travel with the weights
}
PACKAGES = {module_name(path) for path in ROOT.glob("vlm/**/__init__.py")}
SCRIPTS = {
    module_name(path): path.read_text()
    for path in [ROOT / "app.py", *sorted(ROOT.glob("finetune/*.py")), *ROOT.glob("bench/*.py")]
    if path.exists()
}


def level(module: str) -> int | None:
    """The line of ORDER that a module stands in, None when it has no place."""
    name = module.removeprefix("vlm.")
    for match in (str.__eq__, fnmatch):
        for number, line in enumerate(ORDER):
            if any(match(name, pattern) for pattern in line.split()):
                return number
    return None


def imports(module: str, source: str) -> set[str]:
    """What a source imports anywhere in it: modules of the package by full name, others by root."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in SOURCES else base)
    return {name if name.split(".")[0] == "vlm" else name.split(".")[0] for name in found}


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The full name of the module that a `from ... import` names."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    package = parts[: len(parts) - node.level + (module in PACKAGES)]
    return ".".join([*package, *([node.module] if node.module else [])])


def upward(module: str, source: str) -> list[str]:
    """Every import of a module that does not point down, as one line each."""
    own = level(module)
    faults = []
    for name in sorted(imports(module, source) - {module}):
        other = level(name)
        if name in ABOVE:
            faults.append(f"{module} imports {name}, which is not part of the package")
        elif name.split(".")[0] == "vlm" and name != "vlm":
            if other is None or other > own or (other == own and own not in AMONG_THEMSELVES):
                faults.append(f"{module} imports {name}, which is not below it")
    return faults


@pytest.mark.parametrize("module", SOURCES)
def test_imports_point_down(module: str) -> None:
    if module == "vlm":
        assert imports(module, SOURCES[module]) == {"vlm.runtime"}
        return
    assert level(module) is not None, f"{module} has no place in ORDER"
    assert not upward(module, SOURCES[module])


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """The modules that are left when all that import nothing (left) are taken away."""
    left = {name: set(needs) & set(graph) - {name} for name, needs in graph.items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {name: imports(name, source) for name, source in SOURCES.items() if name != "vlm"}
    assert not cycle(graph)
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]


def test_model_files_import_nothing_of_ours_by_full_name() -> None:
    """A saved model carries these files into processes that have no `vlm`."""
    for module, source in SOURCES.items():
        if module.startswith("vlm.models."):
            for node in ast.walk(ast.parse(source)):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    assert node.level in (0, 1), f"{module} imports from outside its folder"
                    names = [node.module or ""] if not node.level else []
                assert not any(name.split(".")[0] == "vlm" for name in names), module


def tabs() -> set[str]:
    """The modules that the app's table of tabs names."""
    tree = ast.parse(SOURCES["vlm.ui"])
    table = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and any("TABS" in ast.unparse(t) for t in getattr(node, "targets", None) or [node.target])
    )
    names = {node.id for node in ast.walk(table) if isinstance(node, ast.Name)}
    return {f"vlm.ui.{name}" for name in names} & SOURCES.keys()


def test_each_tab_is_a_module_that_only_the_table_knows() -> None:
    found = tabs()
    assert found
    for module, source in SOURCES.items():
        if module != "vlm.ui":
            assert not imports(module, source) & found, f"{module} imports a tab"


# --- importing does nothing ----------------------------------------------------------------------

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
DEFINITIONS += (ast.Assign, ast.AnnAssign, ast.AugAssign)
ACTIONS = {"open", "print", "read_text", "read_bytes", "write_text", "mkdir", "from_pretrained"}
ACTIONS |= {"manual_seed", "set_seed", "seed", "parse_args", "basicConfig", "setdefault", "device"}
ACTIONS |= {"set_num_threads", "is_available", "getenv", "Thread", "Popen", "run", "load", "start"}
GUARDS = {"TYPE_CHECKING", "__name__ == '__main__'"}


def acts(source: str) -> list[str]:
    """Statements that do something when the file is imported."""
    found = []
    for node in ast.parse(source).body:
        text = ast.unparse(node)
        if isinstance(node, ast.If) and ast.unparse(node.test) in GUARDS:
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if not isinstance(node, DEFINITIONS) or set(called(node)) & ACTIONS or "environ" in text:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.append(text)
    return found


def called(node: ast.AST) -> Iterator[str]:
    """The names of the functions called in a statement, outside of nested functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield ast.unparse(child.func).split(".")[-1]
        if not isinstance(child, ast.Lambda):
            yield from called(child)


@pytest.mark.parametrize("module", SOURCES)
def test_importing_a_module_only_defines(module: str) -> None:
    assert acts(SOURCES[module]) == RUNS_AT_IMPORT.get(module, [])


# --- small parts ---------------------------------------------------------------------------------


def long_functions(source: str) -> list[str]:
    """The functions above the limit, with their lines of code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = node.body[0]
            spoken = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
            docs = text.end_lineno - text.lineno + 1 if spoken else 0
            lines = node.end_lineno - node.lineno + 1 - docs
            if lines > MAX_FUNCTION:
                found.append(f"{node.name}: {lines} lines")
    return found


@pytest.mark.parametrize("module", [*SOURCES, *SCRIPTS])
def test_files_and_functions_stay_small(module: str) -> None:
    source = (SOURCES | SCRIPTS)[module]
    if module not in PURE_DATA:
        assert source.count("\n") <= MAX_FILE
    assert not long_functions(source)


def test_pure_data_holds_no_functions_worth_the_name() -> None:
    for module in PURE_DATA:
        functions = [n for n in ast.walk(ast.parse(SOURCES[module])) if isinstance(n, ast.For)]
        assert SOURCES[module].count("\n") > MAX_FILE and not functions


# --- the rules above do notice -------------------------------------------------------------------

PLANTED = [
    ("vlm.errors", "from vlm import load"),  # up
    ("vlm.load", "from vlm.encoding import encode"),  # sideways
    ("vlm.generate", "def f():\n    from vlm import evaluate"),  # up, inside a function
    ("vlm.data.images", "import vlm.data.captions"),  # up within a folder
    ("vlm.data.fashion", "from vlm.data import folder"),  # from one data set to another
    ("vlm.data.fashion", "from . import folder"),  # the same, in relative words
    ("vlm.data.folder", "from vlm.data import DATASETS"),  # from a part to its table
    ("vlm.data.words", "from ..models import projectors"),  # from one folder to another
    ("vlm.metrics.attributes", "from vlm.metrics import METRICS"),
    ("vlm.train", "from vlm.ui.models import Models"),
    ("vlm.train", "from tests import tiny"),  # out of the package
    ("vlm.train", "import vlm.nothing_known"),  # without a place in the table
    ("vlm.ui.picture", "from vlm.ui import build_app"),
]


@pytest.mark.parametrize(("module", "source"), PLANTED)
def test_a_bad_import_is_noticed(module: str, source: str) -> None:
    assert len(upward(module, source)) == 1


GOOD = [
    ("vlm.load", "from vlm.errors import UserError\nfrom vlm import runtime\nimport torch"),
    ("vlm.config", "from vlm.errors import UserError"),
    ("vlm.data", "from vlm.data import cifar10, fashion"),
    ("vlm.models.modeling_vlm", "from .projectors import PROJECTORS"),
    ("vlm.ui.describe", "from vlm.ui import picture"),
]


@pytest.mark.parametrize(("module", "source"), GOOD)
def test_a_good_import_is_not(module: str, source: str) -> None:
    assert not upward(module, source)


def test_a_new_data_set_metric_or_tab_has_its_place_already() -> None:
    assert level("vlm.data.newest") == level("vlm.data.fashion")
    assert level("vlm.metrics.newest") == level("vlm.metrics.attributes")
    assert level("vlm.ui.newest") == level("vlm.ui.describe")
    assert level("vlm.newest") is None


@pytest.mark.parametrize(
    "source",
    ["import torch\ntorch.manual_seed(0)", "X = open('x').read()", "for i in []: pass"]
    + ["import os\nX = os.environ['X']", "MODEL = load('moda-mini')", "if X:\n    Y = 1"],
)
def test_an_action_at_import_is_noticed(source: str) -> None:
    assert len(acts(source)) == 1


def test_a_definition_is_no_action() -> None:
    assert not acts('"""Doc."""\nX = frozenset((1, 2))\nX |= {3}\nF = lambda: open("x")\n')
    assert not acts("def f():\n    print(open('x'))\n\n\nif __name__ == '__main__':\n    f()\n")


def test_a_long_function_is_noticed_and_a_long_docstring_is_not() -> None:
    body = "    x = 1\n" * MAX_FUNCTION
    assert long_functions(f"def f():\n{body}") == [f"f: {MAX_FUNCTION + 1} lines"]
    assert not long_functions('def f():\n    """\n' + "    a\n" * 99 + '    """\n    return 1\n')
