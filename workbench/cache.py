"""What was computed once and is the same again: files of arrays, known by a hash of all that they depend on, in a folder of bounded size.

One file an entry, safetensors behind the SHA-256 of its content: a damaged entry counts as absent, and nothing is unpickled. Entries are written
beside their place and moved there, so two processes may share the folder; the worst that can happen is that both compute the same.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from workbench.code import computed_by
from workbench.files import cache_folder, kept_folder

DIGEST = hashlib.sha256().digest_size
GIB = 1 << 30
LIMIT_GIB = 4.0
LIMIT_FILE = "limit"
KEPT_SHARE = 0.9  # of the limit, after entries were dropped
CLOCKS_APART_S = 1.0  # at the most, the file system's and ours
COUNTED_SHARE = 0.02  # of the limit: after so much was written, all is counted again, as other processes write too
REFUSED = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}  # and will be the next time

Arrays = Mapping[str, np.ndarray]

computed_by()  # now, where no command line did: what is loaded is what computes


def sealed(arrays: Arrays) -> bytes:
    """Arrays as bytes, with the SHA-256 of these in front."""
    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return hashlib.sha256(content).digest() + content


def opened(content: bytes) -> dict[str, np.ndarray] | None:
    """The arrays of sealed bytes; None where these are damaged."""
    body = memoryview(content)[DIGEST:]
    return load(bytes(body)) if hashlib.sha256(body).digest() == content[:DIGEST] else None


def known_by(*parts: object) -> str:
    """SHA-256, in hex, of all that an entry depends on."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def content_of(*arrays: np.ndarray) -> str:
    """SHA-256, in hex, of arrays: their types, shapes and bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}\n".encode() + array.tobytes())
    return digest.hexdigest()


@dataclass
class Cache:
    """Entries below `folder`, `limit` bytes of them at the most; of several processes each may go beyond it by COUNTED_SHARE and an entry.

    Where they grow beyond it, those that were not used for the longest time go first; never what was used since this process began: pictures that
    do not fit are computed again each time, and the others stay. A limit of 0 forgets all, and reads and keeps nothing. Threads may read and write
    at once: bytes that the count missed are seen when all is counted again.
    """

    folder: Path
    limit: int
    run: str = ""  # of the folder, what this run alone writes and reads
    unfinished: "Cache | None" = None  # for what is not to outlive the run
    bytes: int = field(init=False)
    uncounted: int = field(init=False, default=0)  # bytes written since `bytes` was counted
    since: float = field(init=False)
    full: bool = field(init=False, default=False)  # of what was used since, or the disk is: no more is written

    def __post_init__(self):
        self.since = time.time() - CLOCKS_APART_S
        if not self.limit:
            clear(self.folder)
        self._count()
        if self.bytes > self.limit:
            self._drop(0)
        self.full = not self.limit

    def __getstate__(self) -> dict[str, Any]:
        """For another process; a run's own folder is there from now on."""
        if self.run:
            with suppress(OSError):
                (self.folder / self.run).mkdir(parents=True, exist_ok=True)
        return vars(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """On another machine what lies in its folder of that name counts; what may not be dropped is what the whole run used. A run's own folder
        that is not there is none that anybody would forget: nothing is kept in it."""
        vars(self).update(state)
        self._count()
        self.full = self.full or (bool(self.run) and not (self.folder / self.run).is_dir())

    def read(self, kind: str, key: str) -> dict[str, np.ndarray] | None:
        """An entry, or None."""
        if not self.limit:
            return None
        path = self._path(kind, key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        with suppress(OSError):  # of another user, or on a disk that is only read: sound all the same
            os.utime(path)
        return opened(content)

    def write(self, kind: str, key: str, arrays: Arrays) -> None:
        """Keep an entry, unless it does not fit; a full disk is no error here."""
        if self.full:
            return
        path, content = self._path(kind, key), sealed(arrays)
        if self.uncounted + len(content) > COUNTED_SHARE * self.limit:
            self._count()
        if self.bytes + len(content) > self.limit and not self._drop(len(content)):
            return
        for _ in range(2):
            try:
                _put(path, content)
            except FileNotFoundError:  # another process cleared the folder in between
                continue
            except OSError as error:
                self.full = error.errno in REFUSED
                return
            self.bytes += len(content)
            self.uncounted += len(content)
            return

    def _count(self) -> None:
        self.bytes, self.uncounted = sum(size for _, size, _ in _files(self.folder)), 0

    def _drop(self, wanted: int) -> bool:
        """Make room, looking again at what is there. Whether there is room now."""
        files = sorted(_files(self.folder), key=lambda each: each[2])
        self.bytes, self.uncounted = sum(size for _, size, _ in files), 0
        for path, size, used in files:
            if self.bytes + wanted <= KEPT_SHARE * self.limit or used >= self.since:
                break
            path.unlink(missing_ok=True)
            self.bytes -= size
        self.full = self.bytes + wanted > self.limit
        return not self.full

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / self.run / kind / key[:2] / key


@dataclass(frozen=True)
class Kept:
    """Entries of one kind in a cache, known by what all of them depend on and each by its name; without a cache, none. So long work goes on where
    it was interrupted, step by step; to `streamed` it is a journal that stays."""

    cache: Cache | None
    kind: str
    key: str

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """An entry, or None."""
        return self.cache.read(self.kind, known_by(self.key, name)) if self.cache else None

    def write(self, name: str, arrays: Arrays) -> None:
        """Keep an entry, as `Cache.write`."""
        if self.cache:
            self.cache.write(self.kind, known_by(self.key, name), arrays)

    def once(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """An entry; where it is absent it is computed, and kept."""
        found: Arrays | None = self.read(name)
        if found is None:
            found = compute()
            self.write(name, found)
        return found

    def figures(self, name: str, compute: Callable[[], Any]) -> Any:
        """The same of figures, kept as JSON, whose numbers come back to the last bit and whose names in their order; a tuple is a list."""
        kept = self.once(name, lambda: {"json": np.frombuffer(json.dumps(compute()).encode(), np.uint8)})
        return json.loads(kept["json"].tobytes())


def _put(path: Path, content: bytes) -> None:
    """As `write_whole`, without waiting for the disk: an entry that is damaged counts as absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    finally:
        Path(partial).unlink(missing_ok=True)


def command_cache(run: str, anew: bool = False) -> Cache:
    """The cache of a command that is known as `run`: the user's, as large as `workbench cache limit` says, and beside it one for what is not to
    outlive the run (`forget`); the latter alone if all is to be computed `anew`, or where that limit is 0.

    All unfinished runs together are bounded by the same limit, or by LIMIT_GIB where it is 0.
    """
    folder = kept_folder()
    limit = int(limit_gib(folder) * GIB)
    unfinished = Cache(cache_folder() / "unfinished", limit or int(LIMIT_GIB * GIB), run)
    user = Cache(folder, limit, unfinished=unfinished)
    return unfinished if anew or not limit else user


def forget(cache: Cache) -> None:
    """The run is complete: forget what was kept for it alone."""
    if own := cache if cache.run else cache.unfinished:
        shutil.rmtree(own.folder / own.run, ignore_errors=True)


def kinds(folder: Path) -> dict[str, tuple[int, int]]:
    """Of each kind of entry: how many, and their bytes."""
    found: dict[str, tuple[int, int]] = {}
    for path, size, _ in _files(folder):
        kind = path.relative_to(folder).parts[0]
        entries, total = found.get(kind, (0, 0))
        found[kind] = entries + 1, total + size
    return dict(sorted(found.items()))


def clear(folder: Path) -> int:
    """Forget every entry; gives the bytes that were freed. The limit stays."""
    freed = sum(size for _, size, _ in _files(folder))
    for kind in kinds(folder):
        shutil.rmtree(folder / kind, ignore_errors=True)
    return freed


def limit_gib(folder: Path) -> float:
    """The bound that was set, or the default."""
    try:
        return float((folder / LIMIT_FILE).read_text())
    except (OSError, ValueError):
        return LIMIT_GIB


def _files(folder: Path) -> Iterator[tuple[Path, int, float]]:
    """Every entry: its file, bytes, and when it was last used."""
    for where, _, names in os.walk(folder):
        for name in names if Path(where) != folder else ():
            path = Path(where) / name
            try:
                found = path.stat()
            except OSError:
                continue  # dropped by another process
            yield path, found.st_size, found.st_mtime
