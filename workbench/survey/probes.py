"""One set of stimuli before trained units and the families of a theory alike: contours, arcs and gratings, bright, dark and coloured.

Every stimulus is shown in every pose and at a few places; what counts is a unit's highest answer about the middle of the picture, so that
neither a unit's phase nor where it stands in its cell matters. No photograph is shown and no weight is read.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Cache, known_by
from workbench.code import computed_by
from workbench.compiler.circuit import Grid, HandwrittenCircuit
from workbench.compiler.families import families
from workbench.compiler.plan import layer_keys
from workbench.compiler.respond import Cells, Heard, cells_of
from workbench.evaluate.matching import Answers, Group
from workbench.hosts.host import Host
from workbench.hosts.named import cache_of
from workbench.stimuli.canvas import Point
from workbench.survey import gratings, trials
from workbench.survey.arcs import CELLS_AROUND
from workbench.survey.responses import activations

RADII_PX = (*trials.RADII_PX[::2], trials.STRAIGHT_RADIUS_PX)
WAVELENGTHS_PX, PHASES_DEG = gratings.WAVELENGTHS_PX[1::2], gratings.PHASES_DEG[::2]
ANSWERS = "answers"  # the kind of cache entry
SHIFTS_PX = (-3.0, 0.0, 3.0)  # of a contour along its normal: about a third of a stride of 8 px, so that it meets the middle of some cell

CONTOURS = (
    *itertools.product(trials.FILLS, trials.POLARITIES, RADII_PX),
    *itertools.product(trials.FILLS, trials.COLOURS, RADII_PX[-1:]),
)
PLAIN = tuple(contour for contour in CONTOURS if contour[1] in trials.POLARITIES)  # without colour
GRATINGS = tuple(itertools.product(gratings.CONTRAST, WAVELENGTHS_PX))


def answers(
    host: Host, circuit: HandwrittenCircuit, sites: Sequence[str], progress: Callable[[int], None], cache: Cache | None = None
) -> Answers:
    """The tuning of every unit of `sites` and of every family of the circuit; `progress` is told of the groups of stimuli as they are done. With a
    cache, a host and a circuit that were asked before are not asked again, and an interrupted run goes on group by group."""
    names = [*(f"site {name}" for name in sites), *(f"family {layer.family}" for layer in circuit.layers)]
    cache = cache_of(host.name, cache)
    key = known_by(computed_by(), host.facts, names, circuit.grid, *layer_keys(circuit)) if cache else ""
    groups, whole = tuning(host, circuit.grid, _both(host, circuit, sites), progress, cache=cache, key=key)
    of_sites = {site: whole[f"site {site}"] for site in sites}
    return Answers(groups, of_sites, {layer.family: whole[f"family {layer.family}"] for layer in circuit.layers})


def _both(host: Host, circuit: HandwrittenCircuit, sites: Sequence[str]) -> Callable[[Float[Tensor, "n 3 h w"]], Heard]:
    """What all units of `sites` and all families say to pictures RGB 0..255."""

    def said(rgb: Float[Tensor, "n 3 h w"]) -> Heard:
        trained, handwritten = activations(host, rgb, sites), families(circuit, rgb, host.input.mean_rgb)
        return {
            **{f"site {name}": (value, cells_of(host.site(name))) for name, value in trained.items()},
            **{f"family {name}": value for name, value in handwritten.items()},
        }

    return said


def tuning(
    host: Host,
    grid: Grid,
    said: Callable[[Float[Tensor, "n 3 h w"]], Heard],
    progress: Callable[[int], None],
    contours: Sequence[tuple[str, str, float]] = CONTOURS,
    waves: Sequence[tuple[str, float]] = GRATINGS,
    shifts_px: Sequence[float] = SHIFTS_PX,
    cache: Cache | None = None,
    key: str = "",
) -> tuple[tuple[Group, ...], dict[str, Float[np.ndarray, "stimulus unit"]]]:
    """The stimuli, and the tuning of whatever `said` gives for pictures RGB 0..255, by its names; `progress` is told of the groups as they are
    done. With a cache each group is kept by itself, under a `key` of all that `said` depends on."""
    shown, rows = [], dict[str, list[np.ndarray]]()
    middle = _middle(grid)
    for group, pictures in _groups(host, middle, contours, waves, shifts_px):
        own = known_by(key, group.name)
        found = cache.read(ANSWERS, own) if cache else None
        if found is None:
            highest = [_highest(said(rgb), middle, len(group.normals_deg)) for rgb in pictures]
            found = {name: np.max([each[name] for each in highest], axis=0) for name in highest[0]}
            if cache:
                cache.write(ANSWERS, own, found)
        for name, row in found.items():
            rows.setdefault(name, []).append(row)
        shown.append(group)
        progress(1)
    return tuple(shown), {name: np.concatenate(each) for name, each in rows.items()}


def _middle(grid: Grid) -> Point:
    """Input pixel (x, y) at the centre of the middle cell."""
    return float(grid.offset_px + grid.stride_px * (grid.width // 2)), float(grid.offset_px + grid.stride_px * (grid.height // 2))


def group_count() -> int:
    """Groups of stimuli that `answers` shows."""
    return len(CONTOURS) + len(GRATINGS)


def _groups(
    host: Host,
    middle: Point,
    contours: Sequence[tuple[str, str, float]] = CONTOURS,
    waves: Sequence[tuple[str, float]] = GRATINGS,
    shifts_px: Sequence[float] = SHIFTS_PX,
) -> Iterator[tuple[Group, Iterator[Float[Tensor, "n 3 h w"]]]]:
    """Each group with its pictures, a batch for each place; a batch has the directions in order, each of them once or several times running."""
    for fill, polarity, radius_px in contours:
        straight = radius_px == trials.STRAIGHT_RADIUS_PX
        count = len(trials.DIRECTIONS_DEG) // (2 if straight and fill == "line" else 1)  # a straight line has no sides
        normals = trials.DIRECTIONS_DEG[:count]
        group = Group(f"{polarity} {fill}, {'straight' if straight else f'{radius_px:g} px'}", tuple(map(float, normals)))
        yield group, _contours(host, (fill, polarity, radius_px), normals, middle, shifts_px)
    for channel, wavelength_px in waves:
        group = Group(f"{channel} grating, {wavelength_px:g} px", tuple(map(float, gratings.ORIENTATIONS_DEG + 90)))
        yield group, (gratings.draw(host, *wave, PHASES_DEG) for wave in [(channel, wavelength_px)])  # drawn only if it is wanted


def _contours(
    host: Host, contour: tuple[str, str, float], normals_deg: Float[np.ndarray, " n"], middle: Point, shifts_px: Sequence[float]
) -> Iterator[Float[Tensor, "n 3 h w"]]:
    turn = torch.deg2rad(torch.as_tensor(normals_deg))
    for shift_px in shifts_px:
        at = middle[0] + shift_px * torch.cos(turn), middle[1] + shift_px * torch.sin(turn)
        yield trials.draw(host.input.size_px, *contour, normals_deg, at).float()


def _highest(said: Heard, middle: Point, directions: int) -> dict[str, Float[np.ndarray, "direction unit"]]:
    """Each unit's highest answer within a cell of the middle, in each direction."""
    found = {}
    for name, (value, (rows, columns)) in said.items():
        about = value[:, :, _near(rows, middle[1]), _near(columns, middle[0])].amax((2, 3))
        found[name] = about.unflatten(0, (directions, -1)).amax(1).numpy()
    return found


def _near(cells: Cells, at_px: float) -> slice:
    nearest = min(max(round((at_px - cells.offset_px) / cells.stride_px), 0), cells.count - 1)
    return slice(max(0, nearest - CELLS_AROUND), nearest + CELLS_AROUND + 1)
