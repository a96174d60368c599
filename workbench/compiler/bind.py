"""Families bound to trained units: what they say is read off the host instead of being compiled, so that one motif can be judged alone."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float

from workbench.arrays import Array, array_like, to_numpy
from workbench.compiler.circuit import Layer, Read, host_source
from workbench.compiler.ideal import ideal_stimuli
from workbench.compiler.respond import Heard, heard, in_rgb
from workbench.errors import WorkbenchError, nearest
from workbench.hosts.host import Host
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import Family, Poses, Theory
from workbench.spec.meaning import grid_px
from workbench.theory.poses import CENTRE, ORIENTATION, RADIUS, SHIFT_X, SHIFT_Y, UNIT, Units

DIGITS = 4  # of a trained unit's response to its ideal stimulus: fewer than machines' float32 differs in

Bound = Mapping[str, TrainedCircuit]  # family -> the trained units that stand in for it


def refuse_unbindable(spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound) -> None:
    """Raises WorkbenchError for a family that is not there, is the last or has other axes than one angle, and for a site that is not above
    the trained circuit's or on another grid."""
    families, order = spec.theory.families, list(host.sites)
    for name, units in bound.items():
        where = f"{spec.path}: family {name!r}, bound to {units.circuit} at {units.site}"
        if name not in list(families)[:-1]:
            raise WorkbenchError(where, "no family above the last of that name", remedy=nearest(name, list(families)[:-1]))
        poses = families[name].poses
        if isinstance(poses, Poses) and len(poses.axes()) > 1:
            found = f"has the axes {', '.join(poses.axes())}"
            raise WorkbenchError(where, found, "one angle, as a survey finds", "Bind a family that pools the other axes.")
        if order.index(units.site) >= order.index(trained.site):
            raise WorkbenchError(where, "not computed before the spliced site", f"a site above {trained.site}")
        here, there = host.site(trained.site), host.site(units.site)
        if (here.offset_px - there.offset_px) % there.stride_px or here.stride_px % there.stride_px:
            found = f"cells every {there.stride_px} px from {there.offset_px} px, beside those of {trained.site}"
            raise WorkbenchError(where, found, f"cells that {trained.site}'s, every {here.stride_px} px from {here.offset_px} px, fall on")


def read_from(theory: Theory, bound: Bound) -> set[str]:
    """The families that are still read, by whatever is not bound."""
    wanted = {list(theory.families)[-1]}
    for name, family in reversed(theory.families.items()):
        if name in wanted and name not in bound:
            wanted.update(family.reads)
    return wanted


def bound_layer(name: str, family: Family, trained: TrainedCircuit, units: Units, host: Host, like: Array) -> Layer:
    """The layer that stands for a family: the `units` of a trained circuit, read at their site by a 1x1 kernel, an array like `like`.

    Each unit's activation is divided by what its own ideal stimulus gives, as everywhere, and counts for as many compiled units, on as dense
    a grid, as the part of the circle that it stands for: a reader's sum over poses keeps its size where trained units are few or crowded.
    Raises WorkbenchError for a unit that its ideal stimulus leaves silent.
    """
    if not isinstance(family.poses, Poses):
        raise TypeError("the last family stands for trained units as it is")
    site, ((angle, poses),) = host.site(trained.site), family.poses.axes().items()
    units = _as(angle, units)
    density = len(poses) * (site.stride_px / (grid_px(family) or site.stride_px)) ** 2
    counts = density * shares(units.column(angle), 180.0 if angle == ORIENTATION else 360.0)
    channels = [unit.unit for unit in trained.units]
    weight = np.zeros((len(units), site.channels, 1, 1))
    weight[range(len(units)), channels, 0, 0] = counts / ideal_activations(host, trained, units)
    reads = (Read(host_source(site.name), array_like(weight, like)),)
    return Layer(name, units, site.stride_px, reads, array_like(0.0, like), array_like(1.0, like))


def _as(angle: str, units: Units) -> Units:
    """The units with no more poses than the family has: of a line its orientation, and no radius."""
    if angle == CENTRE:
        return units
    shifts = {axis: units.poses[axis] for axis in (SHIFT_X, SHIFT_Y)}
    tangent_deg = tuple((centre_deg - 90.0) % 180.0 for centre_deg in units.poses[CENTRE])
    return Units(units.names, {ORIENTATION: tangent_deg, **shifts}, {UNIT: len(units)})


def shares(pose_deg: Float[np.ndarray, " n"], period_deg: float) -> Float[np.ndarray, " n"]:
    """The part of the circle that lies nearer to each pose than to any other; equal poses divide theirs. The sum is 1."""
    known, which, count = np.unique(pose_deg % period_deg, return_inverse=True, return_counts=True)
    gaps = np.diff(known, append=known[0] + period_deg)
    return ((gaps + np.roll(gaps, 1)) / 2 / period_deg / count)[which]


def ideal_activations(host: Host, trained: TrainedCircuit, units: Units) -> Float[np.ndarray, " n"]:
    """What `said_to_ideal` gives. Raises WorkbenchError for a unit that is silent."""
    found = said_to_ideal(host, trained, units)
    if silent := [f"{trained.site}:{unit.unit}" for unit, value in zip(trained.units, found, strict=True) if not value > 0]:
        raise WorkbenchError(
            f"circuit {trained.circuit}",
            f"{', '.join(silent)} silent to a bright line or arc at the surveyed pose",
            "units of the family that the spec describes",
            "Leave these units out of the circuit file, or bind another circuit.",
        )
    return found


def said_to_ideal(host: Host, trained: TrainedCircuit, units: Units) -> Float[np.ndarray, " n"]:
    """What each trained unit's middle cell says to its own ideal stimulus, in the host's activation units."""
    site = host.site(trained.site)
    row, column = site.height // 2, site.width // 2
    corner = site.offset_px + site.stride_px * column, site.offset_px + site.stride_px * row
    radii = units.column(RADIUS) if RADIUS in units.poses else [None] * len(units)
    places = zip(units.column(SHIFT_X), units.column(SHIFT_Y), units.normal_deg, radii, strict=True)
    stimuli = [((corner[0] + x, corner[1] + y), float(normal_deg), radius_px, None) for x, y, normal_deg, radius_px in places]
    said = heard_on(host, (site.name,), ideal_stimuli(stimuli, host.input.size_px))[host_source(site.name)][0]
    return np.array([float(f"{said[i, unit.unit, row, column]:.{DIGITS}g}") for i, unit in enumerate(trained.units)])


def heard_on(host: Host, sites: Sequence[str], picture: Float[Array, "n 3 h w"]) -> Heard:
    """What the host, whose network is torch's, says at `sites` to pictures of its own size, in circuit units: arrays like the pictures."""
    with torch.no_grad():
        shown = torch.as_tensor(to_numpy(picture), dtype=torch.float32)
        x = host.input.encode(in_rgb(shown, host.input.mean_rgb)).to(host.device)
        return heard(host, {site: array_like(to_numpy(said), picture) for site, said in host.activations(x, *sites).items()})
