"""Files: hashes of their content, and writing that leaves a whole file or none."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from workbench.errors import WorkbenchError

CACHE_VARIABLE = "WORKBENCH_CACHE"


def cache_folder() -> Path:
    """The folder for cached files: of this user, or the one that WORKBENCH_CACHE names."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("workbench")


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


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part of it.

    Raises WorkbenchError if the folder cannot be written or the disk is full; the old file is then
    unchanged.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except OSError as error:
        raise WorkbenchError(
            str(path),
            f"cannot be written ({error.strerror})",
            remedy="Free some space or choose another place.",
        ) from error
    finally:
        if partial is not None:
            Path(partial).unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: Path, marker: str) -> Iterator[Path]:
    """A scratch folder that becomes `path` when the block ends, and is deleted if it fails.

    It fails by an error, an interrupt or a full disk. An earlier result at `path`, which is
    identified by the file `marker` in it, is replaced at the end. Raises WorkbenchError at once for
    any other folder that is not empty.
    """
    path = Path(path)
    if path.exists() and not (
        path.is_dir() and ((path / marker).exists() or not any(path.iterdir()))
    ):
        raise WorkbenchError(
            str(path),
            f"is there already and is no earlier result (no {marker} in it)",
            remedy="Choose another output folder with -o.",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part"))
    except OSError as error:
        raise WorkbenchError(
            str(path),
            f"cannot be written ({error.strerror})",
            remedy="Choose another output folder with -o.",
        ) from error
    try:
        os.chmod(scratch, 0o755)
        yield scratch
        if path.exists():
            old = scratch.with_suffix(".old")
            os.replace(path, old)
            try:
                os.replace(scratch, path)
            except BaseException:
                os.replace(old, path)
                raise
            shutil.rmtree(old)
        else:
            os.replace(scratch, path)
    except OSError as error:
        raise WorkbenchError(
            str(path),
            f"cannot be written ({error.strerror})",
            remedy="Free some space or choose another place.",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
