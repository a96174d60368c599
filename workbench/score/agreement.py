"""Agreement of handwritten with trained activations, over cells and pictures."""

from jaxtyping import Bool, Float

from workbench.arrays import Array, array_namespace
from workbench.score.ranks import places, ranks

TOP = 0.01  # share of the sampled cells that are a unit's top cells


def pearson(moments: Float[Array, "*n unit 6"]) -> Float[Array, "*n unit"]:
    """Pearson correlation from MOMENTS; 0 if one side never varies, nan if a sum is nan."""
    xp = array_namespace(moments)
    n, a, b, aa, bb, ab = (moments[..., i] for i in range(6))
    spread = xp.sqrt(xp.clip(n * aa - a * a, min=0.0) * xp.clip(n * bb - b * b, min=0.0))
    still = spread <= 1e-12 * n * n
    return xp.where(still, 0.0, (n * ab - a * b) / xp.clip(spread, min=1e-300))


def explained_variance(moments: Float[Array, "*n unit 6"]) -> Float[Array, "*n unit"]:
    """1 - mean squared difference / variance of the trained unit, after calibration.

    Below 0 the handwritten unit is worse than the trained unit's mean.
    """
    xp = array_namespace(moments)
    n, _, b, aa, bb, ab = (moments[..., i] for i in range(6))
    variance = bb / n - (b / n) ** 2
    return 1 - (aa - 2 * ab + bb) / n / xp.where(variance > 0, variance, xp.inf)


def spearman(
    value: Float[Array, "row unit"], trained: Float[Array, "row unit"]
) -> Float[Array, " unit"]:
    """Rank correlation on the sampled cells; 0 if one side never varies."""
    xp = array_namespace(value, trained)
    return xp.stack(
        [_correlation(ranks(value[:, i]), ranks(trained[:, i])) for i in range(value.shape[1])]
    )


def _correlation(a: Float[Array, " row"], b: Float[Array, " row"]) -> Float[Array, ""]:
    """Pearson correlation of two columns of ranks."""
    xp = array_namespace(a, b)
    middle = (a.shape[0] + 1) / 2  # the exact mean of all ranks, so that equal ranks become 0
    a, b = a - middle, b - middle
    size = xp.sqrt(xp.sum(a * a) * xp.sum(b * b))
    return xp.where(size == 0, 0.0, xp.sum(a * b) / xp.where(size == 0, 1.0, size))


def top_overlap(
    value: Float[Array, "row unit"], trained: Float[Array, "row unit"]
) -> Float[Array, " unit"]:
    """Share of each trained unit's top sampled cells that are also the handwritten unit's top.

    By chance it is TOP. Cells of activation zero are never top cells.
    """
    xp = array_namespace(value, trained)
    count = max(1, round(TOP * value.shape[0]))
    top, trained_top = _top(value, count), _top(trained, count)
    shared, of_trained = (
        xp.astype(xp.count_nonzero(cells, axis=0), xp.float64)
        for cells in (top & trained_top, trained_top)
    )
    return shared / xp.clip(of_trained, min=1.0)


def firing(
    value: Float[Array, "row unit"], trained: Float[Array, "row unit"]
) -> tuple[Float[Array, " unit"], Float[Array, " unit"]]:
    """Precision and recall of firing, an activation above 0, on the sampled cells.

    Precision: of the cells where the handwritten unit fires, the share where the trained unit
    does. Recall: of those where the trained unit fires, the share where the handwritten unit does.
    A unit that never fires has nan. A unit that fires everywhere has a recall of 1 and the
    precision `firing_chance`.
    """
    xp = array_namespace(value, trained)
    both, ours, theirs = (
        xp.astype(xp.count_nonzero(cells, axis=0), xp.float64)
        for cells in ((value > 0) & (trained > 0), value > 0, trained > 0)
    )
    return both / xp.where(ours > 0, ours, xp.nan), both / xp.where(theirs > 0, theirs, xp.nan)


def firing_chance(trained: Float[Array, "row unit"]) -> Float[Array, " unit"]:
    """The share of the sampled cells where each trained unit fires: the precision by chance."""
    xp = array_namespace(trained)
    return xp.mean(xp.astype(trained > 0, xp.float64), axis=0)


def border_false_alarms(
    value: Float[Array, "row unit"],
    trained: Float[Array, "row unit"],
    border: Bool[Array, " row"],
) -> Float[Array, " unit"]:
    """Share of each unit's false alarms that lie at the border of the site.

    A false alarm is a sampled cell where the handwritten unit fires and the trained one does not.
    It is nan for a unit without any.
    """
    xp = array_namespace(value, trained)
    alarms = (value > 0) & ~(trained > 0)
    at_border, every = (
        xp.astype(xp.count_nonzero(cells, axis=0), xp.float64)
        for cells in (alarms & border[:, None], alarms)
    )
    return at_border / xp.where(every > 0, every, xp.nan)


def _top(activation: Float[Array, "row unit"], count: int) -> Array:
    """Mask of a unit's `count` highest cells, without those of its lowest activation."""
    xp = array_namespace(activation)
    # a stable sort orders equal values in the same way on every machine
    place = places(xp.argsort(-activation, axis=0, stable=True))
    return (place < count) & (activation > xp.min(activation, axis=0))
