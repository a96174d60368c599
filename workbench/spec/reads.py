"""What the reads of a family must mean: families above it, poses that fit, kernels that fit.

As in `meaning`, None stands for a family that is faulty by itself.
"""

import math
from collections.abc import Iterator, Mapping

from workbench.errors import nearest
from workbench.spec.language import INPUT, Family, Gabor, Poses, Reading, Table, Term
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


def grid_px(family: Family) -> int | None:
    """Input pixels from one response to the next, after pooling."""
    return family.pool.stride_px if family.pool else family.stride_px


def read_faults(path: Path, name: str, family: Family, families: Families) -> Iterator[Fault]:
    """Faults of the reads of the family `name`, whose keys lie below `path`."""
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
        yield from kernel_faults(path, family, upstream, families, 1)


def _not_above(path: Path, upstream: str, name: str, names: list[str], above: list[str]) -> Fault:
    if upstream == name:
        return Fault(path, f"{upstream!r} itself", "a family above, or input")
    if upstream in names:
        return Fault(
            path,
            f"{upstream!r}, which comes later",
            "a family above, or input",
            f"Move {upstream!r} above {name!r}.",
        )
    return Fault(
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
            path,
            "a motif",
            "a kernel, as input has no poses: {kernel: gabor, wavelength_px: ..., sigma_px: ...}",
        )


def _of_family(
    path: Path, family: Family, term: Reading, upstream: str, read: Family
) -> Iterator[Fault]:
    if isinstance(term, Gabor):
        yield Fault(
            (*path, "kernel"),
            f"kernel: gabor on {upstream!r}",
            "a motif {along: ..., match: ...}; a kernel reads only input",
        )
        return
    if isinstance(term, Table):
        yield from table_faults(path, family, term, upstream, read, grid_px(read))
        return
    axes, upstream_axes = axis_sizes(family), axis_sizes(read)
    if term.along in CURVED and "centre_deg" not in axes:
        yield Fault(
            (*path, "along"),
            f"along: {term.along} in a family without centre_deg",
            "a family with poses: {centre_deg: ...} or from-circuit",
        )
    if term.radius_power is not None and family.poses != FROM_CIRCUIT:
        yield Fault(
            (*path, "radius_power"),
            None,
            "no radius_power: only units of from-circuit have a radius of their own",
        )
    yield from _match(path, term, upstream, axes, upstream_axes)
    for axis, gains in term.by.items():
        yield from _by((*path, "by", axis), axis, len(gains), upstream, upstream_axes)
    if grid := grid_px(read):
        yield from _window(path, family, term, upstream, grid)


def _match(
    path: Path, term: Term, upstream: str, axes: Mapping[str, int], upstream_axes: Mapping[str, int]
) -> Iterator[Fault]:
    axis, at = WANTED[term.match], (*path, "match")
    if axis is None:
        return
    if axis not in upstream_axes:
        advice = {"same": "tangent", "opposite": "tangent", "tangent": "same"}.get(term.match, "")
        suggestion = f"Did you mean {advice!r}?" if advice else ""
        yield Fault(
            at,
            f"match: {term.match} on {upstream!r}, which has no {axis}",
            _matches_for(upstream_axes),
            suggestion,
        )
    elif axis == "centre_deg" and axis not in axes:
        yield Fault(
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
            path,
            f"a gain for each {axis}",
            "an axis that turning the picture leaves alone",
            "Use match for orientations and directions.",
        )
    elif axis not in upstream_axes:
        others = [name for name in upstream_axes if name not in ANGLES]
        advice = nearest(axis, others) if others else "Leave by out."
        yield Fault(
            path,
            f"{axis!r}, a pose that {upstream!r} does not have",
            "an axis of its poses",
            advice,
        )
    elif gains != upstream_axes[axis]:
        expected = f"{upstream_axes[axis]}, one for each {axis} of {upstream!r}"
        yield Fault(path, f"{gains} gains", expected)


def _window(path: Path, family: Family, term: Term, upstream: str, grid: int) -> Iterator[Fault]:
    if (term.along != "point" or term.spread_px) and family.window_px < 2 * grid:
        expected = (
            f"at least {2 * grid} to read beyond one point, "
            f"for {upstream!r} has one unit every {grid} px"
        )
        yield Fault((*path[:2], "window_px"), None, expected)


def _stride(path: Path, family: Family, upstream: str, read: Family) -> Iterator[Fault]:
    grid = grid_px(read)
    if grid and family.stride_px and family.stride_px % grid:
        yield Fault((*path, "stride_px"), None, f"a multiple of {grid}, the grid of {upstream!r}")


def kernel_faults(
    path: Path, family: Family, upstream: str, families: Families, bound_units: int
) -> Iterator[Fault]:
    """Counts the numbers of one kernel, so that it is refused before it is allocated."""
    read = families.get(upstream)
    step = 1 if upstream == INPUT else read and grid_px(read)
    if not step:
        return
    inputs = 3 if read is None else math.prod(axis_sizes(read).values())
    outputs = math.prod(axis_sizes(family).values()) * (
        bound_units if family.poses == FROM_CIRCUIT else 1
    )
    side = 2 * math.floor(family.window_px / 2 / step) + 1
    count = outputs * inputs * side**2
    if count > WEIGHTS:
        yield Fault(
            (*path, "reads", upstream),
            f"a kernel of {count:,} numbers ({outputs:,} units x {inputs:,} units of {upstream!r} "
            f"x {side} x {side})",
            f"at most {WEIGHTS:,}",
            "Use fewer poses, a smaller window_px, or a pool above.",
        )
