"""Files: where the cache is, hashes of content, and writing that leaves a whole file or none."""

import hashlib
import os
import stat
from collections.abc import Iterable
from errno import EACCES
from pathlib import Path

import platformdirs

from workbench.errors import WorkbenchError
from workbench.scratch import remove_abandoned, replace_file

CACHE_VARIABLE = "WORKBENCH_CACHE"
STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")


def cache_folder() -> Path:
    """The folder for cached files: of this user, or the one that WORKBENCH_CACHE names.

    It need not exist, nor be writable. Raises WorkbenchError if it cannot be a folder.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if not chosen:
        return platformdirs.user_cache_path("workbench")
    problem = ""
    try:
        folder = Path(chosen).expanduser()
        if not stat.S_ISDIR(os.stat(folder).st_mode):
            problem = "is a file"
    except FileNotFoundError:
        pass
    except RuntimeError:
        problem = "is in the home folder of a user that does not exist"
    except OSError as error:
        problem = f"cannot be used ({error.strerror})"
    if problem:
        remedy = f"Set {CACHE_VARIABLE} to another folder, or unset it."
        raise WorkbenchError(f"{CACHE_VARIABLE}={chosen}", problem, "a folder", remedy)
    return folder


def kept_folder() -> Path:
    """The folder of entries that later runs may use again (`workbench.cache`)."""
    return cache_folder() / "kept"


def unfinished_folders() -> list[Path]:
    """The folders of interrupted runs.

    They hold entries of one run alone, and what earlier versions kept of runs and reports.
    """
    return [cache_folder() / name for name in ("runs", "reports", "unfinished")]


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def set_sha256(sha256s: Iterable[str]) -> str:
    """One SHA-256 for a set of them: that of the sorted hashes, one a line."""
    return hashlib.sha256("\n".join(sorted(sha256s)).encode()).hexdigest()


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part of it.

    A link is written through, and an old file keeps its mode. A terminal, /dev/null
    and /dev/stdout are written to. Text is written as UTF-8; what cannot be, such as a byte of a
    file name that is no UTF-8, is written as an escape (\\udcff).

    Raises WorkbenchError if the folder cannot be written or the disk is full; the old file is then
    unchanged.
    """
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    try:
        _write(path, data)
    except OSError as error:
        raise WorkbenchError(
            str(path),
            f"cannot be written ({error.strerror})",
            remedy="Free some space or choose another place.",
        ) from error


def _write(path: Path, data: bytes) -> None:
    mode = file_mode(path)
    if is_stream(path, mode):
        Path(path).write_bytes(data)
        return
    if mode is not None and not stat.S_ISREG(mode):
        problem = "is a folder" if stat.S_ISDIR(mode) else "is a named pipe or a device"
        raise WorkbenchError(str(path), problem, "a file to write", "Choose another place.")
    target = Path(os.path.realpath(path))
    if mode is not None and not os.access(target, os.W_OK):
        raise OSError(EACCES, os.strerror(EACCES))
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(target.parent)
    replace_file(target, data, 0o644 if mode is None else stat.S_IMODE(mode))


def file_mode(path: Path) -> int | None:
    """The mode of a file or folder, links followed; None if it does not exist.

    Raises OSError if that cannot be known, as for a name that is too long.
    """
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def is_stream(path: Path, mode: int | None) -> bool:
    """Whether a path is written to and not replaced: a terminal, /dev/null, /dev/stdout."""
    if mode is None or stat.S_ISDIR(mode) or stat.S_ISBLK(mode):
        return False
    return stat.S_ISCHR(mode) or os.path.abspath(path).startswith(STREAMS)
