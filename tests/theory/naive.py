"""The rule written a second time from specs/README.md: plain Python, one number at a time, the
plane as complex numbers (x + i y).
"""

import cmath
import math
from collections.abc import Sequence

import numpy as np

from workbench.theory.poses import Units
from workbench.theory.rule import Motif

TINY_PX2 = (
    1e-12  # added to a squared length so that it has a slope; seen only in the middle of a ring
)


def weights(
    downstream: Units, upstream: Units, motifs: Sequence[Motif], window_px: float, step_px: int
) -> np.ndarray:
    reach = int(window_px / 2 // step_px)
    side = 2 * reach + 1
    out = np.zeros((len(downstream), len(upstream), side, side))
    for d in range(len(downstream)):
        for u in range(len(upstream)):
            for row in range(side):
                for column in range(side):
                    offset = complex((column - reach) * step_px, (row - reach) * step_px)
                    out[d, u, row, column] = sum(
                        term(motif, downstream, d, upstream, u, offset) for motif in motifs
                    )
    return out


def term(
    motif: Motif, downstream: Units, d: int, upstream: Units, u: int, offset: complex
) -> float:
    towards = normal(downstream, d)
    shift = complex(pose(downstream, "shift_x_px", d, 0.0), pose(downstream, "shift_y_px", d, 0.0))
    moved = complex(pose(upstream, "shift_x_px", u, 0.0), pose(upstream, "shift_y_px", u, 0.0))
    seen = (
        (offset + moved - shift)
        * cmath.exp(-1j * math.radians(towards))
        / pose(downstream, "scale", d, 1.0)
    )
    radii = downstream.poses.get("radius_px", [1.0] * len(downstream))
    bend = radii[d] / float(np.prod(radii)) ** (1 / len(downstream))
    where = {
        name: value * bend if name == "radius_px" else value for name, value in motif.where.items()
    }
    weight, turn = place(motif.place, seen, **where)
    by = math.prod(
        gains[list(dict.fromkeys(upstream.poses[axis])).index(upstream.poses[axis][u])]
        for axis, gains in motif.by.items()
    )
    return (
        motif.gain
        * bend ** (motif.radius_power or 0.0)
        * pose(downstream, "scale", d, 1.0) ** (motif.scale_power or 0.0)
        * by
        * (same_colour(downstream, d, upstream, u) if motif.colour else 1.0)
        * weight
        * match(motif, upstream, u, towards, towards + turn)
    )


CHANNELS = ("luma", "red-green", "blue-yellow")
RGB = ((1 / 3, 1 / 3, 1 / 3), (0.5, -0.5, 0.0), (-0.25, -0.25, 0.5))


def same_colour(downstream: Units, d: int, upstream: Units, u: int) -> float:
    return sum(parts(downstream, d)[name] * parts(upstream, u)[name] for name in CHANNELS)


def parts(units: Units, unit: int) -> dict[str, float]:
    """A unit's part of each opponent channel."""
    if "luma" in units.poses:
        return {name: units.poses[name][unit] for name in CHANNELS}
    channel = units.poses["channel"][unit] if "channel" in units.poses else "luma"
    return {name: float(name == channel) for name in CHANNELS}


def blobs(units: Units, sigma_px: float, gain: float, window_px: float) -> np.ndarray:
    """Gaussian spots of the picture's red, green and blue, `d 3 k k`."""
    reach = int(window_px / 2)
    side = 2 * reach + 1
    out = np.zeros((len(units), 3, side, side))
    for d in range(len(units)):
        width = sigma_px * pose(units, "envelope", d, 1.0) * pose(units, "scale", d, 1.0)
        heights = [
            gauss(
                math.hypot(
                    column - reach - pose(units, "shift_x_px", d, 0.0),
                    row - reach - pose(units, "shift_y_px", d, 0.0),
                ),
                width,
            )
            for row in range(side)
            for column in range(side)
        ]
        sign = math.cos(math.radians(pose(units, "phase_deg", d, 0.0)))
        for colour in range(3):
            mixed = sum(part * RGB[i][colour] for i, part in enumerate(parts(units, d).values()))
            for cell, height in enumerate(heights):
                out[d, colour, cell // side, cell % side] = (
                    gain * sign * mixed * height / sum(heights)
                )
    return out


def pose(units: Units, axis: str, unit: int, otherwise: float) -> float:
    return units.poses[axis][unit] if axis in units.poses else otherwise


def normal(units: Units, unit: int) -> float:
    return (
        units.poses["centre_deg"][unit]
        if "centre_deg" in units.poses
        else units.poses["orientation_deg"][unit] + 90
    )


def place(
    name: str, seen: complex, spread_px=None, extent_px=None, distance_px=None, radius_px=None
) -> tuple[float, float]:
    """How much the place counts, and by how many degrees the feature has turned there."""
    n, t = seen.real, seen.imag
    if name == "point":
        return (float(abs(seen) < 1e-6) if spread_px is None else gauss(abs(seen), spread_px)), 0.0
    if name == "line":
        return gauss(n, spread_px) * gauss(t, extent_px), 0.0
    if name in ("flanks", "ends"):
        across, along = (n, t) if name == "flanks" else (t, n)
        return gauss(abs(across) - distance_px, spread_px) * gauss(
            along, extent_px or spread_px
        ), 0.0
    if name in ("inside", "outside"):
        towards = n if name == "inside" else -n
        return gauss(towards - distance_px, spread_px) * gauss(t, extent_px or spread_px), 0.0
    centre = complex(radius_px, 0) if name == "arc" else 0j
    inwards = centre - seen
    turn = (
        math.degrees(cmath.phase(inwards)) if abs(inwards) > 1e-9 else 180.0
    )  # in the very middle, where there is no direction
    along = math.radians(turn) * radius_px if name == "arc" else 0.0
    return gauss(math.sqrt(abs(inwards) ** 2 + TINY_PX2) - radius_px, spread_px) * (
        gauss(along, extent_px) if name == "arc" else 1.0
    ), turn


def match(motif: Motif, upstream: Units, u: int, towards: float, feature_normal: float) -> float:
    if motif.match == "any":
        return 1.0
    period = 180 if motif.match in ("tangent", "normal") else 360
    wanted = feature_normal + {"tangent": 90, "normal": 0, "same": 0, "opposite": 180}[motif.match]
    is_now = upstream.poses["orientation_deg" if period == 180 else "centre_deg"][u]
    apart = min(((is_now - wanted) % period, (wanted - is_now) % period))
    return falloff(motif, apart, period) * way(
        motif, is_now - (towards + wanted - feature_normal), period, feature_normal - towards
    )


def falloff(motif: Motif, apart: float, period: float) -> float:
    if motif.harmonics is not None:
        return sum(
            c * math.cos(k * apart * 2 * math.pi / period) for k, c in enumerate(motif.harmonics)
        )
    if motif.profile is not None:
        return float(np.interp(apart, *zip(*motif.profile, strict=True)))
    return gauss(apart, motif.tolerance_deg)


def way(motif: Motif, pose_turn: float, period: float, feature_turn: float) -> float:
    """Half of the weight to each way where something is not turned, or by half a period."""
    if motif.turned is None:
        return 1.0
    signs = [
        0
        if min(turn % whole, -turn % whole) < 1e-6 or abs(turn % whole - whole / 2) < 1e-6
        else 1
        if turn % whole < whole / 2
        else -1
        for turn, whole in ((pose_turn, period), (feature_turn, 360))
    ]
    return {0: 0.5, 1: float(motif.turned == "with"), -1: float(motif.turned == "against")}[
        signs[0] * signs[1]
    ]


def gauss(distance: float, spread: float) -> float:
    return math.exp(-(distance**2) / (2 * spread**2))
