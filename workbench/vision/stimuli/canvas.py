"""The square on which a stimulus is drawn: pixel coordinates, soft edges, and paint.

Written to the array API standard.

A parameter is a number, or an array of `n` numbers, which draws `n` pictures. A colour is a grey
0..255, an RGB triple, an array `n 1` or `n 3` of one colour a picture, or a whole picture `h w 3`.
"""

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj
from jaxtyping import Float, Real

from workbench.errors import WorkbenchError

Number: TypeAlias = float | Real[Any, "*n"]
Point: TypeAlias = tuple[Number, Number]
Colour: TypeAlias = float | Sequence[float] | Real[Any, "..."]
Plane: TypeAlias = Float[Any, "*n h w"]
RGB: TypeAlias = Float[Any, "*n h w 3"]

MID_GREY = 127.0
EDGE_PX = 1.0  # width of a smooth edge: one pixel, as an area sampled by a camera has
TINY_PX2 = 1e-12  # keeps the gradient of a length finite where the length is 0


class Canvas:
    """The square on which one stimulus, or one for each of `n` parameters, is drawn.

    It is `size_px` pixels wide. The library, floating dtype and device are those of `like`, or else
    of the first array among `parameters`, or else NumPy's.
    """

    def __init__(self, size_px: int, *parameters: Any, like: Any = None):
        if size_px < 1:
            raise WorkbenchError("stimulus", f"size_px {size_px}", "at least 1")
        self.size_px = size_px
        arrays = [value for value in (like, *parameters) if is_array_api_obj(value)]
        guide = arrays[0] if arrays else np.zeros(())
        self.xp: ModuleType = array_namespace(guide)
        self.device = device(guide)
        self.dtype = (
            guide.dtype if self.xp.isdtype(guide.dtype, "real floating") else self.xp.float32
        )

    def array(self, value: Any) -> Any:
        """A value as an array of this canvas's library, keeping its gradient."""
        if is_array_api_obj(value) and array_namespace(value) is self.xp:
            return self.xp.astype(value, self.dtype)
        return self.xp.asarray(value, dtype=self.dtype, device=self.device)

    def parameter(self, value: Number) -> Any:
        """A parameter with two more axes at its end, to broadcast with `h w`.

        Raises WorkbenchError for more than one axis.
        """
        array = self.array(value)
        if array.ndim > 1:
            raise WorkbenchError(
                "stimulus", f"a parameter of shape {tuple(array.shape)}", "a number or n numbers"
            )
        return array[..., None, None]

    def seen_from(self, point_px: Point, direction_deg: Number) -> tuple[Plane, Plane]:
        """Each pixel's coordinates (along, across) from a point, in pixels.

        `along` grows in the direction, `across` in the direction plus 90 degrees.
        """
        index = self.xp.arange(self.size_px, dtype=self.dtype, device=self.device)
        x, y = (
            index[None, :] - self.parameter(point_px[0]),
            index[:, None] - self.parameter(point_px[1]),
        )
        angle = self.parameter(direction_deg) * (math.pi / 180)
        cos, sin = self.xp.cos(angle), self.xp.sin(angle)
        return x * cos + y * sin, y * cos - x * sin

    def length(self, x: Any, y: Any) -> Any:
        """Length of the vector (x, y), with a finite gradient at 0."""
        return self.xp.sqrt(x * x + y * y + TINY_PX2)

    def step(self, inside_px: Plane) -> Plane:
        """A ramp from 0 to 1 across an edge of EDGE_PX: 1/2 on the edge.

        Its slope is continuous (smoothstep).
        """
        ramp = self.xp.clip(inside_px / EDGE_PX + 0.5, 0.0, 1.0)
        return ramp * ramp * (3 - 2 * ramp)

    def window(self, distance_px: Plane, window_px: Number) -> Plane:
        """A Gaussian window with standard deviation `window_px`."""
        return self.xp.exp(-((distance_px / self.parameter(window_px)) ** 2) / 2)

    def paint(self, coverage: Plane, foreground: Colour, background: Colour) -> RGB:
        """The foreground where `coverage` is 1, the background where it is 0; a mixture between."""
        front, back = self._colour(foreground), self._colour(background)
        white = self.xp.ones((3,), dtype=self.dtype, device=self.device)
        return (back + coverage[..., None] * (front - back)) * white

    def _colour(self, colour: Colour) -> Any:
        array = self.array(colour)
        if array.ndim == 2:
            array = array[:, None, None, :]
        if array.ndim and array.shape[-1] not in (1, 3):
            raise WorkbenchError(
                "stimulus",
                f"a colour of shape {tuple(array.shape)}",
                "a grey, an RGB triple, or an array that ends in 1 or 3",
            )
        return array
