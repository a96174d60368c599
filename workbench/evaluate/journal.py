"""A journal of finished batches, so that an interrupted run goes on where it stopped."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.cache import opened, sealed
from workbench.code import computed_by
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.file import to_bytes
from workbench.files import cache_folder, write_whole
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Condition


class Journal:
    """Batches of rows on disk, one file a batch, below `folder`; a damaged file, known by the SHA-256 in front of it, counts as absent."""

    def __init__(self, folder: Path):
        self.folder = folder

    def read(self, batch: str) -> dict[str, np.ndarray] | None:
        """The rows of a finished batch, or None."""
        try:
            content = self._path(batch).read_bytes()
        except OSError:
            return None
        return opened(content)

    def write(self, batch: str, rows: Mapping[str, np.ndarray]) -> None:
        """Keep a finished batch. Raises WorkbenchError on a full disk."""
        write_whole(self._path(batch), sealed(rows))

    def clear(self) -> None:
        """The run is complete: forget its batches."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, batch: str) -> Path:
        return self.folder / f"{batch}.rows"


def run_journal(joint: Sequence[Splices], host: Host, calibration: Sequence[Picture], seed: int, rows: str = "conditions") -> Journal:
    """The journal of one run, known by all that its rows depend on besides the pictures scored, and by what `rows` are; it lies in the
    workbench's cache folder."""
    known = [computed_by(), rows, host.facts, str(seed), *(picture.sha256 for picture in calibration)]
    parts = [hashlib.sha256(to_bytes(circuit)).hexdigest() for splices in joint for circuit in splices.circuits.values()]
    conditions = [f"{name} {told(condition)}" for splices in joint for name, condition in splices.conditions.items()]
    return _known_by(known + parts + conditions)


def tuning_journal(settings: Sequence[str], pictures: Sequence[Picture]) -> Journal:
    """The journal of one fit, known by its settings and its pictures."""
    return _known_by([computed_by(), "tuning", *settings, *(picture.sha256 for picture in pictures)])


def layers_journal(host: Host, circuit: HandwrittenCircuit, pairs: Sequence[str]) -> Journal:
    """The journal of one comparison of families with trained units, known by who is compared with whom."""
    return _known_by([computed_by(), "layers", host.facts, hashlib.sha256(to_bytes(circuit)).hexdigest(), *pairs])


def told(condition: Condition) -> str:
    """What calibration gave a condition: a function has nothing of its own."""
    digest = hashlib.sha256()
    for name, value in getattr(condition, "__dict__", {}).items():
        digest.update(f"{name} ".encode() + (to_numpy(value).tobytes() if isinstance(value, Tensor) else repr(value).encode()))
    return digest.hexdigest()


def _known_by(known: Sequence[str]) -> Journal:
    return Journal(cache_folder() / "runs" / hashlib.sha256("\n".join(known).encode()).hexdigest())
