"""The ledger that `workbench tune` writes beside a spec: what it fitted the values on."""

from typing import Annotated

from pydantic import Field

from workbench.spec.number import Scale, Strict


class UnitPose(Strict):
    """A unit's pose as tuned; all but `shift_px` only where they were fitted."""

    centre_deg: Annotated[float, Field(ge=0, lt=360)] | None = None
    radius_px: Annotated[float, Field(gt=0)] | None = None
    shift_px: tuple[float, float]
    scale: Scale | None = None


class TunedCircuit(Strict):
    """A trained circuit that the values were fitted to."""

    host: str
    circuit: Annotated[str, Field(description="SHA-256 of the trained circuit")]
    pearson: Annotated[
        tuple[float, float],
        Field(description="mean over its units on the tuning pictures, before and after"),
    ]
    poses: dict[str, UnitPose] = Field(
        default={}, description="unit -> its pose as tuned; for this circuit only"
    )


class EarlierCircuit(Strict):
    """A trained circuit that an earlier tuning of the spec fitted its values to.

    The later tuning began from those values.
    """

    host: str
    circuit: Annotated[str, Field(description="SHA-256 of the trained circuit")]


class TunedOn(Strict):
    """The circuits and pictures that the values of `{tune: ...}` were fitted on."""

    circuits: Annotated[tuple[TunedCircuit, ...], Field(min_length=1)]
    earlier: Annotated[
        tuple[EarlierCircuit, ...],
        Field(description="circuits of earlier tunings, which the values began from"),
    ] = ()
    spec: Annotated[str, Field(description="SHA-256 of the spec that was tuned")]
    date: str
    steps: int
    seed: int
    rate: Annotated[float | None, Field(description="of the descent, at its highest")] = None
    hold: Annotated[
        tuple[str, ...], Field(description="families whose numbers stayed as they were")
    ] = ()
    bound: dict[str, str] = Field(
        default={},
        description="family -> SHA-256 of the trained units whose weights were fitted too",
    )
    weights: Annotated[
        float | None, Field(description="of these weights in the loss; the responses have 1")
    ] = None
    written: Annotated[dict[str, float], Field(description="key -> the value before tuning")]
    images: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")], ...],
        Field(description="first 16 digits of each picture's SHA-256"),
    ]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of all circuits that the values were fitted to, each once."""
        rows: list[TunedCircuit | EarlierCircuit] = [*self.circuits, *self.earlier]
        return tuple(dict.fromkeys(row.host for row in rows))

    def poses(self, circuit: str) -> dict[str, UnitPose]:
        """The tuned poses of the circuit with that SHA-256; none if it was not tuned on."""
        return next((row.poses for row in self.circuits if row.circuit == circuit), {})


class Ledger(TunedOn):
    """The ledger's file; `ledger` tells it from a theory and a trained circuit."""

    ledger: Annotated[str, Field(description="name of the theory whose values were fitted")]


class LedgerName(Strict):
    """The ledger of a tuned theory, by its name and hash."""

    ledger: Annotated[str, Field(description="name of the ledger's file, beside the spec")]
    # with it, the spec's own hash depends on the tuned poses, which are in the ledger alone
    sha256: Annotated[
        str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the ledger's file")
    ]
