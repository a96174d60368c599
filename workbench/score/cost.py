"""Cost: an honest count of the numbers that went in. A theory with fewer numbers wins a tie."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pydantic import BaseModel

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.score.scorecard import Cost
from workbench.spec.circuit import GABOR_POSES, TrainedCircuit
from workbench.spec.language import Number, PoseBounds, Theory, numbers


def cost(theory: Theory, trained: TrainedCircuit, circuit: HandwrittenCircuit) -> Cost:
    """Count a theory's numbers and what came of them."""
    tunable = [number for _, number in numbers(theory.families) if number.tuned]
    return Cost(
        free=sum(map(_count, theory.families.values())),
        tuned=(len(tunable) if theory.tuned is not None else 0) + _moved(theory, trained),
        calibrated=2 * len(trained.units),
        poses=_surveyed(trained),
        weights=circuit.weights,
    )


def total(costs: Sequence[Cost]) -> Cost:
    """Of several theories: what each of them counts, even where two write the same number."""
    return Cost(**{field.name: sum(getattr(each, field.name) for each in costs) for field in fields(Cost)})


def _moved(theory: Theory, trained: TrainedCircuit) -> int:
    """Numbers of the poses that tuning moved: direction, radius, shift and, where it has one, scale of each unit of a circuit that it was
    tuned on."""
    poses = theory.tuned.poses(trained.sha256) if theory.tuned else {}
    return sum(4 if pose.scale is None else 5 for pose in poses.values())


def _surveyed(trained: TrainedCircuit) -> int:
    """Numbers of the survey that the compiler reads: directions, shifts, what Gabors need, and radii where every unit has one."""
    radii = len(trained.units) if all(unit.radius_px is not None for unit in trained.units) else 0
    gabors = sum(_size(getattr(unit, name)) for unit in trained.units for name in GABOR_POSES)
    return radii + gabors + sum(1 if unit.shift_px is None else 3 for unit in trained.units)


def _size(pose: Any) -> int:
    """Numbers (or words) of a pose, 0 where there is none."""
    return 0 if pose is None else len(pose) if isinstance(pose, tuple) else 1


def _count(value: Any) -> int:
    """Numbers written below a language object; a tuned number is one number, its bounds are not counted."""
    if isinstance(value, Number) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return 1
    if isinstance(value, PoseBounds):
        return 0
    if isinstance(value, BaseModel):
        return sum(_count(getattr(value, name)) for name in value.model_fields_set)
    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, (tuple, list)) else 0
