"""What a theory must mean beyond its schema: families that exist, poses that fit, grids that divide, kernels that fit in memory.

Every check takes families that are valid by themselves (None for a family that is not: nothing is said about it) and gives faults.
"""

import math
from collections.abc import Iterator, Mapping

from workbench.errors import nearest
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import INPUT, Family, Gabor, Poses, Read, Table, Term, Theory
from workbench.spec.problems import Fault, Path
from workbench.spec.table import table_faults, unit_faults

WEIGHTS, UNITS = 20_000_000, 4096  # numbers in one kernel, units in one family
FROM_CIRCUIT = "from-circuit"
ANGLES = ("orientation_deg", "centre_deg")
CURVED = ("arc", "inside", "outside")  # places that only a feature with a centre of curvature has
WANTED = {"tangent": "orientation_deg", "normal": "orientation_deg", "same": "centre_deg", "opposite": "centre_deg", "any": None}

Families = Mapping[str, Family | None]


def theory_faults(families: Families) -> list[Fault]:
    """Every fault of the families, in no order."""
    found = [*_one_from_circuit(families)]
    for name, family in families.items():
        if name == INPUT:
            found.append(Fault(("families", name), "the name 'input'", "another name: 'input' is the picture"))
        if family is not None:
            path = ("families", name)
            found += [*_units(path, family), *_grid(path, family), *_responses(path, family), *_reads(path, name, family, families)]
    return found


def claim_faults(theory: Theory) -> list[Fault]:
    """Faults of a theory's claims: an edit is of what the last family reads."""
    name, last = list(theory.families.items())[-1]
    found = []
    for claim, said in theory.claims.items():
        for i, family in enumerate(said.edit.families):
            if family not in last.reads:
                path = ("claims", claim, "edit", "without" if said.edit.without else "only", i)
                found.append(Fault(path, f"{family!r}, which {name!r} does not read", "what it reads", nearest(family, last.reads)))
    return found


def pair_faults(theory: Theory, circuit: TrainedCircuit) -> list[Fault]:
    """Faults of a theory as an account of this trained circuit: its last family's name, units, and kernels at their number."""
    name, last = list(theory.families.items())[-1]
    path = ("families", name)
    found = []
    if name != circuit.circuit:
        found.append(
            Fault(path, f"the from-circuit family {name!r}", f"{circuit.circuit!r}, the trained circuit's name", "Rename one of them.")
        )
    found += unit_faults(path, last, [unit.unit for unit in circuit.units])
    for upstream in last.reads:
        found += _kernel_size(path, last, upstream, theory.families, len(circuit.units))
    return found


def axis_sizes(family: Family) -> dict[str, int]:
    """Axis -> how many poses; a from-circuit family has one `centre_deg` a unit, not an axis of even steps, and counts as one unit here."""
    return {axis: len(values) for axis, values in family.poses.axes().items()} if isinstance(family.poses, Poses) else {"centre_deg": 1}


def grid_px(family: Family) -> int | None:
    """Input pixels from one response to the next as a reader sees them: after pooling."""
    return family.pool.stride_px if family.pool else family.stride_px


def _one_from_circuit(families: Families) -> Iterator[Fault]:
    last = list(families)[-1]
    bound = [name for name, family in families.items() if family is not None and family.poses == FROM_CIRCUIT]
    for name in bound:
        if name != last:
            yield Fault(("families", name, "poses"), None, "axes of poses: only the last family is from-circuit")
    if not bound and None not in families.values():
        yield Fault(("families", last, "poses"), "axes of poses", "from-circuit: the last family stands for the host's units")


def _units(path: Path, family: Family) -> Iterator[Fault]:
    sizes = axis_sizes(family)
    count = math.prod(sizes.values())
    if count > UNITS:
        factors = " x ".join(f"{n} {axis}" for axis, n in sizes.items())
        yield Fault((*path, "poses"), f"{count:,} units ({factors})", f"at most {UNITS:,}", "Use fewer poses.")


def _grid(path: Path, family: Family) -> Iterator[Fault]:
    bound = family.poses == FROM_CIRCUIT
    if bound and family.stride_px is not None:
        yield Fault((*path, "stride_px"), None, "no stride_px: a from-circuit family has the host's")
    if not bound and family.stride_px is None:
        yield Fault(path, "no stride_px", "the key stride_px")
    for key in ("typical_radius_px", "tune_poses"):
        if not bound and getattr(family, key) is not None:
            yield Fault((*path, key), None, f"no {key}: only units of from-circuit have a radius and poses of their own")
    if bound and family.pool is not None:
        yield Fault((*path, "pool"), None, "no pool: the last family's responses are the host's units as they are")
    elif family.pool and family.stride_px and family.pool.stride_px % family.stride_px:
        yield Fault((*path, "pool", "stride_px"), None, f"a multiple of the family's stride_px {family.stride_px}")


def _responses(path: Path, family: Family) -> Iterator[Fault]:
    highest = family.threshold.tune if family.threshold.max is None else family.threshold.max
    if highest >= 1:
        yield Fault((*path, "threshold"), None, "a number (and its max) below 1, what the family's ideal stimulus gives")
    if family.ideal and "centre_deg" not in axis_sizes(family):
        yield Fault((*path, "ideal"), "an edge with a side in a family without centre_deg", "poses: {centre_deg: ...} or from-circuit")
    axes = axis_sizes(family) if isinstance(family.poses, Poses) else {}
    if family.normalise and family.normalise.across not in axes:
        across = family.normalise.across
        advice = nearest(across, axes) if axes else "Leave normalise out: the host's units are no full circle."
        yield Fault((*path, "normalise", "across"), None, "an axis of this family's poses", advice)


def _reads(path: Path, name: str, family: Family, families: Families) -> Iterator[Fault]:
    names = list(families)
    above = names[: names.index(name)]
    for upstream, terms in family.reads.items():
        here, read = (*path, "reads", upstream), families.get(upstream)
        if upstream != INPUT and upstream not in above:
            yield _not_above(here, upstream, name, names, above)
            continue
        for i, term in enumerate(terms):
            if upstream == INPUT:
                yield from _of_input((*here, i), family, term)
            elif read is not None:
                yield from _of_family((*here, i), family, term, upstream, read)
        if read is not None:
            yield from _stride(path, family, upstream, read)
        yield from _kernel_size(path, family, upstream, families, 1)


def _not_above(path: Path, upstream: str, name: str, names: list[str], above: list[str]) -> Fault:
    if upstream == name:
        return Fault(path, f"{upstream!r} itself", "a family above, or input")
    if upstream in names:
        return Fault(path, f"{upstream!r}, which comes later", "a family above, or input", f"Move {upstream!r} above {name!r}.")
    return Fault(path, f"{upstream!r}, a family that does not exist", "a family above, or input", nearest(upstream, [INPUT, *above]))


def _of_input(path: Path, family: Family, term: Read) -> Iterator[Fault]:
    if isinstance(term, Table):
        yield from table_faults(path, family, term, INPUT, None, 1)
    elif isinstance(term, Term):
        yield Fault(path, "a motif", "a kernel, as input has no poses: {kernel: gabor, wavelength_px: ..., sigma_px: ...}")


def _of_family(path: Path, family: Family, term: Read, upstream: str, read: Family) -> Iterator[Fault]:
    if isinstance(term, Gabor):
        yield Fault((*path, "kernel"), f"kernel: gabor on {upstream!r}", "a motif {along: ..., match: ...}; a kernel reads only input")
        return
    if isinstance(term, Table):
        yield from table_faults(path, family, term, upstream, read, grid_px(read))
        return
    own, theirs = axis_sizes(family), axis_sizes(read)
    if term.along in CURVED and "centre_deg" not in own:
        found = f"along: {term.along} in a family without centre_deg"
        yield Fault((*path, "along"), found, "a family with poses: {centre_deg: ...} or from-circuit")
    if term.radius_power is not None and family.poses != FROM_CIRCUIT:
        yield Fault((*path, "radius_power"), None, "no radius_power: only units of from-circuit have a radius of their own")
    yield from _match(path, term, upstream, own, theirs)
    for axis, gains in term.by.items():
        yield from _by((*path, "by", axis), axis, len(gains), upstream, theirs)
    if grid := grid_px(read):
        yield from _window(path, family, term, upstream, grid)


def _match(path: Path, term: Term, upstream: str, own: Mapping[str, int], theirs: Mapping[str, int]) -> Iterator[Fault]:
    axis, at = WANTED[term.match], (*path, "match")
    if axis is None:
        return
    if axis not in theirs:
        advice = {"same": "tangent", "opposite": "tangent", "tangent": "same"}.get(term.match, "")
        suggestion = f"Did you mean {advice!r}?" if advice else ""
        yield Fault(at, f"match: {term.match} on {upstream!r}, which has no {axis}", _matches_for(theirs), suggestion)
    elif axis == "centre_deg" and axis not in own:
        yield Fault(at, f"match: {term.match} in a family without centre_deg", "any, as this family has no centre direction to compare")


def _matches_for(theirs: Mapping[str, int]) -> str:
    return " or ".join(match for match, axis in WANTED.items() if axis is None or axis in theirs)


def _by(path: Path, axis: str, gains: int, upstream: str, theirs: Mapping[str, int]) -> Iterator[Fault]:
    if axis in ANGLES:
        yield Fault(
            path, f"a gain for each {axis}", "an axis that turning the picture leaves alone", "Use match for orientations and directions."
        )
    elif axis not in theirs:
        others = [name for name in theirs if name not in ANGLES]
        advice = nearest(axis, others) if others else "Leave by out."
        yield Fault(path, f"{axis!r}, a pose that {upstream!r} does not have", "an axis of its poses", advice)
    elif gains != theirs[axis]:
        yield Fault(path, f"{gains} gains", f"{theirs[axis]}, one for each {axis} of {upstream!r}")


def _window(path: Path, family: Family, term: Term, upstream: str, grid: int) -> Iterator[Fault]:
    if (term.along != "point" or term.spread_px) and family.window_px < 2 * grid:
        expected = f"at least {2 * grid} to read beyond one point, for {upstream!r} has one unit every {grid} px"
        yield Fault((*path[:2], "window_px"), None, expected)


def _stride(path: Path, family: Family, upstream: str, read: Family) -> Iterator[Fault]:
    grid = grid_px(read)
    if grid and family.stride_px and family.stride_px % grid:
        yield Fault((*path, "stride_px"), None, f"a multiple of {grid}, the grid of {upstream!r}")


def _kernel_size(path: Path, family: Family, upstream: str, families: Families, bound_units: int) -> Iterator[Fault]:
    """Counts the numbers of one kernel, so that it is refused before it is allocated."""
    read = families.get(upstream)
    step = 1 if upstream == INPUT else read and grid_px(read)
    if not step:
        return
    inputs = 3 if read is None else math.prod(axis_sizes(read).values())
    outputs = math.prod(axis_sizes(family).values()) * (bound_units if family.poses == FROM_CIRCUIT else 1)
    side = 2 * math.floor(family.window_px / 2 / step) + 1
    count = outputs * inputs * side**2
    if count > WEIGHTS:
        found = f"a kernel of {count:,} numbers ({outputs:,} units x {inputs:,} units of {upstream!r} x {side} x {side})"
        yield Fault((*path, "reads", upstream), found, f"at most {WEIGHTS:,}", "Use fewer poses, a smaller window_px, or a pool above.")
