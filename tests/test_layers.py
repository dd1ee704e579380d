"""The architecture, read from the sources: imports point down, importing defines, parts are small.

RUNGS is the diagram of the package; CONTRIBUTING.md shows the same one. A new folder needs a rung.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

MAX_FILE, MAX_FUNCTION = 250, 40  # lines; a function's docstring is not counted
MAX_MODULES, MAX_ENTRIES = 10, 18  # modules of a folder; entries of the package's own folder
MAX_INNER_IMPORTS, MAX_UNFORMATTED = 40, 30  # imports of `vlm` inside functions; `fmt: skip`
PURE_DATA = {
    "vlm.data.grammar.words",
    "vlm.data.grammar.question_words",
    "vlm.evaluation.metrics.lexicon",
}  # files that are one table, of any length
# both must precede transformers, which imports torchvision and bitsandbytes in many places
RUNS_AT_IMPORT = {
    "vlm": ["repair_torchvision_when_imported()", "quiet_bitsandbytes()", "keep_old_names()"]
}

# From the bottom to the top: a module may import from its own rung and those above it in this list.
RUNGS = [
    "types errors config",
    "system",
    "data",
    "models",
    "loading",
    "inference",
    "remote",
    "evaluation",
    "training",
    "reporting",
    "captioning",
    "ui",
    "commands",
    "__main__",
]
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
}


def python_files() -> list[Path]:
    """Every source of the project."""
    folders = ("vlm", "finetune", "bench", "tests", "harness")
    return [ROOT / "app.py", *(p for name in folders for p in (ROOT / name).rglob("*.py"))]


def level(module: str) -> int | None:
    """The rung of a module's room, None when it has no place."""
    room = module.split(".")[1] if "." in module else ""
    return next((n for n, rung in enumerate(RUNGS) if room in rung.split()), None)


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
            if name not in SOURCES or other is None or other > own:
                faults.append(f"{module} imports {name}, which is not below it")
    return faults


@pytest.mark.parametrize("module", SOURCES)
def test_imports_point_down(module: str) -> None:
    if module == "vlm":
        below = {"vlm.system.repairs", "vlm.system.old_names", "importlib", "typing"}
        assert imports(module, SOURCES[module]) == below
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


def test_no_part_imports_its_own_table() -> None:
    """A folder's `__init__` lists its parts (DATASETS, METRICS, TABS); the parts do not know it."""
    for module, source in SOURCES.items():
        parent = module.rpartition(".")[0]
        if module != "vlm" and parent in SOURCES and imports(parent, SOURCES[parent]) & {module}:
            assert parent not in imports(module, source), f"{module} imports its table"


@pytest.mark.parametrize("package", sorted(PACKAGES - {"vlm"}))
def test_a_package_file_only_defines_its_table(package: str) -> None:
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.Expr)
    assert all(isinstance(node, allowed) for node in ast.parse(SOURCES[package]).body)


# --- rooms stay small ----------------------------------------------------------------------------


def test_no_folder_has_too_many_modules() -> None:
    modules = Counter(name.rpartition(".")[0] for name in SOURCES if name not in PACKAGES)
    assert not {folder: n for folder, n in modules.items() if n > MAX_MODULES}
    entries = [path.name for path in (ROOT / "vlm").iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MAX_ENTRIES, entries


def test_the_diagram_in_contributing_is_this_one() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    diagram = re.search(r"```\n(types.*?)```", text, re.DOTALL)
    assert diagram, "CONTRIBUTING.md has no diagram that begins with types"
    names = " ".join(re.findall(r"^(\w[\w/ ]*?)(?:  |$)", diagram[1], re.MULTILINE))
    assert names.replace("/", "").split() == " ".join(RUNGS).split()


def inner_imports(source: str) -> int:
    """How many imports of the package stand inside functions."""
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]
    nodes = {node for function in functions for node in ast.walk(function)}
    return sum(isinstance(n, ast.ImportFrom) and (n.module or "")[:3] == "vlm" for n in nodes)


def test_few_imports_hide_inside_functions() -> None:
    assert sum(map(inner_imports, SOURCES.values())) <= MAX_INNER_IMPORTS


def test_no_script_changes_the_path_and_few_lines_escape_the_formatter() -> None:
    sources = {path: path.read_text() for path in python_files()}
    assert not [path for path, text in sources.items() if "sys.path." + "insert" in text]
    assert sum(text.count("# fmt: " + "skip") for text in sources.values()) <= MAX_UNFORMATTED


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


def test_data_modules_have_almost_no_functions() -> None:
    for module in PURE_DATA:
        functions = [n for n in ast.walk(ast.parse(SOURCES[module])) if isinstance(n, ast.For)]
        assert SOURCES[module].count("\n") > MAX_FILE and not functions


# --- the rules above do notice -------------------------------------------------------------------

PLANTED = [
    ("vlm.errors", "from vlm.loading import load"),  # up
    (
        "vlm.inference.generate",
        "def f():\n    from vlm.evaluation import evaluate",
    ),  # in a function
    ("vlm.data.grammar.words", "from ...models import projectors"),  # up, in relative words
    ("vlm.training.trainer", "from vlm.ui.model_holder import Models"),
    ("vlm.training.trainer", "from tests import tiny"),  # out of the package
    ("vlm.training.trainer", "import vlm.nothing_known"),  # without a rung
    ("vlm.training.trainer", "from vlm.data.nothing_known import x"),  # of a room, but not there
    ("vlm.ui.describe.picture", "from vlm.commands import COMMANDS"),
]


@pytest.mark.parametrize(("module", "source"), PLANTED)
def test_a_bad_import_is_noticed(module: str, source: str) -> None:
    assert len(upward(module, source)) == 1


GOOD = [
    ("vlm.loading.load", "from vlm.errors import UserError\nfrom vlm.system import runtime"),
    ("vlm.config", "from vlm.errors import UserError\nimport torch"),
    ("vlm.data", "from vlm.data import cifar10, fashion"),
    ("vlm.models.modeling_vlm", "from .projectors import PROJECTORS"),
    ("vlm.ui.describe.tab", "from vlm.ui.describe import picture"),
]


@pytest.mark.parametrize(("module", "source"), GOOD)
def test_a_good_import_is_not(module: str, source: str) -> None:
    assert not upward(module, source)


def test_an_inner_import_is_counted_once() -> None:
    assert inner_imports("def f():\n    def g():\n        from vlm.data import images\n") == 1
    assert inner_imports("from vlm.data import images\ndef f():\n    import json\n") == 0


@pytest.mark.parametrize(
    "source",
    ["import torch\ntorch.manual_seed(0)", "X = open('x').read()", "for i in []: pass"]
    + ["import os\nX = os.environ['X']", "MODEL = load('moda-mini')", "if X:\n    Y = 1"],
)
def test_an_action_at_import_is_noticed(source: str) -> None:
    assert len(acts(source)) == 1


def test_a_definition_is_not_an_action() -> None:
    assert not acts('"""Doc."""\nX = frozenset((1, 2))\nX |= {3}\nF = lambda: open("x")\n')
    assert not acts("def f():\n    print(open('x'))\n\n\nif __name__ == '__main__':\n    f()\n")


def test_a_long_function_is_noticed_and_a_long_docstring_is_not() -> None:
    body = "    x = 1\n" * MAX_FUNCTION
    assert long_functions(f"def f():\n{body}") == [f"f: {MAX_FUNCTION + 1} lines"]
    assert not long_functions('def f():\n    """\n' + "    a\n" * 99 + '    """\n    return 1\n')
