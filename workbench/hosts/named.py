"""Names of hosts, and how to make the hosts of a user's own file and null hosts from them.

squeezenet                     a published host that is installed
my_hosts.py:make_host          the return value of `make_host()`; the file is run if the user
                               named it
squeezenet@random:0            the null host of squeezenet, seed 0
induction@step:900             a checkpoint of a network that was trained here (`made.py`)
"""

import hashlib
import re
import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from workbench.cache import Cache
from workbench.errors import WorkbenchError, nearest
from workbench.hosts.host import Host
from workbench.hosts.null import null_host

OWN, NULL = ".py:", "@random:"
# No two names of this form give the same folder.
PLAIN = re.compile(r"([\w-]+(@seed:\d+)?(@final|@step:\d+)?|\w+\.py:\w+)(@random:\d+)?")
TRUSTED: set[str] = set()  # own hosts that the user named in this process


def is_own(name: str) -> bool:
    """Whether the name is of a function in a Python file."""
    return OWN in name


def cache_of(name: str, cache: Cache | None) -> Cache | None:
    """The cache for the results of the host of that name.

    A host of the user's own file uses the cache of the unfinished run alone, since what it imports
    from elsewhere may change.
    """
    return cache.unfinished if cache and is_own(name) and not cache.run else cache


def is_null(name: str) -> bool:
    """Whether the name is of a null host."""
    return NULL in name


def folder_name(name: str) -> str:
    """The host's name as a folder's: `my_hosts.py:make_host` is my_hosts.make_host.

    A name with a path is followed by a hash, so that no two names share a folder.
    """
    folded = name.replace(OWN, ".").replace("/", ".").replace(":", "-").lstrip(".")
    return (
        folded
        if PLAIN.fullmatch(name)
        else f"{folded}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    )


def trust(name: str) -> None:
    """Allow the file of this host, which the user named, to be run from now on.

    Names that come from a circuit file must not be given here.
    """
    TRUSTED.add(split_null(name)[0] if is_null(name) else name)


def split_null(name: str) -> tuple[str, int]:
    """A null host's trained host and seed; raises WorkbenchError for a seed that is no number."""
    trained, _, seed = name.rpartition(NULL)
    if not seed.isdecimal():
        raise WorkbenchError(
            f"host {name}",
            f"seed {seed!r}",
            "a whole number",
            f"As in {trained or 'squeezenet'}{NULL}0.",
        )
    return trained, int(seed)


def shuffled(name: str, trained: Host) -> Host:
    """The null host of that name, of the trained host."""
    return replace(null_host(trained, split_null(name)[1]), name=name)


def own_host(name: str) -> Host:
    """The host that a function in a user's Python file makes, called by the given name.

    Within one process it is the same object while the file stays as it is. The path is relative to
    the current folder. Raises WorkbenchError if the name was not given to `trust`, if there is no
    such file or function, if the function fails, or if it returns no Host.
    """
    if name not in TRUSTED:
        raise WorkbenchError(
            f"host {name}",
            "named by a circuit file, and would run code",
            "a host that you named yourself",
            f"Look at the file first. Give --host {name} to run it.",
        )
    file, _, function = name.partition(OWN)
    path = Path(f"{file}.py")
    if not path.is_file():
        raise WorkbenchError(f"host {name}", f"no file {path} in {Path.cwd()}", "FILE.py:FUNCTION")
    return _own(name, path.resolve(), hashlib.sha256(path.read_bytes()).hexdigest(), function)


@lru_cache(maxsize=8)
def _own(name: str, path: Path, sha256: str, function: str) -> Host:
    with _importing_nearby(name, path):
        defined = runpy.run_path(str(path), run_name=path.stem)
        if not callable(defined.get(function)):
            known = [
                function_name
                for function_name, value in defined.items()
                if callable(value) and not function_name.startswith("_")
            ]
            raise WorkbenchError(
                f"host {name}",
                f"no function {function!r} in {path}",
                remedy=nearest(function, known),
            )
        host = defined[function]()
    if not isinstance(host, Host):
        raise WorkbenchError(
            f"host {name}",
            f"{function}() gives a {type(host).__name__}",
            "what host_from_module gives",
            "docs/own-host.md has an example.",
        )
    files = {path.name: sha256, **_imported_nearby(path)}
    made_by = " and ".join(f"{file} with SHA-256 {digest}" for file, digest in files.items())
    return replace(host, name=name, source=f"{host.source}, made by {made_by}")


def _imported_nearby(path: Path) -> dict[str, str]:
    """SHA-256 of each imported file in the folder of the user's file or below it.

    An edit of one makes another host. Installed packages are left out.
    """
    folder, workbench = path.parent, Path(__file__).resolve().parents[1]
    modules = [module for name, module in list(sys.modules.items()) if name != "__main__"]
    files = {
        Path(file).resolve() for module in modules if (file := getattr(module, "__file__", None))
    }
    nearby = [
        file
        for file in files
        if file.is_relative_to(folder)
        and not file.is_relative_to(workbench)
        and "site-packages" not in file.parts
    ]
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(nearby)
        if file.is_file()
    }


@contextmanager
def _importing_nearby(name: str, path: Path) -> Iterator[None]:
    """Let modules in the file's folder be imported within the block, as in a script.

    Any exception of the file becomes a WorkbenchError with its line.
    """
    before = list(sys.path)
    sys.path.insert(0, str(path.parent))
    try:
        yield
    except WorkbenchError:
        raise
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(path)
        ]
        line = (
            error.lineno
            if isinstance(error, SyntaxError) and error.filename == str(path)
            else lines[-1]
            if lines
            else 1
        )
        raise WorkbenchError(
            f"host {name}",
            f"{path}:{line}: {type(error).__name__}: {error}",
            remedy="Correct the file.",
        ) from error
    finally:
        sys.path[:] = before
