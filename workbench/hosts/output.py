"""Types of network answers, and the quantities that compare two answers.

`Host.output` is one of these; a new kind of answer is a class with the members of `Output`. Every
quantity has one number for each item (a picture): nan where it is not known, and infinite where a
distance is not finite, because an answer is not. Quantities are computed in float64, in the library
and on the device of the arrays they are given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.arrays import Array, array_namespace, device
from workbench.hosts.logits import divergence, log_softmax, rank_of, within

NO_TARGET = -1  # of an item without a target that the output knows
ROUNDING = 1e-5  # of a sum of probabilities in float32


@dataclass(frozen=True)
class Quantity:
    """A quantity of an answer, as tables and documents name it.

    name   its key in the rows of statistics
    label  the title of its column
    words  its definition in plain words
    key    its key in JSON documents
    task   whether it measures the task that the network was trained on; else fidelity to the
           natural answer

    A quantity of which larger is better is compared with the natural answer by its drop from
    natural. One of which smaller is better is itself the distance from natural, or is compared by
    its rise from natural if it is of the task.
    """

    name: str
    label: str
    words: str
    larger_is_better: bool
    needs_target: bool
    key: str
    task: bool = False


KL = Quantity(
    "kl", "KL", "KL(natural || condition) of the class distribution, nats", False, False, "kl"
)
AGREEMENT = Quantity(
    "agreement",
    "top-1 agree",
    "1 where the first class is the natural one",
    True,
    False,
    "top1_agreement",
)
TOP1 = Quantity("top1", "top-1", "1 where the label is the first class", True, True, "top1", True)
TOP5 = Quantity(
    "top5", "top-5", "1 where the label is among the first five classes", True, True, "top5", True
)
DISTANCE = Quantity(
    "distance",
    "distance",
    "1 - cosine of the natural embedding and the condition's",
    False,
    False,
    "distance",
)


class Labelled(Protocol):
    """An item that may have a label, such as a picture."""

    @property
    def label(self) -> str | None:
        """The label as the data set writes it."""


class Output(Protocol):
    """The facts about a network's answers that the loop needs."""

    @property
    def compared(self) -> bool:
        """Whether answers are compared at all; if not, every quantity is nan."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities that `statistics` gives, in the order of tables."""

    @property
    def headline(self) -> Quantity:
        """The quantity that recovery is measured by: a distance from the natural answer."""

    def statistics(
        self, natural: Array | None, answer: Array | None, target: Int[Array, " n *place"]
    ) -> Mapping[str, Float[Array, " n"]]:
        """Each quantity by name, of the natural answers and those under a condition.

        The headline is infinite where an answer is not finite. Answers of an output that is not
        compared are not looked at and may be None.
        """

    def targets(self, items: Sequence[Any]) -> Int[np.ndarray, " n *place"]:
        """The target of each item as a number, `NO_TARGET` where it has none.

        An output with an answer at each place has a row of targets for each item.
        """

    def problems(self, answer: object) -> list[str]:
        """The problem of a network's answers; empty if they fit this output."""


@dataclass(frozen=True)
class ClassOutput:
    """Logits `n classes`.

    classes        WordNet ids by output index, None where unknown
    probabilities  whether the network gives probabilities instead, whose logarithm is taken
    """

    classes: tuple[str, ...] | None = None
    probabilities: bool = False

    compared = True
    quantities = (KL, AGREEMENT, TOP1, TOP5)
    headline = KL

    def statistics(
        self,
        natural: Float[Array, "n classes"],
        answer: Float[Array, "n classes"],
        target: Int[Array, " n"],
    ) -> Mapping[str, Float[Array, " n"]]:
        """KL divergence, agreement, top-1 and top-5 of logits.

        Where logits are equal, the one with the smaller index ranks first. A logit that is nan
        ranks before the target. A logit of minus infinity rules its class out. KL is infinite where
        the condition rules out a class that the natural answer does not, and where a logit is nan
        or plus infinity; agreement is nan there.
        """
        xp = array_namespace(natural, answer, target)
        with np.errstate(invalid="ignore", divide="ignore"):
            p, q = (self._log_probabilities(logits) for logits in (natural, answer))
            kl = divergence(p, q)
        agreement = xp.argmax(natural, axis=1) == xp.argmax(answer, axis=1)
        rank = rank_of(answer, target)
        return {
            "kl": xp.where(xp.isnan(kl), xp.inf, kl),
            "agreement": xp.where(xp.isnan(kl), xp.nan, xp.astype(agreement, xp.float64)),
            "top1": within(rank, 1),
            "top5": within(rank, 5),
        }

    def _log_probabilities(self, answer: Float[Array, "n classes"]) -> Float[Array, "n classes"]:
        xp = array_namespace(answer)
        exact = xp.astype(answer, xp.float64)
        return log_softmax(xp.log(exact) if self.probabilities else exact)

    def targets(self, items: Sequence[Labelled]) -> Int[np.ndarray, " n"]:
        """The output index of each item's label; `NO_TARGET` for a label that is not in classes."""
        index = {wordnet_id: i for i, wordnet_id in enumerate(self.classes or ())}
        return np.array([index.get(item.label or "", NO_TARGET) for item in items])

    def problems(self, answer: object) -> list[str]:
        """Names answers that are no rows of logits, or of another number of classes.

        Probabilities, at least 0 with a sum of 1 for every item, are no logits unless they are
        declared. Rows of equal numbers may be either. Rows that are not finite are not looked at:
        `statistics` shows them.
        """
        if not isinstance(answer, Tensor) or answer.ndim != 2:
            return _row_problems(answer, "logits 1 x classes")
        problems, outputs = [], answer.shape[1]
        if self.classes is not None and len(self.classes) != outputs:
            problems += [
                f"{len(self.classes)} classes are named; the network has {outputs} outputs"
            ]
        known = answer[answer.isfinite().all(1)]
        shares = _are_shares(known)
        if self.probabilities and not shares:
            problems += ["the answers are declared as probabilities, but do not sum to 1"]
        if shares and not self.probabilities and not (known == known[:, :1]).all():
            problems += [
                "the network gives probabilities, at least 0 with a sum of 1; expected logits. "
                "Leave out its softmax, or declare output=ClassOutput(classes, probabilities=True)"
            ]
        return problems


@dataclass(frozen=True)
class EmbeddingOutput:
    """Embeddings `n dimensions`, of which only the direction counts. They have no targets."""

    compared = True
    quantities = (DISTANCE,)
    headline = DISTANCE

    def statistics(
        self,
        natural: Float[Array, "n dimensions"],
        answer: Float[Array, "n dimensions"],
        target: Int[Array, " n"],
    ) -> Mapping[str, Float[Array, " n"]]:
        """The cosine distance, 0 to 2; nan for an embedding of zeros, which has no direction.

        Half the squared distance of the unit vectors is 1 - cosine, and exactly 0 for equal ones.
        The distance is infinite where an embedding is not finite.
        """
        xp = array_namespace(natural, answer)
        with np.errstate(invalid="ignore"):
            difference = _direction(natural) - _direction(answer)
        finite = xp.all(xp.isfinite(natural) & xp.isfinite(answer), axis=1)
        distance = xp.sum(difference * difference, axis=1) / 2
        return {"distance": xp.where(finite, distance, xp.inf)}

    def targets(self, items: Sequence[Labelled]) -> Int[np.ndarray, " n"]:
        """`NO_TARGET` for each item."""
        return np.full(len(items), NO_TARGET)

    def problems(self, answer: object) -> list[str]:
        """Names an answer that is no row of numbers."""
        return _row_problems(answer, "an embedding 1 x dimensions")


@dataclass(frozen=True)
class NoOutput:
    """A network that ends in features, whose answers are not compared.

    It has the quantities of `ClassOutput`, all nan, so that documents have the same keys.
    """

    compared = False
    quantities = ClassOutput.quantities
    headline = ClassOutput.headline

    def statistics(
        self, natural: Array | None, answer: Array | None, target: Int[Array, " n"]
    ) -> Mapping[str, Float[Array, " n"]]:
        """Every quantity as nan; the answers are not looked at."""
        xp = array_namespace(target)
        unknown = xp.full(target.shape, xp.nan, dtype=xp.float64, device=device(target))
        return {quantity.name: unknown for quantity in self.quantities}

    def targets(self, items: Sequence[Labelled]) -> Int[np.ndarray, " n"]:
        """`NO_TARGET` for each item."""
        return np.full(len(items), NO_TARGET)

    def problems(self, answer: object) -> list[str]:
        """Empty: the network may give anything."""
        return []


def _row_problems(answer: object, expected: str) -> list[str]:
    if isinstance(answer, Tensor) and answer.ndim == 2:
        return []
    given = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
    return [f"the network gives {given} for one item; expected {expected}"]


def _are_shares(answer: Tensor) -> bool:
    """Whether every row is at least 0 and sums to 1, to the rounding of its dtype."""
    tolerance = (
        max(ROUNDING, 2 * torch.finfo(answer.dtype).eps) if answer.is_floating_point() else 0
    )
    sums = answer.double().sum(1)
    return bool((answer >= 0).all() and ((sums - 1).abs() <= tolerance).all())


def _direction(vectors: Float[Array, "n dimensions"]) -> Float[Array, "n dimensions"]:
    """The unit vectors in float64; nan for a vector of zeros."""
    xp = array_namespace(vectors)
    exact = xp.astype(vectors, xp.float64)
    norm = xp.sqrt(xp.sum(exact * exact, axis=1, keepdims=True))
    return exact / xp.where(norm > 0, norm, xp.nan)
