"""The poses that are fitted, within their bounds."""

import math
from dataclasses import replace

import torch

from workbench.compiler.compile import trained_units
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import PoseBounds, UnitPose
from workbench.theory.poses import CENTRE, RADIUS, SCALE, SHIFT_X, SHIFT_Y, Units
from workbench.tune.bounded import MARGIN
from workbench.vision.geometry.angles import wrap_deg

MOVED = (CENTRE, RADIUS, SHIFT_X, SHIFT_Y, SCALE)


class MovedPoses(torch.nn.Module):
    """Each unit's pose as parameters, which begin at the poses of `start`; fixed without bounds.

    Their tanh runs from one bound to the other, the surveyed pose being in the middle.
    """

    def __init__(self, trained: TrainedCircuit, bounds: PoseBounds | None, start: TrainedCircuit):
        super().__init__()
        needs = {CENTRE: bounds and bounds.centre_deg, RADIUS: bounds and bounds.radius}
        self.surveyed = trained_units(trained, [axis for axis, bound in needs.items() if bound])
        self.bounds, self.names = bounds, [str(unit.unit) for unit in trained.units]
        free = torch.zeros(len(MOVED), len(self.names), dtype=torch.float64)
        if bounds is not None:
            here, there = (
                [torch.as_tensor(units.column(axis)) for axis in MOVED]
                for units in (self.surveyed, trained_units(start, ()))
            )
            turn = (
                wrap_deg(there[0] - here[0], 360.0) / bounds.centre_deg
                if bounds.centre_deg
                else free[0]
            )
            bend = (
                torch.log(there[1] / here[1]) / math.log(bounds.radius)
                if bounds.radius
                else free[1]
            )
            shifts = [(b - a) / bounds.shift_px for a, b in zip(here[2:4], there[2:4], strict=True)]
            size = (
                torch.log(there[4] / here[4]) / math.log(bounds.scale) if bounds.scale else free[4]
            )
            free = torch.atanh(
                torch.stack([turn, bend, *shifts, size]).clamp(MARGIN - 1, 1 - MARGIN)
            )
        self.free = torch.nn.Parameter(free, requires_grad=bounds is not None)

    def units(self) -> Units:
        """The units at the poses that the parameters give."""
        if self.bounds is None:
            return self.surveyed
        turn, bend, right, down, size = torch.tanh(self.free)
        known = {axis: torch.as_tensor(self.surveyed.column(axis)) for axis in MOVED}
        poses = {
            **(
                {CENTRE: known[CENTRE] + self.bounds.centre_deg * turn}
                if self.bounds.centre_deg
                else {}
            ),
            **({RADIUS: known[RADIUS] * self.bounds.radius**bend} if self.bounds.radius else {}),
            SHIFT_X: known[SHIFT_X] + self.bounds.shift_px * right,
            SHIFT_Y: known[SHIFT_Y] + self.bounds.shift_px * down,
            **({SCALE: known[SCALE] * self.bounds.scale**size} if self.bounds.scale else {}),
        }
        return replace(self.surveyed, poses={**self.surveyed.poses, **poses})

    def poses(self) -> dict[str, UnitPose]:
        """The fitted poses, rounded to a tenth; scales to a hundredth."""
        if self.bounds is None:
            return {}
        rows = torch.stack(
            [torch.as_tensor(self.units().column(axis)).detach() for axis in MOVED], 1
        ).tolist()
        turned, sized, scaled = (
            bound is not None
            for bound in (self.bounds.centre_deg, self.bounds.radius, self.bounds.scale)
        )
        return {
            name: UnitPose(
                centre_deg=round(centre, 1) % 360 if turned else None,
                radius_px=round(radius, 1) if sized else None,
                shift_px=(round(x, 1), round(y, 1)),
                scale=round(size, 2) if scaled else None,
            )
            for name, (centre, radius, x, y, size) in zip(self.names, rows, strict=True)
        }
