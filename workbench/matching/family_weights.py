"""The weights between every two families of a theory that both have trained units."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int

from workbench.compiler import compile_spec
from workbench.compiler.bind import Bound, ideal_responses
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import trained_units
from workbench.compiler.derived import compile_constants
from workbench.errors import WorkbenchError
from workbench.hosts.branches import CHANNELS_APART, branches
from workbench.hosts.host import Host
from workbench.matching.correspondence import read_off
from workbench.matching.matched import Matched
from workbench.matching.subject import Subject
from workbench.matching.weights import (
    ConstantWeights,
    FamilyWeights,
    expanded,
    folded,
    handwritten,
    of_one_size,
)
from workbench.progress import Progress
from workbench.spec import TrainedCircuit, posed
from workbench.splice.natural import site_before
from workbench.theory.poses import Units

LEAST = 3  # units of a family, on either side: with fewer, turning cannot be judged


def family_weights(
    subject: Subject, matched: Sequence[Matched], progress: Progress | None = None
) -> tuple[list[FamilyWeights], dict[str, str]]:
    """The weights of every two families of which one reads the other, and what was left out.

    Both families must have trained units, at a site and the one just before it. The second value
    names the readers whose weights are not known: `FAMILY at SITE`, or `FAMILY at SITE from
    FAMILY`, and why. `progress` advances by one for each of `matched`.
    """
    weights, left_out = list[FamilyWeights](), dict[str, str]()
    for units in matched:
        if progress:
            progress(1)
        upstream = site_before(subject.host, units.site)
        reads = subject.spec.theory.families[units.family].reads
        above = [one for one in matched if one.site == upstream and one.family in reads]
        if not above or not upstream:
            continue
        name = f"{units.family} at {units.site}"
        connected = _connected(subject.host, upstream, units)
        if len(connected) < LEAST:
            left_out[name] = (
                f"only {len(connected)} of {len(units.units)} units read {upstream} through "
                f"weights alone; {LEAST} are needed"
            )
            continue
        try:
            bound, why = _bound(subject, units, above)
            left_out |= why
            circuit = _with_bound(subject, units.family, bound) if bound else None
        except WorkbenchError as error:
            left_out[name] = str(error)
            continue
        weights += [
            _weights(subject, circuit, units, connected, bound_units)
            for bound_units in bound.items()
            if circuit
        ]
    return weights, left_out


def _bound(
    subject: Subject, matched: Matched, above: Sequence[Matched]
) -> tuple[Bound, dict[str, str]]:
    """The trained units that the families above can be bound to, and why others cannot."""
    spec, trained, host = subject.spec, subject.trained, subject.host
    read = read_off(spec, trained, host, subject.circuit, above, subject.bound, matched)
    why = {
        f"{matched.family} at {matched.site} from {family}": reason
        for family, reason in read.items()
        if isinstance(reason, str)
    }
    return {
        family: units for family, units in read.items() if isinstance(units, TrainedCircuit)
    }, why


def _with_bound(subject: Subject, family: str, bound: Bound) -> HandwrittenCircuit:
    """The circuit up to a family, with other families bound to trained units."""
    spec, trained, host = subject.spec, subject.trained, subject.host
    return compile_spec(spec, trained, host, bound=bound, until=family)


def _connected(host: Host, upstream: str, matched: Matched) -> list[int]:
    """The units that read the site before through convolutions alone, or convolutions and a pool.

    The indices are those of `matched.units`.
    """

    def known(unit: int) -> bool:
        try:
            return bool(branches(host, upstream, matched.site, [unit], CHANNELS_APART))
        except WorkbenchError:
            return False

    return [i for i, unit in enumerate(matched.units) if known(int(unit))]


def _weights(
    subject: Subject,
    circuit: HandwrittenCircuit,
    matched: Matched,
    connected: Sequence[int],
    bound_units: tuple[str, TrainedCircuit],
) -> FamilyWeights:
    """The weights to the connected units from the trained units that a family is bound to."""
    host, spec = subject.host, subject.spec
    family, bound = bound_units
    layers = {layer.family: layer for layer in circuit.layers}
    site, upstream = host.site(matched.site), host.site(bound.site)
    poses, units = matched.poses[connected], [int(unit) for unit in matched.units[connected]]
    whole = expanded(host, bound.site, matched.site, units)
    chosen = whole[:, list(bound.channels("a comparison of weights"))]
    linear = compile_constants(spec, circuit, matched.family, family)
    readers = [layers[matched.family], *(layer for _, layer in linear)]
    stride = site.stride_px // upstream.stride_px
    by_theory = [
        folded(handwritten(reader, layers[family])[list(poses)], stride) for reader in readers
    ]
    ideal = torch.from_numpy(ideal_responses(host, bound, layers[family].units))[:, None, None]
    trained_weights, theory, *parts = (
        (ideal * weight.double()).numpy() for weight in of_one_size(chosen, *by_theory)
    )
    last = matched.family == list(spec.theory.families)[-1]
    downstream = _trained_poses(subject) if last else layers[matched.family].units
    return FamilyWeights(
        families=(matched.family, family),
        sites=(matched.site, bound.site),
        downstream=_renamed(downstream, poses, [f"{matched.site}:{unit}" for unit in units]),
        upstream=layers[family].units,
        trained=trained_weights,
        theory=theory,
        step_px=site.stride_px,
        pooled=site.stride_px != upstream.stride_px,
        share=float((chosen**2).sum() / (whole**2).sum()),
        parts=[
            ConstantWeights(part, constant.low, constant.high)
            for part, (constant, _) in zip(parts, linear, strict=True)
        ],
    )


def _trained_poses(subject: Subject) -> Units:
    """The trained circuit's units at their surveyed poses, or those that the spec was tuned to."""
    tuned = subject.spec.theory.tuned
    return trained_units(posed(subject.trained, tuned) if tuned else subject.trained)


def _renamed(units: Units, chosen: Int[np.ndarray, " n"], names: Sequence[str]) -> Units:
    """The chosen units, under other names."""
    return Units(
        tuple(names),
        {axis: tuple(np.array(column)[chosen].tolist()) for axis, column in units.poses.items()},
        {"unit": len(names)},
    )
