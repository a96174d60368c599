"""Kill a command at each of its changes to files, in turn.

A change is whatever Python reports before it is done: opening a file for writing, a rename, a
removal, a new folder, a changed mode. The killed process gets SIGKILL: no `finally` runs.

There are two ways. Killed runs start anew for each kill, so that `after` may start the next run
from what the kill left. Killed copies need one run: it forks before each change, and the fork is
killed there, so that each kill costs milliseconds.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

KILLED = -9
MOST = 10_000  # changes of a command
# a process that imports once, and runs the program in one child after another, or once
FORKS = """
import json, os, signal, sys, traceback

imports, program, arguments, within, every, copies = json.loads(sys.argv[1])
renames = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.symlink"}

def counts(event, arguments):
    if event == "open":
        if not isinstance(arguments[0], (str, bytes)) or not (
            arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ):
            return False
    elif event not in renames:
        return False
    # a name without a folder is relative to a descriptor, as in shutil.rmtree
    path = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else ""
    return os.sep not in path or os.path.abspath(path).startswith(within)

def goes_on(child):
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return sys.stdin.readline()

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def run(number):
    left = [number]
    def hook(event, arguments):
        if counts(event, arguments):
            left[0] -= 1
            if not left[0] and not copies:
                kill()
            if not left[0]:
                left[0] = every
                goes_on(os.fork() or kill())
    sys.addaudithook(hook)
    sys.argv = ["-c", *arguments]
    try:
        exec(program, {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)

exec(imports)
number = 1
while True:
    if not goes_on(os.fork() or run(number)):
        break
    number += every
"""


def kill_at_each_write(
    program: str,
    arguments: Sequence[object],
    within: Path,
    after: Callable[[int], None],
    every: int = 1,
    environment: Mapping[str, str] | None = None,
    imports: str = "",
    copies: bool = False,
) -> int:
    """Run a Python program again and again, killed just before its 1st, 2nd, ... change of a file.

    Only changes below the folder `within` count; `every` is the step from one kill to the next.
    After each kill `after(number)` is called, which checks what is there and may repair the start.
    With `copies` the program runs once and copies of it are killed: `after` must then change
    nothing. The code `imports` runs once, before all. Returns the number of the first change that
    the program no longer had; it then ran to its end. Raises AssertionError if the program fails
    by itself.
    """
    words = json.dumps([imports, program, [*map(str, arguments)], str(within), every, copies])
    with subprocess.Popen(
        [sys.executable, "-c", FORKS, words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for number in range(1, MOST, every):
            status = process.stdout.readline()
            if status.strip() != str(KILLED):
                process.stdin.close()
                assert status.strip() == "0", process.stderr.read()
                return number
            after(number)
            process.stdin.write("on\n")
            process.stdin.flush()
    raise AssertionError(f"more than {MOST} changes")
