"""Hosts by name: a published one, a function in a user's own Python file, and either of them with its weights shuffled.

squeezenet                     a published host that is installed
my_hosts.py:make_host          what `make_host()` gives; the file is run
squeezenet@random:0            the null host of it, seed 0
"""

import runpy
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from workbench.errors import WorkbenchError, nearest
from workbench.hosts.host import Host
from workbench.hosts.null import null_host

OWN, NULL = ".py:", "@random:"


def is_own(name: str) -> bool:
    """Whether the name is of a function in a Python file."""
    return OWN in name


def is_null(name: str) -> bool:
    """Whether the name is of a null host."""
    return NULL in name


def folder_name(name: str) -> str:
    """The host's name as a folder's: `my_hosts.py:make_host` is my_hosts.make_host."""
    return name.replace(OWN, ".").replace("/", ".").replace(":", "-").lstrip(".")


def split_null(name: str) -> tuple[str, int]:
    """A null host's trained host and seed. Raises WorkbenchError for a seed that is no number."""
    trained, _, seed = name.rpartition(NULL)
    if not seed.isdecimal():
        raise WorkbenchError(f"host {name}", f"seed {seed!r}", "a whole number", f"As in {trained or 'squeezenet'}{NULL}0.")
    return trained, int(seed)


def shuffled(name: str, trained: Host) -> Host:
    """The null host of that name."""
    return replace(null_host(trained, split_null(name)[1]), name=name)


def own_host(name: str) -> Host:
    """The host that a function in a user's Python file makes, under the name that it was asked for; the same object each time within one process
    while the file stays as it is. The path is from the current folder.

    Raises WorkbenchError if there is no such file or function, or if it gives no Host.
    """
    file, _, function = name.partition(OWN)
    path = Path(f"{file}.py")
    if not path.is_file():
        raise WorkbenchError(f"host {name}", f"no file {path} in {Path.cwd()}", "FILE.py:FUNCTION")
    return _own(name, path.resolve(), path.stat().st_mtime_ns, function)


@lru_cache(maxsize=8)
def _own(name: str, path: Path, modified_ns: int, function: str) -> Host:
    sys.path.insert(0, str(path.parent))  # so that the file finds its neighbours, as a script does
    try:
        defined = runpy.run_path(str(path), run_name=path.stem)
        if not callable(defined.get(function)):
            known = [each for each, value in defined.items() if callable(value) and not each.startswith("_")]
            raise WorkbenchError(f"host {name}", f"no function {function!r} in {path}", remedy=nearest(function, known))
        host = defined[function]()
    finally:
        sys.path.remove(str(path.parent))
    if not isinstance(host, Host):
        raise WorkbenchError(
            f"host {name}", f"{function}() gives a {type(host).__name__}", "what host_from_module gives", "docs/own-host.md has an example."
        )
    return replace(host, name=name)
