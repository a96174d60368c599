"""The stimuli by which units are named: each about one point, turned to several directions.

A drawing takes the side of the picture, the point, and directions in degrees: those of the normal,
as in `workbench.theory.poses`. It gives one picture for each direction, RGB 0..255.
"""

import math
from typing import Any

import numpy as np

from workbench.vision.stimuli.canvas import MID_GREY, RGB, Canvas, Plane, Point
from workbench.vision.stimuli.contours import Stroke, arc
from workbench.vision.stimuli.fields import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Textures,
    texture_edge,
)
from workbench.vision.stimuli.fields import noise as noise_picture

Directions = Any  # of shape ` n`, in degrees
BRIGHT, DARK = 227.0, 27.0
PAIRS = {  # channel -> the two colours between which a pattern varies
    "luma": (BRIGHT, DARK),
    "red-green": (RED, GREEN),
    "blue-yellow": (BLUE, YELLOW),
}
FIELDS = {
    "white": (230.0,) * 3,
    "black": (10.0,) * 3,
    "red": (220.0, 40.0, 40.0),
    "green": (40.0, 200.0, 40.0),
    "blue": (40.0, 60.0, 220.0),
    "yellow": (220.0, 210.0, 40.0),
}
ARC_WIDTH_PX = 4.0
SLOPE_PX = 1.0  # width of the soft edge of spots, ends and corners


def wave(
    size_px: int,
    at: Point,
    turned: Directions,
    wavelength_px: float,
    phase_deg: float,
    channel: str = "luma",
) -> RGB:
    """A sine grating along the normal; at phase 0 a bright stripe runs through the point."""
    canvas, normal, _ = _frame(size_px, at, turned)
    value = canvas.xp.cos(2 * math.pi * normal / wavelength_px + math.radians(phase_deg))
    return _painted(canvas, value, channel)


def bar(size_px: int, at: Point, turned: Directions, width_px: float, sign: float) -> RGB:
    """A long soft bar through the point, bright or dark."""
    canvas, normal, _ = _frame(size_px, at, turned)
    return _painted(canvas, sign * canvas.window(normal, width_px / 2), "luma")


def edge(size_px: int, at: Point, turned: Directions, channel: str) -> RGB:
    """A straight edge, its first colour on the side of the normal."""
    canvas, normal, _ = _frame(size_px, at, turned)
    return _painted(canvas, 2 * canvas.step(normal) - 1, channel)


def curved(size_px: int, at: Point, turned: Directions, radius_px: float, sign: float) -> RGB:
    """An arc whose centre of curvature lies in the direction, bright or dark."""
    stroke = Stroke(ARC_WIDTH_PX, MID_GREY + 100 * sign)
    return arc(size_px, at, turned, radius_px, stroke=stroke)


def line_end(size_px: int, at: Point, turned: Directions, sign: float) -> RGB:
    """A bar that ends at the point and runs from there in the direction."""
    canvas, normal, tangent = _frame(size_px, at, turned)
    value = sign * canvas.window(tangent, 1.5) * _soft(canvas, normal)
    return _painted(canvas, value, "luma")


def corner(size_px: int, at: Point, turned: Directions, sign: float) -> RGB:
    """A filled right angle, open in the direction."""
    canvas, normal, tangent = _frame(size_px, at, turned)
    depth = (normal - canvas.xp.abs(tangent)) / math.sqrt(2)
    return _painted(canvas, sign * canvas.xp.tanh(depth / SLOPE_PX), "luma")


def hatch(size_px: int, at: Point, turned: Directions, wavelength_px: float, shift: float) -> RGB:
    """Two gratings that cross at right angles."""
    canvas, normal, tangent = _frame(size_px, at, turned)
    turn = 2 * math.pi / wavelength_px
    waves = (canvas.xp.cos(turn * x + math.pi * shift) for x in (normal, tangent))
    return _painted(canvas, sum(waves) / 2, "luma")


def high_low(size_px: int, at: Point, turned: Directions, tilt_deg: float) -> RGB:
    """An edge between a fine and a coarse grating, the fine one on the side of the normal."""
    textures = Textures(fine_px=4.0, coarse_px=20.0, tilt_deg=tilt_deg)
    return texture_edge(size_px, at, turned, textures, foreground=BRIGHT, background=DARK)


def grey_and_colour(size_px: int, at: Point, turned: Directions, warm: bool) -> RGB:
    """Black and white stripes on the side of the normal, a plain colour on the other."""
    canvas, normal, tangent = _frame(size_px, at, turned)
    stripes = _painted(canvas, canvas.xp.cos(2 * math.pi * tangent / 5), "luma")
    side = canvas.step(normal)[..., None]
    return side * stripes + (1 - side) * canvas.array((200, 90, 40) if warm else (60, 120, 200))


def spot(
    size_px: int,
    at: Point,
    turned: Directions,
    radius_px: float,
    sign: float,
    channel: str = "luma",
) -> RGB:
    """A soft disc about the point, on grey; `turned` only gives the number of pictures."""
    canvas, normal, tangent = _frame(size_px, at, turned)
    inside = _soft(canvas, radius_px - canvas.length(normal, tangent))
    return _painted(canvas, sign * inside, channel)


def surround(
    size_px: int, at: Point, turned: Directions, radius_px: float, sign: float, channel: str
) -> RGB:
    """A colour everywhere but in a grey disc about the point."""
    canvas, normal, tangent = _frame(size_px, at, turned)
    outside = _soft(canvas, canvas.length(normal, tangent) - radius_px)
    return _painted(canvas, sign * outside, channel)


def field(size_px: int, at: Point, turned: Directions, colour: str) -> RGB:
    """One colour everywhere."""
    canvas, normal, _ = _frame(size_px, at, turned)
    return canvas.paint(canvas.xp.ones_like(normal), FIELDS[colour], MID_GREY)


def noise(size_px: int, at: Point, turned: Directions, exponent: float, seed: int) -> RGB:
    """Grey noise of one seed."""
    picture = noise_picture(size_px, np.random.default_rng(seed), exponent)
    return np.repeat(np.asarray(picture)[None], len(turned), 0)


def _frame(size_px: int, at: Point, turned: Directions) -> tuple[Canvas, Plane, Plane]:
    """The canvas, and every pixel's place along the normal and along the tangent."""
    canvas = Canvas(size_px, turned, *at)
    return canvas, *canvas.seen_from(at, turned)


def _soft(canvas: Canvas, inside_px: Plane) -> Plane:
    """A smooth step over a few times SLOPE_PX."""
    return (1 + canvas.xp.tanh(inside_px / (2 * SLOPE_PX))) / 2


def _painted(canvas: Canvas, value: Plane, channel: str) -> RGB:
    """A pattern of values from -1 to 1 in the colours of a channel."""
    return canvas.paint((1 + value) / 2, *PAIRS[channel])
