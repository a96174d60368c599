"""What the suite promises of itself, in one process and, as `make test` runs it, in others."""

import os
import subprocess
import sys

import pytest

SKIPS = """\
import pytest

@pytest.mark.shared
def test_that_needs_a_network():
    pytest.skip("not here")

@pytest.mark.inceptionv1
def test_that_needs_another():
    pytest.skip("not here")

@pytest.mark.browser
def test_that_needs_a_browser():
    pytest.skip("no chromium")

@pytest.mark.shared
def test_that_has_it():
    pass

def test_that_needs_nothing():
    pytest.skip("no matter")
"""


@pytest.mark.parametrize(
    ("at_hand", "processes", "closing"),
    [
        ("1", "1", "3 failed, 1 passed, 1 skipped"),
        pytest.param("0", "0", "1 passed, 4 skipped", marks=pytest.mark.full),
    ],
)
def test_a_skip_is_a_failure_where_what_the_test_needs_is_at_hand(
    tmp_path, at_hand, processes, closing
):
    (tmp_path / "test_some.py").write_text(SKIPS)
    needs = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "WORKBENCH_SHARED": str(tmp_path / "none"),
        "CI_SHARED": at_hand,
        "CI_BROWSER": at_hand,
    }
    words = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-n", processes, str(tmp_path)]
    done = subprocess.run(
        words, cwd=tmp_path, env=os.environ | needs, capture_output=True, text=True
    )
    assert closing in done.stdout.splitlines()[-1], done.stderr
