"""Parametric pictures: pure functions of their parameters, the same in NumPy, CuPy, torch and any array API library."""

from workbench.stimuli.contours import angle, arc, filled, line
from workbench.stimuli.fields import BLUE, GREEN, RED, YELLOW, colour_edge, grating, noise, texture_edge

__all__ = ["BLUE", "GREEN", "RED", "YELLOW", "angle", "arc", "colour_edge", "filled", "grating", "line", "noise", "texture_edge"]
