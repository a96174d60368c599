"""Trained units in the place of a family of several axes: Gabors, edges, spots.

A trained unit has its own pose on every axis, and lies between the family's units. The theory's
weight to it is the sum over these of its part of each (`parts_of`) times the weight to that one.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.arrays import array_like
from workbench.compiler.bind import DIGITS, activations_on
from workbench.compiler.circuit import HandwrittenCircuit, host_source
from workbench.compiler.compile import trained_units
from workbench.compiler.derived import compile_constants
from workbench.compiler.ideal import LIKE
from workbench.compiler.linear import Constant
from workbench.hosts.host import Host
from workbench.matching.matched import Matched
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import INPUT, Family, Gabor, Poses
from workbench.theory.poses import (
    CENTRE,
    CHANNEL,
    ENVELOPE,
    ORIENTATION,
    PHASE,
    SCALE,
    SHIFT_X,
    SHIFT_Y,
    Units,
)
from workbench.theory.rule import channel_parts, gabor_weights
from workbench.vision.geometry.angles import wrap_deg
from workbench.vision.survey.arcs import CELLS_AROUND
from workbench.vision.survey.gabor import ASPECT_RATIO, SIGMA_PX, WAVELENGTH_PX

FIELD_PX = 19  # of a surveyed filter: three standard deviations of the widest to each side
PHASES_APART_DEG = 90.0  # of a family without phases, whose units are bars: an edge is none
EQUAL = 1e-6  # of filters that are the same but for rounding
NUMPY = np.zeros(())  # for functions that compute in the library of an array

Column = Float[np.ndarray, " n"]


@dataclass(frozen=True)
class StandIn:
    """Trained units at a site, and what they are of a family.

    channels  of the site
    units     their poses
    parts     how much of each of the family's units each of them is
    filters   each one's filter of the picture, by its pose
    """

    family: str
    site: str
    channels: list[int]
    units: Units
    parts: Float[np.ndarray, "unit family_unit"]
    filters: Float[np.ndarray, "unit 3 k k"]

    def __getitem__(self, kept: Int[np.ndarray, " m"]) -> "StandIn":
        """The units with these indices."""
        return StandIn(
            self.family,
            self.site,
            [self.channels[i] for i in kept],
            self.units.chosen(kept),
            self.parts[kept],
            self.filters[kept],
        )


def stand_in(
    family: Family, matched: Matched, circuit: HandwrittenCircuit, file: TrainedCircuit | None
) -> StandIn | str:
    """The trained units of `matched` in the place of their family; a sentence where they cannot be.

    They have the poses of the circuit `file`. Without one each has the pose of the family unit that
    it was matched with.
    """
    units = next(layer.units for layer in circuit.layers if layer.family == matched.family)
    axes = f"it has the axes {', '.join(units.shape)}"
    if not isinstance(family.poses, Poses) or list(family.reads) != [INPUT]:
        return f"{axes} and does not read the picture alone, so its units have no filter"
    if file is None:
        return _matched(matched, circuit)
    kernel, *others = family.reads[INPUT]
    if others or not isinstance(kernel, Gabor) or family.poses.is_round:
        return (
            f"{axes}, and only Gabors of one kernel can have the poses of a circuit file; without "
            "--use-trained the units are compared that respond as it does"
        )
    if lacking := file.lacking({CENTRE, *family.poses.axes()} - {ORIENTATION, CHANNEL}):
        return f"{axes}, and unit {lacking[0]} of {file.circuit} has no {lacking[1]}"
    trained = trained_units(file)
    constants = WAVELENGTH_PX, SIGMA_PX, ASPECT_RATIO
    return StandIn(
        matched.family,
        matched.site,
        matched.units.tolist(),
        trained,
        parts_of(family, kernel, units, trained),
        np.asarray(gabor_weights(trained, *constants, FIELD_PX, LIKE)),
    )


def _matched(matched: Matched, circuit: HandwrittenCircuit) -> StandIn:
    """The matched units, each in the place of every unit of the family that has its filter."""
    layer = next(layer for layer in circuit.layers if layer.family == matched.family)
    names = [f"{matched.site}:{unit}" for unit in matched.units]
    filters = np.asarray(layer.reads[0].weight)
    flat = filters.reshape(len(filters), -1)
    unlike = np.abs(flat[matched.poses][:, None] - flat).max(2) / np.abs(flat).max(1)
    return StandIn(
        matched.family,
        matched.site,
        matched.units.tolist(),
        layer.units.chosen(matched.poses, names),
        (unlike < EQUAL).astype(np.float64),
        filters[matched.poses],
    )


def interpolated(
    spec: Spec, circuit: HandwrittenCircuit, reader: str, chosen: StandIn
) -> tuple[list[Constant], list[Float[Tensor, "down unit kh kw"]]]:
    """The constants that a reader's weights to a family are linear in, and the weights of each.

    They are the weights to the trained units in that family's place, each at its own shift, in
    units of the reader's ideal drive.
    """
    shifts_px, shift_of = np.unique(
        np.stack([chosen.units.column(axis) for axis in (SHIFT_X, SHIFT_Y)], 1),
        axis=0,
        return_inverse=True,
    )
    columns: dict[int, Tensor] = {}
    for i, (x_px, y_px) in enumerate(shifts_px):
        # as in the rule: relative to the unit's place, its readers are moved by the opposite
        moved = tuple(
            replace(layer, units=layer.units.moved_by(-x_px, -y_px))
            if layer.family == reader
            else layer
            for layer in circuit.layers
        )
        linear = compile_constants(spec, replace(circuit, layers=moved), reader, chosen.family)
        if not linear:  # every constant fixed at 0
            return [], []
        weights = torch.stack([layer.reads[0].weight / layer.ideal for _, layer in linear])
        for unit in np.flatnonzero(shift_of.ravel() == i):
            parts = torch.from_numpy(chosen.parts[unit])
            columns[int(unit)] = torch.einsum("kduyx,u->kdyx", weights, parts)
    ordered = torch.stack([columns[unit] for unit in range(len(columns))], 2)
    return [constant for constant, _ in linear], list(ordered)


def parts_of(
    family: Family, kernel: Gabor, units: Units, trained: Units
) -> Float[np.ndarray, "trained unit"]:
    """How much of each of a family's Gabors a trained Gabor is: a row for each trained one.

    It is linear between the family's values of each axis, scale by its logarithm. A colour below 0
    in a mixture is the same amount of that colour at the opposite phase.
    """
    poses = family.poses
    if not isinstance(poses, Poses):
        raise TypeError("the last family has the trained units' own poses")
    angle, phase = poses.orientation_deg or poses.centre_deg, poses.phase_deg
    if not angle:
        raise TypeError("a Gabor has a direction")
    phase_every_deg = phase.every if phase else PHASES_APART_DEG
    amounts, channels = channel_parts(trained, NUMPY), channel_parts(units, NUMPY)
    parts = np.zeros((len(trained), len(units)))
    for amount, channel in zip(amounts.T, channels.T, strict=True):
        phase_deg = trained.column(PHASE) + 180.0 * (amount < 0)
        for pose in _names(trained.normal_deg, phase_deg, family.rectify == "full"):
            by_direction = _near(pose[0], units.normal_deg, angle.every)
            by_phase = _near(pose[1], units.column(PHASE), phase_every_deg)
            parts += np.abs(amount)[:, None] * channel * by_direction * by_phase
    return parts * _sizes(kernel, units, trained)


def _names(normal_deg: Column, phase_deg: Column, full: bool) -> Iterator[tuple[Column, Column]]:
    """The ways to write Gabors: normal and phase of each unit whose response is theirs in part.

    A Gabor turned by 180 degrees is the same with its phase negated. A fully rectified unit is the
    sum of the units of its phase and of the opposite one.
    """
    for more_deg in (0.0, 180.0) if full else (0.0,):
        yield normal_deg, phase_deg + more_deg
        yield normal_deg + 180.0, -phase_deg - more_deg


def _near(
    values_deg: Column, grid_deg: Column, every_deg: float
) -> Float[np.ndarray, "trained unit"]:
    """1 where an angle is a family's, falling in a straight line to 0 at the next of the grid."""
    apart_deg = np.abs(wrap_deg(values_deg[:, None] - grid_deg, 360.0))
    return np.clip(1.0 - apart_deg / every_deg, 0.0, None)


def _sizes(kernel: Gabor, units: Units, trained: Units) -> Float[np.ndarray, "trained unit"]:
    """The same for scale, by its logarithm; constant beyond the family's least and greatest.

    Two Gabors have one size where the mean square frequency of their power is the same: with a
    narrow envelope the wavelength says little.
    """
    scale = trained.column(SCALE)
    sigma_px = SIGMA_PX * scale * trained.column(ENVELOPE)
    size = _frequency(kernel.wavelength_px.tune, kernel.sigma_px.tune) / _frequency(
        WAVELENGTH_PX * scale, sigma_px
    )
    scales, index = np.unique(units.column(SCALE), return_inverse=True)
    near = [np.interp(np.log(size), np.log(scales), values) for values in np.eye(len(scales))]
    return np.stack(near, 1)[:, index]


def _frequency(wavelength_px: Column | float, sigma_px: Column | float) -> Column:
    """Root of the mean square frequency of a Gabor's power, across it, in cycles per pixel."""
    return np.sqrt(wavelength_px**-2.0 + (8 * math.pi**2) ** -1 * sigma_px**-2.0)


def filter_responses(host: Host, chosen: StandIn) -> Float[np.ndarray, " unit"]:
    """Each unit's highest activation near the middle of a picture that shows its filter.

    The filter's largest part is drawn as 1 or as -1, in circuit units: whichever drives the unit
    more. Rounded to DIGITS digits.
    """
    return np.maximum(*(_responses(host, chosen, contrast) for contrast in (1.0, -1.0)))


def _responses(host: Host, chosen: StandIn, contrast: float) -> Float[np.ndarray, " unit"]:
    site, size_px = host.site(chosen.site), host.picture_input.size_px
    cells = site.height // 2, site.width // 2
    y, x = (site.offset_px + site.stride_px * cell for cell in cells)
    middle = chosen.filters.shape[-1] // 2
    half = min(middle, y, x, size_px - 1 - y, size_px - 1 - x)
    shown = slice(middle - half, middle + half + 1)
    strongest = np.abs(chosen.filters).max((1, 2, 3), keepdims=True)
    pictures = np.zeros((len(chosen.channels), 3, size_px, size_px))
    pictures[:, :, y - half : y + half + 1, x - half : x + half + 1] = (
        contrast * (chosen.filters / strongest)[:, :, shown, shown]
    )
    activations, _ = activations_on(host, (site.name,), array_like(pictures, LIKE))[
        host_source(site.name)
    ]
    near = (slice(max(0, cell - CELLS_AROUND), cell + CELLS_AROUND + 1) for cell in cells)
    about = activations[(slice(None), slice(None), *near)].amax((2, 3))
    return np.array(
        [float(f"{about[i, channel]:.{DIGITS}g}") for i, channel in enumerate(chosen.channels)]
    )
