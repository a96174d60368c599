"""Drawn pictures: arcs, lines, filled shapes and colour edges on 1/f noise."""

import hashlib
from functools import lru_cache, partial

import numpy as np

from workbench.vision.pictures.picture import Picture, Pixels
from workbench.vision.stimuli import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Stroke,
    angle,
    arc,
    colour_edge,
    filled,
    line,
    noise,
)

SIZE_PX = 256
SHAPES = ("arcs", "lines", "filled", "colour-edge", "angles", "noise")
PER_PICTURE = 12  # shapes laid over each other in one picture
KEPT = 256  # pictures in memory, 192 KiB each: a run reads each of its pictures several times


def drawn(count: int, seed: int) -> list[Picture]:
    """Draw `count` pictures of 256 x 256, the kinds of SHAPES in turn.

    Another seed gives other pictures. A picture's SHA-256 is that of its pixels.
    """
    pictures = []
    for index in range(count):
        load = partial(draw, SHAPES[index % len(SHAPES)], seed, index)
        digest = hashlib.sha256(load().tobytes()).hexdigest()
        pictures.append(
            Picture(f"drawn-{SHAPES[index % len(SHAPES)]}-{seed}-{index:02d}", digest, None, load)
        )
    return pictures


@lru_cache(maxsize=KEPT)
def draw(shape: str, seed: int, index: int) -> Pixels:
    """Draw one picture, uint8 `256 256 3`, read-only; the same arguments give the same pixels."""
    generator = np.random.default_rng((seed, index))
    picture = noise(SIZE_PX, generator, contrast=generator.uniform(0.05, 0.35))
    if shape == "colour-edge":
        front, back = [(RED, GREEN), (BLUE, YELLOW)][generator.integers(2)]
        edge = colour_edge(
            SIZE_PX, tuple(generator.uniform(64, 192, 2)), generator.uniform(0, 360), front, back
        )
        picture = edge + picture - picture.mean()
    elif shape != "noise":
        for _ in range(PER_PICTURE):
            picture = _lay(shape, picture, generator)
    pixels = picture.round().clip(0, 255).astype(np.uint8)
    pixels.flags.writeable = False
    return pixels


def _lay(shape: str, picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw one shape of random place, size and colour over a picture."""
    point, turn, radius = (
        tuple(generator.uniform(0, SIZE_PX, 2)),
        generator.uniform(0, 360),
        generator.uniform(10, 70),
    )
    colour, width = generator.uniform(0, 255, 3), generator.uniform(2, 6)
    stroke = Stroke(width, colour, picture)
    if shape == "arcs":
        return arc(SIZE_PX, point, turn, radius, generator.uniform(60, 360), stroke)
    if shape == "lines":
        return line(SIZE_PX, point, turn, 2 * radius, stroke)
    if shape == "angles":
        return angle(SIZE_PX, point, turn, generator.uniform(30, 150), radius, stroke)
    return filled(SIZE_PX, point, turn, radius, 2 * radius, colour, picture)
