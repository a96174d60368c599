"""Functions of logits, in the library and on the device of the arrays they are given."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int

from workbench.arrays import Array, array_namespace, device


@dataclass(frozen=True)
class Distribution:
    """Probabilities from which others diverge, with all that does not depend on the others.

    logs    of the probabilities; 0 where a class is absent, and so adds nothing
    shares  the probabilities
    absent  which classes have the probability 0; None if there are none
    """

    logs: Float[Array, "n classes"]
    shares: Float[Array, "n classes"]
    absent: Bool[Array, "n classes"] | None

    @classmethod
    def of(cls, p: Float[Array, "n classes"]) -> "Distribution":
        """The distribution of log probabilities."""
        xp = array_namespace(p)
        shares = xp.exp(p)
        absent = shares == 0
        return cls(xp.where(absent, 0.0, p), shares, absent if xp.any(absent) else None)

    def divergence(self, q: Float[Array, "n classes"]) -> Float[Array, " n"]:
        """KL divergence of log probabilities from these."""
        xp = array_namespace(self.logs, q)
        others = q if self.absent is None else xp.where(self.absent, 0.0, q)
        return xp.clip(xp.sum(self.shares * (self.logs - others), axis=1), min=0.0)


def divergence(p: Float[Array, "n classes"], q: Float[Array, "n classes"]) -> Float[Array, " n"]:
    """KL divergence of log probabilities; a class of probability 0 in `p` adds nothing."""
    return Distribution.of(p).divergence(q)


def log_softmax(logits: Float[Array, "n classes"]) -> Float[Array, "n classes"]:
    """Logarithms of the probabilities."""
    xp = array_namespace(logits)
    shifted = logits - xp.max(logits, axis=1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=1, keepdims=True))


def rank_of(logits: Float[Array, "n classes"], target: Int[Array, " n"]) -> Float[Array, " n"]:
    """How many classes rank before the target; nan without a target."""
    xp = array_namespace(logits, target)
    classes = xp.arange(logits.shape[1], device=device(logits))[None, :]
    is_target = classes == target[:, None]
    target_logit = xp.sum(xp.where(is_target, logits, 0.0), axis=1, keepdims=True)
    not_before = (logits < target_logit) | ((logits == target_logit) & (classes >= target[:, None]))
    before = xp.count_nonzero(~not_before, axis=1)
    return xp.where(target >= 0, xp.astype(before, xp.float64), xp.nan)


def within(rank: Float[Array, " n"], first: int) -> Float[Array, " n"]:
    """1 where the target is among the `first` classes, else 0; nan without a target."""
    xp = array_namespace(rank)
    return xp.where(xp.isnan(rank), rank, xp.astype(rank < first, rank.dtype))
