"""Gabor filters (Daugman 1985, doi 10.1364/JOSAA.2.001160) and the opponent channels they read."""

import math

from jaxtyping import Float

from workbench.arrays import Array, array_namespace

# Opponent axes of cone signals (Hurvich & Jameson 1957, doi 10.1037/h0041403) in RGB, each of
# absolute sum 1.
OPPONENT = {
    "luma": (1 / 3, 1 / 3, 1 / 3),
    "red-green": (0.5, -0.5, 0.0),
    "blue-yellow": (-0.25, -0.25, 0.5),
}


def gabor(
    normal: Array,
    tangent: Array,
    phase_deg: Array,
    wavelength_px: Array | float,
    sigma_px: Array | float,
    aspect: Array | float,
) -> Float[Array, "d kh kw"]:
    """Filters over frame coordinates `d kh kw`, `phase_deg` of shape `d 1 1`.

    `exp(-((aspect tangent)^2 + normal^2) / (2 sigma^2)) cos(2 pi normal / wavelength + phase)`,
    less its mean under the envelope, so that flat grey gives 0, over its absolute sum, so that no
    picture within -1..1 gives more than 1.
    """
    wave, _ = _waves(normal, tangent, phase_deg, wavelength_px, sigma_px, aspect)
    return wave / total(array_namespace(normal).abs(wave))


def contrast(
    normal: Array,
    tangent: Array,
    phase_deg: Array,
    wavelength_px: Array | float,
    sigma_px: Array | float,
    aspect: Array | float,
) -> Float[Array, " d"]:
    """Absolute sum of each filter before it is scaled, over that of its envelope.

    Near 0 the filter is only the rounding of its numbers; it is no number without an envelope.
    """
    wave, envelope = _waves(normal, tangent, phase_deg, wavelength_px, sigma_px, aspect)
    return (total(array_namespace(normal).abs(wave)) / total(envelope))[:, 0, 0]


def _waves(
    normal: Array,
    tangent: Array,
    phase_deg: Array,
    wavelength_px: Array | float,
    sigma_px: Array | float,
    aspect: Array | float,
) -> tuple[Array, Array]:
    """The filters before they are scaled, and their envelopes."""
    xp = array_namespace(normal)
    envelope = xp.exp(-((aspect * tangent) ** 2 + normal**2) / (2.0 * sigma_px**2))
    wave = envelope * xp.cos(2.0 * math.pi * normal / wavelength_px + phase_deg * (math.pi / 180.0))
    return wave - envelope * (total(wave) / total(envelope)), envelope


def total(kernel: Float[Array, "d k k"]) -> Float[Array, "d 1 1"]:
    """Sum over a kernel, in an order that a turn by 90 degrees does not change.

    Turned kernels have the same sum to the last bit.
    """
    xp = array_namespace(kernel)
    half = kernel + xp.flip(kernel, axis=(1, 2))
    whole = half + xp.flip(xp.permute_dims(half, (0, 2, 1)), axis=2)
    return xp.sum(whole, axis=(1, 2), keepdims=True) / 4.0
