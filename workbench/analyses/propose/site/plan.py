"""The plan of a site's proposal: its samples and labels, and what is chosen before the terms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.site.answers import answers
from workbench.analyses.propose.site.controls import Search
from workbench.analyses.propose.site.dictionary import POSES, Dictionary
from workbench.analyses.propose.site.families import Shared
from workbench.analyses.propose.site.grouped import grouped
from workbench.analyses.propose.site.kinds import FULL_DEG
from workbench.analyses.propose.site.labels import Labels, labels
from workbench.analyses.propose.site.pixels import PixelSearch, pixel_labels
from workbench.analyses.propose.site.request import SiteRequest
from workbench.analyses.propose.site.sample import INPUT, Stage, sample
from workbench.analyses.propose.site.stop import unit_bits
from workbench.splice.link import link_of
from workbench.work import Work

HIGH = 0.999  # of a unit's activations on photographs
STEP_DEG = FULL_DEG / POSES


@dataclass(frozen=True)
class Plan:
    """The units that are predicted, and what is chosen for each before its terms.

    labels  their names and poses
    counts  terms of each unit's theory
    poses   of those theories
    paying  terms that pay for themselves; None where it was not tried
    groups  the families of all units; empty where there are none
    """

    search: Search
    terms: Dictionary
    labels: Labels
    counts: Sequence[int]
    poses: np.ndarray
    paying: Sequence[int] | None
    groups: Sequence[Shared] = ()

    def grouped(self, costs: Float[Tensor, " unit"] | None, wanted: int | None) -> "Plan":
        """The plan with families, of the units that are in one."""
        candidates = len(self.terms.atoms), len(self.terms.poses)
        bits = np.array([unit_bits(count, *candidates) for count in self.counts])
        groups = grouped(self.search, self.terms, bits, costs, wanted)
        units = sorted(unit for family in groups for unit in family.poses)
        return replace(
            self,
            search=self.search.of(units),
            labels=self.labels.of(units),
            counts=[self.counts[unit] for unit in units],
            poses=self.poses[units],
            paying=[self.paying[unit] for unit in units] if self.paying else None,
            groups=[family.renumbered(units) for family in groups],
        )


def searched(stage: Stage, request: SiteRequest, work: Work) -> tuple[Search, Labels, Labels]:
    """The samples and labels of a site: all that its search needs."""
    fit = sample(stage, request.pictures, work, "fitting pictures")
    judge = sample(stage, request.judge, work, "judging pictures")
    drawn = answers(stage.host, stage.site, "site", work)
    units = labels(drawn, np.quantile(fit.trained.numpy(), HIGH, 0))
    side, link, step_px = stage.side, link_of(stage.site), stage.site.grid.stride_px
    kind: type[Search] = Search
    if stage.before == INPUT:
        kind, below = PixelSearch, pixel_labels(fit.windows.shape[1])
    else:
        entering = answers(stage.written, stage.site, "entering", work)
        middle = fit.windows[..., fit.windows.shape[2] // 2]
        below = labels(entering, np.quantile(middle.numpy(), HIGH, 0))
    every = tuple(range(len(units)))
    return kind(fit, judge, below, every, offered(units), step_px, side, link, work), below, units


def offered(units: Labels) -> np.ndarray:
    """Whether each pose agrees with a unit's preferred stimulus: one for each turn of its period.

    A unit without a direction is offered every pose.
    """
    possible = np.zeros((len(units), POSES), bool)
    for unit, (period_deg, normal_deg) in enumerate(
        zip(units.period_deg, units.normal_deg, strict=True)
    ):
        turned = normal_deg + np.arange(0, FULL_DEG, period_deg or STEP_DEG)
        possible[unit, np.round(turned / STEP_DEG).astype(int) % POSES] = True
    return possible
