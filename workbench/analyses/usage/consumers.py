"""Feature use: which units of the next site depend on a circuit, and how much.

Their activations are compared with the circuit ablated, handwritten, and handwritten with permuted
units.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from workbench.cache import Cache
from workbench.errors import WorkbenchError
from workbench.evaluate.batches import BATCH, donor_of
from workbench.hosts.host import Host
from workbench.progress import Progress
from workbench.splice.calibrate import Splices
from workbench.splice.inputs import Wanted, joint_inputs
from workbench.splice.natural import Part
from workbench.splice.network import spliced_from, start_of
from workbench.vision.pictures import Picture

SHOWN = ("ablated.zero", "ablated.mean", "spliced", "control.permuted")


@dataclass(frozen=True)
class Consumers:
    """The units of the site after a circuit's, `site`.

    changed  for each condition of SHOWN and each unit: the mean square of the change of its
             activation, over all cells of the pictures, divided by the variance of its natural
             activation; 0 for a unit that never varies
    """

    site: str
    changed: dict[str, Float[np.ndarray, " unit"]]

    def most(self, count: int) -> list[int]:
        """The `count` units that zero ablation changes most."""
        return [
            int(unit) for unit in np.argsort(-self.changed["ablated.zero"], kind="stable")[:count]
        ]

    def recovered(self, condition: str) -> Float[np.ndarray, " unit"]:
        """For each unit, 1 minus the condition's change over that of zero ablation.

        NaN where zero ablation changes nothing.
        """
        ablated = self.changed["ablated.zero"]
        return 1 - self.changed[condition] / np.where(ablated > 0, ablated, np.nan)


def consumers(
    host: Host,
    splices: Splices,
    pictures: Sequence[Picture],
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Consumers:
    """The changes that the conditions SHOWN make at the site after the circuit's.

    Raises WorkbenchError if there is no such site.
    """
    names = list(host.sites)
    later = names[names.index(splices.site) + 1 :]
    if not later:
        raise WorkbenchError(
            f"{host.name}:{splices.site}", "the host's last site", "one with a site after it"
        )
    next_site = later[0]
    sums = {name: np.zeros(host.site(next_site).channels) for name in (*SHOWN, "sum", "square")}
    cells = 0
    for start in range(0, len(pictures), BATCH):
        batch = pictures[start : start + BATCH]
        with torch.inference_mode():
            cells += _add(sums, host, splices, batch, next_site, cache)
        if progress:
            progress(len(batch))
    variance = np.maximum(sums["square"] / cells - (sums["sum"] / cells) ** 2, 0)
    over = np.where(variance > 0, variance, np.inf)
    return Consumers(next_site, {name: sums[name] / cells / over for name in SHOWN})


def _add(
    sums: dict[str, np.ndarray],
    host: Host,
    splices: Splices,
    pictures: Sequence[Picture],
    next_site: str,
    cache: Cache | None,
) -> int:
    """Add a batch to each unit's sums over cells, and return how many cells it has."""
    x = host.input.batch(pictures)
    start = start_of(host, [(splices.site, splices.slots)])
    donor = donor_of(pictures, splices.donors)
    wanted = Wanted(reads=frozenset(), more=(Part("site", next_site), start))
    (inputs,), parts = joint_inputs(host, [splices.circuits], x, donor, wanted, cache)
    natural = parts[Part("site", next_site)].double()
    sums["sum"] += natural.sum((0, 2, 3)).numpy()
    sums["square"] += natural.square().sum((0, 2, 3)).numpy()
    for name in SHOWN:
        _, reached = spliced_from(
            host, x, [inputs], [splices.condition(name)(inputs)], parts, next_site
        )
        sums[name] += (reached[next_site].double() - natural).square().sum((0, 2, 3)).numpy()
    return natural.shape[0] * natural.shape[2] * natural.shape[3]
