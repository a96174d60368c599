"""What the units of a family read, seen from each unit's own frame: trained weights from another family, or filters on the picture."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import map_coordinates
from torch import nn

from workbench.compiler.bind import ideal_activations
from workbench.compiler.compile import trained_units
from workbench.evaluate.weights import Between, expanded
from workbench.hosts.host import Host
from workbench.spec.circuit import TrainedCircuit
from workbench.theory.frames import OPPONENT_AXES, Frames, Tables, colour_turn, smoothed, turned_points
from workbench.theory.poses import CENTRE, ORIENTATION, Units

WITHOUT_SIDES = ("line",)  # families of a survey that a half turn leaves as they are: their normals are written from 0 to 180 degrees
POSE_STEP_DEG, POSE_WIDTH_DEG = 30.0, 15.0  # of the table, and of the Gaussian that smooths scattered upstream poses
PLACE_WIDTH = 0.6  # of the same in place, in strides: about half a cell, so that a turned grid is met
FILTER_REACH = 4  # steps of the table of a filter, to each side


@dataclass(frozen=True)
class FromFamily:
    """Expanded weights from an upstream family, in units of what its own ideal stimulus gives each upstream unit.

    weight    `unit up kh kw`; pose_deg, shift_px of the upstream units, and the period of their pose
    own_px    shift of each unit; stride_px of the grid that the weights lie on
    """

    weight: Float[np.ndarray, "unit up kh kw"]
    pose_deg: Float[np.ndarray, " up"]
    shift_px: Float[np.ndarray, "up 2"]
    own_px: Float[np.ndarray, "unit 2"]
    stride_px: int
    period_deg: float

    def tables(self, frames: Frames) -> Tables:
        """The weights by relative pose (every POSE_STEP_DEG) and place (every stride within the kernel's reach) in the units' own frames."""
        reach = self.weight.shape[-1] // 2
        step = self.stride_px * np.arange(-reach, reach + 1.0)
        poses, x, y = (each.ravel() for each in np.meshgrid(np.arange(0, self.period_deg, POSE_STEP_DEG), step, step, indexing="ij"))
        within = np.hypot(x, y) <= self.stride_px * reach
        poses, at = poses[within], np.stack([x, y], -1)[within]
        up, row, column = np.indices(self.weight.shape[1:]).reshape(3, -1)
        placed = self.stride_px * (np.stack([column, row], -1) - reach) + self.shift_px[up]
        own = [self._smoothed(i, frames, placed, up, poses, at) for i in range(len(self.weight))]
        mirrored = [self._smoothed(i, frames, placed, up, -poses, at * [1, -1]) for i in range(len(self.weight))]
        return Tables(np.stack(own), np.stack(mirrored))

    def _smoothed(self, unit: int, frames: Frames, placed: np.ndarray, up: np.ndarray, poses: np.ndarray, at: np.ndarray) -> np.ndarray:
        place = turned_points(placed - self.own_px[unit], -frames.turn_deg[unit]) / 2 ** frames.octaves[unit]
        relative_deg = self.pose_deg[up] - frames.turn_deg[unit]
        widths = POSE_WIDTH_DEG, PLACE_WIDTH * self.stride_px
        return smoothed(self.weight[unit].ravel(), relative_deg, place, poses, at, self.period_deg, *widths)


@dataclass(frozen=True)
class Filters:
    """Filters `unit 3 kh kw` of a convolution of the picture, their colours luma, red-green, blue-yellow, of length 1 each; `own_px` as above."""

    weight: Float[np.ndarray, "unit 3 kh kw"]
    own_px: Float[np.ndarray, "unit 2"]

    def tables(self, frames: Frames) -> Tables:
        """The filters every pixel of the units' own frames, and their colours in its own colour frame; 0 beyond a filter's edge."""
        line = np.arange(-FILTER_REACH, FILTER_REACH + 1.0)
        at = np.stack(np.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)
        pairs = [(self._sampled(i, frames, at), self._sampled(i, frames, at * [1, -1])) for i in range(len(self.weight))]
        return Tables(*(np.stack(each) for each in zip(*pairs, strict=True)))

    def _sampled(self, unit: int, frames: Frames, at: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " row"]:
        x, y = (self.own_px[unit] + turned_points(at * 2 ** frames.octaves[unit], frames.turn_deg[unit])).T
        middle = (self.weight.shape[-1] - 1) / 2
        planes = [map_coordinates(plane, [y + middle, x + middle], order=1) for plane in self.weight[unit]]
        return (colour_turn(frames.colour[unit]) @ np.stack(planes)).ravel()


def from_family(host: Host, circuit: TrainedCircuit, upstream: TrainedCircuit) -> FromFamily:
    """The weights from a family at the site just before. Raises WorkbenchError where the host does not tell how the one hears the other."""
    raw = raw_weights(host, circuit, upstream)
    return FromFamily(
        raw.trained,
        np.array([unit.centre_deg for unit in upstream.units]),
        shifts_px(upstream),
        shifts_px(circuit),
        raw.step_px,
        period_deg(upstream),
    )


def raw_weights(host: Host, circuit: TrainedCircuit, upstream: TrainedCircuit) -> Between:
    """The same weights as `workbench explain` looks at; no theory says anything of them. Raises as `from_family`."""
    whole = expanded(host, upstream.site, circuit.site, [unit.unit for unit in circuit.units])
    chosen = whole[:, [unit.unit for unit in upstream.units]].double()
    weight = chosen.numpy() * ideal_activations(host, upstream, trained_units(upstream))[:, None, None]
    return Between(
        families=(circuit.circuit, upstream.circuit),
        sites=(circuit.site, upstream.site),
        downstream=_posed(circuit),
        upstream=_posed(upstream),
        trained=weight,
        theory=np.zeros_like(weight),
        step_px=host.site(circuit.site).stride_px,
        pooled=host.site(circuit.site).stride_px != host.site(upstream.site).stride_px,
        share=float((chosen**2).sum() / (whole**2).sum()),
    )


def _posed(circuit: TrainedCircuit) -> Units:
    """The units, their pose an orientation in a family that knows no sides."""
    units = trained_units(circuit)
    if period_deg(circuit) == 360.0:
        return units
    poses = {axis: column for axis, column in units.poses.items() if axis != CENTRE}
    return replace(units, poses={ORIENTATION: tuple((unit.centre_deg - 90.0) % 180 for unit in circuit.units), **poses})


def filters(host: Host, circuit: TrainedCircuit) -> Filters | None:
    """The filters, where the site is a convolution of the picture with an odd kernel; None elsewhere."""
    found = [module for module in host.module(circuit.site).modules() if isinstance(module, nn.Conv2d)]
    if len(found) != 1 or found[0].in_channels != 3 or found[0].kernel_size[0] % 2 == 0 or circuit.site != next(iter(host.sites)):
        return None
    weight = found[0].weight[[unit.unit for unit in circuit.units]].double()
    weight = (weight if host.input.order == "RGB" else weight.flip(1)) / torch.tensor(host.input.scale_rgb)[:, None, None]
    return Filters(np.einsum("kc,uchw->ukhw", OPPONENT_AXES, weight.numpy()), shifts_px(circuit))


def shifts_px(circuit: TrainedCircuit) -> Float[np.ndarray, "unit 2"]:
    """Each unit's shift; 0 where none is known."""
    return np.array([unit.shift_px or (0.0, 0.0) for unit in circuit.units])


def period_deg(circuit: TrainedCircuit) -> float:
    """180 for a family that knows no sides, else 360."""
    return 180.0 if circuit.circuit in WITHOUT_SIDES else 360.0
