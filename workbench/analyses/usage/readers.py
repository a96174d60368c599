"""Feature use by weights: which units of the next site read a circuit most, and which poses.

The weights are *expanded* (`workbench.matching.weights`) along a linearised path: through a
bottleneck they are summed over its channels, as if its ReLUs were open; a max pool or a
normalisation between the sites is taken as the identity. A unit after a pool of its own block, or
after a bypass, has no such weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from workbench.errors import WorkbenchError
from workbench.hosts.branches import CHANNELS_APART, branches
from workbench.hosts.host import Host
from workbench.matching.weights import expanded
from workbench.theory.poses import Units


@dataclass(frozen=True)
class Readers:
    """The units of `site` whose weights from a circuit's units are largest (readers).

    They are in the order of the poses that they read.

    units       the readers, by channel
    names       the circuit's units, by name
    poses_deg   poses of the circuit's units, in `period_deg`
    weights     each reader's weights from each unit of the circuit
    share       the circuit's part of the sum of squares of all weights of a reader; readers are
                chosen by it
    known       how many of the site's `channels` have weights that can be computed
    why         why the others have none
    """

    site: str
    units: Int[np.ndarray, " reader"]
    names: tuple[str, ...]
    poses_deg: Float[np.ndarray, " unit"]
    period_deg: float
    weights: Float[np.ndarray, "reader unit kh kw"]
    share: Float[np.ndarray, " reader"]
    known: int
    channels: int
    why: str

    @property
    def excites(self) -> Float[np.ndarray, "reader unit"]:
        """The sum of each reader's positive weights from each unit."""
        return np.maximum(self.weights, 0).sum((2, 3))

    @property
    def read_deg(self) -> Float[np.ndarray, " reader"]:
        """The pose that excites each reader: the circular mean of poses, weighted by `excites`."""
        return np.degrees(np.angle(self._mean)) / (360 / self.period_deg) % self.period_deg

    @property
    def one_pose(self) -> Float[np.ndarray, " reader"]:
        """The length of that mean: 1 if only one pose excites, 0 if all excite equally."""
        return np.abs(self._mean)

    @property
    def _mean(self) -> np.ndarray:
        turns = np.exp(2j * np.pi * self.poses_deg / self.period_deg)
        return self.excites @ turns / np.maximum(self.excites.sum(1), np.finfo(float).tiny)


def readers(
    host: Host,
    site: str,
    next_site: str,
    units: Units,
    channels: Sequence[int],
    period_deg: float,
    count: int,
) -> Readers:
    """The `count` units of `next_site` that read the `channels` of `site` most.

    `units` has the poses of these channels. No picture is used. Where no unit's weights can be
    computed there are no readers, and `why` has the reason.
    """
    known, why = list[int](), ""
    for unit in range(host.site(next_site).channels):
        try:
            branches(host, site, next_site, [unit], CHANNELS_APART)
            known.append(unit)
        except WorkbenchError as error:
            why = why or str(error)
    whole = (
        expanded(host, site, next_site, known).double().numpy()
        if known
        else np.zeros((0, host.site(site).channels, 1, 1))
    )
    from_circuit = whole[:, list(channels)]
    share = (from_circuit**2).sum((1, 2, 3)) / np.maximum(
        (whole**2).sum((1, 2, 3)), np.finfo(float).tiny
    )
    most = np.argsort(-share, kind="stable")[:count]

    def selected(chosen: np.ndarray) -> Readers:
        poses_deg, site_units = units.normal_deg % period_deg, np.array(known, int)[chosen]
        shown = from_circuit[chosen], share[chosen]
        return Readers(
            next_site,
            site_units,
            units.names,
            poses_deg,
            period_deg,
            *shown,
            len(known),
            host.site(next_site).channels,
            why,
        )

    return selected(most[np.argsort(selected(most).read_deg, kind="stable")])
