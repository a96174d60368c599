"""Slots: how the units of a site are read from an activation and written into it.

A unit is a channel of the site, or a direction in the space of its channels. Everything in the
loop reads and writes units through one of these two, so that it need not know which they are.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.errors import WorkbenchError
from workbench.spec.circuit import TrainedCircuit

INDEPENDENT = 1e-6  # least eigenvalue of the Gram matrix of directions that can all be written


class Slots(Protocol):
    """Units of a site. Activations are `n channel *position`."""

    channelwise: ClassVar[bool]  # whether a stage that acts on each channel alone acts on each unit

    def __len__(self) -> int:
        """How many units."""

    def read(self, activation: Float[Tensor, "n c *position"]) -> Float[Tensor, "n unit *position"]:
        """The units' activation."""

    def write(
        self,
        values: Float[Tensor, "n unit *position"],
        activation: Float[Tensor, "n c *position"],
    ) -> Float[Tensor, "n c *position"]:
        """A copy of the activation in which the units, and nothing else, have these values."""


@dataclass(frozen=True)
class Channels:
    """Units that are channels, by their indices."""

    indices: tuple[int, ...]
    channelwise: ClassVar[bool] = True

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, activation: Float[Tensor, "n c *position"]) -> Float[Tensor, "n unit *position"]:
        """The channels."""
        return activation[:, list(self.indices)]

    def write(
        self,
        values: Float[Tensor, "n unit *position"],
        activation: Float[Tensor, "n c *position"],
    ) -> Float[Tensor, "n c *position"]:
        """A copy with the channels replaced."""
        spliced = activation.clone()
        spliced[:, list(self.indices)] = values
        return spliced


@dataclass(frozen=True)
class Directions:
    """Units that are directions: `vectors` has the components of each along the site's channels.

    A unit's activation is the projection on its direction, which is taken at unit length. Writing
    changes the activation only within the space that the directions span, as little as possible, so
    that reading gives the written values back. Raises WorkbenchError for directions that cannot
    all be written, because one is a combination of the others.
    """

    vectors: tuple[tuple[float, ...], ...]
    channelwise: ClassVar[bool] = False

    def __post_init__(self) -> None:
        rows = torch.tensor(self.vectors, dtype=torch.float64)
        if not (rows.norm(dim=1) > 0).all() or not rows.isfinite().all():
            raise WorkbenchError(
                "directions",
                "one of length 0, or with a component that is no number",
                "vectors that point somewhere",
            )
        unit_rows = self._unit_rows
        least = float(torch.linalg.eigvalsh(unit_rows @ unit_rows.T)[0])
        if not least > INDEPENDENT:
            raise WorkbenchError(
                "directions",
                f"{len(rows)} that are linearly dependent (least eigenvalue {least:.1g})",
                "directions none of which is a combination of the others",
                "Leave out a unit.",
            )

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def _unit_rows(self) -> Float[Tensor, "unit c"]:
        rows = torch.tensor(self.vectors, dtype=torch.float64)
        return rows / rows.norm(dim=1, keepdim=True)

    @cached_property
    def _dual_rows(self) -> Float[Tensor, "unit c"]:
        """Rows that change one projection by 1 and leave the others as they are."""
        rows = self._unit_rows
        return torch.linalg.solve(rows @ rows.T, rows)

    def read(self, activation: Float[Tensor, "n c *position"]) -> Float[Tensor, "n unit *position"]:
        """The projections."""
        return torch.einsum("uc,nc...->nu...", self._unit_rows.to(activation), activation)

    def write(
        self,
        values: Float[Tensor, "n unit *position"],
        activation: Float[Tensor, "n c *position"],
    ) -> Float[Tensor, "n c *position"]:
        """A copy with the projections moved to the values."""
        change = (values - self.read(activation)).to(activation.dtype)
        return activation + torch.einsum("uc,nu...->nc...", self._dual_rows.to(activation), change)


def slots_of(circuit: HandwrittenCircuit) -> Slots:
    """The slots that a handwritten circuit's units replace."""
    return Directions(circuit.vectors) if circuit.vectors else Channels(circuit.units)


def trained_slots(trained: TrainedCircuit) -> Slots:
    """The slots of a trained circuit's units."""
    if trained.vectors:
        return Directions(trained.vectors)
    return Channels(tuple(unit.unit for unit in trained.units))


def channels_of(slots: Slots, why: str) -> tuple[int, ...]:
    """The indices of units that are channels.

    Raises WorkbenchError for directions; `why` says what needs channels.
    """
    if not isinstance(slots, Channels):
        raise WorkbenchError(
            why,
            "units that are directions",
            "units that are channels: a direction has no weights of its own",
            "Choose a basis in which the units are channels, or leave out this analysis.",
        )
    return slots.indices
