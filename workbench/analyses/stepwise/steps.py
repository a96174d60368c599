"""Steps of a proof by induction: how one unit is compared under one assumption, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from workbench.analyses.stepwise.hypothesis import (
    CLAIMED,
    HANDWRITTEN,
    PERMUTED,
    TRAINED,
    WRONG,
    OnTrainedInputs,
)
from workbench.analyses.stepwise.measure import NATURAL, WITHOUT
from workbench.matching.nearest import THRESHOLDS, each_correlation
from workbench.score.agreement import pearson
from workbench.score.uncertainty import Figure, bootstrap

HOLDS, FAILS, UNKNOWN = "holds", "fails", "unknown"
PIXELS = "pixels"  # nothing is assumed: the trained network as it is
# Least correlations for a step to hold. Over cells and photographs 0.5, a quarter of the variance,
# is a convention; no control of this site reaches it. Units that behaviour matched reach the one
# over drawn stimuli by selection, where nothing is assumed.
TOLERANCES = {"pictures": 0.5, "drawn": THRESHOLDS["tuning"]}
# of pictures, for each unit and step: their 95 % interval is known to about 0.01 of itself
RESAMPLES = 2_000

Moments = Float[np.ndarray, "group 6"]  # of one unit


@dataclass(frozen=True)
class Step:
    """Under an assumption, does a unit come out as the theory claims?

    assumes    the site that is as claimed, or "pixels" where nothing is assumed; for a handwritten
               family on trained inputs, the families that read trained units, and their sites
    pearson    correlation over cells and pictures with what is claimed; for a handwritten family,
               with the trained unit
    above_wrong  how far it is above the same with wrong poses
    drawn      the same correlation over drawn stimuli
    trained    correlation with the trained unit's own activation
    natural    correlation with what is claimed where the channels without a claim are as they are
    without    the same with the claimed channels at their mean
    above_without          how far `pearson` is above `without`
    natural_above_without  how far `natural` is above `without`

    The last five are None where no site is assumed.
    """

    assumes: str
    verdict: str
    pearson: Figure
    above_wrong: Figure
    drawn: float
    trained: float | None = None
    natural: float | None = None
    without: float | None = None
    above_without: Figure | None = None
    natural_above_without: Figure | None = None

    @property
    def wrong(self) -> float | None:
        """The correlation with wrong poses."""
        return (
            None
            if self.pearson.value is None or self.above_wrong.value is None
            else self.pearson.value - self.above_wrong.value
        )


@dataclass(frozen=True)
class Measured:
    """The measurements that steps are judged by.

    moments  on pictures, as `measure.moments` gives them
    curves   the tuning of the same names on drawn stimuli
    seed     seed of the bootstrap
    """

    moments: Mapping[str, Float[np.ndarray, "group unit 6"]]
    curves: Mapping[str, Float[np.ndarray, "stimulus unit"]]
    seed: int


@dataclass(frozen=True)
class UnitMeasured:
    """The measurements of the unit with the index `unit` of the claim with the number `claim`."""

    measured: Measured
    claim: int
    unit: int

    def moments(self, name: str) -> Moments:
        """Moments, named from the claim's number on."""
        return self.measured.moments[f"{self.claim}/{name}"][:, self.unit]

    def drawn(self, name: str, truth: str) -> float:
        """Correlation of two tuning curves over drawn stimuli."""
        curve, truth_curve = (
            self.measured.curves[f"{self.claim}/{key}"][:, [self.unit]] for key in (name, truth)
        )
        return float(each_correlation(curve, truth_curve)[0])

    def assumed_step(self, site: str) -> Step:
        """The step under the assumption of a site."""
        right = self.moments(f"{site}/{CLAIMED}/{CLAIMED}")
        wrong = self.moments(f"{site}/{PERMUTED}/{CLAIMED}")
        natural = self.moments(f"{site}/{NATURAL}/{CLAIMED}")
        without = self.moments(f"{site}/{WITHOUT}/{CLAIMED}")
        others = {
            "trained": _value(self.moments(f"{site}/{CLAIMED}/{TRAINED}")),
            "natural": _value(natural),
            "without": _value(without),
            "above_without": _difference(right, without, self.measured.seed),
            "natural_above_without": _difference(natural, without, self.measured.seed),
        }
        drawn = self.drawn(f"{site}/{CLAIMED}", CLAIMED)
        return self._step(site, right, wrong, drawn, others)

    def natural_step(self) -> Step:
        """The claim itself, with nothing assumed: the trained unit against what is claimed of it.

        The control is what is claimed of another unit.
        """
        right = self.moments(f"{TRAINED}/{CLAIMED}")
        wrong = self.moments(f"{PERMUTED}/{TRAINED}")
        return self._step(PIXELS, right, wrong, self.drawn(TRAINED, CLAIMED), {})

    def handwritten_step(self, on_trained: OnTrainedInputs) -> Step:
        """The handwritten family on trained inputs, against the trained unit."""
        assumes = ", ".join(
            f"{family} at {units.site}" for family, units in on_trained.bound.items()
        )
        right = self.moments(f"{HANDWRITTEN}/{TRAINED}")
        wrong = self.moments(f"{WRONG}/{TRAINED}")
        return self._step(assumes, right, wrong, self.drawn(HANDWRITTEN, TRAINED), {})

    def _step(
        self, assumes: str, right: Moments, wrong: Moments, drawn: float, others: Mapping[str, Any]
    ) -> Step:
        seed = self.measured.seed
        figure = bootstrap(
            {"moments": right}, lambda means: _pearson(means["moments"]), seed, RESAMPLES
        )
        above_wrong = _difference(right, wrong, seed)
        judged = verdict(figure, above_wrong, drawn, others.get("above_without"))
        return Step(assumes, judged, figure, above_wrong, drawn, **others)


def verdict(
    figure: Figure, above_wrong: Figure, drawn: float, above_without: Figure | None = None
) -> str:
    """Whether a step holds, fails, or is unknown.

    It holds if the whole interval of the correlation reaches the tolerance, so do drawn stimuli,
    and wrong poses do worse, and so does the site without its claimed units. It fails if one of the
    first three is clearly not so. Anything else is unknown.
    """
    if figure.ci95 is None or above_wrong.ci95 is None:
        return UNKNOWN
    least = TOLERANCES["pictures"]
    if drawn < TOLERANCES["drawn"] or figure.ci95[1] < least or above_wrong.ci95[1] <= 0:
        return FAILS
    better = above_without is None or (above_without.ci95 is not None and above_without.ci95[0] > 0)
    return HOLDS if figure.ci95[0] >= least and above_wrong.ci95[0] > 0 and better else UNKNOWN


def _difference(first: Moments, second: Moments, seed: int) -> Figure:
    """How far one correlation is above another, on the same pictures."""
    return bootstrap(
        {"first": first, "second": second},
        lambda means: _pearson(means["first"]) - _pearson(means["second"]),
        seed,
        RESAMPLES,
    )


def _pearson(moments: Float[np.ndarray, "*n 6"]) -> Float[np.ndarray, "*n"]:
    """The correlation of one unit."""
    return pearson(moments[..., None, :])[..., 0]


def _value(moments: Moments) -> float:
    return float(_pearson(moments.mean(0)))
