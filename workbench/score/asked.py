"""A count of the theories that were asked about the same units on the same pictures.

The best of many theories scores well by chance on the pictures that chose it. So every score
records which theories were scored before: a line for each, in a file for each set of pictures and
units, in the folder `asked` of the cache folder. It is no entry of the cache: neither `--no-cache`
nor `workbench cache clear` changes it. The same theory with the same circuit file counts once, so
that a run that is repeated has the same figures.
"""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from workbench.cache import cache_key
from workbench.errors import WorkbenchError
from workbench.files import cache_folder
from workbench.score.scorecard import Scorecard

FOLDER = "asked"
MANY = 10  # theories, from which on a table says how many
DIGITS = 64  # of a line: a SHA-256 in hex


def asked(card: Scorecard, compared: Sequence[str] = ()) -> int | None:
    """Record a scored theory, and return how many were recorded for its units and pictures.

    `compared` has the SHA-256 of the theories that were scored as conditions of the same run.
    Returns None where the record cannot be written, as on a read-only disk.
    """
    units = sorted(unit.unit for unit in card.units)
    question = cache_key(card.header.host["fingerprint"], card.header.images["sha256"], *units)
    theories = [card.header.spec["sha256"], *compared]
    try:
        folder = cache_folder() / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        circuit = card.header.circuit["sha256"]
        return recorded(folder / question, [cache_key(theory, circuit) for theory in theories])
    except (OSError, WorkbenchError):
        return None


def recorded(file: Path, lines: Sequence[str]) -> int:
    """Add the lines of DIGITS that a file lacks, and return how many it has then.

    Processes that write at once wait for each other, so that none is lost; where the file system
    has no locks, each line is still written whole. A line that a full disk has cut is not counted.
    Raises OSError.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        content = os.read(handle, os.fstat(handle).st_size).decode(errors="replace")
        known = {line for line in content.split("\n") if len(line) == DIGITS}
        more = [line for line in dict.fromkeys(lines) if line not in known]
        if more:
            begin = "\n" if content and not content.endswith("\n") else ""
            os.write(handle, (begin + "".join(f"{line}\n" for line in more)).encode())
        return len(known) + len(more)
    finally:
        os.close(handle)
