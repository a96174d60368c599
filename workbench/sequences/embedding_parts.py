"""The part of a theory that writes the embedding of numbers: on the circles that neurons read.

The directions of the circles are bound: least squares to the trained embedding. The part claims
on which circles the numbers are, and not along which directions of the stream.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.hosts.host import Host
from workbench.sequences.head_controls import FURTHER
from workbench.sequences.head_parts import DONOR_SHIFT
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Overrides, UnitValues
from workbench.sequences.part import PartNumbers, TokenPart
from workbench.sequences.rule import angle_deg
from workbench.sequences.sites import EMBEDDING
from workbench.sequences.splice import TokenCondition, condition
from workbench.sequences.subject import Subject
from workbench.splice.conditions import ConditionKind

Table = Float[Tensor, "token d"]


def embedding_parts(subject: Subject) -> list[TokenPart]:
    """A part for each family of numbers that neurons read."""
    circles: dict[str, tuple[int, set[int]]] = {}
    for name, family in subject.theory.of_units("neurons").items():
        ((source, _),) = family.reads.items()
        neurons = subject.written.neurons[name]
        _, read = circles.setdefault(source, (neurons.modulus, set()))
        read |= neurons.circles_read
    return [
        _part(name, embedding_of(subject.host, modulus, read), subject.seed)
        for name, (modulus, read) in circles.items()
    ]


@dataclass(frozen=True)
class Embedding:
    """A trained embedding whose first `modulus` tokens are numbers, and the circles of a theory."""

    trained: Table
    modulus: int
    frequencies: tuple[int, ...]

    @property
    def numbers(self) -> Float[Tensor, "number d"]:
        """The trained rows of the numbers."""
        return self.trained[: self.modulus].double()

    def waves(self, higher: int = 0) -> Float[Tensor, "number wave"]:
        """A constant, and the cosine and the sine of each circle.

        higher  is added to each frequency
        """
        at = torch.arange(self.modulus)
        angles = [angle_deg(at, k + higher, self.modulus).deg2rad() for k in self.frequencies]
        columns = [part for angle in angles for part in (angle.cos(), angle.sin())]
        return torch.stack([torch.ones_like(columns[0]), *columns], 1)

    def directions(self, waves: Float[Tensor, "number wave"]) -> Float[Tensor, "wave d"]:
        """The directions of the stream on which these waves are nearest to the trained rows."""
        return torch.linalg.lstsq(waves, self.numbers).solution

    @property
    def bound(self) -> int:
        """How many numbers the directions of the circles are, with their mean."""
        return self.trained.shape[1] * (1 + 2 * len(self.frequencies))

    def placed(self) -> dict[int, Float[Tensor, "number 2"]]:
        """Where the trained rows are on each circle: their coordinates along its directions."""
        mean, *_ = directions = self.directions(self.waves())
        coordinates = (self.numbers - mean) @ torch.linalg.pinv(directions[1:])
        pairs = coordinates.split(2, dim=1)
        return dict(zip(self.frequencies, pairs, strict=True))

    def on_circles(self, higher: int = 0) -> Table:
        """The embedding with every number on the circles: the nearest one to the trained rows."""
        waves = self.waves(higher)
        return self.with_numbers(waves @ self.directions(waves))

    def permuted(self, order: Int[Tensor, " number"]) -> Table:
        """The embedding on the circles with the rows of the numbers permuted."""
        return self.with_numbers(self.on_circles()[order])

    def low_rank(self) -> Table:
        """The nearest embedding of the same rank about its mean (truncated SVD)."""
        mean = self.numbers.mean(0)
        u, s, v = torch.linalg.svd(self.numbers - mean, full_matrices=False)
        rank = 2 * len(self.frequencies)
        return self.with_numbers(mean + u[:, :rank] * s[:rank] @ v[:rank])

    def with_numbers(self, rows: Float[Tensor, "number d"]) -> Table:
        """The embedding with other rows for the numbers; other tokens have the trained ones."""
        made = self.trained.clone()
        made[: self.modulus] = rows.to(made.dtype)
        return made


def embedding_of(host: Host, modulus: int, frequencies: Collection[int]) -> Embedding:
    """The trained embedding of a network, with the circles of a theory."""
    trained = host.network.state_dict()["embed.W_E"].cpu()
    return Embedding(trained, modulus, tuple(sorted(frequencies)))


def _part(name: str, embedding: Embedding, seed: int) -> TokenPart:
    circles, (count, width) = len(embedding.frequencies), embedding.numbers.shape
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    control, rank = ConditionKind.CONTROL, 2 * circles
    low_rank = (
        _condition(
            "baseline.low_rank",
            ConditionKind.BASELINE,
            "the nearest embedding of the same rank",
            embedding.low_rank(),
            numbers=width + rank * (width + count),
        ),
    )
    conditions = (
        *_ablations(embedding),
        _condition(
            "spliced",
            ConditionKind.HANDWRITTEN,
            "the numbers on the circles",
            embedding.on_circles(),
        ),
        *(
            _condition(
                f"control.frequencies_{by}_higher",
                control,
                f"every frequency {by} higher, its directions fitted again",
                embedding.on_circles(by),
            )
            for by in FURTHER
        ),
        _condition(
            "control.numbers_permuted",
            control,
            "the numbers renamed by a permutation",
            embedding.permuted(order),
        ),
        *(low_rank if rank < min(count, width) else ()),
    )
    words = f"embedding of {name} on the circles that neurons read; all else is trained"
    counted = PartNumbers(rule=circles, bound=embedding.bound)
    return TokenPart(name, words, counted, conditions, (name,))


def _ablations(embedding: Embedding) -> Sequence[TokenCondition]:
    """The numbers' rows at 0, at their mean, and those of another prompt's numbers."""
    rows, ablation = embedding.numbers, ConditionKind.ABLATION
    mean = embedding.with_numbers(rows.mean(0).expand_as(rows))
    return [
        _condition("ablated.zero", ablation, "rows at 0", embedding.with_numbers(0 * rows)),
        _condition("ablated.mean", ablation, "the mean of the numbers' rows", mean),
        _condition(
            "ablated.resample",
            ablation,
            "the embedding of another prompt",
            embedding.trained,
            lambda tokens: tokens.roll(DONOR_SHIFT, 0),
        ),
    ]


def _condition(
    name: str,
    kind: ConditionKind,
    label: str,
    table: Table,
    read: Callable[[Tensor], Tensor] = lambda tokens: tokens,
    numbers: int | None = None,
) -> TokenCondition:
    """A condition in which tokens have the rows of a table.

    read  gives the tokens whose rows are taken; the prompt's own by default
    """

    def overrides(run: NaturalRun) -> Overrides:
        values = table[read(run.tokens)].movedim(2, 1)
        return {EMBEDDING: UnitValues(range(values.shape[1]), values)}

    return condition(name, kind, label, overrides, numbers=numbers)
