"""Feature use by weights: which units of the next site read a circuit the most, and which of its poses.

The weights are *expanded* (`evaluate.weights`), of a linearised path: through a bottleneck the sum over its channels, as if its ReLUs were open;
a max pool or a normalisation between the sites is taken for the identity. Of a unit behind a pool of its own block, or a bypass, there are none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from workbench.errors import WorkbenchError
from workbench.evaluate.weights import expanded
from workbench.hosts.branches import CHANNELS_APART, branches
from workbench.hosts.host import Host
from workbench.theory.poses import Units


@dataclass(frozen=True)
class Readers:
    """The units of `site` that read a circuit's units the most by weight, in the order of the poses that they read.

    poses_deg  of the circuit's units, in `period_deg`
    weights    of each reader from each of them
    share      of the sum of squares of all weights of a reader, the part that is from them: what readers are chosen by
    known      how many of the site's `channels` have weights that can be told, and `why` others have none
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
        """The sum of weights above 0."""
        return np.maximum(self.weights, 0).sum((2, 3))

    @property
    def read_deg(self) -> Float[np.ndarray, " reader"]:
        """The pose that a reader is excited by: the direction of the mean of poses, each by what it excites."""
        return np.degrees(np.angle(self._mean)) / (360 / self.period_deg) % self.period_deg

    @property
    def one_pose(self) -> Float[np.ndarray, " reader"]:
        """The length of that mean: 1 if one pose alone excites, 0 if all do alike."""
        return np.abs(self._mean)

    @property
    def _mean(self) -> np.ndarray:
        turns = np.exp(2j * np.pi * self.poses_deg / self.period_deg)
        return self.excites @ turns / np.maximum(self.excites.sum(1), np.finfo(float).tiny)


def readers(host: Host, site: str, behind: str, units: Units, channels: Sequence[int], period_deg: float, count: int) -> Readers:
    """The `count` units of the site `behind` that read the most of the `channels` of `site`, which have the poses of `units`. Nothing is read of a
    picture. Where no unit's weights can be told, there are no readers, and `why` says so."""
    known, why = list[int](), ""
    for unit in range(host.site(behind).channels):
        try:
            branches(host, site, behind, [unit], CHANNELS_APART)
            known.append(unit)
        except WorkbenchError as error:
            why = why or str(error)
    whole = expanded(host, site, behind, known).double().numpy() if known else np.zeros((0, host.site(site).channels, 1, 1))
    own = whole[:, list(channels)]
    share = (own**2).sum((1, 2, 3)) / np.maximum((whole**2).sum((1, 2, 3)), np.finfo(float).tiny)
    most = np.argsort(-share, kind="stable")[:count]

    def of(chosen: np.ndarray) -> Readers:
        poses_deg, site_units = units.normal_deg % period_deg, np.array(known, int)[chosen]
        shown = own[chosen], share[chosen]
        return Readers(behind, site_units, units.names, poses_deg, period_deg, *shown, len(known), host.site(behind).channels, why)

    return of(most[np.argsort(of(most).read_deg, kind="stable")])
