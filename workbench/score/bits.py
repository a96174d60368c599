"""Description length: the bits from which a circuit can be written down again.

Theories and rivals of them are compared at equal bits, so one rule counts for all:

- a number of a theory (a constant, a tuned value, a pose) is written with `precision` bits: a sign,
  EXPONENT_BITS and a mantissa; an angle is one of 2 ** precision directions
- a number that sets the structure of a theory, such as a stride, is written as decimal text, at
  TEXT_BITS a character and as much for its end
- a word is one of those that the language allows in its place: log2 of their number. A key that may
  be left out costs one bit, a list of n items the bits of the Elias gamma code of n + 1, which are
  2 floor(log2(n + 1)) + 1 (Elias 1975, doi 10.1109/TIT.1975.1055349)
- k addresses among n places cost log2 of the number of ways to choose k of n
- a gain and a bias of each unit cost CALIBRATED_BITS each, for theories and rivals alike

Names, comments, sources, the bounds of tuned numbers, variants and claims change no weight, and
cost nothing. Trained units that a theory or a rival reads are given, and cost nothing either.
"""

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from workbench.spec.circuit import TrainedCircuit, TrainedUnit, posed
from workbench.spec.family import PoseBounds, Poses
from workbench.spec.language import INPUT, Number, Theory
from workbench.spec.pose import PoseValue, pose_axes
from workbench.theory.poses import RADIUS

PRECISION = 8  # bits of a number; docs/rivals.md shows what fewer lose
EXPONENT_BITS = 4
LOWEST, HIGHEST = -6, 8  # exponents of base 2; below them numbers are evenly spaced, down to 0
CALIBRATED_BITS = 16  # of a gain or a bias: bfloat16 has as many
TEXT_BITS = 4  # of a character: a digit, a point, a sign, an exponent, an end


@dataclass(frozen=True)
class Bits:
    """The description length of a theory, in bits.

    structure   its families and what they read, and the numbers that set the structure
    numbers     its constants and tuned values
    poses       the poses of its trained units
    calibrated  gain and bias of each unit
    """

    structure: float
    numbers: float
    poses: float
    calibrated: float

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return self.structure + self.numbers + self.poses + self.calibrated


def theory_bits(theory: Theory, trained: TrainedCircuit, precision: int = PRECISION) -> Bits:
    """The description length of a theory for these units, at `precision` bits a number."""
    sources = [INPUT]
    parts = [_list_bits(len(theory.families))]
    for name, family in theory.families.items():
        parts.append(_model(family, len(sources), precision))
        sources.append(name)
    return Bits(
        structure=sum(part.structure for part in parts),
        numbers=sum(part.numbers for part in parts),
        poses=sum(
            _pose_bits(value, precision)
            for unit in _posed(theory, trained).units
            for axis, value in unit.pose.items()
            if axis != RADIUS or axis in trained.axes
        ),
        calibrated=calibrated_bits(len(trained.units)),
    )


def calibrated_bits(units: int) -> float:
    """The bits of the gains and biases of so many units."""
    return 2.0 * CALIBRATED_BITS * units


def baseline_bits(units: int, channels: int) -> dict[str, float]:
    """The bits of the predictors that every score has, by the names of their conditions.

    The mean of each unit; one of so many `channels` of the site before for each unit; and a
    regression on all of them, whose numbers are not rounded.
    """
    calibrated = calibrated_bits(units)
    return {
        "ablated.mean": CALIBRATED_BITS * units,
        "baseline.affine": units * math.log2(channels) + calibrated,
        "baseline.regression": CALIBRATED_BITS * units * channels + calibrated,
    }


def address_bits(places: int, chosen: int) -> float:
    """The bits that say which `chosen` of so many places are meant, in any order."""
    ways = math.lgamma(places + 1) - math.lgamma(chosen + 1) - math.lgamma(places - chosen + 1)
    return max(0.0, ways / math.log(2))


def rounded(value: float, precision: int) -> float:
    """The nearest number that is written with `precision` bits (more than EXPONENT_BITS + 1)."""
    mantissa = precision - 1 - EXPONENT_BITS
    if value == 0 or not math.isfinite(value):
        return value
    exponent = min(max(math.frexp(abs(value))[1] - 1, LOWEST), HIGHEST)
    step = 2.0 ** (exponent - mantissa)
    largest = 2.0 ** (HIGHEST + 1) - 2.0 ** (HIGHEST - mantissa)
    return math.copysign(min(round(abs(value) / step) * step, largest), value)


def rounded_poses(theory: Theory, trained: TrainedCircuit, precision: int) -> TrainedCircuit:
    """The units at the poses, as tuned, that are written with `precision` bits a number."""
    circuit = _posed(theory, trained)
    return circuit.model_copy(
        update={"units": tuple(_rounded_unit(unit, precision) for unit in circuit.units)}
    )


def _posed(theory: Theory, trained: TrainedCircuit) -> TrainedCircuit:
    return posed(trained, theory.tuned) if theory.tuned else trained


def _rounded_unit(unit: TrainedUnit, precision: int) -> TrainedUnit:
    axes = pose_axes(type(unit))

    def near(axis: str, value: PoseValue) -> PoseValue:
        if isinstance(value, str):
            return value
        if isinstance(value, tuple):
            return tuple(rounded(number, precision) for number in value)
        if period := axes[axis].period:
            step = period / 2**precision
            return round(value / step) * step % period
        return rounded(value, precision)

    return unit.model_copy(update={axis: near(axis, value) for axis, value in unit.pose.items()})


def _pose_bits(value: PoseValue, precision: int) -> float:
    if isinstance(value, str):
        return math.log2(len(get_args(_unwrapped(Poses.model_fields["channel"].annotation)[0])))
    return float(precision * (len(value) if isinstance(value, tuple) else 1))


@dataclass(frozen=True)
class _Parts:
    structure: float = 0.0
    numbers: float = 0.0

    def __add__(self, other: "_Parts") -> "_Parts":
        return _Parts(self.structure + other.structure, self.numbers + other.numbers)


NOTHING = _Parts()


def _model(value: BaseModel, sources: int, precision: int) -> _Parts:
    """The bits of a language object, of a family with so many `sources` to read from."""
    parts = NOTHING
    for name, field in type(value).model_fields.items():
        item = getattr(value, name)
        if not field.is_required():
            parts += _Parts(structure=1)
        if field.is_required() or item != field.get_default():
            parts += _value(item, field.annotation, sources, precision)
    return parts


def _value(value: Any, annotation: Any, sources: int, precision: int) -> _Parts:
    options = _unwrapped(annotation)
    if len(options) > 1:
        parts = _Parts(structure=math.log2(len(options)))
        options = [option for option in options if _is_of(value, option)]
        return parts + _value(value, options[0], sources, precision)
    (kind,) = options
    if isinstance(value, PoseBounds):
        return NOTHING
    if isinstance(value, Number):
        return _Parts(numbers=precision)
    if isinstance(value, BaseModel):
        return _model(value, sources, precision)
    if get_origin(kind) is Literal:
        return _Parts(structure=math.log2(len(get_args(kind))))
    if isinstance(value, Mapping):
        return _mapping(value, kind, sources, precision)
    if isinstance(value, tuple):
        return _items(value, kind, sources, precision)
    return _Parts(structure=TEXT_BITS * (len(f"{value:g}") + 1))


def _mapping(value: Mapping, kind: Any, sources: int, precision: int) -> _Parts:
    """The bits of a mapping: its keys are what a family reads, or axes of poses.

    Both are counted as chosen from the larger of the two lists.
    """
    item = get_args(kind)[1]
    choices = max(sources, len(Poses.model_fields))
    parts = _list_bits(len(value)) + _Parts(structure=address_bits(choices, len(value)))
    for read in value.values():
        parts += _value(read, item, sources, precision)
    return parts


def _items(value: Sequence, kind: Any, sources: int, precision: int) -> _Parts:
    given = get_args(kind)
    open_ended = len(given) == 2 and given[1] is Ellipsis
    kinds = [given[0]] * len(value) if open_ended else given
    parts = _list_bits(len(value)) if open_ended else NOTHING
    for entry, item in zip(value, kinds, strict=True):
        parts += _value(entry, item, sources, precision)
    return parts


def _list_bits(count: int) -> _Parts:
    return _Parts(structure=2 * math.floor(math.log2(count + 1)) + 1)


def _unwrapped(annotation: Any) -> list[Any]:
    """The options of a field's type: one, or those of a union without None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _unwrapped(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [
            option
            for given in get_args(annotation)
            if given is not type(None)
            for option in _unwrapped(given)
        ]
    return [annotation]


def _is_of(value: Any, option: Any) -> bool:
    if get_origin(option) is Literal:
        return value in get_args(option)
    return isinstance(value, get_origin(option) or option)
