"""Pictures that need no download: crops of scikit-image's photographs, and drawn pictures.

The photographs are inside scikit-image's wheel.
"""

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from workbench.errors import WorkbenchError, nearest
from workbench.vision.pictures.decode import decode
from workbench.vision.pictures.drawn import drawn
from workbench.vision.pictures.picture import Picture, Pixels

# The parts share no photograph: a theory is not evaluated on pictures that it was calibrated on.
# Nearly all are CC0 or public domain; skimage/data/_fetchers.py lists each one's origin.
PARTS = {  # part: photograph: how many crops
    "calibration": {
        "astronaut.png": 18,
        "brick.png": 6,
        "coffee.png": 18,
        "coins.png": 12,
        "grass.png": 6,
        "hubble_deep_field.jpg": 6,
        "moon.png": 6,
    },
    "headline": {
        "camera.png": 10,
        "chelsea.png": 10,
        "gravel.png": 5,
        "motorcycle_left.png": 10,
        "retina.jpg": 5,
        "rocket.jpg": 8,
    },
}
DRAWN = {"calibration": (24, 0), "headline": (16, 1)}  # how many, and the seed
ZOOMS = (1.0, 1.5, 2.0, 3.0)  # a crop's side is the photograph's shorter side over the zoom
SMALLEST_SIDE_PX = 128  # smaller crops would be little but blur
CROP = re.compile(r"(.+)@[\d.]+x\(\d+,\d+\)")  # a crop's name


def photographs(part: str) -> list[Picture]:
    """Pictures of the part "calibration" (96) or "headline" (64): square crops and drawn pictures.

    A crop's name, such as `coffee@2x(3,1)`, holds its zoom, column and row, the latter two in steps
    of half a crop's side. A crop's SHA-256
    is that of its photograph's file and its box, so it does not vary with the JPEG decoder. Raises
    WorkbenchError for another part, or where scikit-image's photographs are missing.
    """
    if part not in PARTS:
        raise WorkbenchError("photographs", f"no part {part!r}", remedy=nearest(part, PARTS))
    crops = [crop for file, wanted in PARTS[part].items() for crop in _evenly(_crops(file), wanted)]
    return crops + drawn(*DRAWN[part])


def photographs_and_drawn(names: Sequence[str]) -> tuple[int, int] | None:
    """How many photographs the crops of `photographs` are of, and how many pictures are drawn.

    None unless all names are those of crops and of drawn pictures, with at least one crop.
    """
    stems = {Path(file).stem for part in PARTS.values() for file in part}
    crops = [match[1] for name in names if (match := CROP.fullmatch(name)) and match[1] in stems]
    count = sum(name.startswith("drawn-") for name in names)
    return (len(set(crops)), count) if crops and len(crops) + count == len(names) else None


def _crops(file: str) -> list[Picture]:
    content = _file(file).read_bytes()
    height, width, _ = _pixels(file).shape
    crops = []
    for zoom in ZOOMS:
        side = int(min(height, width) / zoom)
        if side < SMALLEST_SIDE_PX:
            continue
        for row in range(2 * height // side - 1):
            for column in range(2 * width // side - 1):
                box = (column * side // 2, row * side // 2, side)
                name = f"{Path(file).stem}@{zoom:g}x({column},{row})"
                digest = hashlib.sha256(
                    hashlib.sha256(content).digest() + repr(box).encode()
                ).hexdigest()
                crops.append(Picture(name, digest, None, partial(_crop, file, box)))
    return crops


def _evenly(crops: list[Picture], wanted: int) -> list[Picture]:
    places = np.linspace(0, len(crops) - 1, wanted).round().astype(int)
    return [crops[place] for place in places]


def _crop(file: str, box: tuple[int, int, int]) -> Pixels:
    x, y, side = box
    return _pixels(file)[y : y + side, x : x + side]


@cache
def _pixels(file: str) -> Pixels:
    pixels = decode(_file(file).read_bytes())
    pixels.setflags(write=False)
    return pixels


def _file(name: str) -> Path:
    spec = importlib.util.find_spec("skimage")  # not imported: only its files are wanted
    file = Path(spec.origin).parent / "data" / name if spec and spec.origin else Path(name)
    if not file.is_file():
        raise WorkbenchError(
            f"photograph {name}",
            "not in scikit-image's data folder",
            "scikit-image 0.24 or later",
            "Reinstall scikit-image.",
        )
    return file
