"""One kind of evidence of how far units are rotated copies, and how much simpler that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from workbench.analyses.equivariance.orbits import (
    Orbit,
    alike,
    alone,
    numbers,
    orbit,
    orbits,
    selected,
)
from workbench.matching.agreement import Agreement, permutations, predicted
from workbench.matching.prediction import BY_TURNS
from workbench.matching.weights import FamilyWeights
from workbench.score.ranks import percentiles
from workbench.score.uncertainty import Figure, bootstrap
from workbench.splice.calibrate import derangement
from workbench.vision.geometry.frames import Frames, InFrames, Tables

# Share of a unit's variance that its prototype must explain: correlation 0.71, as between units
# that `workbench families` matches.
LEAST = 0.5
# Frames are permuted so often. The least p is 1 in 1,001; for few units it is 1 in one more than
# they have cyclic orders.
PERMUTATIONS = 1_000
SIGNIFICANT = 0.05
ROUNDING = 1e-9  # two ways of adding up differ by less
ROTATION, REFLECTION, SCALE, HUE = "rotation", "reflection", "scale", "hue"
# Numbers that give a unit's place in the group.
NUMBERS = {ROTATION: 1, REFLECTION: 1, SCALE: 1, HUE: 2}
UNIT_NUMBERS = 4  # of every unit besides: gain, offset, and its shift in x and y


@dataclass(frozen=True)
class Subgroup:
    """The prototypes and numbers that describe units which may be copies under these `parts`.

    The parts are those of the group up to one of them.

    explained   share of a unit that one prototype, the mean of all other units, explains; mean over
                units
    prototypes  number of orbits in which the other units explain each unit to the tolerance;
                `worth` is how many times fewer than with one part less
    numbers     count of numbers that describe the family to the tolerance: those of the
                prototypes, and for each unit its place in the group, gain, offset and shift
    """

    parts: tuple[str, ...]
    explained: Figure
    prototypes: int
    worth: float
    numbers: int


@dataclass(frozen=True)
class View:
    """One kind of evidence: responses to drawings, to natural pictures, or weights.

    explained  share of each unit that the others, in its frame, explain, with all parts of the
               group known; mean over units, and in `units` one by one
    permuted   the same mean when every unit is in the frame of another; the interval is over
               permutations
    p          share of permutations that explain as much as the units' own frames do
    turning    as `explained`, after subtraction of each unit's mean over turns of each stimulus;
               None where no stimulus turns
    raw        share of the raw weights that the other half's, turned, explain, neither smoothed nor
               rescaled; None for other evidence than weights
    alone      count of numbers that describe the units one by one to the tolerance
    simpler    units_each: units to a prototype; numbers: count to describe the units one by one,
               over the count with prototypes
    orbits     units that share a prototype, largest first; mirrored units have a tilde
    """

    view: str
    rows: int
    explained: Figure
    permuted: Figure
    p: float
    turning: Figure | None
    raw: Agreement | None
    units: Mapping[str, float]
    parts: tuple[Subgroup, ...]
    alone: int
    simpler: Mapping[str, float]
    orbits: tuple[tuple[str, ...], ...]

    @property
    def turned(self) -> bool:
        """Whether the units' own frames explain more than permuted ones."""
        return self.p <= SIGNIFICANT


@dataclass(frozen=True)
class Evidence:
    """The input of a view.

    tables   the evidence as a function of frames
    parts    the parts of the group that it can tell apart
    turning  the same evidence, less each unit's mean over turns
    raw      the weights themselves, where they are the evidence
    """

    tables: InFrames
    parts: Sequence[str]
    turning: InFrames | None = None
    raw: FamilyWeights | None = None


def view_score(
    name: str,
    units: Sequence[str],
    frames: Frames,
    evidence: Evidence,
    seed: int = 0,
    tolerance: float = LEAST,
) -> View:
    """The figures of one view.

    The group is built up part by part in the order of `parts`; the worth of a part depends on
    those before it.
    """
    subgroups: list[Subgroup] = []
    in_frames, parts = evidence.tables, evidence.parts
    for count in range(len(parts) + 1):
        known = tuple(parts[:count])
        tables = in_frames(frames.only(*known))
        near = alike(tables, REFLECTION in known)
        whole, divided = orbit(near, np.arange(len(units))), orbits(near, tolerance)
        worth = subgroups[-1].prototypes / len(divided) if subgroups else 1.0
        subgroups.append(
            Subgroup(
                known,
                _mean(whole.explained, seed),
                len(divided),
                worth,
                _described(tables, divided, known, tolerance),
            )
        )
    one_by_one = alone(tables, tolerance)
    all_known, reflect = frames.only(*parts), REFLECTION in parts
    permuted, p = _permuted(all_known, in_frames, reflect, seed)
    return View(
        view=name,
        rows=tables.upright.shape[1],
        explained=subgroups[-1].explained,
        permuted=permuted,
        p=p,
        turning=_mean(_unit_explained(all_known, evidence.turning, reflect), seed)
        if evidence.turning
        else None,
        raw=predicted(evidence.raw, permutations(len(units), seed))[BY_TURNS]["explained"]
        if evidence.raw
        else None,
        units={unit: float(value) for unit, value in zip(units, whole.explained, strict=True)},
        parts=tuple(subgroups),
        alone=one_by_one,
        simpler={
            "units_each": len(units) / len(divided),
            "numbers": one_by_one / subgroups[-1].numbers,
        },
        orbits=tuple(tuple(_named(units, members)) for members in divided),
    )


def _named(units: Sequence[str], one: Orbit) -> list[str]:
    """The names of an orbit's units, those of the minority's side with a tilde."""
    majority = 1 if (one.side > 0).mean() >= 0.5 else -1
    return [
        units[i] + "~" * bool(side != majority)
        for i, side in zip(one.members, one.side, strict=True)
    ]


def _described(
    tables: Tables, divided: Sequence[Orbit], parts: Sequence[str], tolerance: float
) -> int:
    """The count of numbers of the prototypes, and of every unit that shares one.

    A unit alone is its own prototype and needs no more.
    """
    of_unit = UNIT_NUMBERS + sum(NUMBERS[part] for part in parts)
    return sum(
        numbers(tables, one, tolerance)
        + (of_unit * len(one.members) if len(one.members) > 1 else 0)
        for one in divided
    )


def _unit_explained(
    frames: Frames, in_frames: InFrames, reflect: bool
) -> Float[np.ndarray, " unit"]:
    """The share of each unit that all others explain."""
    return orbit(alike(in_frames(frames), reflect), np.arange(len(frames.turn_deg))).explained


def _permuted(
    frames: Frames, in_frames: InFrames, reflect: bool, seed: int
) -> tuple[Figure, float]:
    """The mean over units in permuted frames, and p.

    Every unit is put once into every frame; all permutations are looked up there.
    """
    count = len(frames.turn_deg)
    units = np.arange(count)
    in_each = [in_frames(frames.permuted((units + by) % count)) for by in range(count)]
    every = alike(
        Tables(
            *(
                np.concatenate([getattr(tables, side) for tables in in_each])
                for side in ("upright", "mirrored")
            )
        ),
        reflect,
    )

    def explained(order: Int[np.ndarray, " unit"]) -> float:
        return float(
            orbit(selected(every, (order - units) % count * count + units), units).explained.mean()
        )

    orders = (derangement(count, seed + i).numpy() for i in range(PERMUTATIONS))
    permuted = np.array([explained(order) for order in orders])
    low, high = percentiles(permuted, (2.5, 97.5))
    p = (1 + (permuted >= explained(units) - ROUNDING).sum()) / (1 + PERMUTATIONS)
    # so few units have fewer cyclic orders than permutations are drawn
    least = 1 / (1 + min(PERMUTATIONS, math.factorial(min(count - 1, 10))))
    ci95 = (low, high) if count > 1 else None
    return Figure(float(permuted.mean()), ci95), float(max(p, least))


def _mean(explained: Float[np.ndarray, " unit"], seed: int) -> Figure:
    """The mean over units, with its interval over resampled units."""
    return bootstrap({"explained": explained}, lambda means: means["explained"], seed)
