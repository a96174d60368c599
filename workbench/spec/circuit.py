"""A trained circuit: the host's own units of one family, with their poses, and how they were found (`circuits/HOST/FAMILY.yaml`)."""

import hashlib
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from workbench.spec.language import Channel, Scale, Strict, TunedOn

GABOR_POSES = ("phase_deg", "scale", "channel", "envelope", "aspect", "mixture")
ADDED = (*GABOR_POSES, "explained")  # to circuits since the first: they count in a circuit's hash only where some unit has them


class TrainedUnit(Strict):
    """One channel of the host. `centre_deg` is its pose (of an edge or a bar: the direction of its normal), with `GABOR_POSES` where the unit reads
    the picture; what else the survey measured stands beside it."""

    unit: Annotated[int, Field(ge=0)]
    centre_deg: Annotated[float, Field(ge=0, lt=360)]
    radius_px: Annotated[float, Field(gt=0)] | None = None
    shift_px: tuple[float, float] | None = Field(default=None, description="(x, y) from the cell's centre to the apex it prefers")
    phase_deg: Annotated[float, Field(ge=0, lt=360)] | None = Field(default=None, description="of a Gabor; 270: bright towards centre_deg")
    scale: Scale | None = None
    channel: Channel | None = None
    mixture: tuple[float, float, float] | None = Field(
        default=None, description="of luma, red-green and blue-yellow, in place of channel; a part below 0 is the opposite colour"
    )
    envelope: Scale | None = Field(default=None, description="factor of the kernel's sigma_px")
    aspect: Scale | None = Field(default=None, description="factor of the kernel's aspect")
    strength: float | None = Field(default=None, description="best arc's response, in spreads of the unit over pictures")
    direction: float | None = Field(default=None, description="1 - response to the arc turned by 180 degrees over response to the arc")
    curvature: float | None = Field(default=None, description="1 - best response to a straight line over best response to an arc")
    explained: float | None = Field(default=None, description="share of the variance of its responses that the pose explains")

    @model_validator(mode="after")
    def _one_colour(self):
        if self.channel is not None and self.mixture is not None:
            raise ValueError("channel or mixture, not both")
        return self


class Found(Strict):
    """How the units were found: enough to find them again."""

    command: str
    date: str
    workbench: str
    stimuli: str
    pictures: str
    pictures_sha256: str
    thresholds: dict[str, float]


class TrainedCircuit(Strict):
    """Units of one family at one site of one host, known by the host's fingerprint."""

    circuit: str
    host: str
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    site: str
    found: Found
    units: Annotated[tuple[TrainedUnit, ...], Field(min_length=1)]

    @property
    def sha256(self) -> str:
        """SHA-256 of what the file says, whatever its layout. Poses that no unit has are left out, as ledgers name circuits from before them."""
        absent = {name for name in ADDED if all(getattr(unit, name) is None for unit in self.units)}
        return hashlib.sha256(self.model_dump_json(exclude={"units": {"__all__": absent}}).encode()).hexdigest()

    @model_validator(mode="after")
    def _distinct(self):
        seen = [unit.unit for unit in self.units]
        twice = sorted({unit for unit in seen if seen.count(unit) > 1})
        if twice:
            raise ValueError(f"each unit once, not twice {twice}")
        return self

    @model_validator(mode="after")
    def _alike(self):
        for name in GABOR_POSES:
            bare = [unit.unit for unit in self.units if getattr(unit, name) is None]
            if 0 < len(bare) < len(self.units):
                raise ValueError(f"{name} for every unit or for none, not for all but {bare}")
        return self


def misnamed(bound: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each family that is bound to units of another name; `bound` has the name that a family's units were found as. It is no error:
    a wrong binding is a control, and two theories may call one feature by two names."""
    return tuple(
        f"{family} is read off units that were found as {name}, not as {family}. As a control, or where the two are one feature, this is right."
        for family, name in bound.items()
        if name != family
    )


def posed(circuit: TrainedCircuit, tuned: TunedOn) -> TrainedCircuit:
    """The circuit with its units at their tuned poses, if it is one that they were tuned on; any other circuit as it is."""
    if not (poses := tuned.poses(circuit.sha256)):
        return circuit
    units = tuple(unit.model_copy(update=poses[str(unit.unit)].model_dump(exclude_none=True)) for unit in circuit.units)
    return circuit.model_copy(update={"units": units})
