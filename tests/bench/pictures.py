"""The pictures of the benchmark: those that are scored, and others to calibrate on."""

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.vision.pictures import Picture, first_by_content, folder, photographs

CALIBRATION = 16  # pictures: the conditions need some gain and bias, no good one


def chosen(images: Path | None, count: int) -> tuple[Sequence[Picture], Sequence[Picture]]:
    """`count` pictures to score and CALIBRATION others, the first of each by content hash.

    Without a folder they are the photographs of `workbench score`, whose two parts share none.
    Raises WorkbenchError if there are too few.
    """
    if images is None:
        scored = _first(photographs("headline"), count, "the photographs of scikit-image")
        return scored, first_by_content(photographs("calibration"), CALIBRATION)
    pictures = _first(folder(images), count + CALIBRATION, str(images))
    return pictures[:count], pictures[count:]


def _first(pictures: Sequence[Picture], count: int, where: str) -> Sequence[Picture]:
    """The first `count` by content hash; copies of one picture count once."""
    different = list({picture.sha256: picture for picture in pictures}.values())
    if len(different) < count:
        raise WorkbenchError(
            where,
            f"{len(different)} different pictures",
            f"at least {count}",
            "Lower --count, or name another folder with --images.",
        )
    return first_by_content(different, count)
