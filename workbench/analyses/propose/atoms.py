"""Candidate terms: the reads that a family may have of the families above it.

An atom is the smallest term that the language can write: one place, one harmonic of the pose, a
gain of one. Atoms that differ by their harmonic alone are one term of a theory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.compiler.circuit import Layer
from workbench.spec.terms import LENGTHS
from workbench.theory.match import EXPECTED
from workbench.theory.poses import CENTRE, CHANNEL, ORIENTATION, PHASE, SCALE
from workbench.theory.rule import Motif

HARMONICS = 4  # of the difference of poses, from 0 (equal for all poses) to 3
# place -> its lengths, in steps of the grid that is read; `spread_px` is 0.75 steps where not given
STEPS: dict[str, tuple[dict[str, float], ...]] = {
    "point": ({}, {"spread_px": 1.0}),
    "line": ({"extent_px": 1.5}, {"extent_px": 3.0}),
    "flanks": ({"distance_px": 1.5}, {"distance_px": 3.0}),
    "ends": ({"distance_px": 2.0}, {"distance_px": 4.0}),
    "inside": ({"distance_px": 1.5}, {"distance_px": 3.0}),
    "outside": ({"distance_px": 1.5}, {"distance_px": 3.0}),
    "ring": ({"radius_px": 1.5}, {"radius_px": 3.0}),
}
ARCS = (0.7, 1.0, 1.4)  # radii, as factors of the typical one
ARC_EXTENT = 0.7  # of the radius
SPREAD = 0.75
TYPICAL_PX = 20.0  # radius where neither the theory nor the units have one


@dataclass(frozen=True)
class Place:
    """A place of the language with its lengths in input pixels, by name."""

    along: str
    lengths: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Atom:
    """The smallest term: a family, a place, one harmonic of the pose, and a gain of one.

    `by` is an axis of the family and the index of the one value that is read; None for all values.
    """

    family: str
    place: Place
    match: str
    harmonic: int
    by: tuple[str, int] | None = None

    def motif(self, sizes: dict[str, int]) -> Motif:
        """The atom as a term of the rule; `sizes` are the numbers of values of the axes."""
        gains = {}
        if self.by:
            axis, chosen = self.by
            gains = {axis: [float(i == chosen) for i in range(sizes[axis])]}
        first = self.harmonic == 0
        return Motif(
            place=self.place.along,
            match="any" if first else self.match,
            gain=1.0,
            where=dict(self.place.lengths),
            harmonics=None if first else [*[0.0] * self.harmonic, 1.0],
            by=gains,
        )


def atoms(layers: Sequence[Layer], typical_px: float) -> Iterator[Atom]:
    """Every atom of these families, in their order; `typical_px` is the units' typical radius."""
    for layer in layers:
        axes = layer.units.shape
        match = "same" if CENTRE in axes else "tangent" if ORIENTATION in axes else None
        shared = [axis for axis in (PHASE, SCALE, CHANNEL) if axes.get(axis, 1) > 1]
        choices = [None, *((axis, i) for axis in shared for i in range(axes[axis]))]
        for place in places(layer.grid_px, typical_px):
            for harmonic in range(HARMONICS if match in EXPECTED else 1):
                for by in choices:
                    yield Atom(layer.family, place, match or "any", harmonic, by)


def places(step_px: int, typical_px: float) -> Iterator[Place]:
    """The places that are tried on a grid of that step."""
    for along, several in STEPS.items():
        for steps in several:
            spread = {} if along == "point" else {"spread_px": SPREAD}
            lengths = {name: value * step_px for name, value in {**spread, **steps}.items()}
            yield _place(along, lengths)
    for factor in ARCS:
        radius_px = factor * typical_px
        lengths = {
            "spread_px": SPREAD * step_px,
            "radius_px": radius_px,
            "extent_px": ARC_EXTENT * radius_px,
        }
        yield _place("arc", lengths)


def _place(along: str, lengths: dict[str, float]) -> Place:
    ordered = [(name, round(lengths[name], 1)) for name in LENGTHS if name in lengths]
    return Place(along, tuple(ordered))
