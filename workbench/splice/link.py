"""Links: what follows the drive of a unit at a site, and how gain and bias are fitted before it.

A handwritten unit's activation is `link(gain * drive + bias)`. A site declares its link; a new one
is a class and a row of `LINKS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.errors import WorkbenchError, nearest
from workbench.hosts.host import Site
from workbench.splice.gain import gain_and_bias, mean_bias, refuse_not_finite

GainAndBias = tuple[Float[Tensor, " unit"], Float[Tensor, " unit"]]
STEEPEST = 60.0  # largest gain of a softmax, times the spread of its drive: one position takes all


class Link(Protocol):
    """The function that follows a drive."""

    @property
    def name(self) -> str:
        """Its row of `LINKS`, as sites declare it."""

    @property
    def whole(self) -> bool:
        """Whether a fit needs every position of a picture; else a sample of them will do."""

    def __call__(self, drive: Float[Tensor, "n unit *position"]) -> Tensor:
        """The activation."""

    def fit(
        self, drive: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
    ) -> GainAndBias:
        """A gain >= 0 and a bias for each unit.

        Where the link is `whole`, both are `picture unit position`. Raises WorkbenchError for
        numbers that are not finite.
        """

    def bias_at(
        self, drive: Float[Tensor, " row"], trained: Float[Tensor, " row"], gain: float
    ) -> float:
        """The bias with which a unit of that gain has the trained mean."""


@dataclass(frozen=True)
class Relu:
    """`max(0, drive)`: gain and bias give a unit the trained mean and standard deviation."""

    name: str = "relu"
    whole: bool = False

    def __call__(self, drive: Float[Tensor, "n unit *position"]) -> Tensor:
        """The positive part."""
        return F.relu(drive)

    def fit(
        self, drive: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
    ) -> GainAndBias:
        """As `workbench.splice.gain.gain_and_bias`."""
        return gain_and_bias(drive, trained)

    def bias_at(
        self, drive: Float[Tensor, " row"], trained: Float[Tensor, " row"], gain: float
    ) -> float:
        """As `workbench.splice.gain.mean_bias`."""
        return mean_bias(drive, trained, gain)


@dataclass(frozen=True)
class Identity:
    """The drive itself: gain and bias give a unit the trained mean and standard deviation."""

    name: str = "identity"
    whole: bool = False

    def __call__(self, drive: Float[Tensor, "n unit *position"]) -> Tensor:
        """The drive."""
        return drive

    def fit(
        self, drive: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
    ) -> GainAndBias:
        """Match moments; a drive or trained unit that never varies gets gain 0."""
        refuse_not_finite(drive=drive, trained_activation=trained)
        z, a = drive.double(), trained.double()
        ratio = a.std(0, correction=0) / z.std(0, correction=0).clamp_min(1e-300)
        gain = torch.where(_varies(z) & _varies(a), ratio, 0.0)
        return gain.to(drive), (a.mean(0) - gain * z.mean(0)).to(drive)

    def bias_at(
        self, drive: Float[Tensor, " row"], trained: Float[Tensor, " row"], gain: float
    ) -> float:
        """The difference of the means."""
        return float(trained.double().mean() - gain * drive.double().mean())


@dataclass(frozen=True)
class Softmax:
    """Shares of all positions, which sum to 1: the gain is an inverse temperature.

    A bias moves nothing and is 0. The gain is that of least cross entropy to the trained shares,
    which is convex in it.
    """

    name: str = "softmax"
    whole: bool = True

    def __call__(self, drive: Float[Tensor, "n unit *position"]) -> Tensor:
        """The shares, over all positions of a unit together."""
        return torch.softmax(drive.flatten(2), dim=2).view(drive.shape)

    def fit(
        self,
        drive: Float[Tensor, "picture unit position"],
        trained: Float[Tensor, "picture unit position"],
    ) -> GainAndBias:
        """Minimise the cross entropy of each unit by a bounded search."""
        refuse_not_finite(drive=drive, trained_activation=trained)
        gains = [
            self._gain(drive[:, unit].double(), trained[:, unit].double())
            for unit in range(drive.shape[1])
        ]
        gain = torch.tensor(gains, dtype=drive.dtype, device=drive.device)
        return gain, torch.zeros_like(gain)

    def _gain(
        self, drive: Float[Tensor, "picture position"], shares: Float[Tensor, "picture position"]
    ) -> float:
        from scipy.optimize import minimize_scalar  # see workbench.splice.gain

        if not _varies(drive.flatten()[:, None]).item():
            return 0.0
        spread = float(drive.std())

        def cross_entropy(gain: float) -> float:
            return -float((shares * torch.log_softmax(gain * drive, dim=1)).sum(1).mean())

        return float(
            minimize_scalar(
                cross_entropy,
                bounds=(0.0, STEEPEST / spread),
                method="bounded",
                options={"xatol": 1e-9 / spread},
            ).x
        )

    def bias_at(
        self, drive: Float[Tensor, " row"], trained: Float[Tensor, " row"], gain: float
    ) -> float:
        """Always 0."""
        return 0.0


def _varies(rows: Float[Tensor, "row unit"]) -> Bool[Tensor, " unit"]:
    """Whether each unit varies; a standard deviation may be above 0 by rounding alone."""
    return rows.amax(0) > rows.amin(0)


LINKS: Mapping[str, Link] = {link.name: link for link in (Relu(), Identity(), Softmax())}
RELU = LINKS["relu"]


def link_of(site: Site) -> Link:
    """The link that a site declares. Raises WorkbenchError for one that is not known."""
    name = getattr(site, "link", "relu")
    if name not in LINKS:
        raise WorkbenchError(f"site {site.name}", f"no link {name!r}", remedy=nearest(name, LINKS))
    return LINKS[name]


def one_gain(
    link: Link, drive: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
) -> GainAndBias:
    """As `Link.fit`, with one gain for all units: the geometric mean of their gains above 0.

    Each bias gives its unit the trained mean. Units of gain 0 stay as they are.
    """
    gains, biases = link.fit(drive, trained)
    alive = gains > 0
    if not alive.any():
        return gains, biases
    gain = gains[alive].double().log().mean().exp()
    fitted = [
        link.bias_at(drive[:, i], trained[:, i], gain.item()) if alive[i] else float(biases[i])
        for i in range(len(gains))
    ]
    shared = torch.where(alive, gain.to(gains.dtype), gains)
    return shared, torch.tensor(fitted, dtype=gains.dtype, device=gains.device)
