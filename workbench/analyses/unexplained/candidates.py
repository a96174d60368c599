"""Candidates: groups of channels that a theory might read, ranked by what they would explain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from workbench.analyses.unexplained.chance import SIGNIFICANCE, beyond_chance, chances
from workbench.analyses.unexplained.directions import Common, Directions
from workbench.analyses.unexplained.measure import ResidualErrors
from workbench.analyses.unexplained.regression import TINY, Regression
from workbench.cache import cache_key, content_of
from workbench.code import code_version
from workbench.work import Work


@dataclass(frozen=True)
class Candidate:
    """Channels of the site before, a family's or a direction's, that the theory might read.

    read       whether the theory's last family reads them already; for a direction, whether half of
               its weight is on families that it reads
    explained  share of the residual error on unseen pictures that least squares on these channels
               explains, mean over units
    random     the mean of the same for as many channels by chance (`chances`)
    needed     the value that `explained` must exceed for p < SIGNIFICANCE
    p          the share of draws in which any candidate's chance group stands out as far from its
               mean
    families   the share of a direction's weight that each claimed family has
    missing    for a direction, "excitation" or "inhibition"
    units      for a direction, the units whose residual it accounts for, the strongest first
    """

    name: str
    channels: tuple[str, ...]
    read: bool
    explained: float
    random: float
    needed: float
    p: float
    families: Mapping[str, float]
    missing: str | None = None
    units: tuple[str, ...] = ()

    @property
    def is_suggestion(self) -> bool:
        """Whether it is beyond chance and not read yet."""
        return not self.read and self.p < SIGNIFICANCE and self.explained > 0


@dataclass(frozen=True)
class Proposal:
    """A candidate before it is measured; `direction` is its number, None for a family."""

    name: str
    channels: Int[np.ndarray, " n"]
    read: bool
    families: Mapping[str, float]
    direction: int | None = None
    missing: str | None = None
    units: tuple[str, ...] = ()


def proposals(
    site: str,
    families: Mapping[str, Int[np.ndarray, " n"]],
    reads: Sequence[str],
    directions: Directions,
    units: Sequence[str],
) -> list[Proposal]:
    """The families that have trained units at a site, by their channels, and the directions.

    `reads` are the families that the theory's last family reads; `units` names the theory's units.
    """
    return [
        *(
            Proposal(f"{family} at {site}", channels, family in reads, {family: 1.0})
            for family, channels in families.items()
        ),
        *(_direction(directions, k, families, reads, units) for k in range(len(directions.signs))),
    ]


def _direction(
    directions: Directions,
    k: int,
    families: Mapping[str, Int[np.ndarray, " n"]],
    reads: Sequence[str],
    names: Sequence[str],
) -> Proposal:
    chosen, weight, units = directions.named(k), directions.channels[k], directions.units[k]
    total = max(float(weight[chosen].sum()), TINY)
    shares = {
        family: float(weight[np.intersect1d(chosen, channels)].sum()) / total
        for family, channels in families.items()
    }
    read = sum(share for family, share in shares.items() if family in reads)
    missing = "excitation" if directions.signs[k] > 0 else "inhibition"
    strongest = tuple(
        names[i] for i in np.argsort(-units, kind="stable") if units[i] >= 0.5 * units.max()
    )
    return Proposal(f"direction {k + 1}", chosen, read >= 0.5, shares, k, missing, strongest)


def ranked(
    proposed: Sequence[Proposal], site: str, errors: ResidualErrors, work: Work
) -> tuple[Candidate, ...]:
    """The candidates, by what they explain more than chance.

    With a cache, draws of chance that an earlier run finished are read back.
    """
    groups = [(proposal.channels, proposal.direction) for proposal in proposed]
    plain = [(channels.tolist(), k) for channels, k in groups]
    content = content_of(*errors.arrays) if work.cache else ""
    key = cache_key(code_version(), content, plain, work.seed)
    regression = Regression.of(errors)
    explained = np.array([regression.explained(channels) for channels, _ in groups])
    by_chance = chances(groups, regression, Common.of(errors), work, key)
    needed, p = beyond_chance(explained, by_chance)
    candidates = [
        Candidate(
            name=proposal.name,
            channels=tuple(f"{site}:{channel}" for channel in proposal.channels),
            read=proposal.read,
            explained=float(explained[i]),
            random=float(by_chance[:, i].mean()),
            needed=float(needed[i]),
            p=float(p[i]),
            families=proposal.families,
            missing=proposal.missing,
            units=proposal.units,
        )
        for i, proposal in enumerate(proposed)
    ]
    return tuple(sorted(candidates, key=lambda candidate: candidate.random - candidate.explained))
