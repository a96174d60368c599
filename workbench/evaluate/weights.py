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
from workbench.compiler.compile import trained_units
from workbench.errors import WorkbenchError
from workbench.evaluate.claimed import bindable
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
# Spreads of the kernel average: half of what the grid tells apart, the step of the theories' own poses. Wider ones foretell less on InceptionV1.
NEAR_CELLS, NEAR_DEG = 0.5, 15.0


@dataclass(frozen=True)
class Between:
    """All weights from `upstream` to `downstream` units, of a family each, `down up kh kw` about each downstream unit.

    Each is times what its upstream unit says to its ideal stimulus: so it is what that unit adds to a drive, be it loud or quiet. The trained
    ones are in the host's activation units, the theory's in units of the downstream family's own ideal drive.

    step_px   input pixels from tap to tap
    pooled    whether a pool lies between, so that both are on the grid behind it
    share     of the sum of squares of all expanded weights to these downstream units, the part that is these
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
    readers that cannot be had, `FAMILY at SITE` -> why."""
    found, why = list[Between](), dict[str, str]()
    for pair in pairs:
        if progress:
            progress(1)
        upstream = site_before(host, pair.site)
        above = [each for each in pairs if each.site == upstream and each.family in spec.theory.families[pair.family].reads]
        heard = _heard(host, upstream, pair) if above and upstream else []
        if not above or len(heard) < LEAST:
            continue
        try:
            bound = bindable(spec, trained, host, circuit, above, files, pair)
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
    theory = folded(by_hand(layers[pair.family], layers[family])[list(poses)], site.stride_px // upstream.stride_px)
    loudness = torch.from_numpy(said_to_ideal(host, bound, layers[family].units))[:, None, None]
    trained_weights, theory = (loudness * weight.double() for weight in of_one_size(chosen, theory))
    downstream = own if pair.family == list(spec.theory.families)[-1] else layers[pair.family].units
    return Between(
        families=(pair.family, family),
        sites=(pair.site, bound.site),
        downstream=_some(downstream, poses, [f"{pair.site}:{unit}" for unit in units]),
        upstream=layers[family].units,
        trained=trained_weights.numpy(),
        theory=theory.numpy(),
        step_px=site.stride_px,
        pooled=site.stride_px != upstream.stride_px,
        share=float((chosen**2).sum() / (whole**2).sum()),
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


def turned_mean(pair: Between, seen: Sequence[int], unseen: Sequence[int]) -> Float[np.ndarray, "unseen up kh kw"]:
    """The weights of `unseen` downstream units as those of `seen` ones, turned: a kernel average (Nadaraya 1964, Watson 1964) over where the
    upstream unit lies and how it is turned, as the downstream one sees it. No constant of the theory enters, only its poses.

    It is the theory's rule with nothing said of place and match: what any equivariant theory could explain.
    """
    places, turns_deg, period_deg = seen_by(pair)
    weight = pair.trained.reshape(len(pair.downstream), -1)
    known = places[seen].reshape(-1, 2), turns_deg[seen].reshape(-1), weight[seen].reshape(-1)
    found = np.stack([_averaged(places[unit], turns_deg[unit], known, period_deg, NEAR_CELLS * pair.step_px) for unit in unseen])
    return found.reshape(len(unseen), *pair.trained.shape[1:])


def _averaged(
    places: Float[np.ndarray, "m 2"],
    turns_deg: Float[np.ndarray, " m"],
    known: tuple[np.ndarray, np.ndarray, np.ndarray],
    period_deg: float,
    near_px: float,
) -> Float[np.ndarray, " m"]:
    """The kernel average at each place and turn; 0 where nothing is near."""
    at, turned, weight = known
    apart = ((places[:, None] - at[None]) ** 2).sum(2) / near_px**2
    turn = (wrap_deg(turns_deg[:, None] - turned[None], period_deg) / NEAR_DEG) ** 2
    near = np.exp(-(apart + turn) / 2)
    return near @ weight / (near.sum(1) + 1e-9)


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


def halves(units: Units) -> tuple[list[int], list[int]]:
    """The units in the order of their direction, by turns: so that each half has all directions."""
    order = np.argsort(units.normal_deg, kind="stable")
    return sorted(order[::2].tolist()), sorted(order[1::2].tolist())
