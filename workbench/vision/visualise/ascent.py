"""Gradient ascent to a picture that activates one unit.

Olah, Mordvintsev & Schubert 2017, "Feature Visualization", doi 10.23915/distill.00007: the picture
is optimised in a space where frequencies and colours are as independent as in photographs, and
under small random transformations, so that the result does not depend on single pixels.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Cache, Kept, cache_key
from workbench.progress import Progress
from workbench.vision.visualise.canvas import Canvas

STEPS = 96
RATE = 0.08  # of Adam, on coefficients whose start has a standard deviation of CONTRAST
# Largest shift, rotation and relative change of size of a step.
JITTER_PX, TURN_DEG, RESIZED = 4.0, 4.0, 0.06
# Largest shift as a share of the window's side: shifts of half a wavelength would leave a small
# first-layer filter no phase to converge to.
JITTER_SHARE = 0.07
KEPT = 8  # steps between two states in the cache: some seconds
ASCENT = "ascent"  # kind of cache entry, and the name of a state
COEFFICIENTS, RANDOM = "coefficients", "random"  # arrays of a state besides those of Adam

# From pictures and the share of steps that are done to the values to maximise.
Objective = Callable[[Float[Tensor, "n 3 h w"], float], Float[Tensor, " n"]]


def ascend(
    made: Canvas,
    objective: Objective,
    count: int,
    seed: int = 0,
    steps: int = STEPS,
    progress: Progress | None = None,
    cache: Cache | None = None,
    key: str = "",
) -> Float[Tensor, "n 3 h w"]:
    """Maximise `objective` with Adam, from noise, in one window for each of `count` units.

    The windows are RGB 0..255. With a cache the state is stored every KEPT steps and at the end,
    under a `key` of everything that `objective` depends on; an interrupted ascent continues from
    there to the same windows.
    """
    generator = torch.Generator().manual_seed(seed)
    coefficients = made.start(count, seed).requires_grad_(True)
    jitter_px = min(JITTER_PX, JITTER_SHARE * made.side_px)
    ascent = torch.optim.Adam([coefficients], lr=RATE)
    key = cache_key(key, made, made.colours.tolist(), count, seed, steps)
    kept, first = Kept(cache, ASCENT, key), 0
    if state := kept.read(ASCENT):
        first = _restore(state, coefficients, ascent, generator)
        if progress:
            progress(first)
    for step in range(first, steps):
        ascent.zero_grad()
        shown = transformed(
            made.picture(made.window(coefficients)), made.middle_px, generator, jitter_px
        )
        (-objective(shown, step / steps).sum()).backward()
        ascent.step()
        if cache and ((step + 1) % KEPT == 0 or step + 1 == steps):
            kept.write(ASCENT, _state(coefficients, ascent, generator))
        if progress:
            progress(1)
    with torch.no_grad():
        return made.window(coefficients)


def _state(
    coefficients: Tensor, ascent: torch.optim.Adam, generator: torch.Generator
) -> dict[str, np.ndarray]:
    """Everything that the next step depends on."""
    adam = {name: value.numpy() for name, value in ascent.state[coefficients].items()}
    return {
        COEFFICIENTS: coefficients.detach().numpy(),
        RANDOM: generator.get_state().numpy(),
        **adam,
    }


def _restore(
    state: Mapping[str, np.ndarray],
    coefficients: Tensor,
    ascent: torch.optim.Adam,
    generator: torch.Generator,
) -> int:
    """Continue from a state of the same ascent; return the steps that were done."""
    kept = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
    generator.set_state(kept.pop(RANDOM))
    with torch.no_grad():
        coefficients.copy_(kept.pop(COEFFICIENTS))
    ascent.state[coefficients] = kept
    return int(kept["step"])


def transformed(
    rgb: Float[Tensor, "n 3 h w"],
    middle_px: tuple[int, int],
    generator: torch.Generator,
    jitter_px: float = JITTER_PX,
) -> Float[Tensor, "n 3 h w"]:
    """The pictures, shifted by up to `jitter_px`, rotated about the middle and resized a little.

    All pictures are transformed in the same way; pixels of their borders are repeated.
    """
    move_x, move_y, turn, size = (2 * torch.rand(4, generator=generator) - 1).tolist()
    angle, scale = math.radians(turn * TURN_DEG), 1 + size * RESIZED
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    line = torch.arange(rgb.shape[-1], dtype=rgb.dtype)
    x, y = (
        line[None, :] - middle_px[0] - move_x * jitter_px,
        line[:, None] - middle_px[1] - move_y * jitter_px,
    )
    source = torch.stack([middle_px[0] + x * cos - y * sin, middle_px[1] + x * sin + y * cos], -1)
    grid = (2 * source / (rgb.shape[-1] - 1) - 1).expand(len(rgb), -1, -1, -1)
    return F.grid_sample(rgb, grid, padding_mode="border", align_corners=True)
