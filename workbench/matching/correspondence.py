"""The trained units that a theory makes statements about.

These are the units that were matched with its families by their responses, those that circuit
files name, and the trained circuit's own. They are read as channels, and as circuits that a family
can be bound to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from workbench.compiler.bind import Bound, ideal_responses, refuse_unbindable
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import trained_units
from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.matching.matched import Matched, matched
from workbench.matching.nearest import Nearest
from workbench.spec import Spec, SurveyRecord, TrainedCircuit, TrainedUnit
from workbench.splice.calibrate import derangement
from workbench.theory.poses import CENTRE, ORIENTATION
from workbench.vision.geometry.angles import wrap_deg

# Trained units that may stand in for a family of every direction: fewer do not cover a circle.
LEAST_BOUND = 3


def claimed(
    circuit: HandwrittenCircuit,
    nearest: Mapping[str, Nearest],
    trained: TrainedCircuit,
    bound: Bound,
    seed: int = 0,
) -> tuple[Matched, ...]:
    """The pairs of trained and family units, by site in the order of the host, then by family.

    The units of a circuit file, at the family's pose nearest to their own, take the place of the
    matches of its family and of these units at that site. The last family has the units of the
    trained circuit alone.
    """
    last = circuit.layers[-1].family
    files = [_of_file(circuit, family, units, seed) for family, units in bound.items()]
    count = len(trained.units)
    last_units = Matched(
        last,
        trained.site,
        np.array(trained.channels("matching")),
        np.arange(count),
        derangement(count, seed).numpy(),
    )
    named = [*files, last_units]
    pairs = [
        _without(pair, named) for pair in matched(circuit, nearest, seed) if pair.family != last
    ]
    order = {layer.family: i for i, layer in enumerate(circuit.layers)}
    sites = list(nearest)
    return tuple(
        sorted(
            (pair for pair in (*pairs, *named) if len(pair.units)),
            key=lambda pair: (sites.index(pair.site), order[pair.family]),
        )
    )


def _of_file(
    circuit: HandwrittenCircuit, family: str, trained: TrainedCircuit, seed: int
) -> Matched:
    units = next(layer.units for layer in circuit.layers if layer.family == family)
    period_deg = 360.0 if CENTRE in units.poses else 180.0
    turns = not {CENTRE, ORIENTATION}.isdisjoint(units.poses)
    normals_deg = np.array(trained.directions_deg if turns else trained.angles_deg)
    poses = np.abs(wrap_deg(normals_deg[:, None] - units.normal_deg[None, :], period_deg)).argmin(1)
    moved = derangement(len(units), seed).numpy()
    return Matched(
        family, trained.site, np.array(trained.channels("matching")), poses, moved[poses]
    )


def _without(pair: Matched, named: Sequence[Matched]) -> Matched:
    """A matched pair without the units, and without the family at that site, that files name."""
    here = [match for match in named if match.site == pair.site]
    taken = np.isin(pair.units, [unit for match in here for unit in match.units]) | any(
        match.family == pair.family for match in here
    )
    return replace(
        pair, units=pair.units[~taken], poses=pair.poses[~taken], wrong=pair.wrong[~taken]
    )


def bindable(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    circuit: HandwrittenCircuit,
    pairs: Sequence[Matched],
    files: Bound,
    target: Matched,
) -> Bound:
    """The trained units that may stand in for each family that the family of `target` reads.

    These are the file's units, or else those that were matched at the latest site above the
    target's, if enough of them respond to their family's ideal stimulus.
    """
    units_or_why = read_off(spec, trained, host, circuit, pairs, files, target)
    return {
        family: units for family, units in units_or_why.items() if isinstance(units, TrainedCircuit)
    }


def read_off(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    circuit: HandwrittenCircuit,
    pairs: Sequence[Matched],
    files: Bound,
    target: Matched,
) -> dict[str, TrainedCircuit | str]:
    """As `bindable`, for every family that has trained units above.

    Where they cannot stand in for it, the value is the reason, for those at the latest site.
    """
    sites = list(host.sites)
    above = [pair for pair in pairs if sites.index(pair.site) < sites.index(target.site)]
    units_or_why: dict[str, TrainedCircuit | str] = {}
    for family in spec.theory.families[target.family].reads:
        for pair in sorted(
            (pair for pair in above if pair.family == family),
            key=lambda pair: -sites.index(pair.site),
        ):
            named = family in files and files[family].site == pair.site
            units = files[family] if named else as_circuit(pair, circuit, host)
            stands = _unfit(spec, trained, host, family, units) or _responding(units, host)
            if isinstance(stands, TrainedCircuit):
                units_or_why[family] = stands
                break
            units_or_why.setdefault(family, stands)
    return units_or_why


def as_circuit(pair: Matched, circuit: HandwrittenCircuit, host: Host) -> TrainedCircuit:
    """The trained units of a pair as a circuit, each at the pose of its matched family unit."""
    normals_deg = next(
        layer.units for layer in circuit.layers if layer.family == pair.family
    ).normal_deg
    units = tuple(
        TrainedUnit(unit=int(unit), centre_deg=float(normals_deg[pose]) % 360)
        for unit, pose in zip(pair.units, pair.poses, strict=True)
    )
    how = SurveyRecord(
        command="",
        date="",
        workbench="",
        stimuli="matched by behaviour",
        pictures="",
        pictures_sha256="",
        thresholds={},
    )
    return TrainedCircuit(
        circuit=pair.family,
        host=host.name,
        fingerprint=host.fingerprint,
        site=pair.site,
        found=how,
        units=units,
    )


def _responding(trained: TrainedCircuit, host: Host) -> TrainedCircuit | str:
    """The circuit without units that do not respond to their ideal stimulus.

    Where too few are left, a sentence that they are too few.
    """
    responses = ideal_responses(host, trained, trained_units(trained))
    units = tuple(unit for unit, value in zip(trained.units, responses, strict=True) if value > 0)
    if len(units) < LEAST_BOUND:
        return (
            f"only {len(units)} of {len(trained.units)} units respond to a line or an arc of their "
            f"direction; {LEAST_BOUND} are needed"
        )
    return trained.model_copy(update={"units": units})


def _unfit(
    spec: Spec, trained: TrainedCircuit, host: Host, family: str, units: TrainedCircuit
) -> str:
    """Why the family cannot be bound to the units; empty where it can.

    Every family that reads it must be able to read the units' grid.
    """
    families, step_px = spec.theory.families, host.site(units.site).stride_px
    strides = [
        reader.stride_px or host.site(trained.site).stride_px
        for reader in families.values()
        if family in reader.reads
    ]
    try:
        refuse_unbindable(spec, trained, host, {family: units})
    except WorkbenchError as error:
        return str(error)
    coarse = [stride_px for stride_px in strides if stride_px % step_px]
    return (
        f"its cells are {step_px} px apart, and those of a family that reads it {coarse[0]} px"
        if coarse
        else ""
    )
