"""The weights between every two families of a theory that both have trained units."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler import compile_spec
from workbench.compiler.bind import Bound, ideal_responses
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import trained_units
from workbench.compiler.derived import compile_constants
from workbench.compiler.linear import Constant
from workbench.errors import WorkbenchError
from workbench.hosts.branches import CHANNELS_APART, branches
from workbench.hosts.host import Host
from workbench.matching.correspondence import read_off
from workbench.matching.matched import Matched
from workbench.matching.stand_in import filter_responses, interpolated, stand_in
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
from workbench.spec.language import Poses
from workbench.spec.meaning import needed_axes
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
        if units.family in subject.bound and _several_axes(subject, units.family):
            left_out[name] = (
                "it has several axes and reads a family, so no circuit file gives its units' poses"
            )
            continue
        several = [pair for pair in above if _several_axes(subject, pair.family)]
        try:
            bound, why = _bound(subject, units, [pair for pair in above if pair not in several])
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
        for pair in several:
            weights_or_why = weights_at_poses(subject, units, connected, pair)
            if isinstance(weights_or_why, FamilyWeights):
                weights.append(weights_or_why)
            else:
                left_out[f"{name} from {pair.family}"] = weights_or_why
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
    family, bound = bound_units
    layers = {layer.family: layer for layer in circuit.layers}
    linear = compile_constants(subject.spec, circuit, matched.family, family)
    readers = [layers[matched.family], *(layer for _, layer in linear)]
    responses = ideal_responses(subject.host, bound, layers[family].units)
    ideal = torch.from_numpy(responses)[:, None, None]
    return _compared(
        subject,
        _Downstream(matched, connected, layers[matched.family].units),
        _Upstream(
            family,
            bound.site,
            bound.channels("a comparison of weights"),
            layers[family].units,
            responses,
            subject.host.site(bound.site).stride_px,
        ),
        [ideal * handwritten(reader, layers[family]) for reader in readers],
        [constant for constant, _ in linear],
    )


def weights_at_poses(
    subject: Subject, matched: Matched, connected: Sequence[int], above: Matched
) -> FamilyWeights | str:
    """The weights to the connected units from trained units of a family of several axes.

    A sentence where these cannot stand in for it.
    """
    spec, circuit, family = subject.spec, subject.circuit, above.family
    file = subject.bound.get(family)
    if file and file.site != above.site:
        return (
            f"{file.circuit} is at {file.site}, and {matched.family} is compared with units of "
            f"{above.site}; without --use-trained those that respond as {family} does are taken"
        )
    layers = {layer.family: layer for layer in circuit.layers}
    step_px, grid_px = subject.host.site(matched.site).stride_px, layers[family].grid_px
    if step_px % grid_px:
        return f"its cells are {grid_px} px apart, and those of {matched.site} {step_px} px"
    chosen = stand_in(spec.theory.families[family], above, circuit, file)
    if isinstance(chosen, str):
        return chosen
    responses = filter_responses(subject.host, chosen)
    driven = np.flatnonzero(responses > 0)
    chosen, responses = chosen[driven], responses[driven]
    if len(chosen.units) < LEAST:
        return (
            f"{len(chosen.units)} of {len(above.units)} units respond to a picture of their own "
            f"filter; {LEAST} are needed"
        )
    constants, parts = interpolated(spec, circuit, matched.family, chosen)
    theory = sum(
        (constant.value * part for constant, part in zip(constants, parts, strict=True)),
        torch.zeros(len(layers[matched.family].units), len(chosen.units), 1, 1),
    )
    return _compared(
        subject,
        _Downstream(matched, connected, layers[matched.family].units),
        _Upstream(family, above.site, chosen.channels, chosen.units, responses, grid_px),
        [theory, *parts],
        constants,
        turns=False,
    )


class _Downstream(NamedTuple):
    """Trained units that read, those among them that read through weights, their family's units."""

    matched: Matched
    connected: Sequence[int]
    units: Units


class _Upstream(NamedTuple):
    """Trained units that are read.

    responses  to their own ideal stimuli
    step_px    of the theory's kernels
    """

    family: str
    site: str
    channels: Sequence[int]
    units: Units
    responses: Float[np.ndarray, " up"]
    step_px: int


def _compared(
    subject: Subject,
    down: _Downstream,
    up: _Upstream,
    by_theory: Sequence[Float[Tensor, "family_unit up k k"]],
    constants: Sequence[Constant],
    turns: bool = True,
) -> FamilyWeights:
    """The trained weights and the theory's, and those of each constant, on one grid.

    `by_theory` has the theory's, then those of each of `constants`, to upstream units whose
    response to their ideal stimulus is 1.
    """
    host, matched = subject.host, down.matched
    site, poses = host.site(matched.site), matched.poses[down.connected]
    units = [int(unit) for unit in matched.units[down.connected]]
    whole = expanded(host, up.site, matched.site, units)
    chosen = whole[:, list(up.channels)]
    stride = site.stride_px // up.step_px
    on_grid = [folded(weight[list(poses)], stride) for weight in by_theory]
    ideal = torch.from_numpy(up.responses)[:, None, None]
    trained_weights, theory, *parts = (
        weight.double().numpy() for weight in of_one_size(ideal * chosen.double(), *on_grid)
    )
    last = matched.family == list(subject.spec.theory.families)[-1]
    downstream = _trained_poses(subject) if last else down.units
    return FamilyWeights(
        families=(matched.family, up.family),
        sites=(matched.site, up.site),
        downstream=downstream.chosen(poses, [f"{matched.site}:{unit}" for unit in units]),
        upstream=up.units,
        trained=trained_weights,
        theory=theory,
        step_px=site.stride_px,
        pooled=site.stride_px != host.site(up.site).stride_px,
        share=float((chosen**2).sum() / (whole**2).sum()),
        parts=[
            ConstantWeights(part, constant.low, constant.high)
            for part, constant in zip(parts, constants, strict=True)
        ],
        turns=turns,
    )


def _several_axes(subject: Subject, family: str) -> bool:
    """Whether the poses of a family are more than one angle."""
    poses = subject.spec.theory.families[family].poses
    return isinstance(poses, Poses) and not poses.is_one_angle


def _trained_poses(subject: Subject) -> Units:
    """The trained circuit's units at their surveyed poses, or those that the spec was tuned to."""
    tuned = subject.spec.theory.tuned
    needs = needed_axes(list(subject.spec.theory.families.values())[-1])
    return trained_units(posed(subject.trained, tuned) if tuned else subject.trained, needs)
