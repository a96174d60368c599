"""Families bound to trained units: the host's own activations in place of compiled ones.

So the motifs by which other families read a bound family are judged alone.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float

from workbench.arrays import Array, array_like, to_numpy
from workbench.compiler.circuit import Layer, Read, host_source
from workbench.compiler.ideal import Stimulus, ideal_stimuli
from workbench.compiler.layer import pool_of
from workbench.compiler.respond import HostActivations, host_activations, in_rgb
from workbench.errors import WorkbenchError, nearest
from workbench.hosts.host import Host
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import Family, Poses, Theory
from workbench.spec.meaning import grid_px
from workbench.theory.poses import CENTRE, ORIENTATION, RADIUS, SHIFT_X, SHIFT_Y, UNIT, Units

# of a trained unit's response to its ideal stimulus: float32 differs among machines in later ones
DIGITS = 4

Bound = Mapping[str, TrainedCircuit]  # family -> the trained units that are read in its place


def refuse_unbindable(spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound) -> None:
    """Refuse families that cannot be read off these units.

    Raises WorkbenchError as `refuse_misplaced`, and for a family that has other axes than one
    angle.
    """
    refuse_misplaced(spec, trained, host, bound)
    for name, units in bound.items():
        poses = spec.theory.families[name].poses
        if isinstance(poses, Poses) and not poses.is_one_angle:
            raise WorkbenchError(
                _where(spec, name, units),
                f"has the axes {', '.join(poses.axes())}",
                "one angle, as a survey finds",
                "Bind a family that pools the other axes.",
            )


def refuse_misplaced(spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound) -> None:
    """Refuse units that cannot be those of a family that the trained units read.

    Raises WorkbenchError for a family that the theory does not have or that is its last; and for a
    site that the host computes no earlier than the trained circuit's, or whose cells do not include
    that site's.
    """
    families, order = spec.theory.families, list(host.sites)
    for name, units in bound.items():
        where = _where(spec, name, units)
        if name not in list(families)[:-1]:
            raise WorkbenchError(
                where,
                "no family above the last of that name",
                remedy=nearest(name, list(families)[:-1]),
            )
        if order.index(units.site) >= order.index(trained.site):
            raise WorkbenchError(
                where, "not computed before the spliced site", f"a site above {trained.site}"
            )
        here, there = host.site(trained.site), host.site(units.site)
        if (here.offset_px - there.offset_px) % there.stride_px or here.stride_px % there.stride_px:
            raise WorkbenchError(
                where,
                f"cells every {there.stride_px} px from {there.offset_px} px, "
                f"which are not those of {trained.site}",
                f"cells that include {trained.site}'s, "
                f"every {here.stride_px} px from {here.offset_px} px",
            )


def _where(spec: Spec, family: str, units: TrainedCircuit) -> str:
    return f"{spec.path}: family {family!r}, bound to {units.circuit} at {units.site}"


def read_from(theory: Theory, bound: Bound) -> set[str]:
    """The families that are read, the last included, when `bound` ones read none."""
    wanted = {list(theory.families)[-1]}
    for name, family in reversed(theory.families.items()):
        if name in wanted and name not in bound:
            wanted.update(family.reads)
    return wanted


def bound_layer(
    name: str, family: Family, trained: TrainedCircuit, units: Units, host: Host, like: Array
) -> Layer:
    """The layer in place of a family: `units` of a trained circuit, read by a 1x1 kernel.

    The kernel is an array like `like`. As for any family, each unit's activation is divided by its
    response to its own ideal stimulus. It is then weighted by the number of compiled units that the
    unit replaces: those of its part of the circle, on as dense a grid. So a reader's sum over poses
    keeps its size where trained units are few or crowded. Units that have a `peak` are divided by
    it instead, all weigh alike, and the family's pool follows. Raises WorkbenchError for a unit
    without `peak` that does not respond to its ideal stimulus.
    """
    if not isinstance(family.poses, Poses):
        raise TypeError("the last family has the trained units' own poses")
    site, ((angle, poses),) = host.site(trained.site), family.poses.axes().items()
    units = _as(angle, units)
    density = len(poses) * (site.stride_px / (grid_px(family) or site.stride_px)) ** 2
    channels = list(trained.channels("a family read off trained units"))
    weight = np.zeros((len(units), site.channels, 1, 1))
    weight[range(len(units)), channels, 0, 0] = 1.0
    if trained.peaks:
        weight /= np.array(trained.peaks)[:, None, None, None]
    else:
        counts = density * shares(units.column(angle), 180.0 if angle == ORIENTATION else 360.0)
        weight *= (counts / ideal_activations(host, trained, units))[:, None, None, None]
    reads = (Read(host_source(site.name), array_like(weight, like)),)
    zero, one = array_like(0.0, like), array_like(1.0, like)
    pool = pool_of(family.pool, site.stride_px) if family.pool and trained.peaks else None
    return Layer(name, units, site.stride_px, reads, zero, one, pool=pool)


def _as(angle: str, units: Units) -> Units:
    """The units with no other poses than the family has: for a line orientation, but no radius."""
    if angle == CENTRE:
        return units
    shifts = {axis: units.poses[axis] for axis in (SHIFT_X, SHIFT_Y)}
    tangent_deg = tuple((centre_deg - 90.0) % 180.0 for centre_deg in units.poses[CENTRE])
    return Units(units.names, {ORIENTATION: tangent_deg, **shifts}, {UNIT: len(units)})


def shares(pose_deg: Float[np.ndarray, " n"], period_deg: float) -> Float[np.ndarray, " n"]:
    """The part of the circle that lies nearer to each pose than to any other.

    Equal poses divide theirs equally. The sum is 1.
    """
    distinct, index, count = np.unique(
        pose_deg % period_deg, return_inverse=True, return_counts=True
    )
    gaps = np.diff(distinct, append=distinct[0] + period_deg)
    return ((gaps + np.roll(gaps, 1)) / 2 / period_deg / count)[index]


def ideal_activations(host: Host, trained: TrainedCircuit, units: Units) -> Float[np.ndarray, " n"]:
    """The ideal responses (`ideal_responses`), to a dark stimulus where the bright one gives none.

    Raises WorkbenchError for a unit that responds to neither.
    """
    responses = ideal_responses(host, trained, units)
    if not (responses > 0).all():
        dark = ideal_responses(host, trained, units, contrast=-1.0)
        responses = np.where(responses > 0, responses, dark)
    if undriven := [
        f"{trained.site}:{unit.unit}"
        for unit, response in zip(trained.units, responses, strict=True)
        if not response > 0
    ]:
        raise WorkbenchError(
            f"circuit {trained.circuit}",
            f"no response of {', '.join(undriven)} to a bright or dark line or arc at the "
            "surveyed pose",
            "units of the family that the spec describes",
            "Leave these units out of the circuit file, or bind another circuit.",
        )
    return responses


def ideal_responses(
    host: Host, trained: TrainedCircuit, units: Units, contrast: float = 1.0
) -> Float[np.ndarray, " n"]:
    """Activation of each trained unit's middle cell on its own ideal stimulus, to DIGITS digits.

    It is in the host's activation units. The stimulus is bright, or with a `contrast` of -1 dark.
    """
    site, channels = host.site(trained.site), trained.channels("a response to an ideal stimulus")
    row, column = site.height // 2, site.width // 2
    corner = site.offset_px + site.stride_px * column, site.offset_px + site.stride_px * row
    radii = units.column(RADIUS) if RADIUS in units.poses else [None] * len(units)
    places = zip(units.column(SHIFT_X), units.column(SHIFT_Y), units.normal_deg, radii, strict=True)
    stimuli = [
        Stimulus((corner[0] + x, corner[1] + y), float(normal_deg), radius_px)
        for x, y, normal_deg, radius_px in places
    ]
    picture = contrast * ideal_stimuli(stimuli, host.picture_input.size_px)
    activations, _ = activations_on(host, (site.name,), picture)[host_source(site.name)]
    return np.array(
        [
            float(f"{activations[i, channel, row, column]:.{DIGITS}g}")
            for i, channel in enumerate(channels)
        ]
    )


def activations_on(
    host: Host, sites: Sequence[str], picture: Float[Array, "n 3 h w"]
) -> HostActivations:
    """The host's activations at `sites` on pictures in circuit units, as arrays like the pictures.

    The pictures have the host's own size; its network is torch's.
    """
    with torch.no_grad():
        shown = torch.as_tensor(to_numpy(picture), dtype=torch.float32)
        x = host.input.encode(in_rgb(shown, host.picture_input.mean_rgb)).to(host.device)
        activations = {
            site: array_like(to_numpy(activation), picture)
            for site, activation in host.activations(x, *sites).items()
        }
        return host_activations(host, activations)
