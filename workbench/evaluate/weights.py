"""Trained weights beside a theory's: from the units of one family to those of the next, on one grid; and weights foretold by turning.

The trained weights are *expanded*: through a bottleneck, the sum of the products over its channels (`splice.edit.by_bottleneck`), as if its
ReLUs were open. A max pool or a normalisation between the two sites is taken for the identity on the coarser grid. So these are the weights of a
linearised path; what ReLUs, pools and normalisation do on a picture is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.compiler import compile_spec
from workbench.compiler.bind import Bound, said_to_ideal
from workbench.compiler.circuit import HandwrittenCircuit, Layer
from workbench.compiler.compile import compile_constants, trained_units
from workbench.errors import WorkbenchError
from workbench.evaluate.claimed import read_off
from workbench.evaluate.layers import Matched
from workbench.evaluate.run import Progress
from workbench.hosts.branches import CHANNELS_APART, branches
from workbench.hosts.host import Host
from workbench.spec import Spec, TrainedCircuit, posed
from workbench.splice.edit import by_bottleneck
from workbench.splice.natural import site_before
from workbench.theory.angles import wrap_deg
from workbench.theory.frame import offsets, seen_from
from workbench.theory.poses import CENTRE, SCALE, SHIFT_X, SHIFT_Y, Units

LEAST = 3  # units of a family, on either side: fewer say nothing of turning


@dataclass(frozen=True)
class Between:
    """All weights from `upstream` to `downstream` units, of a family each, `down up kh kw` about each downstream unit.

    Each is times what its upstream unit says to its ideal stimulus: so it is what that unit adds to a drive, be it loud or quiet. The trained
    ones are in the host's activation units, the theory's in units of the downstream family's own ideal drive.

    step_px   input pixels from tap to tap
    pooled    whether a pool lies between, so that both are on the grid behind it
    share     of the sum of squares of all expanded weights to these downstream units, the part that is these
    parts     of each constant that the theory's weights are linear in
    """

    families: tuple[str, str]
    sites: tuple[str, str]
    downstream: Units
    upstream: Units
    trained: Float[np.ndarray, "down up kh kw"]
    theory: Float[np.ndarray, "down up kh kw"]
    step_px: int
    pooled: bool
    share: float
    parts: Sequence["Part"] = ()


@dataclass(frozen=True)
class Part:
    """A theory's weights with one of its constants alone, at 1; and the least and the most that it may be."""

    weights: Float[np.ndarray, "down up kh kw"]
    low: float
    high: float


def between(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    circuit: HandwrittenCircuit,
    pairs: Sequence[Matched],
    files: Bound,
    progress: Progress | None = None,
) -> tuple[list[Between], dict[str, str]]:
    """The weights of every pair of families of which one reads the other and both have trained units, at a site and the one just before; and of
    readers that cannot be had, or not from a family that they read, `FAMILY at SITE` or `FAMILY at SITE from FAMILY` -> why."""
    found, why = list[Between](), dict[str, str]()
    for pair in pairs:
        if progress:
            progress(1)
        upstream = site_before(host, pair.site)
        above = [each for each in pairs if each.site == upstream and each.family in spec.theory.families[pair.family].reads]
        if not above or not upstream:
            continue
        heard = _heard(host, upstream, pair)
        if len(heard) < LEAST:
            why[f"{pair.family} at {pair.site}"] = (
                f"of {len(pair.units)} units {len(heard)} hear {upstream} by weights alone; {LEAST} are needed"
            )
            continue
        try:
            read = read_off(spec, trained, host, circuit, above, files, pair)
            why |= {f"{pair.family} at {pair.site} from {family}": said for family, said in read.items() if isinstance(said, str)}
            bound = {family: units for family, units in read.items() if isinstance(units, TrainedCircuit)}
            made = compile_spec(spec, trained, host, bound=bound, until=pair.family) if bound else None
        except WorkbenchError as error:
            why[f"{pair.family} at {pair.site}"] = str(error)
            continue
        found += [_between(host, spec, trained, made, pair, heard, units, family) for family, units in bound.items() if made]
    return found, why


def _heard(host: Host, upstream: str, pair: Matched) -> list[int]:
    """Which of a pair's units hear the site before through convolutions alone, or behind a pool."""

    def known(unit: int) -> bool:
        try:
            return bool(branches(host, upstream, pair.site, [unit], CHANNELS_APART))
        except WorkbenchError:
            return False

    return [i for i, unit in enumerate(pair.units) if known(int(unit))]


def _between(
    host: Host,
    spec: Spec,
    trained: TrainedCircuit,
    circuit: HandwrittenCircuit,
    pair: Matched,
    heard: Sequence[int],
    bound: TrainedCircuit,
    family: str,
) -> Between:
    layers = {layer.family: layer for layer in circuit.layers}
    site, upstream = host.site(pair.site), host.site(bound.site)
    poses, units = pair.poses[heard], [int(unit) for unit in pair.units[heard]]
    own = trained_units(posed(trained, spec.theory.tuned) if spec.theory.tuned else trained)
    whole = expanded(host, bound.site, pair.site, units)
    chosen = whole[:, [unit.unit for unit in bound.units]]
    linear = compile_constants(spec, circuit, pair.family, family)
    readers = [layers[pair.family], *(layer for _, layer in linear)]
    stride = site.stride_px // upstream.stride_px
    by_theory = [folded(by_hand(reader, layers[family])[list(poses)], stride) for reader in readers]
    loudness = torch.from_numpy(said_to_ideal(host, bound, layers[family].units))[:, None, None]
    trained_weights, theory, *parts = ((loudness * weight.double()).numpy() for weight in of_one_size(chosen, *by_theory))
    downstream = own if pair.family == list(spec.theory.families)[-1] else layers[pair.family].units
    return Between(
        families=(pair.family, family),
        sites=(pair.site, bound.site),
        downstream=_some(downstream, poses, [f"{pair.site}:{unit}" for unit in units]),
        upstream=layers[family].units,
        trained=trained_weights,
        theory=theory,
        step_px=site.stride_px,
        pooled=site.stride_px != upstream.stride_px,
        share=float((chosen**2).sum() / (whole**2).sum()),
        parts=[Part(part, each.low, each.high) for part, (each, _) in zip(parts, linear, strict=True)],
    )


def expanded(host: Host, upstream: str, site: str, units: Sequence[int]) -> Float[Tensor, "unit c kh kw"]:
    """Every weight from the channels of one site to units of the next, through bottlenecks, each about its unit; on one kernel size. Raises
    WorkbenchError as `branches`."""
    found = branches(host, upstream, site, units, CHANNELS_APART)
    side = max(branch.weight.shape[-1] for branch in found)
    whole = torch.zeros(len(units), host.site(upstream).channels, side, side)
    for branch in found:
        weight = by_bottleneck(branch).sum(1).detach()
        whole[branch.places] = _padded(weight, side)
    return whole


def by_hand(reader: Layer, bound: Layer) -> Float[Tensor, "down up kh kw"]:
    """What a handwritten family reads of each trained unit that another is bound to, per activation of that unit, in the drive's own unit."""
    (read,) = (read for read in reader.reads if read.source == bound.family)
    (own,) = bound.reads
    return read.weight * own.weight.sum((1, 2, 3))[None, :, None, None] / reader.ideal


def folded(weight: Float[Tensor, "down up k k"], stride: int) -> Float[Tensor, "down up k2 k2"]:
    """Weights on a grid as those on one that is `stride` times coarser, cell (0, 0) in both at the unit: what lies between two coarse cells
    counts for each by its nearness. The sum stays."""
    reach = weight.shape[-1] // 2
    far = -(-reach // stride)  # coarse cells to each side
    line = 1 - torch.arange(1 - stride, stride, dtype=weight.dtype).abs() / stride
    pad = stride * far + stride - 1 - reach
    return F.conv2d(F.pad(weight.flatten(0, 1)[:, None], (pad,) * 4), torch.outer(line, line)[None, None], stride=stride).view(
        *weight.shape[:2], 2 * far + 1, 2 * far + 1
    )


def of_one_size(*weights: Float[Tensor, "down up k k"]) -> list[Float[Tensor, "down up k2 k2"]]:
    """Kernels about the same middle, with zeros around the smaller ones."""
    side = max(weight.shape[-1] for weight in weights)
    return [_padded(weight, side) for weight in weights]


def _padded(weight: Tensor, side: int) -> Tensor:
    return F.pad(weight, ((side - weight.shape[-1]) // 2,) * 4)


def _some(units: Units, chosen: Int[np.ndarray, " n"], names: Sequence[str]) -> Units:
    """Some of the units, under other names."""
    return Units(
        tuple(names), {axis: tuple(np.array(column)[chosen].tolist()) for axis, column in units.poses.items()}, {"unit": len(names)}
    )


def near(
    places: Float[np.ndarray, "m 2"],
    turns_deg: Float[np.ndarray, " m"],
    other_places: Float[np.ndarray, "k 2"],
    other_turns_deg: Float[np.ndarray, " k"],
    period_deg: float,
    step_px: int,
    spread: tuple[float, float],
) -> Float[np.ndarray, "m k"]:
    """How near weights are to others, each as its downstream unit sees it: a Gaussian of the `spread`, in cells and in degrees."""
    cells, degrees = spread
    apart = ((places[:, None] - other_places[None]) ** 2).sum(2) / (cells * step_px) ** 2
    turn = (wrap_deg(turns_deg[:, None] - other_turns_deg[None], period_deg) / degrees) ** 2
    return np.exp(-(apart + turn) / 2)


def seen_by(pair: Between) -> tuple[Float[np.ndarray, "down m 2"], Float[np.ndarray, "down m"], float]:
    """Of every weight, as its downstream unit sees it: where the upstream unit lies, in pixels, and how it is turned; and the period of that."""
    down, up = pair.downstream, pair.upstream
    x, y = offsets(pair.step_px * pair.trained.shape[-1], pair.step_px, np.zeros(()))
    period_deg = 360.0 if CENTRE in up.poses and CENTRE in down.poses else 180.0
    places, turns = [], []
    for u in range(len(up)):
        moved_x, moved_y = (line + up.column(axis)[u] - down.column(axis)[:, None, None] for line, axis in ((x, SHIFT_X), (y, SHIFT_Y)))
        places.append(np.stack(seen_from(moved_x, moved_y, down.normal_deg, down.column(SCALE)), -1))
        turn = wrap_deg(up.normal_deg[u] - down.normal_deg, period_deg)
        turns.append(np.broadcast_to(turn[:, None, None], places[-1].shape[:-1]))
    count = len(down)
    return np.stack(places, 1).reshape(count, -1, 2), np.stack(turns, 1).reshape(count, -1), period_deg
