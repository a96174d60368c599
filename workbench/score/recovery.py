"""Recovery: how much of what ablation costs the network does a splice give back?

`recovered = 1 - d(natural, spliced) / d(natural, ablated)`: 1 is the natural network, 0 no better than the ablation, below 0 worse. With
d the drop in top-5 this is the figure of "Curve Circuits" (56.5 %); with d the KL divergence, the normalised loss of circuit work.
"""

from collections.abc import Mapping

import numpy as np

from workbench.evaluate.statistics import Statistics
from workbench.score.uncertainty import Figure, bootstrap

ABLATIONS = ("zero", "mean", "resample")
ACCURACIES = ("top1", "top5")


def recovered(
    statistics: Statistics, condition: str, worse: str, quantity: str, pictures: np.ndarray | None = None, seed: int = 0
) -> Figure:
    """What `condition` gives back of what `worse`, an ablation or a control, costs; both on the same pictures, so that the interval is paired.

    `quantity` is kl, agreement, consumer, top1 or top5; `pictures` is a mask. None where nothing was lost or nothing is labelled.
    """
    chosen = np.ones(len(statistics.names), bool) if pictures is None else pictures
    rows = {"left": distance(statistics, condition, quantity), "lost": distance(statistics, worse, quantity)}
    chosen = chosen & np.all([np.isfinite(row) for row in rows.values()], axis=0)
    if not chosen.any() or rows["lost"][chosen].mean() <= 0:
        return Figure(None)

    def share(means: Mapping[str, np.ndarray]) -> np.ndarray:
        return 1 - means["left"] / np.where(means["lost"] > 0, means["lost"], np.nan)

    return bootstrap({name: row[chosen] for name, row in rows.items()}, share, seed)


def loses(statistics: Statistics, condition: str, seed: int = 0) -> Figure:
    """Recovered KL of the handwritten units less that of `condition`, both against zero ablation and on the same pictures, so that the interval is
    paired. None where nothing was lost."""
    rows = {name: distance(statistics, name, "kl") for name in ("spliced", condition, "ablated.zero")}
    if rows["ablated.zero"].mean() <= 0:
        return Figure(None)

    def share(means: Mapping[str, np.ndarray]) -> np.ndarray:
        lost = means["ablated.zero"]
        return (means[condition] - means["spliced"]) / np.where(lost > 0, lost, np.nan)

    return bootstrap(rows, share, seed)


def distance(statistics: Statistics, condition: str, quantity: str) -> np.ndarray:
    """Distance from natural, a row a picture: kl and consumer as they are, shares as the drop from natural."""
    row = statistics.rows[condition].get(quantity)
    if row is None:
        return np.full(len(statistics.names), np.nan)
    return row if quantity in ("kl", "consumer") else statistics.rows["natural"][quantity] - row
