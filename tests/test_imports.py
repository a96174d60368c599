"""How modules import each other: one way, without a cycle, and heavy packages only when needed.

`workbench --help` and `import workbench` stay quick, and work without a GPU's libraries.
"""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench
from workbench.analyses.registry import ANALYSES

PACKAGE = Path(workbench.__file__).parent
MODULES = {
    ".".join((path.parent if path.stem == "__init__" else path.with_suffix("")).parts): path
    for path in (file.relative_to(PACKAGE.parent) for file in PACKAGE.rglob("*.py"))
}
HEAVY = {"torch", "cupy", "matplotlib", "scipy", "skimage", "sklearn", "h5py", "safetensors"}
# a module may import those of its own row and of rows above
LAYERS = (
    ("errors",),
    ("scratch",),
    ("allocator", "shipped", "starter", "files", "code", "tensor_file", "progress", "arrays"),
    ("manifest",),
    ("result_folder",),
    ("engine", "cache", "cluster", "vision.geometry", "vision.stimuli"),
    ("theory", "spec"),
    ("hosts",),
    ("vision.pictures", "sequences.prompts", "work"),
    ("sequences.rule", "sequences.language", "sequences.changes", "sequences.circuit"),
    ("sequences.meaning",),
    ("sequences.variants",),
    ("sequences.files", "sequences.compile", "sequences.hosted", "sequences.prompt_sets"),
    ("sequences.schema", "sequences.known_circuits"),
    ("sequences.fit", "sequences.head_controls", "sequences.descent"),
    ("sequences.neuron_controls",),
    ("compiler",),
    ("splice",),
    ("sequences.sites",),
    ("sequences.natural_run", "sequences.overrides"),
    ("sequences.short_run",),
    ("sequences.splice",),
    ("sequences.head_parts",),
    ("sequences.fit_answers",),
    ("sequences.subject",),
    ("sequences.answer_parts",),
    ("sequences.answer_baselines",),
    ("sequences.part",),
    ("sequences.embedding_parts",),
    ("sequences.parts",),
    ("sequences.varied_parts",),
    ("sequences.trained_parts",),
    ("sequences.weights",),
    ("evaluate",),
    ("vision.activations",),
    ("sequences.survey", "vision.survey", "vision.tuning", "vision.examples", "vision.visualise"),
    ("vision.worst",),
    ("sequences.temperatures", "sequences.head_examples", "sequences.neuron_examples"),
    ("sequences.evaluate",),
    ("sequences.examples",),
    ("score",),
    ("sequences.part_score", "sequences.score"),
    ("matching", "report"),
    ("sequences.table", "sequences.document"),
    ("sequences.report",),
    ("sequences.run",),
    ("rebuild", "tune"),
    ("sequences.tune", "sequences.door"),
    ("api",),
    ("terminal",),
    ("sequences.analyses",),
    ("analyses", "export", "studio"),
    ("full_report",),
    ("cli",),
)
WINGS = ("vision", "sequences")
LAYER = {name: i for i, row in enumerate(LAYERS) for name in row}


def loaded(code: str) -> set[str]:
    """Top-level modules that an interpreter of its own has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "code",
    [
        "import workbench",
        "import workbench.cli",
        "import workbench.analyses.registry",
        "import workbench.errors, workbench.files, workbench.terminal.session",
        "import workbench.arrays, workbench.theory.rule",
        "import workbench.spec",
    ],
)
def test_nothing_heavy_is_loaded(code):
    assert not loaded(code) & HEAVY


def test_neither_cupy_nor_matplotlib_is_loaded_to_compute():
    modules = loaded("import workbench.evaluate.run, workbench.splice.calibrate")
    assert "torch" in modules  # the check sees what is loaded
    assert not modules & {"cupy", "matplotlib"}


def test_every_module_has_a_layer():
    parts = {part_of(module) for module in MODULES} - {"", "__main__", *WINGS}
    assert parts == set(LAYER)


def test_no_module_imports_a_later_layer():
    """Every import counts, also those within functions."""
    against = {
        f"{module} imports {target}"
        for module in MODULES
        for target in imports(module)
        if part_of(module) in LAYER
        and part_of(target) in LAYER
        and LAYER[part_of(target)] > LAYER[part_of(module)]
    }
    assert not against


def test_no_analysis_imports_another():
    names = {row.name for row in ANALYSES}
    across = {
        f"{module} imports {target}"
        for module in MODULES
        for target in imports(module)
        if {analysis_of(module), analysis_of(target)} <= names
        and analysis_of(module) != analysis_of(target)
    }
    assert not across


def test_imports_on_top_have_no_cycle():
    graph = {module: set(imports(module, on_top=True)) - {module} for module in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


def test_a_cycle_is_seen():
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def part_of(module: str) -> str:
    """The package or module that a layer is about; of a wing the one within it."""
    _, *names = module.split(".")
    return ".".join(names[: 2 if {*names[:1]} & {*WINGS} else 1])


def analysis_of(module: str) -> str:
    """The analysis that a module belongs to, or nothing."""
    _, *names = module.split(".")
    return names[1] if names[:1] == ["analyses"] and len(names) > 1 else ""


def imports(module: str, on_top: bool = False) -> Iterator[str]:
    """Modules of the workbench that a module imports; `on_top`: when it is imported itself."""
    tree = ast.parse((PACKAGE.parent / MODULES[module]).read_text(encoding="utf-8"))
    for node in statements(tree) if on_top else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                name = inner if inner in MODULES else node.module
                if name in MODULES:
                    yield name
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """What runs on import: neither within functions nor for type checkers alone."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


def test_at_most_twelve_functions_have_more_than_eight_parameters_and_all_are_commands():
    """ruff refuses others without this mark."""
    marked = [path for path in MODULES.values() for _ in range(path.read_text().count("PLR0913"))]
    assert len(marked) <= 12
    assert all(path.name == "command.py" or path.parent.name == "cli" for path in marked)
