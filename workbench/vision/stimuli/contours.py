"""Contours on a plain ground: arcs, lines, filled shapes and angles.

All take `size_px`, the side of the square picture, and give RGB 0..255 as `h w 3`, or `n h w 3`
where a parameter holds n numbers. x is right, y down, pixel centres are at integers; angles grow
from +x towards +y. Gradients flow to every parameter through torch.
"""

import math
from dataclasses import dataclass
from typing import Any

from workbench.vision.stimuli.canvas import MID_GREY, RGB, Canvas, Colour, Number, Plane, Point


@dataclass(frozen=True)
class Stroke:
    """How a contour is drawn: its width in pixels, its colour and the colour of the ground."""

    width_px: Number = 3.0
    foreground: Colour = 255.0
    background: Colour = MID_GREY


BRIGHT = Stroke()


def arc(
    size_px: int,
    apex_px: Point,
    centre_deg: Number,
    radius_px: Number,
    extent_deg: Number = 120.0,
    stroke: Stroke = BRIGHT,
    like: Any = None,
) -> RGB:
    """A curved line with round ends.

    Its middle is `apex_px`, from which the centre of curvature lies `radius_px` away in direction
    `centre_deg`. It spans `extent_deg` of its circle.
    """
    canvas = Canvas(
        size_px, radius_px, centre_deg, *apex_px, extent_deg, stroke.width_px, like=like
    )
    radius, half = canvas.parameter(radius_px), canvas.parameter(extent_deg) * (math.pi / 360)
    towards, across = canvas.seen_from(apex_px, centre_deg)
    out = radius - towards  # seen from the centre of curvature, `out` grows towards the apex
    distance = canvas.length(out, across)
    to_circle = canvas.xp.abs(distance - radius)
    to_end = canvas.length(
        out - radius * canvas.xp.cos(half), canvas.xp.abs(across) - radius * canvas.xp.sin(half)
    )
    gap = canvas.xp.where(out >= distance * canvas.xp.cos(half), to_circle, to_end)
    return _stroked(canvas, gap, stroke)


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
    """The disc whose edge is the arc of the same apex, direction and radius, through a window.

    `window_px` is the standard deviation of a Gaussian window about the apex: the disc fades into
    the background away from the apex, so its edge is the only one.
    """
    canvas = Canvas(size_px, radius_px, centre_deg, *apex_px, window_px, like=like)
    radius = canvas.parameter(radius_px)
    towards, across = canvas.seen_from(apex_px, centre_deg)
    inside = canvas.step(radius - canvas.length(radius - towards, across))
    return canvas.paint(
        inside * canvas.window(canvas.length(towards, across), window_px), foreground, background
    )


def spot(
    size_px: int,
    centre_px: Point,
    radius_px: Number,
    foreground: Colour = 255.0,
    background: Colour = MID_GREY,
    like: Any = None,
) -> RGB:
    """A disc of `radius_px` about `centre_px` on a plain ground."""
    canvas = Canvas(size_px, radius_px, *centre_px, like=like)
    x, y = canvas.seen_from(centre_px, 0.0)
    inside = canvas.step(canvas.parameter(radius_px) - canvas.length(x, y))
    return canvas.paint(inside, foreground, background)


def line(
    size_px: int,
    centre_px: Point,
    orientation_deg: Number,
    length_px: Number = 60.0,
    stroke: Stroke = BRIGHT,
    like: Any = None,
) -> RGB:
    """A straight line with round ends.

    Its middle is `centre_px`, and its tangent runs along `orientation_deg` (mod 180).
    """
    canvas = Canvas(size_px, orientation_deg, *centre_px, length_px, stroke.width_px, like=like)
    along, across = canvas.seen_from(centre_px, orientation_deg)
    half = canvas.parameter(length_px) / 2
    return _stroked(canvas, _gap(canvas, along, across, half), stroke)


def angle(
    size_px: int,
    corner_px: Point,
    centre_deg: Number,
    opening_deg: Number = 90.0,
    length_px: Number = 30.0,
    stroke: Stroke = BRIGHT,
    like: Any = None,
) -> RGB:
    """Two segments of `length_px` that meet at `corner_px`, `opening_deg` apart.

    `centre_deg` points from the corner between them, as an arc's points to its centre.
    """
    canvas = Canvas(
        size_px, opening_deg, centre_deg, *corner_px, length_px, stroke.width_px, like=like
    )
    half_deg, half = canvas.array(opening_deg) / 2, canvas.parameter(length_px) / 2
    arms = [
        canvas.seen_from(corner_px, canvas.array(centre_deg) + side * half_deg) for side in (-1, 1)
    ]
    first, second = (_gap(canvas, along - half, across, half) for along, across in arms)
    return _stroked(canvas, canvas.xp.minimum(first, second), stroke)


def _gap(canvas: Canvas, along: Plane, across: Plane, half: Any) -> Plane:
    """Distance in pixels to the segment that reaches `half` to either side of the origin."""
    return canvas.length(canvas.xp.clip(canvas.xp.abs(along) - half, 0.0, None), across)


def _stroked(canvas: Canvas, gap: Plane, stroke: Stroke) -> RGB:
    """The picture of a contour from which each pixel is `gap` pixels away."""
    coverage = canvas.step(canvas.parameter(stroke.width_px) / 2 - gap)
    return canvas.paint(coverage, stroke.foreground, stroke.background)
