"""Drawn stimuli for trained units and the families of a theory: contours, arcs and gratings.

They are bright, dark and coloured. Every stimulus is shown in every pose and at a few places. A
unit's response is its highest about the middle of the picture, so that neither a unit's phase nor
its place within a cell matters. No photograph is shown and no weight is read.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Cache, Kept, cache_key
from workbench.code import code_version
from workbench.compiler.circuit import Grid, HandwrittenCircuit
from workbench.compiler.plan import layer_keys
from workbench.compiler.respond import Cells, HostActivations, cells_of
from workbench.compiler.window import families_about
from workbench.engine import Engine, here
from workbench.hosts.host import Host
from workbench.hosts.named import cache_of
from workbench.matching.nearest import Answers, Group
from workbench.progress import Progress
from workbench.vision.stimuli.canvas import Point
from workbench.vision.survey import gratings, trials
from workbench.vision.survey.arcs import CELLS_AROUND
from workbench.vision.survey.responses import BATCH, activations

RADII_PX = (*trials.RADII_PX[::2], trials.STRAIGHT_RADIUS_PX)
WAVELENGTHS_PX, PHASES_DEG = gratings.WAVELENGTHS_PX[1::2], gratings.PHASES_DEG[::2]
ANSWERS = "answers"  # the kind of cache entry
# A contour is moved along its normal by about a third of a stride of 8 px, so that it meets the
# middle of a cell.
SHIFTS_PX = (-3.0, 0.0, 3.0)

CONTOURS = (
    *itertools.product(trials.FILLS, trials.POLARITIES, RADII_PX),
    *itertools.product(trials.FILLS, trials.COLOURS, RADII_PX[-1:]),
)
PLAIN = tuple(contour for contour in CONTOURS if contour[1] in trials.POLARITIES)  # without colour
GRATINGS = tuple(itertools.product(gratings.CONTRAST, WAVELENGTHS_PX))

Respond = Callable[[Float[Tensor, "n 3 h w"]], HostActivations]  # of pictures RGB 0..255


@dataclass(frozen=True)
class DrawnStimuli:
    """The stimuli that are shown.

    contours   fill, polarity or colour, and radius of each group
    waves      channel and wavelength of each group of gratings
    shifts_px  how far contours are moved along their normal
    """

    contours: Sequence[tuple[str, str, float]] = CONTOURS
    waves: Sequence[tuple[str, float]] = GRATINGS
    shifts_px: Sequence[float] = SHIFTS_PX


ALL_STIMULI = DrawnStimuli()


def answers(
    host: Host,
    circuit: HandwrittenCircuit,
    sites: Sequence[str],
    progress: Progress,
    cache: Cache | None = None,
) -> Answers:
    """The tuning of every unit of `sites` and of every family of the circuit.

    `progress` advances by the groups of stimuli as they are done. With a cache, known tuning is
    read from it, and an interrupted run continues with the next group.
    """
    names = [
        *(f"site {name}" for name in sites),
        *(f"family {layer.family}" for layer in circuit.layers),
    ]
    cache = cache_of(host.name, cache)
    key = (
        cache_key(code_version(), host.facts, names, circuit.grid, *layer_keys(circuit))
        if cache
        else ""
    )
    groups, whole = tuning(
        host,
        circuit.grid,
        _trained_and_handwritten(host, circuit, sites),
        progress,
        kept=Kept(cache, ANSWERS, key),
    )
    of_sites = {site: whole[f"site {site}"] for site in sites}
    return Answers(
        groups,
        of_sites,
        {layer.family: whole[f"family {layer.family}"] for layer in circuit.layers},
    )


def _trained_and_handwritten(
    host: Host, circuit: HandwrittenCircuit, sites: Sequence[str]
) -> Respond:
    """The function that gives the responses of all units of `sites` and of all families."""

    def respond(rgb: Float[Tensor, "n 3 h w"]) -> HostActivations:
        trained = activations(host, rgb, sites)
        handwritten = about_middle(circuit, host, rgb)
        cells = {name: cells_of(host.site(name)) for name in trained}
        return {
            **{f"site {name}": (value, cells[name]) for name, value in trained.items()},
            **{f"family {name}": value for name, value in handwritten.items()},
        }

    return respond


def about_middle(
    circuit: HandwrittenCircuit, host: Host, rgb: Float[Tensor, "n 3 h w"], rectified: bool = True
) -> HostActivations:
    """Each family's response, as `families`, on the cells about the middle that tuning reads."""
    middle = _middle_cell(circuit.grid)
    return families_about(
        circuit, rgb, host.picture_input.mean_rgb, middle, CELLS_AROUND, rectified
    )


def tuning(
    host: Host,
    grid: Grid,
    respond: Respond,
    progress: Progress,
    stimuli: DrawnStimuli = ALL_STIMULI,
    kept: Kept | None = None,
    engine: Engine = here,
) -> tuple[tuple[Group, ...], dict[str, Float[np.ndarray, "stimulus unit"]]]:
    """The groups of stimuli, and the tuning of everything that `respond` gives, by its names.

    `progress` advances by the groups as they are done. Each group is kept by its name in `kept`,
    whose key must hold all that `respond` depends on. `engine` computes groups in this process.
    """
    kept = kept or Kept(None, ANSWERS, "")
    middle, rows = _middle(grid), dict[str, list[np.ndarray]]()
    groups = list(_groups(host, middle, stimuli))

    def highest(group: Group, shown: Iterator[Float[Tensor, "n 3 h w"]]) -> dict[str, np.ndarray]:
        batches = [_highest(respond, rgb, middle, len(group.normals_deg)) for rgb in shown]
        return {name: np.max([row[name] for row in batches], axis=0) for name in batches[0]}

    for row in engine(lambda item: kept.once(item[0].name, partial(highest, *item)), groups):
        for name, values in row.items():
            rows.setdefault(name, []).append(values)
        progress(1)
    return tuple(group for group, _ in groups), {
        name: np.concatenate(each) for name, each in rows.items()
    }


def _middle_cell(grid: Grid) -> tuple[int, int]:
    """Row and column of the middle cell."""
    return grid.height // 2, grid.width // 2


def _middle(grid: Grid) -> Point:
    """Input pixel (x, y) at the centre of the middle cell."""
    y, x = (float(grid.offset_px + grid.stride_px * index) for index in _middle_cell(grid))
    return x, y


def group_count() -> int:
    """Groups of stimuli that `answers` shows."""
    return len(CONTOURS) + len(GRATINGS)


def _groups(
    host: Host, middle: Point, stimuli: DrawnStimuli = ALL_STIMULI
) -> Iterator[tuple[Group, Iterator[Float[Tensor, "n 3 h w"]]]]:
    """Each group with its pictures, a batch for each place.

    A batch has the directions in order, each of them once or several times in a row.
    """
    for contour in stimuli.contours:
        fill, polarity, radius_px = contour
        straight = radius_px == trials.STRAIGHT_RADIUS_PX
        # the two sides of a straight line are alike: half of the directions suffice
        count = len(trials.DIRECTIONS_DEG) // (2 if straight and fill == "line" else 1)
        normals = trials.DIRECTIONS_DEG[:count]
        group = Group(
            f"{polarity} {fill}, {'straight' if straight else f'{radius_px:g} px'}",
            tuple(map(float, normals)),
        )
        yield group, _contours(host, contour, normals, middle, stimuli.shifts_px)
    for channel, wavelength_px in stimuli.waves:
        group = Group(
            f"{channel} grating, {wavelength_px:g} px",
            tuple(map(float, gratings.ORIENTATIONS_DEG + 90)),
        )
        # drawn only when it is read
        drawn = (gratings.draw(host, *wave, PHASES_DEG) for wave in [(channel, wavelength_px)])
        yield group, drawn


def _contours(
    host: Host,
    contour: tuple[str, str, float],
    normals_deg: Float[np.ndarray, " n"],
    middle: Point,
    shifts_px: Sequence[float],
) -> Iterator[Float[Tensor, "n 3 h w"]]:
    turn = torch.deg2rad(torch.as_tensor(normals_deg))
    for shift_px in shifts_px:
        at = middle[0] + shift_px * torch.cos(turn), middle[1] + shift_px * torch.sin(turn)
        yield trials.draw(host.picture_input.size_px, *contour, normals_deg, at).float()


def _highest(
    respond: Respond, rgb: Float[Tensor, "n 3 h w"], middle: Point, directions: int
) -> dict[str, Float[np.ndarray, "direction unit"]]:
    """Each unit's highest response within a cell of the middle, in each direction.

    BATCH pictures are shown at a time: more would only take more memory.
    """
    shown = [_about(respond(batch), middle) for batch in rgb.split(BATCH)]
    return {
        name: torch.cat([batch[name] for batch in shown])
        .unflatten(0, (directions, -1))
        .amax(1)
        .numpy()
        for name in shown[0]
    }


def _about(responses: HostActivations, middle: Point) -> dict[str, Float[Tensor, "n unit"]]:
    """Each unit's highest response within a cell of the middle, to each picture."""
    return {
        name: value[:, :, _near(rows, middle[1]), _near(columns, middle[0])].amax((2, 3))
        for name, (value, (rows, columns)) in responses.items()
    }


def _near(cells: Cells, at_px: float) -> slice:
    nearest = min(max(round((at_px - cells.offset_px) / cells.stride_px), 0), cells.count - 1)
    return slice(max(0, nearest - CELLS_AROUND), nearest + CELLS_AROUND + 1)
