"""A trained circuit: a host's units of one family, with their poses and how they were found.

Its file is `circuits/HOST/FAMILY.yaml`.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from workbench.errors import WorkbenchError
from workbench.spec.ledger import TunedOn
from workbench.spec.number import RefusedError, Strict
from workbench.spec.pose import PosedUnit, PoseValue, direction_deg, pose_axes

# These keys count in a circuit's hash even where no unit has them, as they always did. Any other
# key counts only where some unit has it, so that a new key leaves the hashes of old files alone.
ALWAYS_HASHED = ("unit", "radius_px", "shift_px", "strength", "direction", "curvature")

SHORTEST = 1e-12  # length of a direction's vector: its square must be a number in float32


def _pointing(vector: tuple[float, ...]) -> tuple[float, ...]:
    if not SHORTEST < math.hypot(*vector) < 1 / SHORTEST:
        raise RefusedError(
            "out-of-range", f"a vector whose length is between {SHORTEST:g} and {1 / SHORTEST:g}"
        )
    return vector


Vector = Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(_pointing)]


class TrainedUnit(PosedUnit):
    """A channel of the host, or a direction in its site's channels, at its pose.

    Besides the pose it holds further measurements of the survey.
    """

    strength: float | None = Field(
        default=None, description="best arc's response, in spreads of the unit over pictures"
    )
    direction: float | None = Field(
        default=None,
        description="1 - response to the arc turned by 180 degrees over response to the arc",
    )
    curvature: float | None = Field(
        default=None,
        description="1 - best response to a straight line over best response to an arc",
    )
    explained: float | None = Field(
        default=None, description="share of the variance of its responses that the pose explains"
    )
    peak: float | None = Field(
        default=None,
        gt=0,
        description="activation at the stimulus that it prefers; where it is read in place of a "
        "family's units, it is divided by this",
    )
    vector: Vector | None = Field(
        default=None,
        description="a number for each channel of the site: the unit is this direction, and its "
        "number only a label",
    )

    @model_validator(mode="after")
    def _one_colour(self) -> Self:
        if self.channel is not None and self.mixture is not None:
            raise ValueError("channel or mixture, not both")
        return self


class SurveyRecord(Strict):
    """How a survey found the units: enough to find them again."""

    command: str
    date: str
    workbench: str
    stimuli: str
    pictures: str
    pictures_sha256: str
    thresholds: dict[str, float]


class TrainedCircuit(Strict):
    """Units of one family at one site of one host, which the fingerprint identifies.

    `found` is None where the file was written without a survey.
    """

    circuit: str
    host: str
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    site: str
    found: SurveyRecord | None = None
    units: Annotated[tuple[TrainedUnit, ...], Field(min_length=1)]

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's content, whatever its layout.

        Keys that no unit has are left out, except ALWAYS_HASHED: ledgers of specs hold the hashes
        of circuits that are older than those keys.
        """
        absent = {
            name
            for name in TrainedUnit.model_fields
            if name not in ALWAYS_HASHED and all(getattr(unit, name) is None for unit in self.units)
        }
        return hashlib.sha256(
            self.model_dump_json(exclude={"units": {"__all__": absent}}).encode()
        ).hexdigest()

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes on which every unit has a value."""
        return tuple(
            axis
            for axis in pose_axes(type(self.units[0]))
            if all(getattr(unit, axis) is not None for unit in self.units)
        )

    @property
    def vectors(self) -> tuple[tuple[float, ...], ...] | None:
        """The units' directions in the site's channels; None where each unit is one channel."""
        vectors = tuple(unit.vector for unit in self.units if unit.vector is not None)
        return vectors or None

    def channels(self, use: str) -> tuple[int, ...]:
        """The units' channels. Raises WorkbenchError for directions; `use` needs channels."""
        if self.vectors:
            raise WorkbenchError(
                f"circuit {self.circuit} at {self.site} of {self.host}",
                "units that are directions",
                f"units that are channels, for {use}: a direction has no weights of its own",
            )
        return tuple(unit.unit for unit in self.units)

    @property
    def peaks(self) -> tuple[float, ...] | None:
        """The units' activations at the stimuli that they prefer; None where they have none."""
        peaks = tuple(unit.peak for unit in self.units if unit.peak is not None)
        return peaks or None

    @property
    def directions_deg(self) -> tuple[float, ...]:
        """The `centre_deg` of each unit. Raises WorkbenchError for units without one."""
        self.refuse_without(("centre_deg",))
        return tuple(unit.centre_deg for unit in self.units if unit.centre_deg is not None)

    @property
    def angles_deg(self) -> tuple[float, ...]:
        """Where each unit lies on the circle that its stimulus goes round (`direction_deg`)."""
        return tuple(direction_deg(unit.pose) for unit in self.units)

    @property
    def by_pose(self) -> tuple[int, ...]:
        """The units' indices in the order of their `angles_deg`, where equal that of the file."""
        return tuple(sorted(range(len(self.units)), key=lambda i: self.angles_deg[i]))

    def column(self, axis: str) -> tuple[PoseValue, ...]:
        """Each unit's value on an axis. Raises WorkbenchError for units without one."""
        self.refuse_without((axis,))
        return tuple(getattr(unit, axis) for unit in self.units)

    def lacking(self, axes: Collection[str]) -> tuple[int, str] | None:
        """The first unit without a value on one of the axes, and that axis; None if there is none.

        An axis that no circuit can have is lacking, too.
        """
        return next(
            (
                (unit.unit, axis)
                for axis in axes
                for unit in self.units
                if getattr(unit, axis, None) is None
            ),
            None,
        )

    def refuse_without(self, axes: Collection[str]) -> None:
        """Raises WorkbenchError for the first unit without a value on one of the axes."""
        if lacking := self.lacking(axes):
            unit, axis = lacking
            raise WorkbenchError(
                f"circuit {self.circuit} at {self.site} of {self.host}: unit {unit}",
                f"no {axis}",
                f"the {axis} of every unit, as the family's weights depend on it",
                f"Add {axis} to the units of the circuit file.",
            )

    @model_validator(mode="after")
    def _one_family(self) -> Self:
        for expected in misfits(self.units):
            raise ValueError(expected)
        return self


def misfits(units: Sequence[TrainedUnit]) -> Iterator[str]:
    """Reasons why units of a circuit do not go together: one twice, unlike, in two spaces."""
    names = [unit.unit for unit in units]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        yield f"each unit once, not twice {twice}"
    shared = [name for name, axis in pose_axes(TrainedUnit).items() if axis.every_unit]
    for name in (*shared, "peak", "vector"):
        bare = [unit.unit for unit in units if getattr(unit, name) is None]
        if 0 < len(bare) < len(units):
            yield f"{name} for every unit or for none, not for all but {bare}"
    lengths = sorted({len(unit.vector) for unit in units if unit.vector is not None})
    if len(lengths) > 1:
        yield f"vectors of one length, not of {' and '.join(map(str, lengths))}"


def misnamed(bound: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each family that is bound to units of another name.

    `bound` gives for each family the name that its units were found as. It is no error: a wrong
    binding is a control, and two theories may call one feature by two names.
    """
    return tuple(
        f"{family} is read off units that were found as {name}, not as {family}. "
        "As a control, or where the two are one feature, this is right."
        for family, name in bound.items()
        if name != family
    )


def posed(circuit: TrainedCircuit, tuned: TunedOn) -> TrainedCircuit:
    """The circuit with its units at their tuned poses, if it is one that they were tuned on.

    Any other circuit is returned as it is. Raises WorkbenchError for a unit without a tuned pose.
    """
    if not (poses := tuned.poses(circuit.sha256)):
        return circuit
    if lacking := [unit.unit for unit in circuit.units if str(unit.unit) not in poses]:
        raise WorkbenchError(
            f"circuit {circuit.circuit}: unit {lacking[0]}",
            "no pose in the ledger of the tuned spec",
            "a pose for each unit of a circuit that was tuned",
            "Tune the spec again: workbench tune.",
        )
    units = tuple(
        unit.model_copy(update=poses[str(unit.unit)].model_dump(exclude_none=True))
        for unit in circuit.units
    )
    return circuit.model_copy(update={"units": units})
