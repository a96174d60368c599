"""What is heavy is imported when it is needed: `workbench --help` and `import workbench` stay quick, and work without a GPU's libraries."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench

PACKAGE = Path(workbench.__file__).parent
HEAVY = {"torch", "cupy", "matplotlib", "scipy", "skimage", "h5py", "safetensors", "sklearn"}
STAGES = ("spec", "compiler", "splice", "evaluate", "score", "report")
LATER = {stage: (*STAGES[i + 1 :], "tune", "survey") for i, stage in enumerate(STAGES)}
LATER |= dict.fromkeys(("hosts", "arrays", "theory", "stimuli", "pictures"), (*STAGES, "tune", "survey"))


def loaded(code: str) -> set[str]:
    """Top-level modules that an interpreter of its own has loaded after `code`."""
    done = subprocess.run([sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "code",
    [
        "import workbench",
        "import workbench.cli",
        "import workbench.errors, workbench.files, workbench.terminal",
        "import workbench.arrays, workbench.theory.rule",
        "import workbench.spec",
    ],
)
def test_nothing_heavy_is_loaded(code):
    assert not loaded(code) & HEAVY


def test_neither_cupy_nor_matplotlib_is_loaded_to_compute():
    found = loaded("import workbench.evaluate.run, workbench.splice.calibrate")
    assert "torch" in found  # the check sees what is loaded
    assert not found & {"cupy", "matplotlib"}


@pytest.mark.parametrize("stage", LATER)
def test_imports_run_one_way(stage):
    """Every import of every file counts, also those within functions."""
    files = sorted((PACKAGE / stage).rglob("*.py"))
    assert files
    assert not {name for file in files for name in imported(file)} & set(LATER[stage])


def imported(file: Path) -> Iterator[str]:
    """Stages of the workbench that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        yield from (name.split(".")[1] for name in names if name.startswith("workbench."))
