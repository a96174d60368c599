"""Kill a command at each of its changes to files, in turn.

A change is whatever Python reports before it is done: opening a file for writing, a rename, a
removal, a new folder, a changed mode. The killed process gets SIGKILL: no `finally` runs.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

KILLED = -9
MOST = 10_000  # changes of a command
PRELUDE = """
import os, signal, sys
_left, _within = int(sys.argv.pop(1)), sys.argv.pop(1)
_renames = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.symlink"}

def _hook(event, arguments):
    global _left
    if event == "open":
        if not isinstance(arguments[0], (str, bytes)) or not (
            arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ):
            return
    elif event not in _renames:
        return
    # a name without a folder is relative to a descriptor, as in shutil.rmtree
    path = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else ""
    if os.sep in path and not os.path.abspath(path).startswith(_within):
        return
    _left -= 1
    if not _left:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(_hook)
"""


def kill_at_each_write(
    program: str,
    arguments: Sequence[object],
    within: Path,
    after: Callable[[int], None],
    every: int = 1,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a Python program again and again, killed just before its 1st, 2nd, ... change of a file.

    Only changes below the folder `within` count, of which `every` so-manieth is a kill. After each
    kill `after(number)` is called, which checks what is there and may repair the start. Returns the
    number of the first change that the program no longer had; it then ran to its end. Raises
    AssertionError if the program fails by itself.
    """
    for number in range(1, MOST, every):
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + program, str(number), str(within)]
            + [str(argument) for argument in arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **(environment or {})},
        )
        if done.returncode == 0:
            return number
        assert done.returncode == KILLED, done.stderr
        after(number)
    raise AssertionError(f"more than {MOST} changes")
