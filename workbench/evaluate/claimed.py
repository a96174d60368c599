"""The trained units that a theory speaks of: those that behaviour matched with its families, those that circuit files name, and the trained
circuit's own. Both ways of asking read them: as channels that the theory says something of, and as circuits that a family can be bound to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from workbench.compiler.bind import Bound, refuse_unbindable, said_to_ideal
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import trained_units
from workbench.errors import WorkbenchError
from workbench.evaluate.layers import Matched, matched
from workbench.evaluate.matching import Nearest
from workbench.hosts.host import Host
from workbench.spec import Found, Spec, TrainedCircuit, TrainedUnit
from workbench.splice.calibrate import derangement
from workbench.theory.angles import wrap_deg
from workbench.theory.poses import CENTRE

LEAST_BOUND = 3  # trained units that may stand for a family of every direction: fewer are no circle


def claimed(
    circuit: HandwrittenCircuit, found: Mapping[str, Nearest], trained: TrainedCircuit, bound: Bound, seed: int = 0
) -> tuple[Matched, ...]:
    """The pairs of trained and family units, by site in the order of the host, then by family.

    The units of a circuit file, at the family's pose nearest to their own, take the place of what matching says of its family and of these
    units at that site. Of the last family the trained circuit's own units alone are claimed.
    """
    last = circuit.layers[-1].family
    files = [_of_file(circuit, family, units, seed) for family, units in bound.items()]
    count = len(trained.units)
    own = Matched(last, trained.site, np.array(circuit.units), np.arange(count), derangement(count, seed).numpy())
    named = [*files, own]
    pairs = [_without(pair, named) for pair in matched(circuit, found, seed) if pair.family != last]
    order = {layer.family: i for i, layer in enumerate(circuit.layers)}
    sites = list(found)
    return tuple(
        sorted((pair for pair in (*pairs, *named) if len(pair.units)), key=lambda each: (sites.index(each.site), order[each.family]))
    )


def _of_file(circuit: HandwrittenCircuit, family: str, trained: TrainedCircuit, seed: int) -> Matched:
    units = next(layer.units for layer in circuit.layers if layer.family == family)
    period_deg = 360.0 if CENTRE in units.poses else 180.0
    normals_deg = np.array([unit.centre_deg for unit in trained.units])
    poses = np.abs(wrap_deg(normals_deg[:, None] - units.normal_deg[None, :], period_deg)).argmin(1)
    moved = derangement(len(units), seed).numpy()
    return Matched(family, trained.site, np.array([unit.unit for unit in trained.units]), poses, moved[poses])


def _without(pair: Matched, named: Sequence[Matched]) -> Matched:
    """A matched pair less what files name: the units, and the whole family at that site."""
    here = [each for each in named if each.site == pair.site]
    taken = np.isin(pair.units, [unit for each in here for unit in each.units]) | any(each.family == pair.family for each in here)
    return replace(pair, units=pair.units[~taken], poses=pair.poses[~taken], wrong=pair.wrong[~taken])


def bindable(
    spec: Spec, trained: TrainedCircuit, host: Host, circuit: HandwrittenCircuit, pairs: Sequence[Matched], files: Bound, target: Matched
) -> Bound:
    """What the family of `target` can read off trained units: for each family that it reads the file's units, or else those that were matched
    at the latest site above the target's, if they are enough and none of them is silent to its family's ideal stimulus."""
    found = read_off(spec, trained, host, circuit, pairs, files, target)
    return {family: units for family, units in found.items() if isinstance(units, TrainedCircuit)}


def read_off(
    spec: Spec, trained: TrainedCircuit, host: Host, circuit: HandwrittenCircuit, pairs: Sequence[Matched], files: Bound, target: Matched
) -> dict[str, TrainedCircuit | str]:
    """As `bindable`, with every family that has trained units above: where they cannot stand for it, why, of those at the latest site."""
    sites = list(host.sites)
    above = [pair for pair in pairs if sites.index(pair.site) < sites.index(target.site)]
    found: dict[str, TrainedCircuit | str] = {}
    for family in spec.theory.families[target.family].reads:
        for pair in sorted((pair for pair in above if pair.family == family), key=lambda pair: -sites.index(pair.site)):
            named = family in files and files[family].site == pair.site
            units = files[family] if named else as_circuit(pair, circuit, host)
            stands = _unfit(spec, trained, host, family, units) or _audible(units, host)
            if isinstance(stands, TrainedCircuit):
                found[family] = stands
                break
            found.setdefault(family, stands)
    return found


def as_circuit(pair: Matched, circuit: HandwrittenCircuit, host: Host) -> TrainedCircuit:
    """The trained units of a pair as a circuit, each at the pose of the family unit that it was matched with."""
    normals_deg = next(layer.units for layer in circuit.layers if layer.family == pair.family).normal_deg
    units = tuple(
        TrainedUnit(unit=int(unit), centre_deg=float(normals_deg[pose]) % 360) for unit, pose in zip(pair.units, pair.poses, strict=True)
    )
    how = Found(command="", date="", workbench="", stimuli="matched by behaviour", pictures="", pictures_sha256="", thresholds={})
    return TrainedCircuit(circuit=pair.family, host=host.name, fingerprint=host.fingerprint, site=pair.site, found=how, units=units)


def _audible(trained: TrainedCircuit, host: Host) -> TrainedCircuit | str:
    """The circuit less units that say nothing to their ideal stimulus; where too few are left, that they are."""
    said = said_to_ideal(host, trained, trained_units(trained))
    heard = tuple(unit for unit, value in zip(trained.units, said, strict=True) if value > 0)
    if len(heard) < LEAST_BOUND:
        return f"of {len(trained.units)} units {len(heard)} answer to a line or an arc of their direction; {LEAST_BOUND} are needed"
    return trained.model_copy(update={"units": heard})


def _unfit(spec: Spec, trained: TrainedCircuit, host: Host, family: str, units: TrainedCircuit) -> str:
    """Why the family cannot be bound to the units, on a grid that all who read it can read; empty where it can."""
    families, step_px = spec.theory.families, host.site(units.site).stride_px
    strides = [each.stride_px or host.site(trained.site).stride_px for each in families.values() if family in each.reads]
    try:
        refuse_unbindable(spec, trained, host, {family: units})
    except WorkbenchError as error:
        return str(error)
    coarse = [stride_px for stride_px in strides if stride_px % step_px]
    return f"its cells are {step_px} px apart, and those of a family that reads it {coarse[0]} px" if coarse else ""
