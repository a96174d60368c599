"""A family's own ideal stimulus, and the drive from it, which is the unit of its response.

The stimulus is a bright line at the orientation, a bright arc at the pose, an edge between
textures where the spec has one, or an edge or a spot in the unit's own colour.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float

from workbench.arrays import Array, array_like, array_namespace, detached
from workbench.compiler.circuit import Grid, Layer
from workbench.compiler.layer import Ideal
from workbench.compiler.respond import Cells, HostActivations, Responses
from workbench.spec.size import SIZE_PX, TURNS
from workbench.theory.poses import PHASE, SCALE, SHIFT_X, SHIFT_Y, Units
from workbench.theory.rule import opponent
from workbench.vision.stimuli import (
    Stroke,
    Textures,
    arc,
    colour_edge,
    line,
    spot,
    texture_edge,
)

STROKE = Stroke(width_px=3.0, foreground=1.0, background=0.0)
LIKE = torch.zeros((), dtype=torch.float64)  # library, dtype and device where none is given
DIGITS = 6  # of the constant: arithmetic differs among machines in later ones


Texture = tuple[float, float]  # wavelengths of the fine and the coarse side in pixels


class Stimulus(NamedTuple):
    """A stimulus at a unit's pose: its apex, the direction of its normal, and its kind.

    radius_px  of an arc, or None where it is straight
    texture    of an edge between textures
    spot_px    radius of a disc
    colour     (red, green, blue) from -1 to 1 of the disc, or of an edge's side towards the normal
    """

    apex_px: tuple[float, float]
    normal_deg: float
    radius_px: float | None = None
    texture: Texture | None = None
    spot_px: float | None = None
    colour: tuple[float, float, float] | None = None


class IdealStimuli:
    """Ideal stimuli, and the families' responses to them.

    Responses are kept, so that each family is run on each stimulus once.
    """

    def __init__(
        self,
        grid: Grid,
        like: Array,
        dtype: Any = None,
        host_activations: Callable[[Array], HostActivations] | None = None,
    ):
        """Arrays are like `like`; pictures and responses may have another `dtype`.

        `host_activations` gives the host's activations on pictures of its own size, where families
        are bound to its units.
        """
        self.grid, self.like, self.host_activations = grid, like, host_activations
        self.dtype = like.dtype if dtype is None else dtype
        self.size_px = grid.size_px if host_activations else SIZE_PX
        self.middle = (self.size_px // 2 - grid.offset_px) // grid.stride_px
        self.apex_px = grid.offset_px + grid.stride_px * self.middle
        self.responses: dict[tuple[Stimulus, ...], Responses] = {}

    def drive(
        self,
        above: Sequence[Layer],
        layer: Layer,
        kind: Ideal,
    ) -> Array:
        """Mean drive of the layer's units by their own ideal stimuli of a kind.

        The mean is over TURNS of the units, evenly spaced among them. The result is differentiable
        in torch. Where nothing is to be fitted it is rounded to DIGITS, so that every machine
        writes the same constant.
        """
        units = layer.units
        chosen = [(len(units) * turn) // TURNS for turn in range(TURNS)]
        stimuli = tuple(self._stimulus(units, unit, kind) for unit in chosen)
        responses = self._responses(above, stimuli)
        here = Cells(self.apex_px, layer.stride_px, 1), Cells(self.apex_px, layer.stride_px, 1)
        drive = responses.drive(layer, here)
        xp = array_namespace(drive)
        ideal = xp.mean(xp.stack([drive[turn, unit, 0, 0] for turn, unit in enumerate(chosen)]))
        fitted = getattr(ideal, "requires_grad", False)  # torch's alone has it
        return array_like(ideal if fitted else float(f"{float(ideal):.{DIGITS}g}"), self.like)

    def _stimulus(self, units: Units, unit: int, kind: Ideal) -> Stimulus:
        x, y, normal_deg, bend, scale = (
            float(detached(column[unit]))
            for column in (
                units.column(SHIFT_X),
                units.column(SHIFT_Y),
                units.normal_deg,
                units.bend,
                units.column(SCALE),
            )
        )
        coloured = kind.coloured or kind.spot_px is not None
        return Stimulus(
            (self.apex_px + x, self.apex_px + y),
            normal_deg,
            None if kind.radius_px is None else kind.radius_px * bend * scale,
            kind.texture,
            None if kind.spot_px is None else kind.spot_px * scale,
            self._colour(units, unit) if coloured else None,
        )

    def _colour(self, units: Units, unit: int) -> tuple[float, float, float]:
        """The unit's own colour, its strongest part 1 or -1; at phase 180 the opposite."""
        rgb = [float(part) for part in detached(opponent(units, self.like)[unit, ...])]
        sign = -1.0 if abs(float(detached(units.column(PHASE)[unit])) - 180.0) < 90.0 else 1.0
        red, green, blue = (sign * part / max(map(abs, rgb)) for part in rgb)
        return red, green, blue

    def _responses(self, above: Sequence[Layer], stimuli: tuple[Stimulus, ...]) -> Responses:
        if stimuli not in self.responses:
            drawn = ideal_stimuli(stimuli, self.size_px, self.like)
            picture = array_namespace(drawn).astype(drawn, self.dtype, copy=False)
            activations = self.host_activations(picture) if self.host_activations else None
            self.responses[stimuli] = Responses.to(picture, self.grid, activations)
        responses = self.responses[stimuli]
        for layer in above:
            if layer.family not in responses.of:
                responses.add(layer)
        return responses


def ideal_stimuli(
    stimuli: Sequence[Stimulus], size_px: int = SIZE_PX, like: Array = LIKE
) -> Float[Array, "n 3 h w"]:
    """Pictures of stimuli in circuit units: contours are 1 on 0, textures from -1 to 1."""
    xp = array_namespace(like)
    return xp.moveaxis(xp.stack([_drawn(size_px, stimulus, like) for stimulus in stimuli]), -1, 1)


def _drawn(size_px: int, stimulus: Stimulus, like: Array) -> Float[Array, "h w 3"]:
    at_px, normal_deg, radius_px, texture, spot_px, colour = stimulus
    if texture is not None:
        textures = Textures(*texture)
        return texture_edge(
            size_px, at_px, normal_deg, textures, foreground=1.0, background=-1.0, like=like
        )
    if colour is not None and spot_px is not None:
        return spot(size_px, at_px, spot_px, colour, 0.0, like=like)
    if colour is not None:
        opposite = tuple(-part for part in colour)
        return colour_edge(size_px, at_px, normal_deg - 90.0, colour, opposite, like=like)
    if radius_px is None:
        return line(size_px, at_px, normal_deg - 90.0, stroke=STROKE, like=like)
    return arc(size_px, at_px, normal_deg, radius_px, stroke=STROKE, like=like)
