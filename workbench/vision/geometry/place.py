"""Places: the positions of a feature's parts relative to the unit, with its direction there.

Every place is `(weight, normal_deg)` over frame coordinates (normal, tangent) in input pixels: the
weight of the place, and the direction of the feature's normal there, 0 being the unit's own. See
"Naturally Occurring Equivariance" (doi 10.23915/distill.00024.004), and the tiling of lines along
arcs in "Curve Circuits" (doi 10.23915/distill.00024.006).
"""

from collections.abc import Callable

from workbench.arrays import Array, array_namespace
from workbench.vision.geometry.angles import atan2_deg, wrap_deg

Place = tuple[Array, Array]
Length = Array | float


def bump(distance: Array, spread: Length) -> Array:
    """Gaussian of height 1."""
    return array_namespace(distance).exp(-0.5 * (distance / spread) ** 2)


def point(normal: Array, tangent: Array, spread_px: Length | None = None) -> Place:
    """The unit's own position; without a spread, the one cell there."""
    xp = array_namespace(normal)
    here = (xp.abs(normal) < 1e-9) & (xp.abs(tangent) < 1e-9)
    weight = (
        xp.where(here, xp.ones_like(normal), xp.zeros_like(normal))
        if spread_px is None
        else bump(normal, spread_px) * bump(tangent, spread_px)
    )
    return weight, xp.zeros_like(normal)


def line(normal: Array, tangent: Array, spread_px: Length, extent_px: Length) -> Place:
    """A line along the tangent, `spread_px` wide and `extent_px` long (standard deviations)."""
    return bump(normal, spread_px) * bump(tangent, extent_px), array_namespace(normal).zeros_like(
        normal
    )


def flanks(
    normal: Array,
    tangent: Array,
    spread_px: Length,
    distance_px: Length,
    extent_px: Length | None = None,
) -> Place:
    """Two places, `distance_px` from the feature along its normal, both ways."""
    return inside(array_namespace(normal).abs(normal), tangent, spread_px, distance_px, extent_px)


def ends(
    normal: Array,
    tangent: Array,
    spread_px: Length,
    distance_px: Length,
    extent_px: Length | None = None,
) -> Place:
    """Two places, `distance_px` from the feature along its tangent, both ways."""
    return flanks(tangent, normal, spread_px, distance_px, extent_px)


def inside(
    normal: Array,
    tangent: Array,
    spread_px: Length,
    distance_px: Length,
    extent_px: Length | None = None,
) -> Place:
    """A place on the side of the centre of curvature, `distance_px` along the normal."""
    along = bump(tangent, spread_px if extent_px is None else extent_px)
    return bump(normal - distance_px, spread_px) * along, array_namespace(normal).zeros_like(normal)


def outside(
    normal: Array,
    tangent: Array,
    spread_px: Length,
    distance_px: Length,
    extent_px: Length | None = None,
) -> Place:
    """A place on the side away from the centre of curvature, `distance_px` against the normal."""
    return inside(-normal, tangent, spread_px, distance_px, extent_px)


def arc(
    normal: Array, tangent: Array, spread_px: Length, radius_px: Length, extent_px: Length
) -> Place:
    """An arc of the circle of `radius_px` through the unit.

    `extent_px` is arc length from the unit, `spread_px` distance from the circle (standard
    deviations).
    """
    outward_deg, distance = _around(normal - radius_px, tangent)
    along = wrap_deg(outward_deg - 180.0, 360.0) * (3.141592653589793 / 180.0) * radius_px
    return bump(distance - radius_px, spread_px) * bump(along, extent_px), outward_deg + 180.0


def ring(normal: Array, tangent: Array, spread_px: Length, radius_px: Length) -> Place:
    """The circle of `radius_px` about the unit; its normals point inwards."""
    outward_deg, distance = _around(normal, tangent)
    return bump(distance - radius_px, spread_px), outward_deg + 180.0


def _around(normal: Array, tangent: Array) -> Place:
    xp = array_namespace(normal)
    return atan2_deg(tangent, normal), xp.sqrt(normal**2 + tangent**2 + 1e-12)


PLACES: dict[str, Callable[..., Place]] = {
    place.__name__: place for place in (point, line, flanks, ends, inside, outside, arc, ring)
}
