"""The planted theory, its circuit and a few small pictures as files, and the command line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.planted import THEORY, PlantedHost
from workbench.cli import main
from workbench.spec import dump_circuit
from workbench.vision.pictures import Picture
from workbench.vision.pictures.drawn import drawn

SIDE_PX = 112  # of the pictures


def invoke(*words: object) -> Result:
    """The result of a command; an error that is no SystemExit fails the test."""
    result = CliRunner().invoke(main, list(map(str, words)), prog_name="workbench")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@dataclass(frozen=True)
class Files:
    """The files of a score in a folder; `words` are the command line that scores them."""

    folder: Path
    planted: PlantedHost

    @property
    def spec(self) -> Path:
        return self.folder / "planted.yaml"

    @property
    def circuit(self) -> Path:
        return self.folder / "curve.yaml"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def pictures(self) -> Sequence[object]:
        return ("--images", self.folder / "images", "--calibration", self.folder / "calibration")

    @property
    def words(self) -> Sequence[object]:
        files = (self.spec, "--circuit", self.circuit)
        return ("score", *files, *self.pictures, "-o", self.out, "--quick")


def planted_files(folder: Path, host: PlantedHost, patch: pytest.MonkeyPatch) -> Files:
    """Write the files, and let every command load the planted host, with a cache of its own."""
    made = Files(folder, host)
    made.spec.write_text(THEORY)
    dump_circuit(host.trained, made.circuit)
    write_pictures(folder / "images", 4, seed=2)
    write_pictures(folder / "calibration", 4, seed=1)
    patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
    for module in ("workbench.rebuild", "workbench.hosts.store"):
        patch.setattr(f"{module}.load", lambda name: host.host)
    return made


def write_pictures(folder: Path, count: int, seed: int) -> None:
    """Write drawn pictures of SIDE_PX."""
    write_pngs(folder, drawn(count, seed), SIDE_PX)


def write_pngs(folder: Path, pictures: Iterable[Picture], side_px: int | None = None) -> None:
    """Write pictures as PNG files to a new folder, as squares of `side_px` if it is given."""
    folder.mkdir()
    for i, picture in enumerate(pictures):
        image = Image.fromarray(picture.load())
        shown = image.resize((side_px, side_px)) if side_px else image
        shown.save(folder / f"{i:03d}.png")
