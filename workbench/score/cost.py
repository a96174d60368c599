"""Cost: a count of all numbers that a theory uses.

With equal scores, the theory of smaller cost is better.
"""

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pydantic import BaseModel

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.score.bits import theory_bits
from workbench.score.scorecard import Cost
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import Number, PoseBounds, Theory, numbers
from workbench.spec.pose import PoseValue
from workbench.theory.poses import RADIUS


def cost(theory: Theory, trained: TrainedCircuit, circuit: HandwrittenCircuit) -> Cost:
    """Count a theory's numbers and the weights that are compiled from them."""
    tunable = [number for _, number in numbers(theory.families) if number.tuned]
    return Cost(
        free=sum(map(_count, theory.families.values())),
        tuned=(len(tunable) if theory.tuned is not None else 0) + _moved(theory, trained),
        calibrated=2 * len(trained.units),
        poses=_surveyed(trained),
        weights=circuit.weights,
        bits=math.ceil(theory_bits(theory, trained).total),
    )


def total(costs: Sequence[Cost]) -> Cost:
    """Sum the costs of several theories; a number that two of them share counts twice."""
    return Cost(
        **{field.name: sum(getattr(cost, field.name) for cost in costs) for field in fields(Cost)}
    )


def _moved(theory: Theory, trained: TrainedCircuit) -> int:
    """Count the numbers of the poses that tuning fitted.

    They are direction, radius, shift and perhaps scale of each unit of a circuit of the tuning.
    """
    poses = theory.tuned.poses(trained.sha256) if theory.tuned else {}
    return sum(4 if pose.scale is None else 5 for pose in poses.values())


def _surveyed(trained: TrainedCircuit) -> int:
    """Count the numbers of the circuit file that the compiler reads: the units' poses.

    Radii count if every unit has one, as the compiler reads them only then.
    """
    return sum(
        _size(value)
        for unit in trained.units
        for axis, value in unit.pose.items()
        if axis != RADIUS or axis in trained.axes
    )


def _size(value: PoseValue) -> int:
    """Count the numbers (or words) of a value on a pose axis."""
    return len(value) if isinstance(value, tuple) else 1


def _count(value: Any) -> int:
    """Count the numbers in a language object; a tuned number is one, its bounds do not count."""
    if isinstance(value, Number) or (
        isinstance(value, (int, float)) and not isinstance(value, bool)
    ):
        return 1
    if isinstance(value, PoseBounds):
        return 0
    if isinstance(value, BaseModel):
        return sum(_count(getattr(value, name)) for name in value.model_fields_set)
    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, (tuple, list)) else 0
