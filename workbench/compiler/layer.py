"""One family of a theory -> its layer: units, weights and constants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float

from workbench.arrays import Array, array_like, array_namespace, detached
from workbench.compiler.circuit import Layer, Normalise, Pool, Read
from workbench.spec.family import PoolRule
from workbench.spec.language import (
    Blob,
    Entry,
    Family,
    Gabor,
    Number,
    Poses,
    Reading,
    Table,
    Term,
)
from workbench.theory.poses import PICTURE, Units
from workbench.theory.rule import Motif, blob_weights, gabor_weights, weights
from workbench.theory.table import Single, table
from workbench.vision.geometry.frame import taps

Value = Callable[[Number], Array]


def written(like: Array) -> Value:
    """Each number of the spec at its written or tuned value."""
    return lambda number: array_like(number.tune, like)


def compile_layer(
    name: str,
    family: Family,
    units: Units,
    stride_px: int,
    above: dict[str, Layer],
    value: Value,
    like: Array,
) -> Layer:
    """The layer of one family; its `ideal` is 1.

    `above` are the layers that the family may read. Arrays are like `like`; `value` gives the one
    for each Number.
    """
    reads = tuple(
        Read(source, read_weights(family, units, above.get(source), terms, value, like))
        for source, terms in family.reads.items()
    )
    normalise = (
        Normalise(family.normalise.across, value(family.normalise.floor))
        if family.normalise
        else None
    )
    pool = pool_of(family.pool, stride_px) if family.pool else None
    return Layer(
        name,
        units,
        stride_px,
        reads,
        value(family.threshold),
        array_like(1.0, like),
        family.rectify == "full",
        normalise,
        pool,
    )


def pool_of(rule: PoolRule, stride_px: int) -> Pool:
    """The pool of units that lie `stride_px` apart."""
    return Pool(taps(rule.over_px, stride_px), rule.stride_px)


def read_weights(
    family: Family,
    units: Units,
    upstream: Layer | None,
    terms: tuple[Reading, ...],
    value: Value,
    like: Array,
) -> Float[Array, "d u kh kw"]:
    """The weights of terms by which a family reads `upstream`, None for the picture."""
    read, step_px = (upstream.units, upstream.grid_px) if upstream else (PICTURE, 1)
    singles = [
        _single(entry, value) for term in terms if isinstance(term, Table) for entry in term.weights
    ]
    explicit = [table(units, read, singles, family.window_px, step_px, like)] if singles else []
    if upstream is None:
        kernels = [
            kernel_weights(units, term, family.window_px, value, like)
            for term in terms
            if isinstance(term, (Gabor, Blob))
        ]
        xp = array_namespace(like)
        return xp.sum(xp.stack([*kernels, *explicit]), axis=0)
    motifs = [motif(term, value) for term in terms if isinstance(term, Term)]
    return sum(explicit, weights(units, read, motifs, family.window_px, step_px, like))


def kernel_weights(
    units: Units, term: Gabor | Blob, window_px: float, value: Value, like: Array
) -> Float[Array, "d 3 kh kw"]:
    """The weights of one kernel on the picture."""
    if isinstance(term, Blob):
        return blob_weights(units, value(term.sigma_px), value(term.gain), window_px, like)
    constants = value(term.wavelength_px), value(term.sigma_px), value(term.aspect)
    return gabor_weights(units, *constants, window_px, like)


def _single(entry: Entry, value: Value) -> Single:
    return Single(entry.to.axes(), entry.from_.axes(), entry.at_px, value(entry.weight))


def motif(term: Term, value: Value) -> Motif:
    """A term of the spec as a motif of the rule; `value` gives the constant for each Number."""
    where = {
        name: value(number)
        for name in ("spread_px", "extent_px", "distance_px", "radius_px")
        if (number := getattr(term, name)) is not None
    }
    return Motif(
        place=term.along,
        match=term.match,
        gain=value(term.gain),
        where=where,
        radius_power=None if term.radius_power is None else value(term.radius_power),
        scale_power=None if term.scale_power is None else value(term.scale_power),
        tolerance_deg=None if term.tolerance_deg is None else value(term.tolerance_deg),
        harmonics=None if term.harmonics is None else [value(number) for number in term.harmonics],
        profile=None
        if term.profile is None
        else [(off_deg, value(weight)) for off_deg, weight in term.profile],
        turned=term.turned,
        by={axis: [value(number) for number in gains] for axis, gains in term.by.items()},
        colour=term.colour,
    )


@dataclass(frozen=True)
class Ideal:
    """The kind of a family's ideal stimulus: an arc, and with no value a line.

    radius_px  of the arc, for a unit of the typical radius
    texture    an edge between gratings of these wavelengths (fine, coarse) instead
    spot_px    a disc of this radius in the unit's colour instead
    coloured   a straight edge between the unit's colour and the opposite one instead
    """

    radius_px: float | None = None
    texture: tuple[float, float] | None = None
    spot_px: float | None = None
    coloured: bool = False


def ideal_of(family: Family, value: Value) -> Ideal:
    """The kind of a family's ideal stimulus; no gradient flows.

    It is what `ideal` says; a spot for units that turning does not change, as wide as the first
    ring that they read, or a quarter of their window; an edge in their colour for units that read
    by colour; the first arc that they read; or a line.
    """
    if family.ideal:
        return Ideal(texture=(family.ideal.fine_px, family.ideal.coarse_px))
    reads = [term for terms in family.reads.values() for term in terms]
    terms = [term for term in reads if isinstance(term, Term)]
    by_colour = any(term.colour for term in terms)
    is_round = (
        family.poses.is_round
        if isinstance(family.poses, Poses)
        else by_colour and not any(term.turns for term in reads)
    )
    if is_round:
        return Ideal(spot_px=_radius_px(terms, "ring", value) or family.window_px / 4)
    return Ideal(coloured=True) if by_colour else Ideal(_radius_px(terms, "arc", value))


def _radius_px(terms: Sequence[Term], along: str, value: Value) -> float | None:
    """The radius of the first term along such a place."""
    radii = [term.radius_px for term in terms if term.along == along]
    return float(detached(value(radii[0]))) if radii and radii[0] is not None else None
