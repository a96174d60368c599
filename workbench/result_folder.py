"""A command's output folder: at any moment it holds a complete result, earlier or new."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.files import file_mode
from workbench.manifest import refuse_users_files, write_manifest
from workbench.scratch import held, put_back, put_in_place, scratch_folder

REMEDY = "Choose another output folder with -o."


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A scratch folder that becomes `path` when the block ends, and is deleted if it fails.

    A folder at `path` is replaced only if it is empty or an earlier result: all of its files are in
    its record (`workbench.manifest`) and are as they were written. Anything else is refused, before
    the block runs and again when it has ended. A linked folder is written through.

    Guarantee: the scratch folder and the earlier result change places in one step, so at any
    moment, whenever the process is killed, a whole result is at `path`: the earlier one, or the new
    one. Where the file system cannot do that (NFS), a kill may leave nothing at `path`, and the
    next run puts the earlier result back. Two runs may end together: the later result stays. The
    next run to the same parent folder removes what killed runs have left.

    Raises WorkbenchError for a folder that is refused, a folder that cannot be replaced as a whole
    (a mount point, or one that holds the current folder), and a place that cannot be written.
    """
    try:
        target = Path(os.path.realpath(path))
        mode = _refuse(path, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        put_back(target)
        with scratch_folder(target.parent) as scratch:
            os.chmod(scratch, 0o755 if mode is None else stat.S_IMODE(mode))
            yield scratch
            write_manifest(scratch)
            _replace(path, target, scratch)
    except OSError as error:
        raise WorkbenchError(
            str(path),
            f"cannot be written ({error.strerror})",
            remedy="Free some space or choose another place: the result is made in "
            f"{Path(path).parent} and moved when it is whole.",
        ) from error


def _refuse(path: Path, target: Path) -> int | None:
    """Raise WorkbenchError for a place that may not be replaced; the mode of a folder there."""
    mode = file_mode(target)
    if mode is None:
        return None
    if not stat.S_ISDIR(mode):
        raise WorkbenchError(str(path), "is a file", "a folder to write", REMEDY)
    for problem, true in (
        ("holds the current folder", Path.cwd().is_relative_to(target)),
        ("is a mount point", os.path.ismount(target)),
    ):
        if true:
            raise WorkbenchError(
                str(path),
                f"{problem}, and an output folder is replaced as a whole",
                remedy=f"Name a folder in it, as -o {Path(path) / 'out'}.",
            )
    refuse_users_files(target, path)
    return mode


def _replace(path: Path, target: Path, scratch: Path) -> None:
    """Put the new result in place, unless the user has added files to the earlier one."""
    with held(target):
        refuse_users_files(target, path)
        put_in_place(scratch, target)
        try:
            refuse_users_files(scratch, path)
        except FileNotFoundError:  # another run removes the earlier result
            return
        except BaseException:
            put_in_place(scratch, target)
            raise
