"""The files of a folder of pictures: which are read, and how one is read without waiting."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from workbench.errors import WorkbenchError
from workbench.vision.pictures.formats import NoPictureError

WORDNET_ID = re.compile(r"n[0-9]{8}(?![0-9])")
FILE_MOST = 2**28  # bytes of a file that is read


class Listing(NamedTuple):
    """The contents of a folder.

    files       names relative to the folder, sorted
    passed      hidden files and folders that are not read: name and reason
    unreadable  folders that should be read and cannot: name and reason
    """

    files: list[str]
    passed: list[str]
    unreadable: list[str]


def listing(folder: Path) -> Listing:
    """The files of a folder and of its sub-folders that are named by a WordNet id.

    A link to a folder is a folder of the link's name. A folder that has two names is read once.
    Raises WorkbenchError for a folder that is missing or cannot be read.
    """
    result = Listing([], [], [])
    try:
        seen = {_identity(folder)}
        for entry in _entries(folder):
            if not _is_folder(entry):
                _add(result, entry.name)
            elif not WORDNET_ID.fullmatch(entry.name):
                result.passed.append(f"{shown(entry.name)}/ (a folder without a WordNet id)")
            elif _identity(entry) in seen:
                result.passed.append(f"{shown(entry.name)}/ (a folder that was read already)")
            else:
                seen.add(_identity(entry))
                _add_class(result, entry)
    except OSError as error:
        where, expected = shown(str(folder)), "a folder of pictures"
        if isinstance(error, FileNotFoundError):
            raise WorkbenchError(where, "is not there", expected) from error
        if isinstance(error, NotADirectoryError):
            raise WorkbenchError(where, "is a file", expected) from error
        raise WorkbenchError(where, f"cannot be read ({error.strerror})", expected) from error
    result.files.sort()
    return result


def read(file: str) -> bytes:
    """The content of a regular file, without waiting for a pipe or reading a device.

    Raises NoPictureError for all that is no regular file and for one of more than FILE_MOST bytes,
    and WorkbenchError for a file that cannot be read.
    """
    try:
        _check_regular(os.stat(file))
        with open(file, "rb", opener=_open_at_once) as opened:
            status = os.fstat(opened.fileno())
            _check_regular(status)  # the file may be another one by now
            return opened.read(status.st_size)
    except OSError as error:
        raise WorkbenchError(shown(file), error.strerror or str(error)) from error


def shown(name: str) -> str:
    """A file's name for messages and documents: what cannot be printed is escaped, as Python does.

    Two names are never shown alike.
    """
    return name if name.isprintable() and "\\" not in name else repr(name)[1:-1]


def _add(result: Listing, name: str) -> None:
    if os.path.basename(name).startswith("."):
        result.passed.append(f"{shown(name)} (hidden)")
    else:
        result.files.append(name)


def _add_class(result: Listing, folder: os.DirEntry[str]) -> None:
    try:
        for entry in _entries(folder):
            name = f"{folder.name}/{entry.name}"
            if _is_folder(entry):
                result.passed.append(f"{shown(name)}/ (a folder within a class)")
            else:
                _add(result, name)
    except OSError as error:
        result.unreadable.append(f"{folder.name}/ ({error.strerror})")


def _entries(folder: os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links: `read` raises the error
        return False


def _identity(folder: os.PathLike[str]) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _open_at_once(file: str, flags: int) -> int:
    return os.open(file, flags | os.O_NONBLOCK)


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NoPictureError("file", "no regular file")
    if status.st_size > FILE_MOST:
        raise NoPictureError("file", f"more than {FILE_MOST >> 20} MiB")
