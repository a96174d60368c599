"""Drawings in every rotation, each a function of direction and size, and their mirror images."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.vision.stimuli import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Stroke,
    Textures,
    arc,
    filled,
    line,
    texture_edge,
)

STRAIGHT_PX = 4000.0  # radius of a filled shape whose edge is straight in any picture
ASIDE_PX = 12.0  # of an arc that is displaced: a stride and a half of 8 px

Point = tuple[float, float]
# Its arguments: side of the picture, apex, directions of the normal, size.
Draw = Callable[[int, Point, Tensor, float], Float[Tensor, "n h w 3"]]


def _drawn() -> Iterator[tuple[str, Draw]]:
    for ink, colour in {"bright": 255.0, "dark": 0.0}.items():
        for radius_px in (18.0, 36.0):
            yield f"{ink} arc {radius_px:g} px", _arc(radius_px, colour)
        for where, (towards, aside) in {
            "inside": (1, 0),
            "outside": (-1, 0),
            "left": (0, -1),
            "right": (0, 1),
        }.items():
            yield f"{ink} arc {where}", _arc(24.0, colour, towards * ASIDE_PX, aside * ASIDE_PX)
        yield f"{ink} line", _line(colour)
        yield f"{ink} disc", _filled(36.0, colour)
        yield f"{ink} edge", _filled(STRAIGHT_PX, colour)
    for name, hue in {"red": RED, "green": GREEN, "blue": BLUE, "yellow": YELLOW}.items():
        yield f"{name} edge", _filled(STRAIGHT_PX, hue)
    for tilt_deg in (-45.0, 45.0, 90.0):
        yield f"textures {tilt_deg:g}", _textures(4.0, 16.0, tilt_deg)
    for phase_deg in (0.0, 90.0, 180.0, 270.0):
        yield f"grating {phase_deg:g}", _textures(8.0, 8.0, 0.0, phase_deg)


def _arc(radius_px: float, colour: float, towards_px: float = 0.0, aside_px: float = 0.0) -> Draw:
    def draw(size_px: int, apex: Point, turn_deg: Tensor, size: float) -> Float[Tensor, "n h w 3"]:
        turn = torch.deg2rad(turn_deg)
        x = apex[0] + size * (towards_px * torch.cos(turn) - aside_px * torch.sin(turn))
        y = apex[1] + size * (towards_px * torch.sin(turn) + aside_px * torch.cos(turn))
        stroke = Stroke(3 * size, colour)
        return arc(size_px, (x, y), turn_deg, radius_px * size, stroke=stroke)

    return draw


def _line(colour: float) -> Draw:
    return lambda size_px, apex, turn_deg, size: line(
        size_px, apex, turn_deg - 90, 60 * size, Stroke(3 * size, colour)
    )


def _filled(radius_px: float, colour: object) -> Draw:
    return lambda size_px, apex, turn_deg, size: filled(
        size_px, apex, turn_deg, radius_px * size, 30 * size, foreground=colour
    )


def _textures(fine_px: float, coarse_px: float, tilt_deg: float, phase_deg: float = 0.0) -> Draw:
    return lambda size_px, at, turn_deg, size: texture_edge(
        size_px,
        at,
        turn_deg,
        Textures(fine_px * size, coarse_px * size, tilt_deg, phase_deg),
        45 * size,
    )


DRAWN = dict(_drawn())
# The mirror image of each drawing that is not its own.
MIRRORED = {
    **{
        f"{ink} arc {a}": f"{ink} arc {b}"
        for ink in ("bright", "dark")
        for a, b in (("left", "right"), ("right", "left"))
    },
    "textures -45": "textures 45",
    "textures 45": "textures -45",
}
