"""Rules for the reads of a family: families above it, poses that fit, kernels that fit.

As in `meaning`, families come without what is faulty by itself.
"""

import math
from collections.abc import Iterator, Mapping

from workbench.errors import nearest
from workbench.spec.language import INPUT, Blob, Family, Gabor, Poses, Reading, Table, Term
from workbench.spec.partial import known
from workbench.spec.problems import Fault, Path
from workbench.spec.table import table_faults

WEIGHTS = 20_000_000  # numbers in one kernel
FROM_CIRCUIT = "from-circuit"
ANGLES = ("orientation_deg", "centre_deg")
CURVED = ("arc", "inside", "outside")  # places that only a feature with a centre of curvature has
WANTED = {
    "tangent": "orientation_deg",
    "normal": "orientation_deg",
    "same": "centre_deg",
    "opposite": "centre_deg",
    "any": None,
}

Families = Mapping[str, Family | None]


def axis_sizes(family: Family) -> dict[str, int]:
    """Axis -> the number of its poses.

    A from-circuit family has one `centre_deg` for each unit, not an axis of even steps, and counts
    as one unit here.
    """
    return (
        {axis: len(values) for axis, values in family.poses.axes().items()}
        if isinstance(family.poses, Poses)
        else {"centre_deg": 1}
    )


def _round(family: Family) -> bool:
    """Whether turning does not change the units of a family."""
    return isinstance(family.poses, Poses) and family.poses.is_round


def grid_px(family: Family) -> int | None:
    """Input pixels from one response to the next, after pooling; None if that is faulty."""
    if family.pool and known(family, "pool"):
        return family.pool.stride_px
    return family.stride_px if known(family, "pool", "stride_px") else None


def read_faults(path: Path, family: Family, families: Families) -> Iterator[Fault]:
    """Faults of the reads of the family at `path`, the last key of which is its name."""
    name, names = str(path[-1]), list(families)
    above = names[: names.index(name)]
    readable = {INPUT: None} | {upstream: families[upstream] for upstream in above}
    for upstream, terms in family.reads.items():
        here = (*path, "reads", upstream)
        if upstream not in readable:
            yield _not_above(here, upstream, name, names, above)
            continue
        read = readable[upstream]
        for i, term in enumerate(terms):
            if upstream == INPUT:
                yield from _of_input((*here, i), family, term)
            elif read is not None:
                yield from _of_family((*here, i), family, term, upstream, read)
        yield from kernel_faults(path, family, upstream, families, 1)
    grids = {
        upstream: grid
        for upstream in family.reads
        if (read := readable.get(upstream)) and (grid := grid_px(read))
    }
    yield from _window(path, family, grids)
    yield from _stride(path, family, grids)


def _not_above(path: Path, upstream: str, name: str, names: list[str], above: list[str]) -> Fault:
    if upstream == name:
        return Fault("family-order", path, f"{upstream!r} itself", "a family above, or input")
    if upstream in names:
        return Fault(
            "family-order",
            path,
            f"{upstream!r}, which comes later",
            "a family above, or input",
            f"Move {upstream!r} above {name!r}.",
        )
    return Fault(
        "unknown-family",
        path,
        f"{upstream!r}, a family that does not exist",
        "a family above, or input",
        nearest(upstream, [INPUT, *above]),
    )


def _of_input(path: Path, family: Family, term: Reading) -> Iterator[Fault]:
    if isinstance(term, Table):
        yield from table_faults(path, family, term, INPUT, None, 1)
    elif isinstance(term, Term):
        yield Fault(
            "not-allowed",
            path,
            "a motif",
            "a kernel, as input has no poses: {kernel: gabor, wavelength_px: ..., sigma_px: ...}",
        )
    elif term.turns and known(family, "poses") and _round(family):
        yield Fault(
            "missing-axis",
            (*path, "kernel"),
            "kernel: gabor in a family without orientation_deg and centre_deg",
            "one of these axes, or kernel: blob",
        )


def _of_family(
    path: Path, family: Family, term: Reading, upstream: str, read: Family
) -> Iterator[Fault]:
    if isinstance(term, (Gabor, Blob)):
        yield Fault(
            "not-allowed",
            (*path, "kernel"),
            f"kernel: {term.kernel} on {upstream!r}",
            "a motif {along: ..., match: ...}; a kernel reads only input",
        )
        return
    if isinstance(term, Table):
        yield from table_faults(path, family, term, upstream, read, grid_px(read))
        return
    if known(family, "poses"):
        yield from _own_poses(path, family, term)
    if known(read, "poses"):
        yield from _match(path, family, term, upstream, axis_sizes(read))
        if term.colour and "channel" not in axis_sizes(read):
            yield Fault(
                "missing-axis",
                (*path, "colour"),
                f"colour: {term.colour} on {upstream!r}, which has no channel",
                "a family whose poses have channel",
            )
        for axis, gains in term.by.items():
            yield from _by((*path, "by", axis), axis, len(gains), upstream, axis_sizes(read))


def _own_poses(path: Path, family: Family, term: Term) -> Iterator[Fault]:
    if term.along in CURVED and "centre_deg" not in axis_sizes(family):
        yield Fault(
            "missing-axis",
            (*path, "along"),
            f"along: {term.along} in a family without centre_deg",
            "a family with poses: {centre_deg: ...} or from-circuit",
        )
    elif term.turns and _round(family):
        yield Fault(
            "missing-axis",
            (*path, "along"),
            f"along: {term.along} with match: {term.match} in a family without orientation_deg "
            "and centre_deg",
            "along: ring, or along: point with match: any",
        )
    for key, size in {"radius_power": "radius", "scale_power": "scale"}.items():
        if getattr(term, key) is not None and family.poses != FROM_CIRCUIT:
            yield Fault(
                "not-allowed",
                (*path, key),
                None,
                f"no {key}: only units of from-circuit have a {size} of their own",
            )


def _match(
    path: Path, family: Family, term: Term, upstream: str, upstream_axes: Mapping[str, int]
) -> Iterator[Fault]:
    axis, at = WANTED[term.match], (*path, "match")
    if axis is None:
        return
    if axis not in upstream_axes:
        advice = {"same": "tangent", "opposite": "tangent", "tangent": "same"}.get(term.match, "")
        suggestion = f"Did you mean {advice!r}?" if advice else ""
        yield Fault(
            "missing-axis",
            at,
            f"match: {term.match} on {upstream!r}, which has no {axis}",
            _matches_for(upstream_axes),
            suggestion,
        )
    elif (
        axis == "centre_deg"
        and term.turns
        and known(family, "poses")
        and axis not in axis_sizes(family)
    ):
        yield Fault(
            "missing-axis",
            at,
            f"match: {term.match} in a family without centre_deg",
            "any, as this family has no centre direction to compare",
        )


def _matches_for(upstream_axes: Mapping[str, int]) -> str:
    return " or ".join(
        match for match, axis in WANTED.items() if axis is None or axis in upstream_axes
    )


def _by(
    path: Path, axis: str, gains: int, upstream: str, upstream_axes: Mapping[str, int]
) -> Iterator[Fault]:
    if axis in ANGLES:
        yield Fault(
            "not-allowed",
            path,
            f"a gain for each {axis}",
            "an axis that turning the picture leaves alone",
            "Use match for orientations and directions.",
        )
    elif axis not in upstream_axes:
        others = [name for name in upstream_axes if name not in ANGLES]
        advice = nearest(axis, others) if others else "Leave by out."
        yield Fault(
            "missing-axis",
            path,
            f"{axis!r}, a pose that {upstream!r} does not have",
            "an axis of its poses",
            advice,
        )
    elif gains != upstream_axes[axis]:
        expected = f"{upstream_axes[axis]}, one for each {axis} of {upstream!r}"
        yield Fault("out-of-range", path, f"{gains} gains", expected)


def _window(path: Path, family: Family, grids: Mapping[str, int]) -> Iterator[Fault]:
    """A fault of a window that is too small for the widest grid that is read beyond one point."""
    needed = {
        upstream: 2 * grid
        for upstream, grid in grids.items()
        if any(
            isinstance(term, Term) and (term.along != "point" or term.spread_px)
            for term in family.reads[upstream]
        )
    }
    widest = max(needed, key=lambda upstream: needed[upstream], default="")
    if widest and known(family, "window_px") and family.window_px < needed[widest]:
        expected = (
            f"at least {needed[widest]} to read beyond one point, "
            f"for {widest!r} has one unit every {grids[widest]} px"
        )
        yield Fault("window-too-small", (*path, "window_px"), None, expected)


def _stride(path: Path, family: Family, grids: Mapping[str, int]) -> Iterator[Fault]:
    """A fault of a stride that is no multiple of the grids that are read: of the first such."""
    for upstream, grid in grids.items():
        if family.stride_px and known(family, "stride_px") and family.stride_px % grid:
            expected = f"a multiple of {grid}, the grid of {upstream!r}"
            yield Fault("stride", (*path, "stride_px"), None, expected)
            return


def kernel_faults(
    path: Path, family: Family, upstream: str, families: Families, bound_units: int
) -> Iterator[Fault]:
    """Counts the numbers of one kernel, so that it is refused before it is allocated."""
    read = families.get(upstream)
    step = 1 if upstream == INPUT else read and grid_px(read)
    if not (step and known(family, "poses", "window_px") and (not read or known(read, "poses"))):
        return
    inputs = 3 if read is None else math.prod(axis_sizes(read).values())
    outputs = math.prod(axis_sizes(family).values()) * (
        bound_units if family.poses == FROM_CIRCUIT else 1
    )
    side = 2 * math.floor(family.window_px / 2 / step) + 1
    count = outputs * inputs * side**2
    if count > WEIGHTS:
        yield Fault(
            "too-large",
            (*path, "reads", upstream),
            f"a kernel of {count:,} numbers ({outputs:,} units x {inputs:,} units of {upstream!r} "
            f"x {side} x {side})",
            f"at most {WEIGHTS:,}",
            "Use fewer poses, a smaller window_px, or a pool above.",
        )
