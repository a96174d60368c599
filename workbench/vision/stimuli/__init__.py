"""Parametric pictures, the same in NumPy, CuPy, torch and any array API library.

Each is a pure function of its parameters.
"""

from workbench.vision.stimuli.contours import Stroke, angle, arc, filled, line, spot
from workbench.vision.stimuli.fields import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Textures,
    colour_edge,
    grating,
    noise,
    texture_edge,
)

__all__ = [
    "BLUE",
    "GREEN",
    "RED",
    "YELLOW",
    "Stroke",
    "Textures",
    "angle",
    "arc",
    "colour_edge",
    "filled",
    "grating",
    "line",
    "noise",
    "spot",
    "texture_edge",
]
