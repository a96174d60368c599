"""The record of a result: which files the workbench wrote to a folder, and their hashes.

It distinguishes an earlier result from a folder with files of the user, which is never replaced.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.files import sha256, write_whole

MANIFEST = ".workbench.json"


def write_manifest(folder: Path) -> None:
    """Write the names and SHA-256 of all files in a folder, sub-folders included, into it."""
    names = sorted(_names(folder))
    files = {name: sha256(folder / name) for name in names}
    write_whole(folder / MANIFEST, json.dumps({"files": files}, indent=1) + "\n")


def refuse_users_files(folder: Path, shown: Path) -> None:
    """Raise WorkbenchError if a folder holds anything but an unchanged earlier result.

    `shown` is the folder's name in the error. Every file is compared with the record by its
    SHA-256. An empty or missing folder is no error, and neither is a deleted file.
    """
    while True:
        before = _identity(folder)
        try:
            return _refuse(folder, shown)
        except (WorkbenchError, FileNotFoundError):
            if _identity(folder) == before:
                raise
            # another run has replaced the folder meanwhile: names and record were of two results


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _refuse(folder: Path, shown: Path) -> None:
    names = sorted(_names(folder)) if folder.is_dir() else []
    if not names:
        return
    remedy = "Choose another output folder with -o, or move this one."
    recorded = _recorded(folder)
    if recorded is None:
        raise WorkbenchError(
            str(shown),
            f"holds {names[0]} and is no earlier result (no {MANIFEST} in it)",
            remedy=remedy,
        )
    for name in names:
        if name not in recorded:
            problem = f"holds {name}, which the workbench did not write"
        elif (folder / name).is_symlink() or sha256(folder / name) != recorded[name]:
            problem = f"{name} in it was changed after the workbench wrote it"
        else:
            continue
        raise WorkbenchError(str(shown), problem, "a result of the workbench alone", remedy)


def _names(folder: Path) -> Iterator[str]:
    """The path of every file in a folder but the record; a link to a folder counts as a file."""
    for parent, folders, files in os.walk(folder, onerror=_raised):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in (*files, *links):
            path = os.path.relpath(os.path.join(parent, name), folder)
            if path != MANIFEST:
                yield path


def _raised(error: OSError) -> None:
    raise error


def _recorded(folder: Path) -> dict[str, str] | None:
    try:
        files = json.loads((folder / MANIFEST).read_bytes())["files"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return files if isinstance(files, dict) else None
