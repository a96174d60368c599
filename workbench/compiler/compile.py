"""Spec + poses -> handwritten circuit, in one pass over the families.

Arrays are of the library, dtype and device of `like`. Every constant passes through `value`, so
that the same pass compiles numbers (`workbench compile`) and tensors that are fitted by gradient
through the compiler (`workbench tune`).
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from workbench.arrays import Array, array_like
from workbench.compiler.bind import Bound, activations_on, bound_layer, read_from, refuse_unbindable
from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer
from workbench.compiler.ideal import LIKE, IdealStimuli
from workbench.compiler.layer import Value, compile_layer, ideal_of, written
from workbench.compiler.usable import refuse_unusable
from workbench.errors import WorkbenchError
from workbench.hosts.host import Host, Site
from workbench.spec import Spec, check_pair, numbers, posed
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import INPUT, Alike, Family, Number, Poses, Theory
from workbench.spec.meaning import grid_px, needed_axes
from workbench.spec.problems import key_text
from workbench.spec.size import SIZE_PX, Sizes
from workbench.theory.poses import (
    CENTRE,
    MIXTURE,
    RADIUS,
    SCALE,
    SHIFT_X,
    SHIFT_Y,
    Units,
    every_combination,
)


def compile_spec(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    as_written: bool = False,
    bound: Bound | None = None,
    variant: str | None = None,
    until: str | None = None,
    like: Array = LIKE,
) -> HandwrittenCircuit:
    """The circuit that a spec describes for a trained circuit's units.

    Its facts record the provenance of its numbers.

    as_written  take a tuned spec's numbers as they were before tuning
    bound       families for which the host's own units are read instead of compiled ones
    variant     the name of one of the spec's variants; where it does not change them, numbers and
                poses are as tuned
    until       the family that the circuit ends in, by default the theory's last
    like        gives library, dtype and device of the circuit's arrays

    Raises SpecError if the spec does not fit these units, and WorkbenchError if a circuit is
    another host's or has units that its site lacks, a family cannot be bound, the host's cells do
    not fall on a family's grid, or the circuit cannot be run (`refuse_unusable`).
    """
    bound = bound or {}
    _refuse_unfit(spec, trained, host, bound)
    theory, alike = (
        (spec.variants[variant], spec.theory.variants[variant].units)
        if variant
        else (spec.theory, Alike())
    )
    tuned = None if as_written else theory.tuned
    current = _current_numbers(theory, as_written)
    needs = needed_axes(list(theory.families.values())[-1])
    units = trained_units(posed(trained, tuned) if tuned else trained, needs)

    def value(number: Number) -> Array:
        return array_like(current.get(id(number), number.tune), like)

    circuit = compile_theory(
        theory,
        trained,
        host,
        value,
        _made_alike(units, alike),
        bound=bound,
        like=like,
    )
    if until:
        circuit = _cut_after(circuit, until)
    facts = _facts(spec, trained, host, bound, variant)
    facts["numbers"] = _provenance(theory, current, tuned is not None)
    circuit = replace(circuit, facts=facts)
    where = f"{spec.path}: " + (f"variants.{variant}: " if variant else "")
    refuse_unusable(where, theory, circuit.layers, value)
    return circuit


def compile_kernels(spec: Spec, like: Array = LIKE) -> tuple[Layer, ...]:
    """The kernels of the families above the last, which need no trained circuit and no host.

    The layers are to be looked at and not to be run: the `ideal` of each is 1. Arrays are like
    `like`. Raises WorkbenchError for kernels that no circuit can be run with (`refuse_unusable`).
    """
    layers: list[Layer] = []
    value = written(like)
    for name, family in spec.theory.families.items():
        if units := _combined(family):
            above = {layer.family: layer for layer in layers}
            stride_px = family.stride_px or 1
            layers.append(compile_layer(name, family, units, stride_px, above, value, like))
    refuse_unusable(f"{spec.path}: ", spec.theory, layers, value)
    return tuple(layers)


def _combined(family: Family) -> Units | None:
    """The units of a family that has axes of poses; None for one that is from-circuit."""
    return every_combination(family.poses.axes()) if isinstance(family.poses, Poses) else None


def _cut_after(circuit: HandwrittenCircuit, family: str) -> HandwrittenCircuit:
    """The circuit up to a family and with it."""
    last = [layer.family for layer in circuit.layers].index(family)
    return replace(circuit, layers=circuit.layers[: last + 1])


def _facts(
    spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound, variant: str | None
) -> dict[str, Any]:
    """The hashes of what a circuit is compiled from, and the variant that it is of."""
    facts: dict[str, Any] = {
        "spec": spec.sha256,
        "circuit": trained.sha256,
        "fingerprint": host.fingerprint,
    }
    if bound:
        facts["bound"] = {family: units.sha256 for family, units in bound.items()}
    if variant:
        gain = spec.theory.variants[variant].units.gain
        facts |= {"variant": variant, **({"gain": gain} if gain else {})}
    return facts


def _current_numbers(theory: Theory, as_written: bool) -> dict[int, float]:
    """The value of each Number of a theory by the Number's id, optionally that before tuning."""
    before = theory.tuned.written if as_written and theory.tuned else {}
    return {id(number): before.get(key_text(path), number.tune) for path, number in numbers(theory)}


def _provenance(theory: Theory, current: Mapping[int, float], tuned: bool) -> list[list[Any]]:
    """Rows of key, value and "rule" or "tuned" for each number of a theory.

    `tuned` tells whether the values are those after tuning.
    """
    return [
        [key_text(path), current[id(number)], "tuned" if number.tuned and tuned else "rule"]
        for path, number in numbers(theory)
    ]


def _refuse_unfit(spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound) -> None:
    """Refuse a spec, circuits and a host that do not fit each other; see `compile_spec`."""
    size_px = host.picture_input.size_px
    check_pair(spec, trained, Sizes(size_px if bound else SIZE_PX, size_px))
    for circuit_file in (trained, *bound.values()):
        refuse_strange(circuit_file, host)
    refuse_unbindable(spec, trained, host, bound)
    _refuse_misfit(spec, trained, host, bound)


def refuse_strange(trained: TrainedCircuit, host: Host) -> None:
    """Refuse a circuit of another host, and units or directions that its site does not have.

    Raises WorkbenchError.
    """
    if trained.fingerprint != host.fingerprint:
        raise WorkbenchError(
            f"circuit {trained.circuit}",
            f"found in a host with fingerprint {trained.fingerprint[:12]}… ({trained.host})",
            f"{host.name}'s, {host.fingerprint[:12]}…",
            f"Survey this host: workbench survey {host.name} --family {trained.circuit}",
        )
    channels = host.site(trained.site).channels
    if trained.vectors and len(trained.vectors[0]) != channels:
        raise WorkbenchError(
            f"circuit {trained.circuit}",
            f"directions of {len(trained.vectors[0])} numbers",
            f"one for each of the {channels} channels of {trained.site}",
        )
    absent = [unit.unit for unit in trained.units if unit.vector is None and unit.unit >= channels]
    if absent:
        raise WorkbenchError(
            f"circuit {trained.circuit}",
            f"no unit {', '.join(map(str, absent))} at {trained.site} of {host.name}",
            f"units 0 to {channels - 1}",
            "Correct the circuit file, or survey the host again.",
        )


def _refuse_misfit(spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound) -> None:
    """Refuse hosts whose cells do not fall on those of every family that the last one reads.

    Responses are not interpolated between cells. Raises WorkbenchError.
    """
    families, stride_px = spec.theory.families, host.site(trained.site).stride_px
    for name in list(families.values())[-1].reads:
        step_px = 1 if name == INPUT or name in bound else grid_px(families[name])
        if step_px and stride_px % step_px:
            raise WorkbenchError(
                f"{spec.path}: {trained.circuit} at {trained.site} of {host.name}",
                f"cells every {stride_px} px, but {name!r} has cells every {step_px} px",
                f"a stride that {step_px} px divides",
                "Survey another site, or give the family a finer grid.",
            )


def compile_theory(
    theory: Theory,
    trained: TrainedCircuit,
    host: Host,
    value: Value | None = None,
    units: Units | None = None,
    ideal_dtype: Any = None,
    bound: Bound | None = None,
    like: Array = LIKE,
) -> HandwrittenCircuit:
    """The circuit that `theory` describes for the trained circuit's units.

    Its arrays are of the library, dtype and device of `like`. `value` gives the array for a Number
    of the spec, in that library; by default its written or tuned value. `units` are those of the
    last family, by default the trained circuit's. The ideal stimuli are run in `ideal_dtype`, by
    default that of `like`. Families that only `bound` ones read are left out.
    """
    value = value or written(like)
    site = host.site(trained.site)
    grid = grid_of(host, site)
    bound = bound or {}
    sites = tuple(dict.fromkeys(units.site for units in bound.values()))
    host_activations = (lambda picture: activations_on(host, sites, picture)) if sites else None
    ideal = IdealStimuli(grid, like, ideal_dtype, host_activations)
    last = list(theory.families.values())[-1]
    units = units or trained_units(trained, needed_axes(last))
    units = replace(units, typical_px=last.typical_radius_px)
    wanted = read_from(theory, bound) if bound else set(theory.families)
    layers: list[Layer] = []
    for name, family in theory.families.items():
        if name not in wanted:
            continue
        if name in bound:
            layer = bound_layer(name, family, bound[name], trained_units(bound[name]), host, like)
        else:
            above = {layer.family: layer for layer in layers}
            posed = _combined(family) or units
            stride_px = family.stride_px or grid.stride_px
            layer = compile_layer(name, family, posed, stride_px, above, value, like)
            # kernels of families that read the picture alone have their own scale
            if any(source != INPUT for source in family.reads):
                drive = ideal.drive(layers, layer, ideal_of(family, value))
                layer = replace(layer, ideal=drive)
        layers.append(layer)
    return HandwrittenCircuit(
        theory.theory,
        host.name,
        trained.site,
        tuple(unit.unit for unit in trained.units),
        grid,
        tuple(layers),
        vectors=trained.vectors or (),
    )


def grid_of(host: Host, site: Site) -> Grid:
    """The cells of a site on the host's picture."""
    return Grid(host.picture_input.size_px, site.stride_px, site.offset_px, site.height, site.width)


def trained_units(trained: TrainedCircuit, needs: Collection[str] = (CENTRE,)) -> Units:
    """Names and poses of a trained circuit's units: a column for each axis that every unit has.

    Raises WorkbenchError for a unit without one of the axes `needs`.
    """
    trained.refuse_without(needs)
    names = tuple(f"{trained.site}:{unit.unit}" for unit in trained.units)
    poses: dict[str, tuple] = {axis: trained.column(axis) for axis in trained.axes}
    poses.pop("shift_px", None)
    if mixtures := poses.pop("mixture", None):
        poses |= dict(zip(MIXTURE, zip(*mixtures, strict=True), strict=True))
    shifts = [unit.shift_px or (0.0, 0.0) for unit in trained.units]
    poses |= {SHIFT_X: tuple(x for x, _ in shifts), SHIFT_Y: tuple(y for _, y in shifts)}
    return Units(names, poses, {"unit": len(names)})


def _made_alike(units: Units, alike: Alike) -> Units:
    """The units with the poses that a variant makes equal among them.

    A pose that the units do not have cannot differ among them.
    """
    poses = dict(units.poses)
    if alike.shift_px:
        poses |= dict.fromkeys((SHIFT_X, SHIFT_Y), (0.0,) * len(units))
    for axis in [axis for axis in (RADIUS, SCALE) if getattr(alike, axis) and axis in poses]:
        poses[axis] = (math.exp(sum(map(math.log, poses[axis])) / len(units)),) * len(units)
    return replace(units, poses=poses)
