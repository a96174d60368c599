"""One label for each unit, from its answers to drawn stimuli: a family and a pose."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from workbench.analyses.propose.site.answers import Answers
from workbench.analyses.propose.site.kinds import KINDS, STEP_DEG
from workbench.score.bits import PRECISION

OTHER = "other"  # units that answer to no drawing as they do to photographs
FLAT = 0.7  # the worst direction over the best, above which a unit's direction says little
PLAIN_ENOUGH = 0.5  # of such a unit's best answer: a stimulus without direction then names it
TUNED = 0.15  # a curve that falls by less has no direction at all
LEAST_ANSWER = 0.35  # of a unit's high activation on photographs: less is no preference
FINE_DEG = STEP_DEG / 2  # poses are written to so many degrees: 32 to 48 of them over a period
TINY = 1e-6


@dataclass(frozen=True)
class Labels:
    """The family and the pose of each unit.

    family      its name
    period_deg  the turn after which the unit is the same; 0 for one without direction
    normal_deg  direction of its normal, within the period
    peak        its answer to the stimulus that it prefers
    """

    family: tuple[str, ...]
    period_deg: Float[np.ndarray, " unit"]
    normal_deg: Float[np.ndarray, " unit"]
    peak: Float[np.ndarray, " unit"]

    def __len__(self) -> int:
        return len(self.family)

    @property
    def families(self) -> dict[str, Int[np.ndarray, " member"]]:
        """The units of each family, the largest family first."""
        names = [name for name, _ in Counter(self.family).most_common()]
        family = np.array(self.family)
        return {name: np.flatnonzero(family == name) for name in names}

    @property
    def bits(self) -> float:
        """The bits that write them: a family each, a peak, and a pose where there is one."""
        words = len(self) * math.log2(max(2, len(set(self.family))))
        return words + PRECISION * (len(self) + int((self.period_deg > 0).sum()))

    def of(self, units: Sequence[int]) -> "Labels":
        """The labels of some of the units."""
        family = tuple(self.family[i] for i in units)
        columns = list(units)
        period_deg, normal_deg = self.period_deg[columns], self.normal_deg[columns]
        return Labels(family, period_deg, normal_deg, self.peak[columns])

    def permuted(self, seed: int) -> "Labels":
        """The same labels, each on another unit; peaks stay where they are."""
        order = np.random.default_rng(seed).permutation(len(self))
        family = tuple(self.family[i] for i in order)
        return Labels(family, self.period_deg[order], self.normal_deg[order], self.peak)

    def without_poses(self) -> "Labels":
        """The same families, none of them with a direction."""
        none = np.zeros(len(self))
        return Labels(self.family, none, none, self.peak)


def labels(answers: Answers, high: Float[np.ndarray, " unit"]) -> Labels:
    """Name every unit by the kind of stimulus that it answers most.

    `high` is a high activation of each unit on photographs; a unit whose best answer is far below
    it is of the family OTHER.
    """
    named = [
        _label({name: curve[:, unit] for name, curve in answers.items()}, high[unit])
        for unit in range(len(high))
    ]
    family, period_deg, normal_deg, peak = zip(*named, strict=True)
    return Labels(family, np.array(period_deg), np.array(normal_deg), np.array(peak))


def _label(
    curves: Mapping[str, Float[np.ndarray, " direction"]], high: float
) -> tuple[str, float, float, float]:
    """Family, period, direction of the normal and peak of one unit."""
    score = {name: KINDS[name].weight * float(curve.max()) for name, curve in curves.items()}
    turned = [name for name in curves if KINDS[name].period_deg]
    plain = [name for name in curves if not KINDS[name].period_deg]
    best, best_plain = max(turned, key=score.__getitem__), max(plain, key=score.__getitem__)
    peak, least = float(curves[best].max()), float(curves[best].min())
    flat = least > FLAT * peak and score[best_plain] > PLAIN_ENOUGH * score[best]
    if score[best_plain] > score[best] or flat:
        best, peak = best_plain, float(curves[best_plain].max())
    if peak < max(LEAST_ANSWER * high, TINY):
        return OTHER, 0.0, 0.0, max(float(high), TINY)
    period_deg = KINDS[best].period_deg
    if not period_deg:
        return best, 0.0, 0.0, peak
    if peak - least < TUNED * peak:
        return f"{best}-unposed", 0.0, 0.0, peak
    return best, period_deg, preferred_deg(curves[best], period_deg), peak


def preferred_deg(curve: Float[np.ndarray, " direction"], period_deg: float) -> float:
    """The direction of a tuning curve: the mean direction of its squares, if near the best one."""
    turn = 2 * math.pi * np.arange(len(curve)) / len(curve)
    size = ((curve - curve.min()) / max(float(np.ptp(curve)), TINY)) ** 2
    mean, best = float(np.angle((size * np.exp(1j * turn)).sum())), float(turn[curve.argmax()])
    angle = mean if math.cos(mean - best) > 0.5 else best
    step_deg = min(FINE_DEG, period_deg / 32)
    return round(angle / (2 * math.pi) * period_deg / step_deg) * step_deg % period_deg
