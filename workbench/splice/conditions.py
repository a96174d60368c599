"""Conditions: the values that the replaced units take.

Each condition is a function of one batch of `ConditionInputs`, so that every splice goes the same
way; it declares what it is called and what it reads. A new condition is a class here, or a row of
`workbench.splice.calibrate`. Ablations: zero, mean and resample (Chan et al. 2022, causal
scrubbing; Wang et al. 2022, arXiv 2211.00593, for mean ablation).
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.splice.inputs import ALL_CIRCUITS, ConditionInputs, Wanted
from workbench.splice.link import RELU, Link
from workbench.splice.natural import PartKind


class ConditionKind(StrEnum):
    """The kind of a condition; tables list conditions in this order."""

    NATURAL = "natural"  # the trained units themselves
    ABLATION = "ablation"  # the trained units' information removed
    HANDWRITTEN = "handwritten"  # the theory's circuit
    VARIANT = "variant"  # a variant of the theory
    TRAINED = "trained"  # the theory's circuit, some families of it read off trained units
    COMPARED = "compared"  # another theory's circuit
    CONTROL = "control"  # a wrong circuit, which should fail
    BASELINE = "baseline"  # a predictor without a theory


RIVALS = (ConditionKind.CONTROL, ConditionKind.BASELINE)  # which a theory should beat


@dataclass(frozen=True)
class ConditionFacts:
    """The name of a condition, its purpose, and what takes the place of the units under it."""

    name: str
    kind: ConditionKind
    label: str


@dataclass(frozen=True, kw_only=True)
class Condition(ABC):
    """Values for the replaced units, `n unit *position`.

    name   its row in tables and documents, such as "control.permuted"
    kind   what it is for
    label  what takes the place of the trained units, in words

    A subclass declares what it reads: `circuits`, the handwritten circuits whose drives it takes,
    all of them by default, and `reads`, the parts of the trained network's run beyond the units'
    own activation. With `cached` in its own body, and not a parent's, its rows are kept in the
    cache under its fields, so these must determine what it computes.
    """

    name: str = ""
    kind: ConditionKind = ConditionKind.HANDWRITTEN
    label: str = "another splice"

    cached: ClassVar[bool] = False
    reads: ClassVar[frozenset[PartKind]] = frozenset()

    @property
    def circuits(self) -> frozenset[str] | None:
        """The names of the handwritten circuits whose drives it takes; `ALL_CIRCUITS` for all."""
        return ALL_CIRCUITS

    @property
    def facts(self) -> ConditionFacts:
        """Its name, kind and label."""
        return ConditionFacts(self.name, self.kind, self.label)

    @abstractmethod
    def __call__(self, inputs: ConditionInputs) -> Float[Tensor, "n unit *position"]:
        """The values of the replaced units on one batch."""

    def fitted_parameters(self) -> str | None:
        """SHA-256, in hex, of the class and the numbers that it was fitted with.

        Name, kind and label do not count: a condition computes the same under another name. None
        for a condition that may not be cached.
        """
        if not vars(type(self)).get("cached"):
            return None
        digest = hashlib.sha256(f"{type(self).__module__}.{type(self).__qualname__}".encode())
        for field in fields(self):
            if field.name not in ("name", "kind", "label"):
                value = getattr(self, field.name)
                content = to_numpy(value).tobytes() if isinstance(value, Tensor) else repr(value)
                digest.update(f"{field.name} ".encode())
                digest.update(content if isinstance(content, bytes) else content.encode())
        return digest.hexdigest()


def wanted_by(conditions: Sequence[Condition]) -> Wanted:
    """The parts that a batch must hold for these conditions."""
    circuits: frozenset[str] | None = frozenset()
    for condition in conditions:
        names = condition.circuits
        circuits = ALL_CIRCUITS if circuits is None or names is None else circuits | names
    return Wanted(
        circuits, frozenset[PartKind]().union(*(condition.reads for condition in conditions))
    )


class WithoutCircuit(Condition):
    """A condition that takes no handwritten circuit's drives, so that none is run for it."""

    @property
    def circuits(self) -> frozenset[str]:
        """None of them."""
        return frozenset()


@dataclass(frozen=True)
class Natural(WithoutCircuit):
    """The trained units' own activation: splicing it back changes nothing."""

    cached = True

    def __call__(self, inputs: ConditionInputs) -> Tensor:
        """The trained activation."""
        return inputs.trained


@dataclass(frozen=True)
class Zero(WithoutCircuit):
    """Ablation: every unit at 0."""

    cached = True

    def __call__(self, inputs: ConditionInputs) -> Tensor:
        """Zeros."""
        return torch.zeros_like(inputs.trained)


natural = Natural(
    name="natural",
    kind=ConditionKind.NATURAL,
    label="the trained units' own activation, spliced back",
)
zero = Zero(name="ablated.zero", kind=ConditionKind.ABLATION, label="zero")


@dataclass(frozen=True)
class Mean(WithoutCircuit):
    """Ablation: each unit always at its mean over the calibration pictures."""

    mean: Float[Tensor, " unit"]
    cached = True

    def __call__(self, inputs: ConditionInputs) -> Tensor:
        """The means at every position."""
        return _column(self.mean, inputs.trained).expand_as(inputs.trained)


@dataclass(frozen=True)
class Donor(WithoutCircuit):
    """Activations `donor unit *position` of other pictures.

    The trained units' (resample ablation) or a handwritten circuit's (control).
    """

    activations: Float[Tensor, "donor unit *position"]
    cached = True

    def __call__(self, inputs: ConditionInputs) -> Tensor:
        """The activation on each picture's donor."""
        return self.activations[inputs.donor]


@dataclass(frozen=True)
class Handwritten(Condition):
    """`link(gain * drive + bias)` of a handwritten circuit, gain and bias of each unit calibrated.

    `order` gives unit i the drive of unit order[i]; `sign` -1 flips every weight of the last layer.
    Both are controls.
    """

    circuit: str
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]
    order: Int[Tensor, " unit"]
    sign: float = 1.0
    link: Link = RELU
    cached = True

    @property
    def circuits(self) -> frozenset[str]:
        """Its circuit."""
        return frozenset({self.circuit})

    def drive(self, inputs: ConditionInputs) -> Float[Tensor, "n unit *position"]:
        """The drive that each unit is given."""
        return self.sign * inputs.drives[self.circuit][:, self.order]

    def __call__(self, inputs: ConditionInputs) -> Tensor:
        """The handwritten units' activation."""
        return scaled(self.link, self.gain, self.bias, self.drive(inputs))


@dataclass(frozen=True)
class Affine(WithoutCircuit):
    """Baseline: for each unit the trained unit of the layer before that fits it best.

    It has a gain and a bias for each unit, as a handwritten unit has, and trained features to read.
    """

    channel: Int[Tensor, " unit"]
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]
    link: Link = RELU
    cached = True
    reads = frozenset[PartKind]({"before"})

    def __call__(self, inputs: ConditionInputs) -> Tensor:
        """The chosen units' activation, scaled."""
        drive = inputs.given("before")[:, self.channel]
        return scaled(self.link, self.gain, self.bias, drive)


@dataclass(frozen=True)
class Regression(WithoutCircuit):
    """Baseline: the least-squares prediction from every trained unit of the layer before.

    It is fitted position by position, with a gain and a bias as every unit has. The strongest of
    the baselines: some hundred fitted numbers a unit, on trained features.
    """

    weight: Float[Tensor, "unit c2"]
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]
    link: Link = RELU
    cached = True
    reads = frozenset[PartKind]({"before"})

    def __call__(self, inputs: ConditionInputs) -> Tensor:
        """The prediction, scaled."""
        drive = torch.einsum("uc,nc...->nu...", self.weight, inputs.given("before"))
        return scaled(self.link, self.gain, self.bias, drive)


def fitted_activation(
    link: Link, drive: Float[Tensor, "n unit *position"], trained: Float[Tensor, "n unit *position"]
) -> Float[Tensor, "n unit *position"]:
    """`link(gain * drive + bias)`, each unit's gain and bias fitted to `trained`."""
    return scaled(link, *link.fit(drive, trained), drive)


def scaled(
    link: Link,
    gain: Float[Tensor, " unit"],
    bias: Float[Tensor, " unit"],
    drive: Float[Tensor, "n unit *position"],
) -> Float[Tensor, "n unit *position"]:
    """`link(gain * drive + bias)`: the activation of units with that gain and bias."""
    return link(_column(gain, drive) * drive + _column(bias, drive))


def _column(values: Float[Tensor, " unit"], like: Tensor) -> Float[Tensor, "1 unit *one"]:
    """A number for each unit, to be combined with activations `n unit *position`."""
    return values.reshape(1, -1, *[1] * (like.ndim - 2))


# labels of the circuits that a rebuild compiles, by name and by the start of a name
NAMED = {
    "spliced": (ConditionKind.HANDWRITTEN, "the handwritten units"),
    "as_written": (
        ConditionKind.HANDWRITTEN,
        "the handwritten units, with the numbers as they were before tuning",
    ),
}
PREFIXED = {
    "trained.": (
        ConditionKind.TRAINED,
        "the handwritten units, reading trained units in place of {} and of every bound family "
        "above it",
    ),
    "compared.": (ConditionKind.COMPARED, "units compiled from another theory, {}"),
    "variant.": (ConditionKind.VARIANT, "the handwritten units of a variant of the theory, {}"),
}


def facts_of_circuit(name: str) -> ConditionFacts:
    """The facts of the condition in which the circuit of that name takes the units' place."""
    if name in NAMED:
        return ConditionFacts(name, *NAMED[name])
    for prefix, (kind, label) in PREFIXED.items():
        if name.startswith(prefix):
            return ConditionFacts(name, kind, label.format(name.removeprefix(prefix)))
    return ConditionFacts(name, ConditionKind.HANDWRITTEN, "a handwritten circuit")
