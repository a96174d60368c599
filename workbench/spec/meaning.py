"""The meaning of a theory beyond its schema: families that exist, and poses and grids that fit.

Each check takes families without what is faulty by itself (`partial`), with None for one that is no
family at all, and gives faults. It is silent about anything that depends on what is faulty.
"""

import math
from collections.abc import Iterator, Mapping

from workbench.errors import nearest
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import INPUT, Claim, Family, Poses, Theory
from workbench.spec.partial import known, without_fields
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
    """Every fault of the families, in no order.

    A field that one check refuses is unknown to the checks after it.
    """
    faults = [*_one_from_circuit(families)]
    left = dict(families)
    for name in families:
        path = ("families", name)
        if name == INPUT:
            advice = "another name: 'input' is the picture"
            faults.append(Fault("wrong-name", path, "the name 'input'", advice))
        for check in (_units, read_faults, _grid, _responses):
            if family := left[name]:
                wrong = list(check(path, family, left))
                left[name] = without_fields(
                    family, {str(fault.path[2]) for fault in wrong if fault.path[2:]}
                )
                faults += wrong
    faulty = {fault.path[1] for fault in faults}
    sized = {name: None if name in faulty else family for name, family in left.items()}
    return [*faults, *size_faults(sized, units=1)]


def claim_faults(families: Families, claims: Mapping[str, Claim]) -> list[Fault]:
    """Faults of a theory's claims: an edit may name only families that the last family reads.

    Where a read of the last family is faulty, it may be meant for any family.
    """
    name, last = list(families.items())[-1] if families else ("", None)
    if last is None or not last.reads:
        return []
    above = list(families)[:-1]
    may_be_read = {*last.reads, *(above if set(last.reads) - {INPUT, *above} else ())}
    faults = []
    for key, claim in claims.items():
        for i, family in enumerate(claim.edit.families):
            if family not in may_be_read:
                path = ("claims", key, "edit", "without" if claim.edit.without else "only", i)
                faults.append(
                    Fault(
                        "unknown-family",
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
    turned = family.tune_poses is not None and family.tune_poses.centre_deg is not None
    keys += [("ideal",)] if family.ideal else []
    keys += [("tune_poses",)] if turned else []
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
                "other-circuit",
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
                "missing-axis",
                (*path, *key),
                f"a key that depends on how units are turned, and unit {lacking[0]} of "
                f"{circuit.circuit} at {circuit.site} of {circuit.host} without {axis}",
                f"{axis} for every unit of the circuit file",
            )


def _one_from_circuit(families: Families) -> Iterator[Fault]:
    last = list(families)[-1]
    valid = {name: family for name, family in families.items() if family and known(family, "poses")}
    bound = [name for name, family in valid.items() if family.poses == FROM_CIRCUIT]
    for name in bound:
        if name != last:
            yield Fault(
                "family-order",
                ("families", name, "poses"),
                None,
                "axes of poses: only the last family is from-circuit",
            )
    if not bound and last in valid:
        yield Fault(
            "family-order",
            ("families", last, "poses"),
            "axes of poses",
            "from-circuit: the last family stands for the host's units",
        )


def _units(path: Path, family: Family, _: Families) -> Iterator[Fault]:
    if not known(family, "poses"):
        return
    sizes = axis_sizes(family)
    count = math.prod(sizes.values())
    if count > UNITS:
        factors = " x ".join(f"{n} {axis}" for axis, n in sizes.items())
        yield Fault(
            "too-large",
            (*path, "poses"),
            f"{count:,} units ({factors})",
            f"at most {UNITS:,}",
            "Use fewer poses.",
        )


def _grid(path: Path, family: Family, families: Families) -> Iterator[Fault]:
    bound = family.poses == FROM_CIRCUIT
    may_be_bound = bound or path[-1] == list(families)[-1]
    if may_be_bound and not known(family, "poses"):
        return
    if bound and family.stride_px is not None:
        yield Fault(
            "not-allowed",
            (*path, "stride_px"),
            None,
            "no stride_px: a from-circuit family has the host's",
        )
    if not bound and family.stride_px is None and known(family, "stride_px"):
        yield Fault("missing-key", path, "no stride_px", "the key stride_px")
    for key in ("typical_radius_px", "tune_poses"):
        if not bound and getattr(family, key) is not None:
            yield Fault(
                "not-allowed",
                (*path, key),
                None,
                f"no {key}: only units of from-circuit have a radius and poses of their own",
            )
    if bound and family.pool is not None:
        yield Fault(
            "not-allowed",
            (*path, "pool"),
            None,
            "no pool: the last family's responses are the host's units as they are",
        )
    elif (
        family.pool
        and family.stride_px
        and known(family, "pool", "stride_px")
        and family.pool.stride_px % family.stride_px
    ):
        yield Fault(
            "stride",
            (*path, "pool", "stride_px"),
            None,
            f"a multiple of the family's stride_px {family.stride_px}",
        )


def _responses(path: Path, family: Family, _: Families) -> Iterator[Fault]:
    highest = family.threshold.tune if family.threshold.max is None else family.threshold.max
    if highest >= 1:
        yield Fault(
            "out-of-range",
            (*path, "threshold"),
            None,
            "a number (and its max) below 1, what the family's ideal stimulus gives",
        )
    if not known(family, "poses"):
        return
    if family.ideal and "centre_deg" not in axis_sizes(family):
        yield Fault(
            "missing-axis",
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
        yield Fault(
            "missing-axis",
            (*path, "normalise", "across"),
            None,
            "an axis of this family's poses",
            advice,
        )
