"""A family's own ideal stimulus: a bright line at its orientation, a bright arc at its pose, or an edge between textures where it says so. What
that drives is the unit of the family's response."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float

from workbench.arrays import Array, array_like, array_namespace, detached
from workbench.compiler.circuit import Grid, Layer
from workbench.compiler.respond import Cells, Heard, Responses
from workbench.stimuli import arc, line, texture_edge
from workbench.theory.poses import SCALE, SHIFT_X, SHIFT_Y, Units

SIZE_PX = 96  # holds the receptive field of any family up to a curve detector's
WIDTH_PX = 3.0
TURNS = 4  # stimuli over which the drive is averaged, since the grid sees each a little differently
LIKE = torch.zeros((), dtype=torch.float64)  # library, dtype and device where none is given
DIGITS = 6  # of the constant: fewer than machines' arithmetic differs in


Texture = tuple[float, float]  # wavelengths, of the fine and the coarse side
# apex in pixels, direction of its normal in degrees, radius in pixels or straight, and the texture of an edge
Stimulus = tuple[tuple[float, float], float, float | None, Texture | None]


class IdealStimuli:
    """Lines and arcs, and what the families above say to them: kept, so that each family answers to each stimulus once."""

    def __init__(self, grid: Grid, like: Array, dtype: Any = None, listen: Callable[[Array], Heard] | None = None):
        """`like` says library, dtype and device; `dtype` another one for pictures and responses. `listen` gives what the host says to pictures of
        its own size, where families are bound to its units."""
        self.grid, self.like, self.dtype, self.listen = grid, like, like.dtype if dtype is None else dtype, listen
        self.size_px = grid.size_px if listen else SIZE_PX
        self.middle = (self.size_px // 2 - grid.offset_px) // grid.stride_px
        self.apex_px = grid.offset_px + grid.stride_px * self.middle
        self.seen: dict[tuple[Stimulus, ...], Responses] = {}

    def drive(self, above: Sequence[Layer], layer: Layer, radius_px: float | None, texture: Texture | None = None) -> Array:
        """Mean drive of each quarter of the layer's units to its own ideal stimulus: an edge of `texture`; else an arc of `radius_px`; else a line.

        Differentiable in torch; rounded to DIGITS where nothing is to be fitted, so that every machine writes the same constant.
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

    def _stimulus(self, units: Units, unit: int, radius_px: float | None, texture: Texture | None) -> Stimulus:
        x, y, normal_deg, bend, scale = (
            float(detached(column[unit]))
            for column in (units.column(SHIFT_X), units.column(SHIFT_Y), units.normal_deg, units.bend, units.column(SCALE))
        )
        return (self.apex_px + x, self.apex_px + y), normal_deg, None if radius_px is None else radius_px * bend * scale, texture

    def _responses(self, above: Sequence[Layer], stimuli: tuple[Stimulus, ...]) -> Responses:
        if stimuli not in self.seen:
            drawn = ideal_stimuli(stimuli, self.size_px, self.like)
            picture = array_namespace(drawn).astype(drawn, self.dtype, copy=False)
            self.seen[stimuli] = Responses.to(picture, self.grid, self.listen(picture) if self.listen else None)
        responses = self.seen[stimuli]
        for layer in above:
            if layer.family not in responses.of:
                responses.add(layer)
        return responses


def ideal_stimuli(stimuli: Sequence[Stimulus], size_px: int = SIZE_PX, like: Array = LIKE) -> Float[Array, "n 3 h w"]:
    """The pictures of stimuli, in circuit units: 1 on 0; of textures, from -1 to 1."""
    xp = array_namespace(like)
    return xp.moveaxis(xp.stack([_drawn(size_px, *stimulus, like) for stimulus in stimuli]), -1, 1)


def _drawn(
    size_px: int, apex_px: tuple[float, float], normal_deg: float, radius_px: float | None, texture: Texture | None, like: Array
) -> Float[Array, "h w 3"]:
    if texture is not None:
        return texture_edge(size_px, apex_px, normal_deg, *texture, foreground=1.0, background=-1.0, like=like)
    if radius_px is None:
        return line(size_px, apex_px, normal_deg - 90.0, width_px=WIDTH_PX, foreground=1.0, background=0.0, like=like)
    return arc(size_px, apex_px, normal_deg, radius_px, width_px=WIDTH_PX, foreground=1.0, background=0.0, like=like)
