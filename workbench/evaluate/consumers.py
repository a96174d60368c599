"""Feature use: which units of the next site lean on a circuit, and what becomes of them when it is silent, handwritten, or handwritten wrongly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from workbench.cache import Cache
from workbench.errors import WorkbenchError
from workbench.evaluate.run import BATCH, Progress, donor_of
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.splice.calibrate import Splices
from workbench.splice.natural import Part
from workbench.splice.network import spliced_from
from workbench.splice.scene import scenes_together

SHOWN = ("ablated.zero", "ablated.mean", "spliced", "control.permuted")


@dataclass(frozen=True)
class Consumers:
    """Units of the site behind a circuit's.

    changed  for each condition of SHOWN and each unit, the mean square of what the condition changes in its activation, over all cells of the
             pictures, over the variance of its natural activation; 0 for a unit that never varies
    """

    site: str
    changed: dict[str, Float[np.ndarray, " unit"]]

    def most(self, count: int) -> list[int]:
        """The units that silence changes most."""
        return [int(unit) for unit in np.argsort(-self.changed["ablated.zero"], kind="stable")[:count]]

    def recovered(self, condition: str) -> Float[np.ndarray, " unit"]:
        """One less what the condition changes over what silence does, for each unit; NaN where silence changes nothing."""
        silent = self.changed["ablated.zero"]
        return 1 - self.changed[condition] / np.where(silent > 0, silent, np.nan)


def consumers(
    host: Host, splices: Splices, pictures: Sequence[Picture], progress: Progress | None = None, cache: Cache | None = None
) -> Consumers:
    """What the conditions SHOWN change at the site behind the circuit's. Raises WorkbenchError if there is none."""
    names = list(host.sites)
    behind = names[names.index(splices.site) + 1 :][:1]
    if not behind:
        raise WorkbenchError(f"{host.name}:{splices.site}", "the host's last site", "one with a site behind it")
    sums = {name: np.zeros(host.site(behind[0]).channels) for name in (*SHOWN, "sum", "square")}
    cells = 0
    for start in range(0, len(pictures), BATCH):
        some = pictures[start : start + BATCH]
        with torch.inference_mode():
            cells += _add(sums, host, splices, some, behind[0], cache)
        if progress:
            progress(len(some))
    variance = np.maximum(sums["square"] / cells - (sums["sum"] / cells) ** 2, 0)
    over = np.where(variance > 0, variance, np.inf)
    return Consumers(behind[0], {name: sums[name] / cells / over for name in SHOWN})


def _add(sums: dict[str, np.ndarray], host: Host, splices: Splices, pictures: Sequence[Picture], behind: str, cache: Cache | None) -> int:
    """Add a batch to the sums over cells, for each unit; how many cells that were."""
    x = batch(pictures, host.input)
    start = Part("pushed", splices.site)
    more, donor = [Part("site", behind), start], donor_of(pictures, splices.donors)
    (scene,), seen = scenes_together(host, [splices.circuits], x, donor, more, cache, before=False)
    natural = seen[Part("site", behind)].double()
    sums["sum"] += natural.sum((0, 2, 3)).numpy()
    sums["square"] += natural.square().sum((0, 2, 3)).numpy()
    for name in SHOWN:
        _, reached = spliced_from(host, x, [scene], [splices.condition(name)(scene)], seen, behind)
        sums[name] += (reached[behind].double() - natural).square().sum((0, 2, 3)).numpy()
    return natural.shape[0] * natural.shape[2] * natural.shape[3]
