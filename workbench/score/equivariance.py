"""Equivariance: how far the units of a family are turned copies of one another, and how much simpler that makes them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float, Int

import workbench
from workbench.evaluate.foretold import BY_TURNS
from workbench.evaluate.weights import Between
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.explain import Agreement, foretold, permutations
from workbench.score.facts import as_json, circuit_facts, host_facts, picture_facts
from workbench.score.orbits import Orbit, alike, alone, numbers, orbit, orbits, some
from workbench.score.ranks import percentiles
from workbench.score.uncertainty import Figure, bootstrap
from workbench.spec.circuit import TrainedCircuit
from workbench.splice.calibrate import derangement
from workbench.theory.frames import Frames, InFrames, Tables

FORMAT = 1
LEAST = (
    0.5  # of a unit's variance that its prototype must explain: correlation 0.71, as between units that `workbench layers` takes for a pair
)
PERMUTATIONS = 1_000  # of frames: the least p is 1 in 1,001, or of fewer units 1 in one more than they have rings
SIGNIFICANT = 0.05
ROUNDING = 1e-9  # of what two ways of adding up explain
ROTATION, REFLECTION, SCALE, HUE = "rotation", "reflection", "scale", "hue"
NUMBERS = {ROTATION: 1, REFLECTION: 1, SCALE: 1, HUE: 2}  # that say a unit's place in the group
OWN_NUMBERS = 4  # of every unit besides: gain, offset, and its shift in x and y


@dataclass(frozen=True)
class Part:
    """What the family needs when units may be `parts` copies of each other, all up to this one.

    explained   of a unit by one prototype, the mean of all other units; mean over units
    prototypes  orbits, each of whose units its others explain to the tolerance; `worth` is how many fewer than with one part less
    numbers     to describe the family to the tolerance: those of the prototypes, and of each unit its place in the group, gain, offset and shift
    """

    parts: tuple[str, ...]
    explained: Figure
    prototypes: int
    worth: float
    numbers: int


@dataclass(frozen=True)
class View:
    """One kind of evidence: responses to drawings, to natural pictures, or weights.

    explained  mean over units of what the others, in its frame, explain of each, all parts of the group known; `units`: one by one
    permuted   the same mean when every unit is in the frame of another; the interval is over permutations
    p          share of permutations that explain as much as the units' own frames do
    turning    as `explained`, each unit's mean over turns of each stimulus taken away first; None where no stimulus turns
    raw        of the weights as they are, what the other half's turned explain, neither smoothed nor rescaled; None where these are none
    alone      numbers that describe the units one by one to the tolerance
    simpler    units_each: units to a prototype; numbers: of describing the units one by one, over those with prototypes
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
    parts: tuple[Part, ...]
    alone: int
    simpler: Mapping[str, float]
    orbits: tuple[tuple[str, ...], ...]

    @property
    def turned(self) -> bool:
        """Whether the units' own frames explain more than permuted ones."""
        return self.p <= SIGNIFICANT


@dataclass(frozen=True)
class Evidence:
    """What a view is of: its tables as a function of frames, the parts of the group that it can tell, and what `turning` and `raw` are of."""

    tables: InFrames
    parts: Sequence[str]
    turning: InFrames | None = None
    raw: Between | None = None


@dataclass(frozen=True)
class Equivariance:
    """A family and the evidence. `bound`: families whose weights were looked at, by their circuits' SHA-256."""

    workbench: str
    host: Mapping[str, str]
    circuit: Mapping[str, object]
    bound: Mapping[str, str]
    images: Mapping[str, object]
    seed: int
    tolerance: float
    views: tuple[View, ...]


def equivariance_score(
    host: Host,
    circuit: TrainedCircuit,
    bound: Mapping[str, TrainedCircuit],
    pictures: Sequence[Picture],
    frames: Frames,
    views: Mapping[str, Evidence],
    seed: int = 0,
    tolerance: float = LEAST,
) -> Equivariance:
    """The figures of every view."""
    names = [f"{circuit.site}:{unit.unit}" for unit in circuit.units]
    return Equivariance(
        workbench=workbench.__version__,
        host=host_facts(host),
        circuit={**circuit_facts(circuit), "units": len(names)},
        bound={family: each.sha256 for family, each in bound.items()},
        images=picture_facts(pictures),
        seed=seed,
        tolerance=tolerance,
        views=tuple(view_score(name, names, frames, each, seed, tolerance) for name, each in views.items()),
    )


def view_score(name: str, units: Sequence[str], frames: Frames, evidence: Evidence, seed: int = 0, tolerance: float = LEAST) -> View:
    """One view, its group built up part by part in the order of `parts`; what a part is worth hangs on those before it."""
    found: list[Part] = []
    in_frames, parts = evidence.tables, evidence.parts
    for count in range(len(parts) + 1):
        known = tuple(parts[:count])
        tables = in_frames(frames.only(*known))
        near = alike(tables, REFLECTION in known)
        whole, divided = orbit(near, np.arange(len(units))), orbits(near, tolerance)
        worth = found[-1].prototypes / len(divided) if found else 1.0
        found.append(Part(known, _mean(whole.explained, seed), len(divided), worth, _described(tables, divided, known, tolerance)))
    one_by_one = alone(tables, tolerance)
    own, reflect = frames.only(*parts), REFLECTION in parts
    permuted, p = _permuted(own, in_frames, reflect, seed)
    return View(
        view=name,
        rows=tables.own.shape[1],
        explained=found[-1].explained,
        permuted=permuted,
        p=p,
        turning=_mean(_each(own, evidence.turning, reflect), seed) if evidence.turning else None,
        raw=foretold(evidence.raw, permutations(len(units), seed))[BY_TURNS]["explained"] if evidence.raw else None,
        units={unit: float(value) for unit, value in zip(units, whole.explained, strict=True)},
        parts=tuple(found),
        alone=one_by_one,
        simpler={"units_each": len(units) / len(divided), "numbers": one_by_one / found[-1].numbers},
        orbits=tuple(tuple(_named(units, each)) for each in divided),
    )


def _named(units: Sequence[str], found: Orbit) -> list[str]:
    majority = 1 if (found.side > 0).mean() >= 0.5 else -1
    return [units[i] + "~" * bool(side != majority) for i, side in zip(found.members, found.side, strict=True)]


def _described(tables: Tables, found: Sequence[Orbit], parts: Sequence[str], tolerance: float) -> int:
    """Numbers of the prototypes, and of every unit that shares one; a unit alone is its own prototype and needs no more."""
    each = OWN_NUMBERS + sum(NUMBERS[part] for part in parts)
    return sum(numbers(tables, one, tolerance) + (each * len(one.members) if len(one.members) > 1 else 0) for one in found)


def _each(frames: Frames, in_frames: InFrames, reflect: bool) -> Float[np.ndarray, " unit"]:
    return orbit(alike(in_frames(frames), reflect), np.arange(len(frames.turn_deg))).explained


def _permuted(frames: Frames, in_frames: InFrames, reflect: bool, seed: int) -> tuple[Figure, float]:
    """The mean over units in permuted frames, and p. Every unit is seen once in every frame: what a permutation explains is then known."""
    count = len(frames.turn_deg)
    units = np.arange(count)
    seen = [in_frames(frames.permuted((units + by) % count)) for by in range(count)]
    every = alike(Tables(*(np.concatenate([getattr(each, side) for each in seen]) for side in ("own", "mirrored"))), reflect)

    def explained(order: Int[np.ndarray, " unit"]) -> float:
        return float(orbit(some(every, (order - units) % count * count + units), units).explained.mean())

    found = np.array([explained(derangement(count, seed + i).numpy()) for i in range(PERMUTATIONS)])
    low, high = percentiles(found, (2.5, 97.5))
    p = (1 + (found >= explained(units) - ROUNDING).sum()) / (1 + PERMUTATIONS)
    least = 1 / (1 + min(PERMUTATIONS, math.factorial(min(count - 1, 10))))  # of so few rings none is left to be drawn
    return Figure(float(found.mean()), (low, high)), float(max(p, least))


def _mean(explained: Float[np.ndarray, " unit"], seed: int) -> Figure:
    """The mean over units, with its interval over resampled units."""
    return bootstrap({"explained": explained}, lambda means: means["explained"], seed)


def equivariance_json(found: Equivariance) -> str:
    """equivariance.json (docs/equivariance.md): keys in a fixed order, numbers that are not finite become null."""
    return as_json({"format": FORMAT, **asdict(found)})
