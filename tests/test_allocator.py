"""Freed memory stays in the process: the next array of its size touches no new page."""

import os
import subprocess
import sys

import pytest

from workbench.allocator import CHOSEN, _is_gnu

BLOCK, LARGEST_PAGE = 64 << 20, 2 << 20  # of an array, and of Linux
SCRIPT = """
import resource, threading
import numpy as np
from workbench.allocator import keep_freed_memory

def filled():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(64 << 20, np.uint8)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

faults, kept = [], keep_freed_memory() if {keep} else None
filled()
filled()
thread = threading.Thread(target=filled)
thread.start()
thread.join()
print(kept, *faults)
"""
GIVEN_BACK = """
import resource
import numpy as np
from workbench.allocator import give_freed_memory_back, keep_freed_memory

def taken():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() - before

keep_freed_memory()
before = 0
before = taken()
array = np.ones(64 << 20, np.uint8)
print(taken())
del array
print(taken())
give_freed_memory_back()
print(taken())
"""


def faults(keep: bool, **variables: str) -> list[str]:
    """What `keep_freed_memory` returned, and the page faults of three arrays, one after another."""
    return run(SCRIPT.format(keep=keep), **variables)


def run(script: str, **variables: str) -> list[str]:
    """The words that a script prints in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(CHOSEN)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        # small pages, so that there are thousands of them
        env={**environment, "NUMPY_MADVISE_HUGEPAGE": "0", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.skipif(not _is_gnu(), reason="needs the GNU C library")
def test_a_second_array_touches_no_new_page_in_any_thread():
    kept, _, *later = faults(keep=True)
    _, *each_new = faults(keep=False)
    assert kept == "True"
    assert max(map(int, later)) < 0.5 * min(map(int, each_new))


@pytest.mark.skipif(not _is_gnu(), reason="needs the GNU C library")
def test_kept_memory_is_given_back_when_asked():
    kept, freed, back = map(int, run(GIVEN_BACK))
    assert freed > 0.9 * kept > 0.9 * BLOCK
    assert back < 0.1 * kept


def test_settings_of_the_user_stay():
    kept, *each_new = faults(keep=True, MALLOC_TRIM_THRESHOLD_="1000")
    assert kept == "False"
    assert min(map(int, each_new)) > 0.5 * BLOCK / LARGEST_PAGE
