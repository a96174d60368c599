"""Contours on a plain ground: arcs, lines, filled shapes and angles.

All take `size_px`, the side of the square picture, and give RGB 0..255 as `h w 3`, or `n h w 3` where a parameter holds n numbers.
x is right, y down, pixel centres are at integers; angles grow from +x towards +y. Gradients flow to every parameter through torch.
"""

import math
from typing import Any

from workbench.stimuli.canvas import MID_GREY, RGB, Canvas, Colour, Number, Plane, Point


def arc(
    size_px: int,
    apex_px: Point,
    centre_deg: Number,
    radius_px: Number,
    extent_deg: Number = 120.0,
    width_px: Number = 3.0,
    foreground: Colour = 255.0,
    background: Colour = MID_GREY,
    like: Any = None,
) -> RGB:
    """A curved line of `width_px` with round ends.

    Its middle is `apex_px`, from which the centre of curvature lies `radius_px` away in direction `centre_deg`.
    It spans `extent_deg` of its circle.
    """
    canvas = Canvas(size_px, radius_px, centre_deg, *apex_px, extent_deg, width_px, like=like)
    radius, half = canvas.parameter(radius_px), canvas.parameter(extent_deg) * (math.pi / 360)
    towards, across = canvas.seen_from(apex_px, centre_deg)
    out = radius - towards  # seen from the centre of curvature, `out` grows towards the apex
    distance = canvas.length(out, across)
    beside = canvas.xp.abs(distance - radius)
    beyond = canvas.length(out - radius * canvas.xp.cos(half), canvas.xp.abs(across) - radius * canvas.xp.sin(half))
    gap = canvas.xp.where(out >= distance * canvas.xp.cos(half), beside, beyond)
    return canvas.paint(_stroke(canvas, gap, width_px), foreground, background)


def filled(
    size_px: int,
    apex_px: Point,
    centre_deg: Number,
    radius_px: Number,
    window_px: Number = 30.0,
    foreground: Colour = 255.0,
    background: Colour = MID_GREY,
    like: Any = None,
) -> RGB:
    """The disc whose edge is the arc of the same apex, direction and radius, seen through a Gaussian window about the apex.

    `window_px` is the window's standard deviation: the disc fades into the background away from the apex, so its edge is the only one.
    """
    canvas = Canvas(size_px, radius_px, centre_deg, *apex_px, window_px, like=like)
    radius = canvas.parameter(radius_px)
    towards, across = canvas.seen_from(apex_px, centre_deg)
    inside = canvas.step(radius - canvas.length(radius - towards, across))
    return canvas.paint(inside * canvas.window(canvas.length(towards, across), window_px), foreground, background)


def line(
    size_px: int,
    centre_px: Point,
    orientation_deg: Number,
    length_px: Number = 60.0,
    width_px: Number = 3.0,
    foreground: Colour = 255.0,
    background: Colour = MID_GREY,
    like: Any = None,
) -> RGB:
    """A straight line with round ends, its middle at `centre_px`, its tangent along `orientation_deg` (mod 180)."""
    canvas = Canvas(size_px, orientation_deg, *centre_px, length_px, width_px, like=like)
    along, across = canvas.seen_from(centre_px, orientation_deg)
    half = canvas.parameter(length_px) / 2
    return canvas.paint(_stroke(canvas, _gap(canvas, along, across, half), width_px), foreground, background)


def angle(
    size_px: int,
    corner_px: Point,
    centre_deg: Number,
    opening_deg: Number = 90.0,
    length_px: Number = 30.0,
    width_px: Number = 3.0,
    foreground: Colour = 255.0,
    background: Colour = MID_GREY,
    like: Any = None,
) -> RGB:
    """Two segments that meet at `corner_px`, `opening_deg` apart; `centre_deg` points from the corner between them, as an arc's does."""
    canvas = Canvas(size_px, opening_deg, centre_deg, *corner_px, length_px, width_px, like=like)
    half_deg, half = canvas.array(opening_deg) / 2, canvas.parameter(length_px) / 2
    arms = [canvas.seen_from(corner_px, canvas.array(centre_deg) + side * half_deg) for side in (-1, 1)]
    first, second = (_gap(canvas, along - half, across, half) for along, across in arms)
    return canvas.paint(_stroke(canvas, canvas.xp.minimum(first, second), width_px), foreground, background)


def _gap(canvas: Canvas, along: Plane, across: Plane, half: Any) -> Plane:
    """Distance in pixels to the segment that reaches `half` to either side of the origin."""
    return canvas.length(canvas.xp.clip(canvas.xp.abs(along) - half, 0.0, None), across)


def _stroke(canvas: Canvas, gap: Plane, width_px: Number) -> Plane:
    return canvas.step(canvas.parameter(width_px) / 2 - gap)
