"""Scratch files and folders, which take the place of what they replace in one step.

They lie in the folder of what they replace and are locked while their process lives. The next run
there removes those without a lock, which killed runs have left.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, SUFFIX, EARLIER = ".workbench-", ".part", ".earlier"
ATTEMPTS, WAIT_S = 100, 0.05  # at a place that other runs write to at the same time
NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)
# the kernel or the file system cannot exchange two folders
UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of linux/fcntl.h and linux/fs.h


def is_scratch(name: str) -> bool:
    """Whether a file of that name in the cache is scratch, of any version of the workbench."""
    return name.endswith(SUFFIX)


def replace_file(path: Path, data: bytes, mode: int = 0o644, synced: bool = True) -> None:
    """Write a file in one step; `synced` waits until the disk has it. Raises OSError."""
    with _scratch(path.parent, folder=False) as scratch:
        with open(scratch, "wb") as file:
            file.write(data)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(scratch, mode)
        os.replace(scratch, path)


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`; what lies there when the block ends is removed. Raises OSError."""
    remove_abandoned(parent)
    with _scratch(parent, folder=True) as scratch:
        yield scratch


@contextmanager
def _scratch(parent: Path, folder: bool) -> Iterator[Path]:
    path, lock = _locked(parent, folder)
    try:
        yield path
    finally:
        _remove(path)
        os.close(lock)


def _locked(parent: Path, folder: bool) -> tuple[Path, int]:
    """A new scratch path, and the descriptor that locks it until it is closed."""
    while True:
        path = _made(parent, folder)
        try:
            lock = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        with suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path, lock
        os.close(lock)  # another run has removed it before it was locked


def _made(parent: Path, folder: bool) -> Path:
    if folder:
        return Path(tempfile.mkdtemp(dir=parent, prefix=PREFIX, suffix=SUFFIX))
    handle, name = tempfile.mkstemp(dir=parent, prefix=PREFIX, suffix=SUFFIX)
    os.close(handle)
    return Path(name)


def remove_abandoned(parent: Path) -> None:
    """Remove the scratch that killed runs have left in a folder, but not that of live runs."""
    for path in parent.glob(f"{PREFIX}*{SUFFIX}"):
        remove_if_abandoned(path)


def remove_if_abandoned(path: Path) -> None:
    """Remove scratch, unless a live run has locked it or it cannot be locked here."""
    with suppress(OSError):
        lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        finally:
            os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other runs from replacing a folder, or removing it, while the block runs.

    Goes on without a lock if the folder does not exist, if the file system has no locks, or if
    another run holds it for longer than ATTEMPTS * WAIT_S.
    """
    lock = _lock_of(folder)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _lock_of(folder: Path) -> int | None:
    for _ in range(ATTEMPTS):
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), os.stat(folder)):
                return lock
        except (BlockingIOError, FileNotFoundError):
            pass
        except OSError:
            os.close(lock)
            return None
        os.close(lock)
        time.sleep(WAIT_S)
    return None


def put_in_place(scratch: Path, target: Path) -> None:
    """Move a scratch folder to `target`; an earlier folder there is then at `scratch`.

    Both change places in one step, so that there is a whole folder at `target` at any moment. A
    file system that cannot do that (NFS) takes three steps; `put_back` repairs a kill between them.
    Raises OSError.
    """
    for _ in range(ATTEMPTS):
        with suppress(FileNotFoundError):  # another run has moved the target away
            if _moved(scratch, target) or _exchanged(scratch, target) or _by_turns(scratch, target):
                return
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(target))


def _moved(scratch: Path, target: Path) -> bool:
    """Move to a place where nothing is, or an empty folder; whether it was one."""
    try:
        os.rename(scratch, target)
    except OSError as error:
        if error.errno in NOT_EMPTY:
            return False
        raise
    return True


def _exchanged(scratch: Path, target: Path) -> bool:
    """Exchange two folders in one step, if this can be done here."""
    try:
        exchange(scratch, target)
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return False
        raise
    return True


def exchange(one: Path, other: Path) -> None:
    """Exchange two paths by Linux's renameat2. Raises OSError."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    paths = os.fsencode(one), os.fsencode(other)
    if call(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))


def _by_turns(scratch: Path, target: Path) -> bool:
    """Exchange two folders in three steps; False if another run was quicker."""
    aside = Path(
        tempfile.mkdtemp(dir=target.parent, prefix=_earlier_prefix(target), suffix=EARLIER)
    )
    try:
        os.rename(target, aside)
    except BaseException:
        with suppress(OSError):
            os.rmdir(aside)
        raise
    try:
        os.rename(scratch, target)
    except BaseException as error:
        with suppress(OSError):
            os.rename(aside, target)
        if isinstance(error, OSError) and error.errno in NOT_EMPTY:
            return False
        raise
    os.rename(aside, scratch)
    return True


def put_back(target: Path) -> None:
    """Put an earlier folder back to `target` that a killed run has moved aside (`_by_turns`).

    Where a whole folder is at `target` already, the earlier one is removed.
    """
    for aside in target.parent.glob(f"{_earlier_prefix(target)}*{EARLIER}"):
        with suppress(OSError):
            if _moved(aside, target):
                continue
            shutil.rmtree(aside)


def _earlier_prefix(target: Path) -> str:
    return f"{PREFIX}{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"
