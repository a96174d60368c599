"""A studio in a process of its own, and Chromium to look at it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import workbench

STARTER = Path(workbench.__file__).parent / "starter"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NUMBER = "{tune: 0.2, min: 0, max: 0.8}"  # of the family line, in place of the starter's threshold


@pytest.fixture(scope="module")
def theory(tmp_path_factory, squeezenet) -> Path:
    """The starter's theory with a number to tune, in a folder with its circuit file."""
    folder = tmp_path_factory.mktemp("mine")
    shutil.copy(STARTER / "circuit.yaml", folder)
    lines = (STARTER / "theory.yaml").read_text().splitlines()
    text = "\n".join(line.split(" # ")[0].rstrip() for line in lines if line[:1] != "#") + "\n"
    assert text.count("threshold: 0.2") == 1
    (folder / "theory.yaml").write_text(text.replace("threshold: 0.2", f"threshold: {NUMBER}"))
    return folder / "theory.yaml"


@contextmanager
def served(spec: Path, *words: str, circuit: bool = True) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of a studio of a theory, and its process, which ends with the block."""
    program = [sys.executable, "-m", "workbench", "studio", str(spec)]
    program += ["--circuit", str(spec.parent / "circuit.yaml")] if circuit else []
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [*program, "--no-browser", *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=spec.parent,
        env=os.environ | {"PYTHONPATH": root},
    )
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def started_by(pid: int) -> list[int]:
    """The processes that a process started, in any of its threads."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for listed in lists for word in listed.read_text().split()]


@pytest.fixture(scope="module")
def chromium():
    """Chromium, driven by Playwright. Tests that use it are marked `browser`.

    While it is open, its event loop is that of the thread: other tests could not start one.
    """
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    pytest.importorskip("nicegui", reason="the extra `studio` is not installed")
    if CHROMIUM is None:
        pytest.skip("no program `chromium`")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
