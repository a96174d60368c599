"""Trained weights from another family, seen from each unit's own frame."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from workbench.compiler.bind import ideal_activations
from workbench.compiler.compile import trained_units
from workbench.hosts.host import Host
from workbench.matching.weights import FamilyWeights, expanded
from workbench.spec.circuit import TrainedCircuit
from workbench.theory.poses import CENTRE, ORIENTATION, Units
from workbench.vision.geometry.frames import (
    Frames,
    Tables,
    smoothed,
    turned_points,
)

# Families of a survey that are the same after half a turn: their normals are written from 0 to 180
# degrees.
WITHOUT_SIDES = ("line",)
POSE_STEP_DEG = 30.0  # of the table
POSE_WIDTH_DEG = 15.0  # of the Gaussian that smooths scattered upstream poses
# The same in place, in strides: about half a cell, so that a turned grid is met.
PLACE_WIDTH = 0.6


@dataclass(frozen=True)
class FromFamily:
    """Expanded weights from an upstream family.

    They are in units of each upstream unit's response to its own ideal stimulus.

    weight    `unit up kh kw`; pose_deg, shift_px of the upstream units, and the period of their
              pose
    own_px    shift of each unit; stride_px of the grid that the weights lie on
    """

    weight: Float[np.ndarray, "unit up kh kw"]
    pose_deg: Float[np.ndarray, " up"]
    shift_px: Float[np.ndarray, "up 2"]
    own_px: Float[np.ndarray, "unit 2"]
    stride_px: int
    period_deg: float

    def tables(self, frames: Frames) -> Tables:
        """The weights by relative pose and place in the units' own frames.

        The poses are POSE_STEP_DEG apart; the places are a stride apart, within the kernel's reach.
        """
        reach = self.weight.shape[-1] // 2
        step = self.stride_px * np.arange(-reach, reach + 1.0)
        poses, x, y = (
            axis.ravel()
            for axis in np.meshgrid(
                np.arange(0, self.period_deg, POSE_STEP_DEG), step, step, indexing="ij"
            )
        )
        within = np.hypot(x, y) <= self.stride_px * reach
        poses, at = poses[within], np.stack([x, y], -1)[within]
        up, row, column = np.indices(self.weight.shape[1:]).reshape(3, -1)
        placed = self.stride_px * (np.stack([column, row], -1) - reach) + self.shift_px[up]
        units = range(len(self.weight))
        as_is = [self._smoothed(i, frames, placed, up, poses, at) for i in units]
        mirrored = [self._smoothed(i, frames, placed, up, -poses, at * [1, -1]) for i in units]
        return Tables(np.stack(as_is), np.stack(mirrored))

    def _smoothed(
        self,
        unit: int,
        frames: Frames,
        placed: np.ndarray,
        up: np.ndarray,
        poses: np.ndarray,
        at: np.ndarray,
    ) -> np.ndarray:
        place = (
            turned_points(placed - self.own_px[unit], -frames.turn_deg[unit])
            / 2 ** frames.octaves[unit]
        )
        relative_deg = self.pose_deg[up] - frames.turn_deg[unit]
        widths = POSE_WIDTH_DEG, PLACE_WIDTH * self.stride_px
        return smoothed(
            self.weight[unit].ravel(), relative_deg, place, poses, at, self.period_deg, *widths
        )


def from_family(host: Host, circuit: TrainedCircuit, upstream: TrainedCircuit) -> FromFamily:
    """The weights from a family at the site just before.

    Raises WorkbenchError where the host does not give the connection between the two sites.
    """
    raw = raw_weights(host, circuit, upstream)
    return FromFamily(
        raw.trained,
        np.array(upstream.directions_deg),
        shifts_px(upstream),
        shifts_px(circuit),
        raw.step_px,
        period_deg(upstream),
    )


def raw_weights(host: Host, circuit: TrainedCircuit, upstream: TrainedCircuit) -> FamilyWeights:
    """The same weights as `workbench explain` compares, with a theory's weights of 0.

    Raises as `from_family`.
    """
    whole = expanded(host, upstream.site, circuit.site, circuit.channels("a comparison of weights"))
    chosen = whole[:, list(upstream.channels("a comparison of weights"))].double()
    weight = (
        chosen.numpy() * ideal_activations(host, upstream, trained_units(upstream))[:, None, None]
    )
    return FamilyWeights(
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
    """The units; in a family without sides their pose is an orientation."""
    units = trained_units(circuit)
    if period_deg(circuit) == 360.0:
        return units
    poses = {axis: column for axis, column in units.poses.items() if axis != CENTRE}
    return replace(
        units,
        poses={
            ORIENTATION: tuple((centre_deg - 90.0) % 180 for centre_deg in circuit.directions_deg),
            **poses,
        },
    )


def shifts_px(circuit: TrainedCircuit) -> Float[np.ndarray, "unit 2"]:
    """Each unit's shift, 0 where none is known."""
    return np.array([unit.shift_px or (0.0, 0.0) for unit in circuit.units])


def period_deg(circuit: TrainedCircuit) -> float:
    """180 for a family without sides, else 360."""
    return 180.0 if circuit.circuit in WITHOUT_SIDES else 360.0
