"""The terms that a unit may read: families of labelled units, places and harmonics of the language.

Places and matches come from the language's own tables. A place that is added there is tried at one
and at two steps of the grid.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.atoms import HARMONICS, Atom, Place
from workbench.analyses.propose.site.labels import OTHER, Labels
from workbench.analyses.propose.text import terms
from workbench.spec.terms import LENGTHS, PLACE_LENGTHS
from workbench.theory.match import EXPECTED
from workbench.theory.poses import CENTRE, ORIENTATION, UNIT, Units
from workbench.theory.rule import weights
from workbench.work import Work

ROUND = ("point", "ring")  # places that look the same however the unit is turned

LIKE = torch.zeros((), dtype=torch.float32)
POSES = 24  # of a unit of the site
SPREAD = 0.5  # steps of the grid
NEAR, FAR = 1.0, 2.0  # steps
ANY, ORIENTED, DIRECTED = "any", "oriented", "directed"  # families that join labelled ones
JOINED = {ORIENTED: (90.0, 180.0), DIRECTED: (360.0,)}
SAME = 1e-3  # as part of the larger, in which two kernels of one place differ

Families = Mapping[str, tuple[Float[np.ndarray, " member"], Units]]


@dataclass(frozen=True)
class Dictionary:
    """The candidate terms of one site, and their kernels at each pose of a reader.

    atoms    the terms, one column each
    members  family -> the units that it has
    kernels  family -> its terms' kernels, `pose (member tap) atom`
    columns  family -> the columns of its terms
    poses    directions of a reader's normal
    """

    atoms: tuple[Atom, ...]
    members: Mapping[str, np.ndarray]
    kernels: Mapping[str, Float[Tensor, "pose k atom"]]
    columns: Mapping[str, np.ndarray]
    poses: tuple[float, ...]
    peak: Float[np.ndarray, " unit"]

    @property
    def taps(self) -> int:
        """Cells of a window."""
        family, kernel = next(iter(self.kernels.items()))
        return kernel.shape[1] // len(self.members[family])

    def features(
        self, windows: Float[Tensor, "row unit tap"], pose: int
    ) -> Float[Tensor, "row atom"]:
        """The drive that every term alone gives a reader of that pose."""
        values = windows.new_empty(len(windows), len(self.atoms))
        peak = torch.as_tensor(self.peak, dtype=windows.dtype)
        for family, members in self.members.items():
            part = (windows[:, members] / peak[members][:, None]).flatten(1)
            values[:, self.columns[family]] = part @ self.kernels[family][pose]
        return values

    def kernel(
        self, pose: int, chosen: Sequence[int], factors: Float[Tensor, " term"]
    ) -> Float[Tensor, "below tap"]:
        """The kernel of a reader of that pose that has these terms with these weights."""
        total = torch.zeros(len(self.peak), self.taps)
        columns = torch.tensor(chosen, dtype=torch.long)
        weight = torch.zeros(len(self.atoms)).index_add_(0, columns, factors)
        peak = torch.as_tensor(self.peak, dtype=total.dtype)
        for family, members in self.members.items():
            part = self.kernels[family][pose] @ weight[self.columns[family]]
            total[members] += part.unflatten(0, (len(members), self.taps)) / peak[members][:, None]
        return total

    def basis(self, pose: int, chosen: Sequence[int]) -> Float[Tensor, "k term"]:
        """The flat kernel of each of these terms alone, of a reader of that pose."""
        total = torch.zeros(len(self.peak), self.taps, len(chosen))
        peak = torch.as_tensor(self.peak, dtype=total.dtype)
        for term, column in enumerate(chosen):
            family = self.atoms[column].family
            members, index = self.members[family], column - int(self.columns[family][0])
            part = self.kernels[family][pose][:, index].unflatten(0, (len(members), self.taps))
            total[members, :, term] = part / peak[members][:, None]
        return total.flatten(0, 1)

    def written(
        self, chosen: Sequence[int], factors: Float[Tensor, " term"]
    ) -> list[tuple[str, dict[str, Any]]]:
        """These terms with their weights as the language writes them."""
        pairs = [(self.atoms[i], float(weight)) for i, weight in zip(chosen, factors, strict=True)]
        return terms(pairs, {atom.family: {} for atom, _ in pairs})


def dictionary(
    labels: Labels, step_px: int, side: int, work: Work, posed: bool = True
) -> Dictionary:
    """Every term that reads these labelled units in a window of `side` cells.

    Without `posed` places are round and the poses of both sides are not read.
    """
    families = _families(labels)
    poses = tuple(360.0 * i / POSES for i in range(POSES if posed else 1))
    places = [place for place in window_places(step_px, side) if posed or place.along in ROUND]
    advance = work.stage("candidate terms", len(families))
    atoms = list[Atom]()
    kernels, columns, members = {}, {}, {}
    for name, (indices, units) in families.items():
        several = list(_atoms(name, units, places, posed))
        kernel = _kernels(several, units, poses, step_px, side)
        kept = different(kernel)
        columns[name] = np.arange(len(atoms), len(atoms) + len(kept))
        kernels[name], members[name] = kernel[..., kept].contiguous(), indices
        atoms += [several[i] for i in kept]
        advance(1)
    return Dictionary(tuple(atoms), members, kernels, columns, poses, labels.peak)


def _families(labels: Labels) -> dict[str, tuple[np.ndarray, Units]]:
    """Labelled families, and those that join all with an orientation, with a direction, or all."""
    groups = dict(labels.families)
    for name, periods in JOINED.items():
        groups[name] = np.flatnonzero(np.isin(labels.period_deg, periods))
    groups[ANY] = np.array([i for i, name in enumerate(labels.family) if name != OTHER])
    return {
        name: (indices, units_of(labels, indices))
        for name, indices in groups.items()
        if len(indices)
    }


def units_of(labels: Labels, indices: Sequence[int] | np.ndarray) -> Units:
    """Labelled units at their poses, on the axis that their period has in the language."""
    normal_deg, period_deg = labels.normal_deg[indices], float(labels.period_deg[indices].min())
    if set(labels.period_deg[indices]) == {360.0}:
        poses = {CENTRE: tuple(normal_deg)}
    elif period_deg > 0:
        poses = {ORIENTATION: tuple((normal_deg - 90.0) % 180.0)}
    else:
        poses = {CENTRE: (0.0,) * len(normal_deg)}
    return Units(tuple(map(str, indices)), poses, {UNIT: len(normal_deg)})


def window_places(step_px: int, side: int) -> Iterator[Place]:
    """The places of the language that a window of so many cells has, near and far."""
    yield Place("point", ())
    for reach in (NEAR, FAR)[: side // 2]:
        for along, (needs, may) in PLACE_LENGTHS.items():
            yield Place(along, _lengths(needs or may, reach, step_px))
            if reach == NEAR and "extent_px" in may:
                yield Place(along, _lengths((*needs, "extent_px"), reach, step_px))


def _lengths(names: Sequence[str], reach: float, step_px: int) -> tuple[tuple[str, float], ...]:
    steps = dict.fromkeys(LENGTHS, reach) | {"spread_px": SPREAD if len(names) > 1 else reach / 2}
    return tuple((name, round(steps[name] * step_px, 1)) for name in LENGTHS if name in names)


def _atoms(family: str, units: Units, places: Sequence[Place], posed: bool) -> Iterator[Atom]:
    """Every term of one family; of matches that differ by a sign alone, the first."""
    period_deg = 360.0 if CENTRE in units.poses else 180.0
    tuned = posed and len(set(next(iter(units.poses.values())))) > 1
    for place in places:
        yield Atom(family, place, "any", 0)
        for harmonic in range(1, min(HARMONICS, len(units)) if tuned else 1):
            for match in _different_matches(period_deg, harmonic):
                yield Atom(family, place, match, harmonic)


def _different_matches(period_deg: float, harmonic: int) -> Iterator[str]:
    turns: list[float] = []
    for match, (period, expected_deg) in EXPECTED.items():
        turn = 2 * math.pi * harmonic * expected_deg / period_deg
        if period != period_deg or any(abs(math.sin(turn - other)) < SAME for other in turns):
            continue
        turns.append(turn)
        yield match


def _kernels(
    atoms: Sequence[Atom], units: Units, poses: Sequence[float], step_px: int, side: int
) -> Float[Tensor, "pose k atom"]:
    readers = Units(tuple(map(str, poses)), {CENTRE: tuple(poses)}, {UNIT: len(poses)})
    window_px = float(step_px * side)
    parts = [weights(readers, units, [atom.motif({})], window_px, step_px, LIKE) for atom in atoms]
    return torch.stack(parts, -1).flatten(1, 3)


def different(kernel: Float[Tensor, "pose k atom"]) -> list[int]:
    """The terms that are not another one times a number, and not 0."""
    flat = kernel.permute(2, 0, 1).flatten(1)
    size = flat.norm(dim=1)
    flat = flat / size.clamp_min(1e-12)[:, None]
    alike, kept = (flat @ flat.T).abs() > 1 - SAME**2, list[int]()
    for i in torch.nonzero(size > SAME * size.max()).flatten().tolist():
        if not alike[i, kept].any():
            kept.append(i)
    return kept
