"""The pictures that a survey shows: arcs, and straight contours to compare with.

Arcs have every direction, radius, polarity and fill. Each picture is one contour on mid-grey. All
have the same apex, so a unit's responses differ by the contour's shape alone.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.vision.stimuli import BLUE, GREEN, RED, YELLOW, Stroke, arc, filled
from workbench.vision.stimuli.canvas import Colour, Point

DIRECTION_STEP_DEG = 15
DIRECTIONS_DEG = np.arange(0.0, 360.0, DIRECTION_STEP_DEG)
# each half as large again: from an eye to a plate in a picture of 224 pixels
RADII_PX = (12.0, 18.0, 27.0, 40.0, 60.0)
# bends by a quarter of a pixel over its length: straight, drawn by the same function
STRAIGHT_RADIUS_PX = 4000.0
FILLS = ("line", "edge")
POLARITIES = {"bright": 255.0, "dark": 0.0}  # on mid-grey
# on mid-grey too
COLOURS: Mapping[str, Colour] = {"red": RED, "green": GREEN, "blue": BLUE, "yellow": YELLOW}
LENGTH_PX = 90.0  # of a line arc, which is at most a half circle
LONGEST_DEG = 180.0
WIDTH_PX = 3.0
WINDOW_PX = 30.0  # through which a filled disc is seen

SUMMARY = (
    f"line arcs (at most {LENGTH_PX:g} px or {LONGEST_DEG:g} degrees long, {WIDTH_PX:g} px wide) "
    f"and discs (through a Gaussian window of {WINDOW_PX:g} px), "
    f"bright and dark on mid-grey, every {DIRECTION_STEP_DEG} degrees, "
    f"radii {', '.join(f'{radius:g}' for radius in RADII_PX)} px and straight"
)


def draw(
    size_px: int,
    fill: str,
    polarity: str,
    radius_px: float,
    directions_deg: Float[np.ndarray, " n"],
    apex_px: Point,
) -> Float[Tensor, "n 3 h w"]:
    """Draw one contour for each direction, RGB 0..255, of one fill, polarity and radius.

    Their apex is at `apex_px` (numbers, or n each). The polarity may be one of COLOURS.
    """
    centre_deg = torch.as_tensor(directions_deg, dtype=torch.float32)
    colour = {**POLARITIES, **COLOURS}[polarity]
    if fill == "line":
        extent_deg = min(LONGEST_DEG, math.degrees(LENGTH_PX / radius_px))
        stroke = Stroke(WIDTH_PX, colour)
        pictures = arc(size_px, apex_px, centre_deg, radius_px, extent_deg, stroke)
    else:
        pictures = filled(size_px, apex_px, centre_deg, radius_px, WINDOW_PX, foreground=colour)
    return pictures.permute(0, 3, 1, 2)
