"""The wheel: installed into an empty environment, it scores from an empty folder."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.shipped import LEDGERS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """The `workbench` program of an environment that has the wheel, and no checkout.

    What the wheel depends on is that of this environment: only its folder of packages is added.
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment)
    python = environment / "bin" / "python"
    subprocess.run(
        [*pip, "--python", str(python), "install", "--no-deps", str(wheel)],
        check=True,
        capture_output=True,
    )
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin" / "workbench"


def run(program: Path, folder: Path, *words: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([program, *words], cwd=folder, env=clean, capture_output=True, text=True)


def test_wheel_has_its_own_package_and_the_shipped_theories(program, tmp_path):
    code = "import workbench.shipped as s; print(s.shipped('line'), s.shipped('squeezenet/curve'))"
    done = run(program.parent / "python", tmp_path, "-c", code)
    line, curve = map(Path, done.stdout.split())
    assert ROOT not in line.parents
    assert program.parent.parent in line.parents
    assert line.read_bytes() == (ROOT / "specs" / "line.yaml").read_bytes()
    assert curve.read_bytes() == (ROOT / "circuits" / "squeezenet" / "curve.yaml").read_bytes()
    for ledger in LEDGERS:
        assert (line.parent / ledger.name).read_bytes() == ledger.read_bytes()


@pytest.mark.parametrize("spec", ["specs/line.yaml", "line.yaml", "line"])
def test_wheel_in_an_empty_folder_finds_shipped_theories(program, tmp_path, spec):
    done = run(program, tmp_path, "check", spec)
    assert (done.returncode, done.stderr) == (0, "")
    assert "line" in done.stdout


@pytest.mark.full
def test_wheel_in_an_empty_folder_scores(program, tmp_path):
    done = run(program, tmp_path, "score", "--quick")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").is_file()
