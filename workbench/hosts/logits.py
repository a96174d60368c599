"""Functions of logits, in the library and on the device of the arrays they are given."""

from jaxtyping import Float, Int

from workbench.arrays import Array, array_namespace, device


def divergence(p: Float[Array, "n classes"], q: Float[Array, "n classes"]) -> Float[Array, " n"]:
    """KL divergence of log probabilities; a class of probability 0 in `p` adds nothing."""
    xp = array_namespace(p, q)
    share = xp.exp(p)
    absent = share == 0
    ratio = xp.where(absent, 0.0, p) - xp.where(absent, 0.0, q)
    return xp.clip(xp.sum(share * ratio, axis=1), min=0.0)


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
