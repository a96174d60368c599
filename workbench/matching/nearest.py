"""Which trained unit is nearest to which unit of a theory's families, by their tuning.

The tuning is to one set of stimuli. Pure functions of arrays.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

TINY = 1e-9

# From here on a trained unit corresponds to the nearest unit of a family. 0.7: either explains half
# of the variance of the other (0.7 squared). A host of the same architecture whose weights were
# shuffled has no such unit (tests/analyses/families/test_run.py).
THRESHOLDS = {
    "tuning": 0.7,  # correlation of their responses to all stimuli
    # The same within each kind of stimulus, as its direction turns: it is not enough that both
    # respond to the same kinds in any pose.
    "direction": 0.7,
}


@dataclass(frozen=True)
class Group:
    """Stimuli that differ by their direction alone.

    It is the direction of a contour's normal, towards the centre of its arc or the filled side.
    """

    name: str
    normals_deg: tuple[float, ...]


@dataclass(frozen=True)
class Answers:
    """The tuning of units to the stimuli of all groups, one group after another.

    It is each unit's highest response about the middle of the picture to every stimulus.
    """

    groups: tuple[Group, ...]
    sites: Mapping[str, Float[np.ndarray, "stimulus unit"]]
    families: Mapping[str, Float[np.ndarray, "stimulus unit"]]

    @property
    def of_groups(self) -> dict[Group, slice]:
        """The stimuli of each group."""
        ends = np.cumsum([0, *(len(group.normals_deg) for group in self.groups)])
        return {
            group: slice(int(first), int(last))
            for group, first, last in zip(self.groups, ends, ends[1:], strict=False)
        }


@dataclass(frozen=True)
class Nearest:
    """The family unit nearest to each unit of a site.

    family     index of the family, in the order of the theory
    pose       index of its unit
    tuning     correlation of both units' responses to all stimuli
    direction  the same after subtraction of each unit's mean response to each group of stimuli
    """

    family: Int[np.ndarray, " unit"]
    pose: Int[np.ndarray, " unit"]
    tuning: Float[np.ndarray, " unit"]
    direction: Float[np.ndarray, " unit"]

    @property
    def corresponds(self) -> Bool[np.ndarray, " unit"]:
        """Units that meet both thresholds."""
        return (self.tuning >= THRESHOLDS["tuning"]) & (self.direction >= THRESHOLDS["direction"])


def nearest(answers: Answers) -> dict[str, Nearest]:
    """For every unit of each site the family unit whose tuning correlates best with its own.

    It may be of any family; of equals it is the first.
    """
    return {site: _nearest(answers, tuning) for site, tuning in answers.sites.items()}


def best_units(answers: Answers) -> dict[str, list[tuple[str, int, float]]]:
    """For every unit of each family the trained unit whose tuning correlates best with its own.

    Each is given as site, unit and correlation.
    """
    names = [
        (site, unit) for site, tuning in answers.sites.items() for unit in range(tuning.shape[1])
    ]
    trained = np.concatenate(list(answers.sites.values()), axis=1)
    best = {}
    for family, tuning in answers.families.items():
        matched = correlation(tuning, trained)
        best[family] = [
            (*names[i], float(matched[pose, i])) for pose, i in enumerate(matched.argmax(1))
        ]
    return best


def correlation(
    a: Float[np.ndarray, "stimulus a"], b: Float[np.ndarray, "stimulus b"]
) -> Float[np.ndarray, "a b"]:
    """Pearson correlation of every column with every column; 0 where one never varies."""
    return _standard(a).T @ _standard(b)


def each_correlation(
    a: Float[np.ndarray, "stimulus unit"], b: Float[np.ndarray, "stimulus unit"]
) -> Float[np.ndarray, " unit"]:
    """Pearson correlation of every column with its counterpart; 0 where one never varies."""
    return (_standard(a) * _standard(b)).sum(0)


def within_groups(
    answers: Answers, tuning: Float[np.ndarray, "stimulus unit"]
) -> Float[np.ndarray, "stimulus unit"]:
    """The tuning, less each unit's mean over the directions of each group of stimuli."""
    return np.concatenate(
        [
            tuning[rows] - tuning[rows].mean(0, dtype=np.float64)
            for rows in answers.of_groups.values()
        ]
    )


def _nearest(answers: Answers, trained: Float[np.ndarray, "stimulus unit"]) -> Nearest:
    families = list(answers.families.values())
    whole = [correlation(trained, family) for family in families]
    family = np.stack([table.max(1) for table in whole]).argmax(0)
    pose = np.stack([table.argmax(1) for table in whole])[family, range(len(family))]
    turning = [
        correlation(within_groups(answers, trained), within_groups(answers, tuning_of_family))
        for tuning_of_family in families
    ]
    tuning, direction = (
        np.array([table[f][unit, p] for unit, (f, p) in enumerate(zip(family, pose, strict=True))])
        for table in (whole, turning)
    )
    return Nearest(family, pose, tuning, direction)


def _standard(a: np.ndarray) -> np.ndarray:
    """Columns centred and scaled to length 1; 0 where all is equal but for rounding."""
    centred = a - a.mean(0, dtype=np.float64)
    length, size = np.sqrt((centred**2).sum(0)), np.sqrt((a.astype(np.float64) ** 2).sum(0))
    return np.where(length > TINY * size, centred / np.maximum(length, 1e-300), 0.0)
