"""Pictures of a folder: every broken one is reported before any work starts."""

import hashlib
import io
import re
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from workbench.errors import WorkbenchError
from workbench.vision.pictures.picture import Collection, Picture, Pixels, decode

WORDNET_ID = re.compile(r"n\d{8}(?!\d)")
PAPERS = (
    "readme",
    "license",
    "licence",
    "credits",
    "synsets",
    "sha256sums",
)  # files that collections of pictures contain besides the pictures
NAMED = 5  # of the files passed over, how many are named
# a JPEG is tried at an eighth of its size: every byte is read, most of the arithmetic saved
DRAFT_SHARE = 8


def folder(
    path: Path | str, skip_broken: bool = False, tell: Callable[[str], None] = lambda line: None
) -> Collection:
    """The pictures of a folder, sorted by name.

    Hidden files and a collection's own papers (README, CREDITS ...) are passed over. A label is the
    WordNet id that a file's name begins with, or that names its sub-folder; other sub-folders are
    not read. Raises WorkbenchError for a missing or empty folder, and for files that are no sound
    pictures, all at once. With `skip_broken` such files are passed over instead: `tell` is called
    with one line that names them, and the collection counts them.
    """
    path = Path(path)
    if not path.is_dir():
        raise WorkbenchError(
            str(path), "is a file" if path.exists() else "is not there", "a folder of pictures"
        )
    pictures, broken = [], []
    for file in _files(path):
        name = file.relative_to(path).as_posix()
        try:
            pictures.append(
                Picture(name, _checked(file), _label(name), partial(_load, file.absolute()))
            )
        except (
            OSError,
            SyntaxError,
            ValueError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ) as error:
            broken.append(f"{name} ({_reason(error)})")
    if broken and not skip_broken:
        raise WorkbenchError(
            str(path),
            f"not sound pictures: {', '.join(broken)}",
            remedy="Fix or remove them, or pass --skip-broken.",
        )
    if broken:
        named = ", ".join(broken[:NAMED]) + (
            f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        )
        tell(f"{path}: passed over {len(broken)} of {len(broken) + len(pictures)} files: {named}")
    if not pictures:
        raise WorkbenchError(
            str(path),
            "no pictures",
            "JPEG, PNG or other pictures, or sub-folders of them named by WordNet id",
        )
    return Collection(pictures, len(broken))


def _files(path: Path) -> list[Path]:
    inner = [
        entry for entry in path.iterdir() if entry.is_dir() and WORDNET_ID.fullmatch(entry.name)
    ]
    files = [
        file
        for place in (path, *inner)
        for file in place.iterdir()
        if file.is_file() or file.is_symlink()
    ]
    wanted = [
        file
        for file in files
        if not file.name.startswith(".") and not file.stem.lower().startswith(PAPERS)
    ]
    return sorted(wanted, key=lambda file: file.relative_to(path).as_posix())


def _label(name: str) -> str | None:
    match = WORDNET_ID.match(name)
    return match.group() if match else None


def _checked(file: Path) -> str:
    """SHA-256 of a file that decodes to its end."""
    content = file.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content)) as image:
            image.draft(None, (image.width // DRAFT_SHARE, image.height // DRAFT_SHARE))
            image.load()
    return hashlib.sha256(content).hexdigest()


def _load(file: Path) -> Pixels:
    try:
        return decode(file.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise WorkbenchError(
            str(file),
            f"cannot be read any more ({_reason(error)})",
            "the file that was there at the start",
            "Every machine of a cluster must see it at this path.",
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "no picture"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
    return (
        (error.strerror if isinstance(error, OSError) else None)
        or str(error)
        or type(error).__name__
    )
