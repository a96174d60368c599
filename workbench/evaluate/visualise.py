"""Feature visualisation: a picture made to drive one unit, trained or handwritten.

Olah, Mordvintsev & Schubert 2017, "Feature Visualization", doi 10.23915/distill.00007: gradient ascent on the picture in a space where frequencies
and colours are as independent as in photographs, under small random transformations, so that what is found is no fluke of single pixels.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Cache, Kept, known_by
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.respond import drive
from workbench.evaluate.painted import Canvas
from workbench.evaluate.run import Progress, scenes
from workbench.hosts.host import Host, Site
from workbench.pictures import Picture
from workbench.splice.scene import scene

STEPS = 96
RATE = 0.08  # of Adam, on coefficients whose start has a standard deviation of CONTRAST
SEARCH = 0.5  # part of the steps in which the cells about the middle count too: a unit that is silent at the middle has no slope there
SEARCH_CELLS = 3.0  # how far about the middle at first; fewer and fewer until that part of the steps is over
JITTER_PX, TURN_DEG, RESIZED = 4.0, 4.0, 0.06  # largest move, turn and change of size of each step
JITTER_SHARE = 0.07  # of the window's side, which no move exceeds: one of half a wavelength would leave a first filter no phase to climb to
KEPT = 8  # steps between two states that are kept: some seconds
ASCENT, COEFFICIENTS, RANDOM = "ascent", "coefficients", "random"  # the kind of cache entry, and what it has besides Adam's own
NEAR = 1  # cells about the middle, of which the highest counts

Objective = Callable[[Float[Tensor, "n 3 h w"], float], Float[Tensor, " n"]]  # pictures and how far the steps are -> what is to grow


def visualise(
    made: Canvas,
    objective: Objective,
    count: int,
    seed: int = 0,
    steps: int = STEPS,
    progress: Progress | None = None,
    cache: Cache | None = None,
    key: str = "",
) -> Float[Tensor, "n 3 h w"]:
    """The windows that make `objective` grow, one for each of `count` units, RGB 0..255, after `steps` of Adam from noise.

    With a cache the state is kept every KEPT steps and at the end, under a `key` of all that `objective` depends on: an ascent that was interrupted
    goes on from there to the same windows.
    """
    generator = torch.Generator().manual_seed(seed)
    coefficients = made.start(count, seed).requires_grad_(True)
    jitter_px = min(JITTER_PX, JITTER_SHARE * made.side_px)
    ascent = torch.optim.Adam([coefficients], lr=RATE)
    kept, first = Kept(cache, ASCENT, known_by(key, made, made.colours.tolist(), count, seed, steps)), 0
    if state := kept.read(ASCENT):
        first = _restore(state, coefficients, ascent, generator)
        if progress:
            progress(first)
    for step in range(first, steps):
        ascent.zero_grad()
        shown = transformed(made.picture(made.window(coefficients)), made.middle_px, generator, jitter_px)
        (-objective(shown, step / steps).sum()).backward()
        ascent.step()
        if cache and ((step + 1) % KEPT == 0 or step + 1 == steps):
            kept.write(ASCENT, _state(coefficients, ascent, generator))
        if progress:
            progress(1)
    with torch.no_grad():
        return made.window(coefficients)


def _state(coefficients: Tensor, ascent: torch.optim.Adam, generator: torch.Generator) -> dict[str, np.ndarray]:
    """All that the next step depends on."""
    adam = {name: value.numpy() for name, value in ascent.state[coefficients].items()}
    return {COEFFICIENTS: coefficients.detach().numpy(), RANDOM: generator.get_state().numpy(), **adam}


def _restore(state: Mapping[str, np.ndarray], coefficients: Tensor, ascent: torch.optim.Adam, generator: torch.Generator) -> int:
    """Back to a state of the same ascent; gives the steps that it took."""
    kept = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
    generator.set_state(kept.pop(RANDOM))
    with torch.no_grad():
        coefficients.copy_(kept.pop(COEFFICIENTS))
    ascent.state[coefficients] = kept
    return int(kept["step"])


def transformed(
    rgb: Float[Tensor, "n 3 h w"], middle_px: tuple[int, int], generator: torch.Generator, jitter_px: float = JITTER_PX
) -> Float[Tensor, "n 3 h w"]:
    """The pictures moved by up to `jitter_px`, turned about the middle and resized a little, all in the same way; borders are repeated."""
    move_x, move_y, turn, size = (2 * torch.rand(4, generator=generator) - 1).tolist()
    angle, scale = math.radians(turn * TURN_DEG), 1 + size * RESIZED
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    line = torch.arange(rgb.shape[-1], dtype=rgb.dtype)
    x, y = line[None, :] - middle_px[0] - move_x * jitter_px, line[:, None] - middle_px[1] - move_y * jitter_px
    source = torch.stack([middle_px[0] + x * cos - y * sin, middle_px[1] + x * sin + y * cos], -1)
    grid = (2 * source / (rgb.shape[-1] - 1) - 1).expand(len(rgb), -1, -1, -1)
    return F.grid_sample(rgb, grid, padding_mode="border", align_corners=True)


def of_trained(host: Host, site: Site, channels: Sequence[int]) -> Objective:
    """What each picture's own unit says at the middle cell; in the first SEARCH of the steps, on the cells about it too."""
    own = list(range(len(channels)))
    row, column = torch.arange(site.height) - site.height // 2, torch.arange(site.width) - site.width // 2
    apart = torch.hypot(row[:, None].float(), column[None, :].float())

    def objective(rgb: Tensor, done: float) -> Tensor:
        said = host.activations(host.input.encode(rgb), site.name)[site.name][own, list(channels)]
        if done >= SEARCH:
            return said[:, site.height // 2, site.width // 2]
        weight = torch.exp(-((apart / (SEARCH_CELLS * (1 - done / SEARCH))) ** 2) / 2)
        return (said * weight).sum((1, 2)) / weight.sum()

    return objective


def of_handwritten(host: Host, circuit: HandwrittenCircuit, units: Sequence[int]) -> Objective:
    """The drive of each picture's own handwritten unit at the middle cell."""
    row, column = circuit.grid.height // 2, circuit.grid.width // 2

    def objective(rgb: Tensor, done: float) -> Tensor:
        return drive(circuit, rgb, host.input.mean_rgb)[list(range(len(units))), list(units), row, column]

    return objective


@dataclass(frozen=True)
class Answers:
    """What the units say: highest within NEAR cells of the middle of each picture that was made, and anywhere on photographs."""

    trained: Float[np.ndarray, "made unit"]
    handwritten: Float[np.ndarray, "made unit"]
    best_trained: Float[np.ndarray, " unit"]
    best_handwritten: Float[np.ndarray, " unit"]


def answers(
    host: Host,
    circuit: HandwrittenCircuit,
    made: Float[Tensor, "made 3 s s"],
    pictures: Sequence[Picture],
    progress: Progress,
    cache: Cache | None = None,
) -> Answers:
    """All units of the circuit, trained and handwritten (drives), on pictures that were made and on photographs; those are told to `progress`."""
    row, column, circuits = circuit.grid.height // 2, circuit.grid.width // 2, {"spliced": circuit}
    peaks = []
    for here in scenes(host, circuits, pictures, progress=progress, cache=cache):
        peaks.append(torch.stack([here.trained.amax((0, 2, 3)), here.drives["spliced"].amax((0, 2, 3))]))
    with torch.inference_mode():
        here = scene(host, circuits, host.input.encode(made), torch.zeros(len(made), dtype=torch.long))
    near = (..., slice(row - NEAR, row + NEAR + 1), slice(column - NEAR, column + NEAR + 1))
    trained, handwritten = (value[near].amax((2, 3)).double().numpy() for value in (here.trained, here.drives["spliced"]))
    best_trained, best_handwritten = torch.stack(peaks).amax(0).double().numpy()
    return Answers(trained, handwritten, best_trained, best_handwritten)
