"""A family's own ideal stimulus, and the drive from it, which is the unit of its response.

The stimulus is a bright line at the orientation, a bright arc at the pose, or an edge between
textures where the spec has one.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float

from workbench.arrays import Array, array_like, array_namespace, detached
from workbench.compiler.circuit import Grid, Layer
from workbench.compiler.respond import Cells, HostActivations, Responses
from workbench.spec.size import SIZE_PX, TURNS
from workbench.theory.poses import SCALE, SHIFT_X, SHIFT_Y, Units
from workbench.vision.stimuli import Stroke, Textures, arc, line, texture_edge

STROKE = Stroke(width_px=3.0, foreground=1.0, background=0.0)
LIKE = torch.zeros((), dtype=torch.float64)  # library, dtype and device where none is given
DIGITS = 6  # of the constant: arithmetic differs among machines in later ones


Texture = tuple[float, float]  # wavelengths of the fine and the coarse side in pixels
# apex in pixels, direction of its normal in degrees, radius in pixels (None: straight), and the
# texture of an edge
Stimulus = tuple[tuple[float, float], float, float | None, Texture | None]


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
        radius_px: float | None,
        texture: Texture | None = None,
    ) -> Array:
        """Mean drive of the layer's units by their own ideal stimuli.

        The mean is over TURNS of the units, evenly spaced among them. Their stimuli are edges of
        `texture`, else arcs of `radius_px`, else lines. The result is differentiable in torch.
        Where nothing is to be fitted it is rounded to DIGITS, so that every machine writes the same
        constant.
        """
        units = layer.units
        chosen = [(len(units) * turn) // TURNS for turn in range(TURNS)]
        stimuli = tuple(self._stimulus(units, unit, radius_px, texture) for unit in chosen)
        responses = self._responses(above, stimuli)
        here = Cells(self.apex_px, layer.stride_px, 1), Cells(self.apex_px, layer.stride_px, 1)
        drive = responses.drive(layer, here)
        xp = array_namespace(drive)
        ideal = xp.mean(xp.stack([drive[turn, unit, 0, 0] for turn, unit in enumerate(chosen)]))
        fitted = getattr(ideal, "requires_grad", False)  # torch's alone has it
        return array_like(ideal if fitted else float(f"{float(ideal):.{DIGITS}g}"), self.like)

    def _stimulus(
        self, units: Units, unit: int, radius_px: float | None, texture: Texture | None
    ) -> Stimulus:
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
        return (
            (self.apex_px + x, self.apex_px + y),
            normal_deg,
            None if radius_px is None else radius_px * bend * scale,
            texture,
        )

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
    return xp.moveaxis(xp.stack([_drawn(size_px, *stimulus, like) for stimulus in stimuli]), -1, 1)


def _drawn(
    size_px: int,
    apex_px: tuple[float, float],
    normal_deg: float,
    radius_px: float | None,
    texture: Texture | None,
    like: Array,
) -> Float[Array, "h w 3"]:
    if texture is not None:
        textures = Textures(*texture)
        return texture_edge(
            size_px, apex_px, normal_deg, textures, foreground=1.0, background=-1.0, like=like
        )
    if radius_px is None:
        return line(size_px, apex_px, normal_deg - 90.0, stroke=STROKE, like=like)
    return arc(size_px, apex_px, normal_deg, radius_px, stroke=STROKE, like=like)
