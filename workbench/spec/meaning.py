"""The meaning of a theory beyond its schema: families that exist, and poses and grids that fit.

Each check takes families that are valid by themselves, with None for a family that is not, and
gives faults. It is silent about anything that depends on a faulty family.
"""

import math
from collections.abc import Iterator

from workbench.errors import nearest
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import INPUT, Family, Poses, Theory
from workbench.spec.problems import Fault, Path
from workbench.spec.reads import (
    FROM_CIRCUIT,
    Families,
    axis_sizes,
    grid_px,
    kernel_faults,
    read_faults,
)
from workbench.spec.size import DRAWN, Sizes, size_faults
from workbench.spec.table import unit_faults

__all__ = ["claim_faults", "grid_px", "needed_axes", "pair_faults", "theory_faults"]

UNITS = 4096  # in one family


def theory_faults(families: Families) -> list[Fault]:
    """Every fault of the families, in no order."""
    faults = [*_one_from_circuit(families)]
    for name, family in families.items():
        if name == INPUT:
            faults.append(
                Fault(
                    ("families", name), "the name 'input'", "another name: 'input' is the picture"
                )
            )
        if family is not None:
            path = ("families", name)
            faults += [
                *_units(path, family),
                *_grid(path, family),
                *_responses(path, family),
                *read_faults(path, name, family, families),
            ]
    return faults or list(size_faults(families, units=1))


def claim_faults(theory: Theory) -> list[Fault]:
    """Faults of a theory's claims: an edit may name only families that the last family reads."""
    name, last = list(theory.families.items())[-1]
    faults = []
    for key, claim in theory.claims.items():
        for i, family in enumerate(claim.edit.families):
            if family not in last.reads:
                path = ("claims", key, "edit", "without" if claim.edit.without else "only", i)
                faults.append(
                    Fault(
                        path,
                        f"{family!r}, which {name!r} does not read",
                        "what it reads",
                        nearest(family, last.reads),
                    )
                )
    return faults


def needed_axes(family: Family) -> dict[str, Path]:
    """The pose axes that a from-circuit family needs of its units, with a key that needs each.

    A read that looks the same however its unit is turned needs none.
    """
    keys: list[Path] = [
        ("reads", source, i)
        for source, reads in family.reads.items()
        for i, read in enumerate(reads)
        if read.turns
    ]
    keys += [(key,) for key in ("ideal", "tune_poses") if getattr(family, key) is not None]
    return {"centre_deg": keys[0]} if keys else {}


def pair_faults(theory: Theory, circuit: TrainedCircuit, sizes: Sizes = DRAWN) -> list[Fault]:
    """Faults of a theory as an account of this trained circuit.

    They concern its last family's name, its units and their poses, and memory and work at their
    number, on pictures of these sizes.
    """
    name, last = list(theory.families.items())[-1]
    path = ("families", name)
    faults = []
    if name != circuit.circuit:
        faults.append(
            Fault(
                path,
                f"the from-circuit family {name!r}",
                f"{circuit.circuit!r}, the trained circuit's name",
                "Rename one of them.",
            )
        )
    faults += unit_faults(path, last, [unit.unit for unit in circuit.units])
    faults += _pose_faults(path, last, circuit)
    for upstream in last.reads:
        faults += kernel_faults(path, last, upstream, theory.families, len(circuit.units))
    return faults or list(size_faults(theory.families, len(circuit.units), sizes))


def _pose_faults(path: Path, family: Family, circuit: TrainedCircuit) -> Iterator[Fault]:
    for axis, key in needed_axes(family).items():
        if lacking := circuit.lacking((axis,)):
            yield Fault(
                (*path, *key),
                f"a key that depends on how units are turned, and unit {lacking[0]} of "
                f"{circuit.circuit} at {circuit.site} of {circuit.host} without {axis}",
                f"{axis} for every unit of the circuit file",
            )


def _one_from_circuit(families: Families) -> Iterator[Fault]:
    last = list(families)[-1]
    bound = [
        name
        for name, family in families.items()
        if family is not None and family.poses == FROM_CIRCUIT
    ]
    for name in bound:
        if name != last:
            yield Fault(
                ("families", name, "poses"),
                None,
                "axes of poses: only the last family is from-circuit",
            )
    if not bound and None not in families.values():
        yield Fault(
            ("families", last, "poses"),
            "axes of poses",
            "from-circuit: the last family stands for the host's units",
        )


def _units(path: Path, family: Family) -> Iterator[Fault]:
    sizes = axis_sizes(family)
    count = math.prod(sizes.values())
    if count > UNITS:
        factors = " x ".join(f"{n} {axis}" for axis, n in sizes.items())
        yield Fault(
            (*path, "poses"),
            f"{count:,} units ({factors})",
            f"at most {UNITS:,}",
            "Use fewer poses.",
        )


def _grid(path: Path, family: Family) -> Iterator[Fault]:
    bound = family.poses == FROM_CIRCUIT
    if bound and family.stride_px is not None:
        yield Fault(
            (*path, "stride_px"), None, "no stride_px: a from-circuit family has the host's"
        )
    if not bound and family.stride_px is None:
        yield Fault(path, "no stride_px", "the key stride_px")
    for key in ("typical_radius_px", "tune_poses"):
        if not bound and getattr(family, key) is not None:
            yield Fault(
                (*path, key),
                None,
                f"no {key}: only units of from-circuit have a radius and poses of their own",
            )
    if bound and family.pool is not None:
        yield Fault(
            (*path, "pool"),
            None,
            "no pool: the last family's responses are the host's units as they are",
        )
    elif family.pool and family.stride_px and family.pool.stride_px % family.stride_px:
        yield Fault(
            (*path, "pool", "stride_px"),
            None,
            f"a multiple of the family's stride_px {family.stride_px}",
        )


def _responses(path: Path, family: Family) -> Iterator[Fault]:
    highest = family.threshold.tune if family.threshold.max is None else family.threshold.max
    if highest >= 1:
        yield Fault(
            (*path, "threshold"),
            None,
            "a number (and its max) below 1, what the family's ideal stimulus gives",
        )
    if family.ideal and "centre_deg" not in axis_sizes(family):
        yield Fault(
            (*path, "ideal"),
            "an edge with a side in a family without centre_deg",
            "poses: {centre_deg: ...} or from-circuit",
        )
    axes = axis_sizes(family) if isinstance(family.poses, Poses) else {}
    if family.normalise and family.normalise.across not in axes:
        across = family.normalise.across
        advice = (
            nearest(across, axes)
            if axes
            else "Leave normalise out: the host's units are no full circle."
        )
        yield Fault((*path, "normalise", "across"), None, "an axis of this family's poses", advice)
