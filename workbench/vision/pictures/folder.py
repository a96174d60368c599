"""Pictures of a folder: every broken one is reported before any work starts."""

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.vision.pictures.decode import check, decode
from workbench.vision.pictures.files import WORDNET_ID, listing, read, shown
from workbench.vision.pictures.formats import FORMATS, SUFFIXES, NoPictureError
from workbench.vision.pictures.picture import Collection, Picture, Pixels

NAMED_PASSED = 5  # how many of the skipped files are named
NAMED_BROKEN = 100  # of the broken files that a folder is refused for


def folder(
    path: Path | str, skip_broken: bool = False, tell: Callable[[str], None] = lambda line: None
) -> Collection:
    """The pictures of a folder, sorted by name.

    A file is a picture by its content, not by its name. A label is the WordNet id that a file's
    name begins with, or that names its sub-folder (or a link to one); other sub-folders are not
    read. Hidden files, sub-folders that are not read, and files that neither are pictures nor are
    named like one are skipped: the collection counts them, and `tell` is called with one line
    that names the first.

    Raises WorkbenchError for a missing or empty folder, and for all files at once that are named
    like a picture, or begin like one, and are no sound picture. With `skip_broken` such files are
    skipped too.
    """
    path = Path(path)
    where, entries = shown(str(path)), listing(path)
    pictures: list[Picture] = []
    passed, broken = entries.passed, entries.unreadable
    for name in entries.files:
        try:
            pictures.append(_picture(path, name))
        except NoPictureError as error:
            named_like_one = name.lower().endswith(SUFFIXES)
            (broken if named_like_one else passed).append(f"{shown(name)} ({error.problem})")
        except WorkbenchError as error:
            broken.append(f"{shown(name)} ({error.problem})")
    if broken and not skip_broken:
        raise WorkbenchError(
            where,
            f"not sound pictures: {_named(broken, NAMED_BROKEN)}",
            remedy="Fix or remove them, or pass --skip-broken.",
        )
    passed = sorted(broken + passed)
    if passed:
        total = len(passed) + len(pictures)
        tell(f"{where}: skipped {len(passed)} of {total} files: {_named(passed, NAMED_PASSED)}")
    if not pictures:
        formats = f"{', '.join(FORMATS)} files, or sub-folders of them named by WordNet id"
        raise WorkbenchError(where, "no pictures", formats)
    return Collection(pictures, len(passed))


def _picture(folder: Path, name: str) -> Picture:
    """A picture that was decoded once."""
    file = os.path.abspath(folder / name)
    content = read(file)
    check(content)
    digest = hashlib.sha256(content).hexdigest()
    match = WORDNET_ID.match(name)
    label = match.group() if match else None
    return Picture(shown(name), digest, label, partial(_load, file, digest))


def _load(file: str, sha256: str) -> Pixels:
    try:
        content = read(file)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise WorkbenchError(file, "its content has changed")
        return decode(content)
    except WorkbenchError as error:
        raise WorkbenchError(
            shown(file),
            f"cannot be read any more ({error.problem})",
            "the file that was there at the start",
            "Every machine of a cluster must see it at this path.",
        ) from error


def _named(files: Sequence[str], most: int) -> str:
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(files[:most]) + more
