"""The cache: computed arrays in a folder of bounded size.

The key of an entry is a hash of everything that it depends on. An entry is one file: a SHA-256 of
its key and its content, then the content as safetensors. An entry that is damaged, or of another
key, counts as absent, and nothing is unpickled. Entries are written to a temporary file and moved
into place, so two processes may share the folder; at worst both compute the same entry.
"""

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from workbench.code import code_version
from workbench.files import cache_folder, kept_folder
from workbench.scratch import is_scratch, remove_if_abandoned, replace_file

DIGEST = hashlib.sha256().digest_size
GIB = 1 << 30
LIMIT_GIB = 4.0
HIGHEST_LIMIT_GIB = 1e6
LIMIT_FILE = "limit"
KEPT_SHARE = 0.9  # of the limit, after entries were dropped
CLOCKS_APART_S = 1.0  # largest difference between the clock of the file system and ours
# part of the limit after whose writing all files are counted again, as other processes write too
COUNTED_SHARE = 0.02
# errors that will occur at the next attempt too
REFUSED = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}

Arrays = Mapping[str, np.ndarray]

code_version()  # now, unless the command line did: the files are still those that were loaded


def sealed(arrays: Arrays, key: str) -> bytes:
    """Arrays as bytes, preceded by the SHA-256 of the key and these bytes."""
    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return _seal(key, content) + content


def opened(content: bytes, key: str) -> dict[str, np.ndarray] | None:
    """The arrays of bytes that were sealed with that key; None if they were not, or are damaged."""
    body = memoryview(content)[DIGEST:]
    return load(bytes(body)) if _seal(key, body) == content[:DIGEST] else None


def _seal(key: str, content: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(content)
    return digest.digest()


def cache_key(*parts: object) -> str:
    """SHA-256, in hex, of everything that an entry depends on."""
    text = "\n".join(map(str, parts))
    # the names of files need not be UTF-8
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def content_of(*arrays: np.ndarray) -> str:
    """SHA-256, in hex, of arrays: their types, shapes and bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}\n".encode() + array.tobytes())
    return digest.hexdigest()


@dataclass
class Cache:
    """Entries in a folder, at most `limit` bytes of them.

    If they exceed the limit, the least recently used ones are deleted first, but never those that
    were used since this process began: entries that do not fit are computed again in each run, and
    the others stay. A limit of 0 deletes all entries, and none is read or written. Each of several
    processes may exceed the limit by COUNTED_SHARE and one entry. Threads may read and write at
    once: bytes that the count misses are included when all files are counted again.

    folder      where the entries lie
    limit       in bytes
    run         name of a sub-folder whose entries belong to one run alone; "" for all runs
    unfinished  the cache for entries that are deleted when the run is complete
    bytes       size of all entries when they were last counted, and of those written since
    uncounted   bytes that were written since then
    since       time from which on used entries are not deleted
    full        nothing more is written: all entries were used since, or the disk is full
    """

    folder: Path
    limit: int
    run: str = ""
    unfinished: "Cache | None" = None
    bytes: int = field(init=False)
    uncounted: int = field(init=False, default=0)
    since: float = field(init=False)
    full: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.since = time.time() - CLOCKS_APART_S
        if not self.limit:
            clear(self.folder)
        self._count()
        if self.bytes > self.limit:
            self._drop(0)
        self.full = not self.limit

    def __getstate__(self) -> dict[str, Any]:
        """The state for another process, for which a run's own folder is created."""
        if self.run:
            with suppress(OSError):
                (self.folder / self.run).mkdir(parents=True, exist_ok=True)
        return vars(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Count the entries of this machine.

        Entries that the run has used since it began, on any machine, are not deleted. If the run's
        own folder does not exist on this machine, nothing is written to it, since nobody would
        delete it when the run is complete.
        """
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
        with suppress(OSError):  # another user's file, or a read-only disk: it can be used anyway
            os.utime(path)
        return opened(content, f"{kind}/{key}")

    def write(self, kind: str, key: str, arrays: Arrays) -> None:
        """Write an entry if it fits; a full disk is no error."""
        if self.full:
            return
        path, content = self._path(kind, key), sealed(arrays, f"{kind}/{key}")
        if self.uncounted + len(content) > COUNTED_SHARE * self.limit:
            self._count()
        if self.bytes + len(content) > self.limit and not self._drop(len(content)):
            return
        for _ in range(2):
            try:
                _put(path, content)
            except FileNotFoundError:  # another process has cleared the folder meanwhile
                continue
            except OSError as error:
                self.full = error.errno in REFUSED
                return
            self.bytes += len(content)
            self.uncounted += len(content)
            return

    def _count(self) -> None:
        self.bytes, self.uncounted = _size(self.folder), 0

    def _drop(self, wanted: int) -> bool:
        """Count the files again and delete old ones; whether `wanted` bytes fit now."""
        files = sorted(_files(self.folder), key=lambda file: file[2])
        self.bytes, self.uncounted = sum(size for _, size, _ in files), 0
        for path, size, used in files:
            if self.bytes + wanted <= KEPT_SHARE * self.limit or used >= self.since:
                break
            with suppress(OSError):  # another user's file, or a read-only disk
                path.unlink(missing_ok=True)
                self.bytes -= size
        self.full = self.bytes + wanted > self.limit
        return not self.full

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / self.run / kind / key[:2] / key


@dataclass(frozen=True)
class Kept:
    """Entries of one kind in a cache, each with a name.

    Long work keeps each finished step here, so an interrupted run continues where it stopped.

    cache  None to keep nothing
    kind   folder of the entries in the cache
    key    cache key of everything that all entries depend on
    """

    cache: Cache | None
    kind: str
    key: str

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """An entry, or None."""
        return self.cache.read(self.kind, cache_key(self.key, name)) if self.cache else None

    def write(self, name: str, arrays: Arrays) -> None:
        """Write an entry, as `Cache.write` does."""
        if self.cache:
            self.cache.write(self.kind, cache_key(self.key, name), arrays)

    def once(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """An entry; if it is absent it is computed and written."""
        arrays: Arrays | None = self.read(name)
        if arrays is None:
            arrays = compute()
            self.write(name, arrays)
        return arrays

    def figures(self, name: str, compute: Callable[[], Any]) -> Any:
        """As `once`, for values that are kept as JSON.

        Numbers are read back to the last bit and names in their order; a tuple becomes a list.
        """
        kept = self.once(
            name, lambda: {"json": np.frombuffer(json.dumps(compute()).encode(), np.uint8)}
        )
        return json.loads(kept["json"].tobytes())


def _put(path: Path, content: bytes) -> None:
    """Write as `write_whole` does, without fsync: a damaged entry counts as absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content, synced=False)


def command_cache(run: str, no_cache: bool = False) -> Cache:
    """The cache of a command whose run is identified by `run`.

    It is the user's cache, limited by `workbench cache limit`; its `unfinished` holds entries that
    are deleted when the run is complete (`forget`). With `no_cache`, or a limit of 0, it is the
    latter alone. All unfinished runs together are bounded by the same limit, or by LIMIT_GIB where
    that is 0.
    """
    folder = kept_folder()
    limit = int(limit_gib(folder) * GIB)
    unfinished = Cache(cache_folder() / "unfinished", limit or int(LIMIT_GIB * GIB), run)
    if no_cache and limit:
        return unfinished  # without counting the user's entries
    user = Cache(folder, limit, unfinished=unfinished)
    return user if limit else unfinished


def forget(cache: Cache) -> None:
    """Delete the entries that were kept for one run alone, which is complete."""
    if of_run := cache if cache.run else cache.unfinished:
        shutil.rmtree(of_run.folder / of_run.run, ignore_errors=True)


def kinds(folder: Path) -> dict[str, tuple[int, int]]:
    """The number of entries and their bytes, for each kind."""
    sizes: dict[str, tuple[int, int]] = {}
    for path, size, _ in _files(folder):
        kind = path.relative_to(folder).parts[0]
        entries, total = sizes.get(kind, (0, 0))
        sizes[kind] = entries + 1, total + size
    return dict(sorted(sizes.items()))


def clear(folder: Path) -> int:
    """Delete every entry that can be deleted, but not the limit; the number of bytes freed."""
    before = _size(folder)
    for kind in kinds(folder):
        shutil.rmtree(folder / kind, ignore_errors=True)
    return before - _size(folder)


def limit_gib(folder: Path) -> float:
    """The limit that was set, or the default; also where the file holds no limit."""
    try:
        limit = float((folder / LIMIT_FILE).read_text())
    except (OSError, ValueError):
        return LIMIT_GIB
    return limit if 0 <= limit <= HIGHEST_LIMIT_GIB else LIMIT_GIB


def _size(folder: Path) -> int:
    return sum(size for _, size, _ in _files(folder))


def _files(folder: Path) -> Iterator[tuple[Path, int, float]]:
    """The file of every entry, its bytes, and when it was last used."""
    for parent, _, names in os.walk(folder):
        for name in names if Path(parent) != folder else ():
            path = Path(parent) / name
            if is_scratch(name):
                remove_if_abandoned(path)
                continue
            try:
                status = path.stat()
            except OSError:
                continue  # deleted by another process
            yield path, status.st_size, status.st_mtime
