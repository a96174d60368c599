"""The rule: a weight depends only on the upstream unit as seen in the downstream unit's frame.

    w[d, u, x] = sum over terms  gain * by[u] * place(R(-pose_d) x) * match(pose_u - pose_d -
                                 expected pose at R(-pose_d) x)

This is the general linear map that commutes with the group (Cohen & Welling 2016, arXiv
1602.07576).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float

from workbench.arrays import Array, array_like, array_namespace, device
from workbench.theory.match import EXPECTED, harmonics, profile, turned, within
from workbench.theory.poses import (
    ASPECT,
    CENTRE,
    CHANNEL,
    ENVELOPE,
    MIXTURE,
    ORIENTATION,
    PHASE,
    SCALE,
    SHIFT_X,
    SHIFT_Y,
    Units,
)
from workbench.vision.geometry.angles import cos_sin_deg
from workbench.vision.geometry.frame import offsets, seen_from
from workbench.vision.geometry.gabor import OPPONENT, contrast, gabor
from workbench.vision.geometry.gabor import total as kernel_sum
from workbench.vision.geometry.place import PLACES


@dataclass(frozen=True)
class Motif:
    """One term of the rule with its constants.

    Constants may be numbers, or arrays without dimensions, which are fitted by gradient.

    place, match    names in PLACES and EXPECTED ("any": all poses equally)
    where           constants of the place, by name
    radius_power    the gain grows with this power of the unit's radius over the typical one
    scale_power     the gain grows with this power of the unit's scale
    tolerance_deg   or `harmonics`, or `profile`: how the match falls off
    turned          "with" or "against": only poses that are turned, from the one wanted at the unit
                    itself, as the feature is, or the other way
    by              upstream axis -> gain of each of its values
    colour          "same": each upstream channel by the unit's own part of it
    """

    place: str
    match: str
    gain: Any
    where: Mapping[str, Any]
    radius_power: Any = None
    scale_power: Any = None
    tolerance_deg: Any = None
    harmonics: Sequence | None = None
    profile: Sequence[tuple[float, Any]] | None = None
    turned: str | None = None
    by: Mapping[str, Sequence] = field(default_factory=dict)
    colour: str | None = None


def weights(
    downstream: Units,
    upstream: Units,
    motifs: Sequence[Motif],
    window_px: float,
    step_px: int,
    like: Array,
) -> Float[Array, "d u kh kw"]:
    """Weights from every upstream to every downstream unit; taps are `step_px` input pixels apart.

    The arrays have the library, type and device of `like`.
    """
    xp = array_namespace(like)
    # A unit represents the place at its tap plus its shift: relative to that place, its readers are
    # moved by the opposite of the shift.
    if upstream.moved:
        nearer = zip(upstream.column(SHIFT_X), upstream.column(SHIFT_Y), strict=True)
        moved = [downstream.moved_by(-x, -y) for x, y in nearer]
        return xp.concat(
            [
                weights(down, upstream.one(i), motifs, window_px, step_px, like)
                for i, down in enumerate(moved)
            ],
            axis=1,
        )
    bend, scale, normal_deg = (
        array_like(column, like)
        for column in (downstream.bend, downstream.column(SCALE), downstream.normal_deg)
    )
    normal, tangent = _frames(downstream, window_px, step_px, like)
    total = xp.zeros(
        (len(downstream), len(upstream), *normal.shape[1:]), dtype=like.dtype, device=device(like)
    )
    for motif in motifs:
        where = {
            name: value * bend[:, None, None] if name == "radius_px" else value
            for name, value in motif.where.items()
        }
        weight, feature_normal_deg = PLACES[motif.place](normal, tangent, **where)
        wanted = _wanted(motif, upstream, normal_deg, feature_normal_deg, like)
        gain = motif.gain
        for size, power in ((bend, motif.radius_power), (scale, motif.scale_power)):
            if power is not None:
                gain = gain * (size**power)[:, None, None, None]
        apart = _by(motif, upstream, like)[None, :]
        if motif.colour:
            apart = apart * _same_colour(downstream, upstream, like)
        total = total + gain * weight[:, None, ...] * wanted * apart[:, :, None, None]
    return total


def gabor_weights(
    units: Units,
    wavelength_px: Array | float,
    sigma_px: Array | float,
    aspect: Array | float,
    window_px: float,
    like: Array,
) -> Float[Array, "d 3 kh kw"]:
    """Gabor filters over the picture's red, green and blue, at the units' poses.

    A pose gives the frame, the phase, the opponent channels, and factors of the envelope.
    """
    posed = _posed(units, wavelength_px, sigma_px, aspect, window_px, like)
    return gabor(*posed)[:, None, ...] * opponent(units, like)[:, :, None, None]


def gabor_contrast(
    units: Units,
    wavelength_px: Array | float,
    sigma_px: Array | float,
    aspect: Array | float,
    window_px: float,
    like: Array,
) -> Float[Array, " d"]:
    """`contrast` of the filters of `gabor_weights`."""
    return contrast(*_posed(units, wavelength_px, sigma_px, aspect, window_px, like))


def blob_weights(
    units: Units, sigma_px: Array | float, gain: Array | float, window_px: float, like: Array
) -> Float[Array, "d 3 kh kw"]:
    """Gaussian spots over the picture's red, green and blue, at the units' poses.

    `exp(-r^2 / (2 sigma^2))` over its sum, times `gain`, the cosine of the unit's phase, and its
    weights of the three colours.
    """
    normal, tangent = _frames(units, window_px, 1, like)
    wider, phase_deg = (array_like(units.column(axis), like) for axis in (ENVELOPE, PHASE))
    xp = array_namespace(like)
    r2 = normal**2 + tangent**2
    spot = xp.exp(-r2 / (2.0 * (sigma_px * wider[:, None, None]) ** 2))
    sign, _ = cos_sin_deg(phase_deg)
    spot = spot / kernel_sum(spot) * (gain * sign)[:, None, None]
    return spot[:, None, ...] * opponent(units, like)[:, :, None, None]


def _posed(
    units: Units,
    wavelength_px: Array | float,
    sigma_px: Array | float,
    aspect: Array | float,
    window_px: float,
    like: Array,
) -> tuple[Array, Array, Array, Array | float, Array, Array]:
    """The arguments of `gabor`: frames and phases of the units, and constants times factors."""
    normal, tangent = _frames(units, window_px, 1, like)
    phase_deg, wider, longer = (
        array_like(units.column(axis), like)[:, None, None] for axis in (PHASE, ENVELOPE, ASPECT)
    )
    return normal, tangent, phase_deg, wavelength_px, sigma_px * wider, aspect * longer


def opponent(units: Units, like: Array) -> Float[Array, "d 3"]:
    """Each unit's weights of red, green and blue.

    They are those of its opponent channel, or of its mixture of channels; luma if it has neither.
    """
    xp = array_namespace(like)
    return channel_parts(units, like) @ xp.asarray(
        [OPPONENT[name] for name in MIXTURE], dtype=like.dtype, device=device(like)
    )


def channel_parts(units: Units, like: Array) -> Float[Array, "d 3"]:
    """Each unit's part of luma, red-green and blue-yellow.

    They are its mixture, or 1 for its opponent channel; luma if it has neither.
    """
    xp = array_namespace(like)
    if MIXTURE[0] in units.poses:
        return xp.stack([array_like(units.column(name), like) for name in MIXTURE], axis=1)
    names = units.poses.get(CHANNEL, ("luma",) * len(units))
    rows = [[float(name == channel) for channel in MIXTURE] for name in names]
    return xp.asarray(rows, dtype=like.dtype, device=device(like))


def _same_colour(downstream: Units, upstream: Units, like: Array) -> Float[Array, "d u"]:
    """The downstream unit's part of each upstream unit's channel."""
    xp = array_namespace(like)
    return channel_parts(downstream, like) @ xp.permute_dims(channel_parts(upstream, like), (1, 0))


def _frames(
    units: Units, window_px: float, step_px: int, like: Array
) -> tuple[Float[Array, "d kh kw"], Float[Array, "d kh kw"]]:
    """(normal, tangent) of each tap in the frame of each unit, the unit's shift included."""
    x, y = offsets(window_px, step_px, like)
    shift_x, shift_y, scale = (
        array_like(units.column(axis), like) for axis in (SHIFT_X, SHIFT_Y, SCALE)
    )
    return seen_from(
        x - shift_x[:, None, None],
        y - shift_y[:, None, None],
        array_like(units.normal_deg, like),
        scale,
    )


def _wanted(
    motif: Motif, upstream: Units, normal_deg: Array, feature_normal_deg: Array, like: Array
) -> Float[Array, "d u kh kw"]:
    xp = array_namespace(like)
    if motif.match == "any":
        return xp.ones((1, 1, 1, 1), dtype=like.dtype, device=device(like))
    period_deg, expected_deg = EXPECTED[motif.match]
    pose_deg = array_like(upstream.column(ORIENTATION if period_deg == 180.0 else CENTRE), like)
    period = xp.asarray(period_deg, dtype=like.dtype, device=device(like))
    turn_deg = xp.remainder(
        pose_deg[None, :] - normal_deg[:, None], period
    )  # to the last bit the same when both are turned
    seen_deg, feature_normal_deg = turn_deg[:, :, None, None], feature_normal_deg[:, None, ...]
    wanted = falloff(motif, seen_deg - (feature_normal_deg + expected_deg), period_deg)
    return (
        wanted * turned(seen_deg - expected_deg, period_deg, feature_normal_deg, motif.turned)
        if motif.turned
        else wanted
    )


def falloff(motif: Motif, difference_deg: Array, period_deg: float) -> Array:
    """The weight of an upstream pose by its difference from the wanted one; 1 for match "any"."""
    if motif.match == "any":
        return array_namespace(difference_deg).ones_like(difference_deg)
    if motif.harmonics is not None:
        return harmonics(difference_deg, period_deg, motif.harmonics)
    if motif.profile is not None:
        return profile(difference_deg, period_deg, motif.profile)
    return within(difference_deg, period_deg, motif.tolerance_deg)


def _by(motif: Motif, upstream: Units, like: Array) -> Float[Array, " u"]:
    xp = array_namespace(like)
    gains = xp.ones((len(upstream),), dtype=like.dtype, device=device(like))
    for axis, values in motif.by.items():
        table = xp.stack([array_like(value, like) for value in values])
        gains = gains * xp.take(
            table, xp.asarray(upstream.index(axis), device=device(like)), axis=0
        )
    return gains
